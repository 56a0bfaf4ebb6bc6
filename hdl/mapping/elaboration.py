"""Combinational Verilog to a `Netlist` of simple gates, by yosys in a child process. Mapping is in
`inkling.hdl.mapping.search`.

ABC is not run here: inside yosys' own flow it can hang on adder trees.
"""

from collections.abc import Sequence
from typing import Any

from inkling.approx.netlists.build import Gate, build
from inkling.approx.programs import yosys
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.train.errors import InputError
from inkling.train.files import checked_json

# Passes from a module to simple gates.
_TO_GATES = (
    "synth -flatten -noabc -run begin:fine",
    "opt -fast -full",
    "techmap -map ripple.v -map +/techmap.v",
    "opt -full",
    "simplemap",
    "opt_clean -purge",
)

# Yosys has Brent-Kung carries; these are smaller.
RIPPLE = """
(* techmap_celltype = "$lcu" *)
module ripple_lcu (P, G, CI, CO);
  parameter WIDTH = 2;
  input [WIDTH-1:0] P, G;
  input CI;
  output [WIDTH-1:0] CO;
  assign CO[0] = G[0] | (P[0] & CI);
  genvar i;
  generate
    for (i = 1; i < WIDTH; i = i + 1) begin : carry
      assign CO[i] = G[i] | (P[i] & CO[i-1]);
    end
  endgenerate
endmodule
"""

GATES = {
    name: CellType(name, pins, "Y", table)
    for name, pins, table in (
        ("$_NOT_", ("A",), 0b01),
        ("$_BUF_", ("A",), 0b10),
        ("$_AND_", ("A", "B"), 0b1000),
        ("$_NAND_", ("A", "B"), 0b0111),
        ("$_OR_", ("A", "B"), 0b1110),
        ("$_NOR_", ("A", "B"), 0b0001),
        ("$_XOR_", ("A", "B"), 0b0110),
        ("$_XNOR_", ("A", "B"), 0b1001),
        ("$_ANDNOT_", ("A", "B"), 0b0010),
        ("$_ORNOT_", ("A", "B"), 0b1011),
        ("$_MUX_", ("A", "B", "S"), 0b11001010),
        ("$_NMUX_", ("A", "B", "S"), 0b00110101),
    )
}


def elaborate(verilog: str, *, module: str = "top", time_limit_s: float = 60.0) -> Netlist:
    """The module as AND, OR, XOR, NOT and MUX gates; every port is kept in its order, also an unread one.

    An undefined bit (x) reads as 0. Raises InputError for a module with storage or two-way ports and
    inkling.approx.programs.process.ToolError where yosys refuses the text or runs past the limit.
    """
    return _netlist(synthesised(verilog, module, _TO_GATES, time_limit_s)["modules"][module], module)


def synthesised(verilog: str, module: str, passes: Sequence[str], time_limit_s: float) -> dict[str, Any]:
    """Yosys' JSON of the design after these passes, for which RIPPLE is at hand as ripple.v.

    Raises ToolError."""
    passes = ["read_verilog -sv design.v", f"hierarchy -check -top {module}", *passes, "write_json design.json"]
    files = {"design.v": verilog, "ripple.v": RIPPLE}
    text = yosys.run(files, passes, "design.json", time_limit_s=time_limit_s)
    return dict(checked_json.parse(text, "design.json of yosys", "give Verilog that yosys reads").data)


def _netlist(module: dict[str, Any], where: str) -> Netlist:
    ports: dict[str, list[tuple[Port, list[str]]]] = {"input": [], "output": []}
    for name, port in module["ports"].items():
        if port["direction"] not in ports:
            raise InputError(f"module {where}: port {name} is neither input nor output; give a plain circuit")
        ports[port["direction"]].append((Port(name, len(port["bits"])), nets(port["bits"])))
    gates: dict[str, Gate] = {}
    for cell in module["cells"].values():
        kind = GATES.get(cell["type"])
        if kind is None:
            raise InputError(f"module {where}: holds a {cell['type']}; only circuits without storage can be mapped")
        pins = {pin: nets(bits)[0] for pin, bits in cell["connections"].items()}
        gates[pins["Y"]] = Gate(kind, tuple(pins[pin] for pin in kind.inputs))
    return build(ports["input"], ports["output"], gates, zero="0", one="1", where=f"module {where}")


def nets(bits: Sequence[int | str]) -> list[str]:
    """Names of nets: yosys writes a net as a number and a constant bit as "0", "1", "x" or "z"."""
    return [("1" if bit == "1" else "0") if isinstance(bit, str) else f"n{bit}" for bit in bits]

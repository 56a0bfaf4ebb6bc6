"""Clocked Verilog to printed cells: the logic between the flip-flops is mapped as any other, flip-flops stand beside.

Every flip-flop becomes the technology's plain one, on the rising edge of one clock; loads and resets become gates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inkling.approx.netlists.build import Gate, build, with_used_types
from inkling.approx.reference.netlist import Netlist, Port
from inkling.hdl.cells.technology import OtherCell, Technology
from inkling.hdl.cells.verilog_writer import GUARD
from inkling.hdl.cells.verilog_writer import emit as emit_netlist
from inkling.hdl.mapping.elaboration import GATES, nets, synthesised
from inkling.hdl.mapping.kept import Mapping
from inkling.hdl.mapping.recipes import EffortName
from inkling.hdl.mapping.search import map_netlist, total
from inkling.train.errors import InputError

# Passes from a module to simple gates and plain flip-flops.
_TO_GATES = (
    "synth -flatten -noabc -nofsm -run begin:fine",
    "opt -fast -full",
    "techmap -map ripple.v -map +/techmap.v",
    "opt -full",
    "simplemap",
    "dfflegalize -cell $_DFF_P_ x",
    "opt -full -nodffe -nosdff",
    "simplemap",
    "opt_clean -purge",
)
FLIP_FLOP = "$_DFF_P_"
# Ports of the logic: what the flip-flops hold, its complement, and what they take at the next edge.
STATE, COMPLEMENT, NEXT = "state_q", "state_qn", "state_d"


@dataclass(frozen=True, eq=False)
class Sequential:
    """A clocked module of cells: the logic, whose last two inputs are STATE and COMPLEMENT, and last output NEXT.

    clock: the port's name; areas in um2; mapping: the runs of the logic, before complements were taken from the
    flip-flops, which give them for nothing.
    """

    logic: Netlist
    clock: str
    flip_flops: int
    flip_flop: OtherCell
    logic_um2: float
    mapping: Mapping

    @property
    def area_um2(self) -> float:
        return self.logic_um2 + self.flip_flops * self.flip_flop.area_um2


def elaborate(verilog: str, *, module: str = "top", time_limit_s: float = 60.0) -> tuple[Netlist, str, int]:
    """The logic between the flip-flops (inputs: the module's and STATE), the clock's port, the flip-flops' number.

    Raises InputError for a module without a flip-flop, with two clocks or a memory;
    inkling.approx.programs.process.ToolError where yosys fails, as for latches, or outlasts the limit.
    """
    return _logic(synthesised(verilog, module, _TO_GATES, time_limit_s)["modules"][module], module)


def _logic(module: dict[str, Any], where: str) -> tuple[Netlist, str, int]:
    gates: dict[str, Gate] = {}
    taken, held, clocks = [], [], set()
    for _, cell in sorted(module["cells"].items()):
        pins = {pin: nets(bits)[0] for pin, bits in cell["connections"].items()}
        if cell["type"] == FLIP_FLOP:
            clocks.add(pins["C"])
            held.append(pins["Q"])
            taken.append(pins["D"])
        elif cell["type"] in GATES:
            kind = GATES[cell["type"]]
            gates[pins["Y"]] = Gate(kind, tuple(pins[pin] for pin in kind.inputs))
        else:
            raise InputError(f"module {where}: holds a {cell['type']}; only logic and flip-flops can be mapped")
    inputs, outputs, clock = [], [], ""
    for name, port in module["ports"].items():
        bits = nets(port["bits"])
        if port["direction"] == "input" and set(bits) & clocks:
            clock = name
        elif port["direction"] == "input":
            inputs.append((Port(name, len(bits)), bits))
        elif port["direction"] == "output":
            outputs.append((Port(name, len(bits)), bits))
        else:
            raise InputError(f"module {where}: port {name} is neither input nor output; give a plain circuit")
    if len(clocks) != 1 or not clock:
        raise InputError(f"module {where}: has {len(clocks)} clocks from ports; one is needed")
    inputs.append((Port(STATE, len(held)), held))
    outputs.append((Port(NEXT, len(taken)), taken))
    found = build(inputs, outputs, gates, zero="0", one="1", where=f"module {where}")
    return found, clock, len(held)


def map_sequential(
    verilog: str,
    technology: Technology,
    *,
    flip_flop: str = "DFFX1",
    module: str = "top",
    effort: EffortName = "quick",
    seed: int = 0,
    processes: int = 1,
    time_limit_s: float = 120.0,
    kept: Path | None = None,
) -> Sequential:
    """Map a clocked module. flip_flop: the technology's cell, with a complement of its state, without a reset; kept:
    as of `inkling.hdl.mapping.search.map_netlist`.

    Raises InputError where the technology has no such cell, else as `elaborate` and
    `inkling.hdl.mapping.search.map_netlist`.
    """
    cells = {cell.name: cell for cell in technology.other_cells}
    if flip_flop not in cells:
        known = ", ".join(sorted(cells)) or "none"
        raise InputError(f"technology {technology.name} has no storage cell {flip_flop!r}; it has {known}")
    logic, clock, count = elaborate(verilog, module=module, time_limit_s=time_limit_s)
    found = map_netlist(
        logic, technology, effort=effort, seed=seed, processes=processes, time_limit_s=time_limit_s, kept=kept
    )
    mapped = with_complements(found.netlist, count)
    areas = {cell.type.name: cell.area_um2 for cell in technology.cells}
    return Sequential(mapped, clock, count, cells[flip_flop], total(mapped, areas), found)


def with_complements(netlist: Netlist, state: int) -> Netlist:
    """The same logic with the input COMPLEMENT, ~STATE, after STATE, in place of the inverters that STATE feeds."""
    first = netlist.first_gate
    inverters = [k for k, kind in enumerate(netlist.cell_types) if len(kind.inputs) == 1 and kind.table == 0b01]
    where = np.arange(first + len(netlist.kinds))
    where[first:] += state
    inverts = np.isin(netlist.kinds, inverters) & (netlist.sources[:, 0] >= first - state)
    inverts &= netlist.sources[:, 0] < first
    gone = np.flatnonzero(inverts)
    where[first:] -= np.cumsum(inverts)
    where[first + gone] = netlist.sources[gone, 0] + state
    kept = ~inverts
    return with_used_types(
        replace(
            netlist,
            inputs=(*netlist.inputs, Port(COMPLEMENT, state)),
            kinds=netlist.kinds[kept],
            sources=where[netlist.sources[kept]].astype(netlist.sources.dtype),
            output_nodes=where[netlist.output_nodes].astype(netlist.output_nodes.dtype),
        )
    )


def emit(design: Sequential, *, module: str = "top") -> str:
    """mapped.v of a design: `emit_cells` of its logic."""
    return emit_cells(design.logic, design.clock, design.flip_flops, design.flip_flop.name, module=module)


def emit_cells(logic: Netlist, clock: str, width: int, cell: str, *, module: str = "top") -> str:
    """mapped.v: the module with its flip-flops and, as a module of its own, the cells of its logic; then models."""
    inputs = [port for port in logic.inputs if port.name not in (STATE, COMPLEMENT)]
    outputs = [port for port in logic.outputs if port.name != NEXT]
    lines = [f"module {module} ({', '.join([clock, *(p.name for p in (*inputs, *outputs))])});"]
    lines += [f"  input {clock};"]
    lines += [f"  {way} {_range(port.width)}{port.name};" for way, ports in _ways(inputs, outputs) for port in ports]
    lines += [f"  wire {_range(width)}{name};" for name in (STATE, COMPLEMENT, NEXT)]
    names = [port.name for port in (*logic.inputs, *logic.outputs)]
    lines += [f"  {module}_logic between ({', '.join(f'.{name}({name})' for name in names)});"]
    for k in range(width):
        at = f"[{k}]" if width > 1 else ""
        pins = f".CP({clock}), .D({NEXT}{at}), .Q({STATE}{at}), .Q_bar({COMPLEMENT}{at})"
        lines.append(f"  {cell} ff{k} ({pins});")
    lines += ["endmodule", "", emit_netlist(logic, module=f"{module}_logic").rstrip(), "", f"`ifndef {GUARD}"]
    lines += [f"module {cell} (input CP, input D, output reg Q, output Q_bar);", "  always @(posedge CP) Q <= D;"]
    lines += ["  assign Q_bar = ~Q;", "endmodule", "`endif"]
    return "\n".join(lines) + "\n"


def _ways(inputs: Sequence[Port], outputs: Sequence[Port]) -> tuple[tuple[str, Sequence[Port]], ...]:
    return ("input", inputs), ("output", outputs)


def _range(width: int) -> str:
    return "" if width == 1 else f"[{width - 1}:0] "

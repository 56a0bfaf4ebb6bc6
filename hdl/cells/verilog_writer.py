"""mapped.v: a `Netlist` as structural Verilog of its cells, with behavioural models of the used cells below.

Reading such text is in `inkling.hdl.cells.verilog_reader`.
"""

import re

from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.train.errors import InputError

GUARD = "INKLING_NO_CELL_MODELS"
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


def emit(netlist: Netlist, *, module: str = "top", models: bool = True) -> str:
    """Verilog-2005: one port per port, one instance per gate with named pins, constants as 1'b0 and 1'b1.

    The models stand between `ifndef INKLING_NO_CELL_MODELS` and `endif`. Equal netlists give byte-identical text.
    Raises InputError for a name that Verilog cannot have or that two things would share.
    """
    types = sorted(netlist.cell_types, key=lambda kind: kind.name)
    ports = (*netlist.inputs, *netlist.outputs)
    for name in [port.name for port in ports] + [kind.name for kind in types] + [module]:
        if not _IDENTIFIER.fullmatch(name):
            raise InputError(f"mapped netlist: {name[:60]!r} is no plain Verilog identifier; rename it")
    if len({port.name for port in ports}) != len(ports) or module in {kind.name for kind in types}:
        raise InputError("mapped netlist: two ports, or the module and a cell, have the same name; rename one")
    wire, instance = (_prefix(letter, ports) for letter in "ng")
    nodes = ["1'b0", "1'b1"]
    for port in netlist.inputs:
        nodes += _bits(port)
    gates = len(netlist.kinds)
    nodes += [f"{wire}{gate}" for gate in range(gates)]
    lines = [f"module {module} ({', '.join(port.name for port in ports)});"]
    lines += [f"  input {_range(port)}{port.name};" for port in netlist.inputs]
    lines += [f"  output {_range(port)}{port.name};" for port in netlist.outputs]
    lines += [f"  wire {wire}{gate};" for gate in range(gates)]
    for gate, (kind, sources) in enumerate(zip(netlist.kinds.tolist(), netlist.sources.tolist(), strict=True)):
        cell = netlist.cell_types[kind]
        pins = [f".{pin}({nodes[source]})" for pin, source in zip(cell.inputs, sources, strict=False)]
        pins.append(f".{cell.output}({wire}{gate})")
        lines.append(f"  {cell.name} {instance}{gate} ({', '.join(pins)});")
    targets = [bit for port in netlist.outputs for bit in _bits(port)]
    lines += [
        f"  assign {bit} = {nodes[node]};" for bit, node in zip(targets, netlist.output_nodes.tolist(), strict=True)
    ]
    lines.append("endmodule")
    used = [kind for kind in types if (netlist.kinds == netlist.cell_types.index(kind)).any()]
    if models and used:
        lines += ["", f"`ifndef {GUARD}"]
        for cell in used:
            lines += [model(cell), ""]
        lines[-1] = "`endif"
    return "\n".join(lines) + "\n"


def model(cell: CellType) -> str:
    """A behavioural model of one cell: the sum of the products where its output is 1, or the negated rest."""
    states = range(2 ** len(cell.inputs))
    on = [state for state in states if cell.table >> state & 1]
    off = [state for state in states if not cell.table >> state & 1]
    chosen = off if len(off) < len(on) else on
    terms = [
        " & ".join(name if state >> pin & 1 else f"~{name}" for pin, name in enumerate(cell.inputs))
        for state in chosen
    ]
    text = " | ".join(f"({term})" if " " in term and len(terms) > 1 else term for term in terms) or "1'b0"
    if chosen is off:
        text = f"~({text})" if off else "1'b1"
    pins = ", ".join([*(f"input {name}" for name in cell.inputs), f"output {cell.output}"])
    return f"module {cell.name} ({pins});\n  assign {cell.output} = {text};\nendmodule"


def _range(port: Port) -> str:
    return "" if port.width == 1 else f"[{port.width - 1}:0] "


def _bits(port: Port) -> list[str]:
    return [port.name] if port.width == 1 else [f"{port.name}[{bit}]" for bit in range(port.width)]


def _prefix(letter: str, ports: tuple[Port, ...]) -> str:
    """The letter, with as many underscores as it takes to be no beginning of a port's name and a number."""
    prefix = letter
    while any(re.fullmatch(re.escape(prefix) + r"\d+", port.name) for port in ports):
        prefix += "_"
    return prefix

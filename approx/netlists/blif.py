"""BLIF, the format of ABC: writing a `Netlist` as truth tables in a chosen order, reading mapped gates back.

Nets are named i0, i1, ... and o0, o1, ... by bit, so that names of ports never meet another tool's syntax.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inkling.approx.netlists.build import Gate, build
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.train.errors import InputError

MOST_LINES = 4_000_000
# With a space, so that no net of a file is called so.
ZERO, ONE = "constant 0", "constant 1"


def write(
    netlist: Netlist,
    *,
    input_order: Sequence[int] | None = None,
    output_order: Sequence[int] | None = None,
    swapped: NDArray[np.bool_] | None = None,
) -> str:
    """Text with one `.names` per gate. The orders are permutations of the input and output bits.

    swapped: bool [gates], those whose inputs are listed backwards (the function stays). Synthesis depends on all of
    this, the circuit does not.
    """
    bits = netlist.first_gate - 2
    out = len(netlist.output_nodes)
    lines = [".model top"]
    lines += [".inputs " + " ".join(f"i{k}" for k in (range(bits) if input_order is None else input_order))]
    lines += [".outputs " + " ".join(f"o{k}" for k in (range(out) if output_order is None else output_order))]
    names = ["zero", "one", *(f"i{k}" for k in range(bits)), *(f"n{k}" for k in range(len(netlist.kinds)))]
    lines += [".names zero", ".names one", "1"]
    for gate, (kind, sources) in enumerate(zip(netlist.kinds.tolist(), netlist.sources.tolist(), strict=True)):
        cell = netlist.cell_types[kind]
        pins = list(range(len(cell.inputs)))
        if swapped is not None and swapped[gate]:
            pins.reverse()
        lines.append(".names " + " ".join([*(names[sources[pin]] for pin in pins), f"n{gate}"]))
        lines += [
            "".join(str(state >> pin & 1) for pin in pins) + " 1"
            for state in range(2 ** len(pins))
            if cell.table >> state & 1
        ]
    for k, node in enumerate(netlist.output_nodes.tolist()):
        lines += [f".names {names[node]} o{k}", "1 1"]
    return "\n".join([*lines, ".end", ""])


def read(
    text: str, cells: Sequence[CellType], inputs: Sequence[Port], outputs: Sequence[Port], where: str
) -> Netlist:
    """A text of `.gate` lines (and `.names` for constants and plain connections) over nets i0, ..., o0, ...

    Raises InputError for anything else, for an unknown cell or pin and for what `netlist_build.build` refuses.
    """
    types = {cell.name: cell for cell in cells}
    gates: dict[str, Gate] = {}
    same: dict[str, str] = {}
    constants = {CellType("_const0_", (), "y", 0): ZERO, CellType("_const1_", (), "y", 1): ONE}
    types.update({cell.name: cell for cell in constants})
    text = text.replace("\\\n", " ")
    if text.count("\n") > MOST_LINES:
        raise InputError(f"{where}: more than {MOST_LINES} lines; give a smaller netlist")
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    driven: set[str] = set()
    at = 0

    def drive(net: str) -> None:
        if net in driven:
            raise InputError(f"{where}: net {net[:60]!r} is driven twice; correct the netlist")
        driven.add(net)

    while at < len(lines):
        words = lines[at]
        at += 1
        if words[0] in (".model", ".inputs", ".outputs", ".end", ".default_input_arrival"):
            continue
        if words[0] == ".gate" and len(words) > 1 and words[1] in types:
            cell = types[words[1]]
            pins = dict(word.split("=", 1) for word in words[2:] if "=" in word)
            if set(pins) != {*cell.inputs, cell.output} or len(pins) != len(words) - 2:
                raise InputError(f"{where}: a gate {cell.name} has other pins than its cell; correct the netlist")
            drive(pins[cell.output])
            if cell in constants:
                same[pins[cell.output]] = constants[cell]
            else:
                gates[pins[cell.output]] = Gate(cell, tuple(pins[pin] for pin in cell.inputs))
        elif words[0] == ".names" and len(words) in (2, 3):
            cover = []
            while at < len(lines) and not lines[at][0].startswith("."):
                cover.append(lines[at])
                at += 1
            meaning = {(2, ""): ZERO, (2, "1"): ONE, (2, "0"): ZERO, (3, "1 1"): words[1]}
            source = meaning.get((len(words), ";".join(" ".join(row) for row in cover)))
            if source is None:
                raise InputError(f"{where}: a .names that is neither constant nor connection; map the netlist first")
            drive(words[-1])
            same[words[-1]] = source
        elif words[0] == ".barbuf" and len(words) == 3:
            drive(words[2])
            same[words[2]] = words[1]
        else:
            raise InputError(f"{where}: {' '.join(words)[:60]!r} is not expected; give mapped gates alone")

    def root(net: str) -> str:
        seen = 0
        while net in same:
            net = same[net]
            seen += 1
            if seen > len(same):
                raise InputError(f"{where}: net {net[:60]!r} depends on itself")
        return net

    bits = iter(range(sum(port.width for port in inputs)))
    places = iter(range(sum(port.width for port in outputs)))
    return build(
        [(port, [f"i{next(bits)}" for _ in range(port.width)]) for port in inputs],
        [(port, [root(f"o{next(places)}") for _ in range(port.width)]) for port in outputs],
        {net: Gate(gate.type, tuple(root(source) for source in gate.sources)) for net, gate in gates.items()},
        zero=ZERO,
        one=ONE,
        where=where,
    )

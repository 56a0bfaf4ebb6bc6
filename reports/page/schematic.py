"""A small netlist laid out as a schematic: gates in columns by depth, inputs on the left, outputs on the right.

The order within a column is that of Sugiyama's barycentre heuristic (IEEE TSMC 1981), so that few wires cross.
`drawings.html` makes an SVG of it.
"""

import re
from dataclasses import dataclass

from inkling.reports.page.escape import shorten
from inkling.reports.results.circuit import Schematic

_COLUMN, _ROW, WIDE, TALL = 84, 34, 32, 22
_CELL = re.compile(r"^(INV|NOT|BUF|NAND|AND|XNOR|XOR|NOR|OR)(?=\d|X|_|$)", re.IGNORECASE)
_INVERTING = {"INV": "BUF", "NOT": "BUF", "NAND": "AND", "NOR": "OR", "XNOR": "XOR"}
# Where the outline of a gate ends.
_END = {"AND": 27, "OR": 30, "XOR": 30, "BUF": 26}


@dataclass(frozen=True)
class Gate:
    """A gate at its left upper corner; outline: AND, OR, XOR, BUF, or "" for a box; end: where its outline ends."""

    cell: str
    x: float
    y: float
    outline: str = ""
    inverts: bool = False
    end: int = WIDE


@dataclass(frozen=True)
class Drawing:
    """texts: (class, x, y, text) of inputs and outputs; wires: (x, y, to x, to y)."""

    width: int
    height: int
    count: int
    wires: tuple[tuple[float, float, float, float], ...]
    texts: tuple[tuple[str, float, float, str], ...]
    gates: tuple[Gate, ...]


def lay_out(schematic: Schematic) -> Drawing:
    """Places of everything; nodes that no output depends on are left out."""
    first = 2 + len(schematic.bits)
    live = set(schematic.outputs)
    for k in reversed(range(len(schematic.gates))):
        if first + k in live:
            live.update(schematic.gates[k][1])
    depth = {node: 0 for node in live if node < first}
    for k, (_, sources) in enumerate(schematic.gates):
        if first + k in live:
            depth[first + k] = 1 + max(depth[node] for node in sources)
    last = max(depth.values(), default=0) + 1
    columns: list[list[int]] = [[] for _ in range(last)]
    for node in sorted(depth):
        columns[depth[node]].append(node)
    places = _order(schematic, columns, first)
    rows = max(len(column) for column in [*columns, [0] * len(schematic.outputs)])
    label = 8 + 7 * max([4, *(len(_name(schematic, node)) for node in columns[0])])
    width, height = label + last * _COLUMN + 70, rows * _ROW + 10

    def at(node: int) -> tuple[float, float]:
        return label + depth[node] * _COLUMN, places[node] * height

    wires: list[tuple[float, float, float, float]] = []
    texts: list[tuple[str, float, float, str]] = []
    gates: list[Gate] = []
    for k, (cell, sources) in enumerate(schematic.gates):
        if first + k not in live:
            continue
        x, y = at(first + k)
        for pin, node in enumerate(sources):
            entry = y + (pin - (len(sources) - 1) / 2) * (TALL - 8) / max(len(sources) - 1, 1)
            wires.append((*_exit(*at(node), depth[node]), x, entry))
        gates.append(_gate(cell, x, y - TALL / 2))
    for k, node in enumerate(schematic.outputs):
        x, y = label + last * _COLUMN, (k + 0.5) / len(schematic.outputs) * height
        wires.append((*_exit(*at(node), depth[node]), x, y))
        texts.append(("out", x + 6, y + 4, f"label[{k}]"))
    for node in columns[0]:
        x, y = at(node)
        texts.append(("in", x - 4, y + 4, _name(schematic, node)))
    return Drawing(width, height, len(schematic.gates), tuple(wires), tuple(texts), tuple(gates))


def _name(schematic: Schematic, node: int) -> str:
    return shorten(schematic.bits[node - 2], 22) if node > 1 else str(node)


def _order(schematic: Schematic, columns: list[list[int]], first: int) -> dict[int, float]:
    """The height of every node as a fraction, after a few sweeps of barycentres to and fro."""
    above: dict[int, list[int]] = {}
    for k, (_, sources) in enumerate(schematic.gates):
        for node in sources:
            above.setdefault(node, []).append(first + k)
    places: dict[int, float] = {}

    def spread(column: list[int]) -> None:
        for k, node in enumerate(column):
            places[node] = (k + 0.5) / len(column)

    for column in columns:
        spread(column)
    for sweep in range(8):
        forward = sweep % 2 == 0
        for column in columns[1:] if forward else list(reversed(columns[:-1])):

            def centre(node: int, forward: bool = forward) -> float:
                near = schematic.gates[node - first][1] if forward else above.get(node, [])
                known = [places[other] for other in near if other in places]
                return sum(known) / len(known) if known else places[node]

            column.sort(key=lambda node: (centre(node), node))
            spread(column)
    return places


def _exit(x: float, y: float, depth: int) -> tuple[float, float]:
    """Where a node's wire begins."""
    return (x + WIDE + 4, y) if depth else (x, y)


def _gate(cell: str, x: float, y: float) -> Gate:
    known = _CELL.match(cell)
    if not known:
        return Gate(cell, x, y)
    kind = known[1].upper()
    outline = _INVERTING.get(kind, kind)
    return Gate(cell, x, y, outline, kind in _INVERTING, _END[outline])

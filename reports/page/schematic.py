"""A small netlist drawn as a schematic: gates in columns by depth, inputs on the left, outputs on the right.

The order within a column is that of Sugiyama's barycentre heuristic (IEEE TSMC 1981), so that few wires cross.
"""

import re

from inkling.reports.page.escape import escape, shorten
from inkling.reports.results.circuit import Schematic

_COLUMN, _ROW, _WIDE, _TALL = 84, 34, 32, 22
_SHAPES = {
    "AND": "M0 0h16a11 11 0 0 1 0 22h-16z",
    "OR": "M-2 0q7 11 0 22h10q15 -1 22 -11q-7 -10 -22 -11z",
    "XOR": "M-2 0q7 11 0 22h10q15 -1 22 -11q-7 -10 -22 -11zM-7 0q7 11 0 22",
    "BUF": "M0 0l26 11l-26 11z",
}
_CELL = re.compile(r"^(INV|NOT|BUF|NAND|AND|XNOR|XOR|NOR|OR)(?=\d|X|_|$)", re.IGNORECASE)


def draw(schematic: Schematic) -> str:
    """One <svg> element; nodes that no output depends on are left out."""
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

    out = [f'<svg class="schematic" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">']
    out.append(f"<title>{len(schematic.gates)} gates</title>")
    for k, (_, sources) in enumerate(schematic.gates):
        if first + k not in live:
            continue
        x, y = at(first + k)
        for pin, node in enumerate(sources):
            entry = y + (pin - (len(sources) - 1) / 2) * (_TALL - 8) / max(len(sources) - 1, 1)
            out.append(_wire(*_exit(*at(node), depth[node]), x, entry))
    for k, node in enumerate(schematic.outputs):
        x, y = label + last * _COLUMN, (k + 0.5) / len(schematic.outputs) * height
        out.append(_wire(*_exit(*at(node), depth[node]), x, y))
        out.append(f'<text class="out" x="{x + 6}" y="{y + 4:.1f}">label[{k}]</text>')
    for node in columns[0]:
        x, y = at(node)
        out.append(f'<text class="in" x="{x - 4}" y="{y + 4:.1f}" text-anchor="end">{_name(schematic, node)}</text>')
    for k, (cell, _) in enumerate(schematic.gates):
        if first + k in live:
            x, y = at(first + k)
            out.append(_gate(cell, x, y))
    out.append("</svg>")
    return "".join(out)


def _name(schematic: Schematic, node: int) -> str:
    return escape(shorten(schematic.bits[node - 2], 22)) if node > 1 else str(node)


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
    return (x + _WIDE + 4, y) if depth else (x, y)


def _wire(x: float, y: float, to_x: float, to_y: float) -> str:
    half = (to_x - x) / 2
    return (
        f'<path class="wire" d="M{x:.1f} {y:.1f}C{x + half:.1f} {y:.1f} {to_x - half:.1f} {to_y:.1f} '
        f'{to_x:.1f} {to_y:.1f}"/>'
    )


def _gate(cell: str, x: float, y: float) -> str:
    found = _CELL.match(cell)
    place = f'transform="translate({x:.1f} {y - _TALL / 2:.1f})"'
    title = f"<title>{escape(cell)}</title>"
    if not found:
        name = escape(shorten(cell, 5))
        return (
            f'<g class="gate" {place}>{title}<rect width="{_WIDE}" height="{_TALL}"/>'
            f'<text x="{_WIDE / 2}" y="15" text-anchor="middle">{name}</text></g>'
        )
    kind = found[1].upper()
    inverting = kind in ("INV", "NOT", "NAND", "NOR", "XNOR")
    plain = {"INV": "BUF", "NOT": "BUF", "NAND": "AND", "NOR": "OR", "XNOR": "XOR"}.get(kind, kind)
    end = {"AND": 27, "OR": 30, "XOR": 30, "BUF": 26}[plain]
    tip = f'<circle cx="{end + 3}" cy="11" r="3"/>' if inverting else ""
    lead = end + (6 if inverting else 0)
    tail = f'<path class="lead" d="M{lead} 11H{_WIDE + 4}"/>' if lead < _WIDE + 4 else ""
    return f'<g class="gate" {place}>{title}<path d="{_SHAPES[plain]}"/>{tip}{tail}</g>'

"""What a page shows of one circuit: figures, classes, inputs, area, power, faults, proofs, files to take away.

`circuit.html` prints it; which circuit is in sight is `page.js`' business, and without scripts all of them are.
A card is a frozen view made here and a macro there, so that a new one is one of each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inkling.reports.page import charts, schematic
from inkling.reports.page.escape import shorten
from inkling.reports.page.node import Card as NodeCard
from inkling.reports.page.node import card as node_card
from inkling.reports.results.circuit import Circuit, Faults, Share
from inkling.reports.results.conclusion import area, figures, percent, power_source
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report
from inkling.reports.results.whole import as_nodes

# Matrices of more classes than this get cells too small to read.
MOST_CLASSES = 40

# (name, count or "", figure, fraction of the whole), as the macro `shares` of pieces.html prints them.
Bars = tuple[tuple[str, str, str, float], ...]
# The class, cells (count, heat 0..8, whether right), and recall.
MatrixRow = tuple[str, tuple[tuple[int, int, bool], ...], float | None]


@dataclass(frozen=True)
class Article:
    """All that is shown of a circuit. key: p and a number for designs, r for rivals; option: its line in the chooser.

    levels: of the ladder of approximations; spare: columns that need no sensor; power: chart, and sources a sentence
    on it; classes: () for a regression; archive_kb: of its ZIP file, None where the page carries none.
    """

    name: str
    key: str
    circuit: Circuit
    verified: bool
    verdicts: tuple[Mapping[str, Any], ...]
    archive_kb: int | None
    bars: list[tuple[Bars, str]]
    power: charts.PowerChart | None
    sources: str
    drawing: schematic.Drawing | None
    method: str = ""
    option: str = ""
    levels: tuple[int, ...] = ()
    figures: tuple[tuple[str, str, str], ...] = ()
    classes: tuple[str, ...] = ()
    matrix: tuple[MatrixRow, ...] = ()
    faults: Bars = ()
    spare: int = 0
    converters: str = ""
    node: NodeCard | None = None

    @property
    def is_design(self) -> bool:
        return self.key.startswith("p")


def articles(report: Report, archives: Mapping[str, bytes]) -> list[tuple[str, list[Article]]]:
    """Of every design and rival, each group by area with its title."""
    found = []
    whole = as_nodes(report)
    shown = whole or report
    for title, letter, points, costs in (
        ("Inkling designs", "p", report.points, shown.points),
        ("Rivals", "r", report.rivals, shown.rivals),
    ):
        order = sorted(range(len(points)), key=lambda i: (costs[i].area_cm2, points[i].name))
        listed = [_of_report(points[i], costs[i] if whole else None, f"{letter}{i}", report, archives) for i in order]
        if listed:
            found.append((title, listed))
    return found


def _of_report(point: Point, whole: Point | None, key: str, report: Report, archives: Mapping[str, bytes]) -> Article:
    """whole: the point with the costs of its node, where these are known."""
    circuit = report.circuits.get(point.name, Circuit())
    plain = article(
        point.name,
        key,
        circuit,
        area_cm2=point.area_cm2,
        power_mw=point.static_power_mw,
        verified=point.verified,
        verdicts=report.verdicts.get(point.name, ()),
        archive_bytes=len(archives[point.name]) if point.name in archives else None,
        converters_area_cm2=point.converters_area_cm2,
    )
    return replace(
        plain,
        method=point.method,
        option=f"{shorten(point.name, 40)}: {percent(point.accuracy['test'])}, {area((whole or point).area_cm2)}",
        levels=point.levels,
        figures=_figures(point),
        classes=report.classes,
        matrix=_matrix(circuit, report.classes),
        faults=_faults(circuit.faults),
        spare=max(len(report.bits) - len(circuit.inputs), 0),
        converters=_converters(point, report.converters),
        node=None
        if whole is None
        else node_card(point, whole, circuit, report.nodes.get(point.name), report.classes),
    )


def article(
    name: str,
    key: str,
    circuit: Circuit,
    *,
    area_cm2: float,
    power_mw: Mapping[str, float | None],
    verified: bool,
    verdicts: Sequence[Mapping[str, Any]],
    archive_bytes: int | None,
    converters_area_cm2: float | None = None,
) -> Article:
    """What is shown of the circuit of any task."""
    power = dict(circuit.power_mw) or {v: mw for v, mw in power_mw.items() if mw is not None}
    return Article(
        name,
        key,
        circuit,
        verified,
        tuple(verdicts),
        None if archive_bytes is None else round(archive_bytes / 1024),
        _bars(circuit, area_cm2, converters_area_cm2),
        charts.power_chart(power),
        "; ".join(f"at {v} V {power_source(power[v])}" for v in sorted(power, reverse=True)),
        schematic.lay_out(circuit.schematic) if circuit.schematic is not None else None,
    )


def _converters(point: Point, source: str) -> str:
    """What the converters of its inputs take, where somebody said what one costs."""
    if point.converters_area_cm2 is None:
        return ""
    whole = point.converters_area_cm2 + point.area_cm2
    part = percent(point.converters_area_cm2 / whole) if whole else "none"
    cost = f"{area(point.converters_area_cm2)}, {figures(point.converters_power_mw)}\N{NO-BREAK SPACE}mW"
    return f"Converters: {cost}, {part} of the area of both together ({source})."


def _figures(point: Point) -> tuple[tuple[str, str, str], ...]:
    power, delay = point.static_power_mw, point.delay_ms
    volts = "0.6" if power.get("0.6") is not None else "1.0"
    return (
        ("test accuracy", percent(point.accuracy["test"]), f"balanced {percent(point.balanced_accuracy)}"),
        ("area", area(point.area_cm2), f"{point.gates:,} gates"),
        (f"static power, {volts} V", f"{figures(power.get(volts))} mW", power_source(power.get(volts))),
        (f"delay, {volts} V", f"{figures(delay.get(volts))} ms", f"{figures(delay.get('1.0'))} ms at 1.0 V"),
        ("inputs", str(point.inputs_used), f"{point.input_bits_used} bits"),
    )


def _matrix(circuit: Circuit, classes: Sequence[str]) -> tuple[MatrixRow, ...]:
    """A row for every class; () where the matrix cannot be shown."""
    matrix = circuit.confusion
    if not classes or len(matrix) != len(classes) or len(matrix) > MOST_CLASSES:
        return ()
    found = []
    for t, (row, recall) in enumerate(zip(matrix, circuit.recalls(), strict=True)):
        whole = max(sum(row), 1)
        cells = tuple((count, _heat(count / whole), t == a) for a, count in enumerate(row))
        found.append((classes[t], cells, recall))
    return tuple(found)


def _heat(fraction: float) -> int:
    """0..8; anything that is there at all is seen."""
    return 0 if fraction <= 0 else max(1, round(8 * fraction))


def _bars(circuit: Circuit, area_cm2: float, converters_area_cm2: float | None) -> list[tuple[Bars, str]]:
    """Bars of area with a note under each."""
    found = []
    if circuit.parts:
        note = "By part: the mapped area shared out by the operators of the emitted Verilog, an estimate."
        found.append((_shares(circuit.parts), note))
    if circuit.cells:
        found.append((_shares(circuit.cells), "By cell of the technology, exact."))
    if found and converters_area_cm2 is not None:
        both = [Share("classifier", 0, area_cm2), Share("converters", 0, converters_area_cm2)]
        found.append((_shares(both), "With the converters of the inputs."))
    return found


def _shares(items: Sequence[Share]) -> Bars:
    whole = sum(item.area_cm2 for item in items) or 1.0
    return tuple(
        (item.name, f"{item.count:,}" if item.count else "", area(item.area_cm2), item.area_cm2 / whole)
        for item in items
    )


def _faults(faults: Faults | None) -> Bars:
    if faults is None:
        return ()
    named = (
        ("sound", faults.sound),
        ("mean under one fault", faults.mean_under_one_fault),
        ("worst fault", faults.worst_under_one_fault),
        ("coverage of the rows", faults.coverage),
    )
    return tuple((name, "", percent(fraction), fraction) for name, fraction in named)

"""The whole node of one circuit on a page: the places of its drawing, its bill of parts, its robustness.

`node.html` prints them; figures are those of `inkling.reports.results.node`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from inkling.reports.page import charts
from inkling.reports.page.escape import shorten
from inkling.reports.results.circuit import Circuit, UsedInput
from inkling.reports.results.conclusion import area, figures, percent, power_source
from inkling.reports.results.node import Node
from inkling.reports.results.point import Point

MOST_SENSORS = 40
# Places along the drawing: a scale's ends, the logic's box, the answer.
LEFT, RIGHT, BOX, BOX_END, WIDTH, ROW = 168, 452, 520, 606, 760, 46
_BETWEEN = 44  # between texts of levels


@dataclass(frozen=True)
class Level:
    """A comparator: its place, the reading that it stands for, and the text beside it, "" where there is no room."""

    x: float
    reading: float
    text: str


@dataclass(frozen=True)
class Sensor:
    """One row: the column, the ends of its range, its comparators; coded: they are read as a binary code."""

    column: str
    y: int
    low: float
    high: float
    levels: tuple[Level, ...]
    coded: bool

    @property
    def count(self) -> str:
        if self.coded:
            return f"{len(self.levels)}, encoded"
        return str(len(self.levels))


@dataclass(frozen=True)
class Drawing:
    """From left to right: sensors with their scales, the box of the logic, the answers."""

    height: int
    sensors: tuple[Sensor, ...]
    gates: int
    answers: tuple[str, ...]
    left: int = LEFT
    right: int = RIGHT
    box: int = BOX
    box_end: int = BOX_END
    width: int = WIDTH


@dataclass(frozen=True)
class Card:
    """What is told of a node. bill: (part, count, area, power); robust: (name, figure); said: a sentence on it."""

    figures: tuple[tuple[str, str, str], ...]
    power: charts.PowerChart | None
    sources: str
    bill: tuple[tuple[str, str, str, str], ...]
    robust: tuple[tuple[str, str], ...]
    said: str
    drawing: Drawing | None


def card(point: Point, whole: Point, circuit: Circuit, node: Node | None, classes: Sequence[str]) -> Card:
    """whole: the point with the costs of its node."""
    power = {volts: mw for volts, mw in whole.static_power_mw.items() if mw is not None}
    robust: tuple[tuple[str, str], ...] = ()
    said = ""
    if node is not None and node.robustness is not None:
        r = node.robustness
        robust = (
            ("as designed", percent(r.nominal)),
            ("mean, thresholds off", percent(r.mean)),
            ("95 of 100 nodes reach", percent(r.quantile_5)),
            ("without a defect", percent(r.faultless, 2)),
            ("mean, with defects too", percent(r.with_defects_mean)),
            ("95 of 100 reach, with defects", percent(r.with_defects_quantile_5)),
        )
        said = (
            f"{r.nodes:,} drawn nodes on {r.rows:,} test rows: thresholds off by {r.sigma_percent:g} % of the range "
            f"(one standard deviation), {r.defects_per_cm2:g} defects a square centimetre; both are presumed."
        )
    return Card(
        _figures(point, whole),
        charts.power_chart(power),
        "; ".join(f"logic at {v} V {power_source(power[v])}" for v in sorted(power, reverse=True)),
        _bill(node, whole),
        robust,
        said,
        draw(circuit.inputs, point.gates, classes),
    )


def _figures(point: Point, whole: Point) -> tuple[tuple[str, str, str], ...]:
    volts = "0.6" if whole.static_power_mw.get("0.6") is not None else "1.0"
    power = whole.static_power_mw
    parts = f"logic {area(point.area_cm2)}"
    count = "" if point.comparators is None else f"{point.comparators} comparators, {point.ladders} ladders"
    return (
        ("test accuracy", percent(point.accuracy["test"]), f"balanced {percent(point.balanced_accuracy)}"),
        ("area of the node", area(whole.area_cm2), parts),
        ("node, logic at 1.0 V", f"{figures(power.get('1.0'))} mW", power_source(power.get("1.0"))),
        (f"node, logic at {volts} V", f"{figures(power.get(volts))} mW", power_source(power.get(volts))),
        ("sensors", str(point.ladders if point.ladders is not None else point.inputs_used), count),
    )


def _bill(node: Node | None, whole: Point) -> tuple[tuple[str, str, str, str], ...]:
    if node is None:
        return ()
    rows = [(part.name, f"{part.count:,}", figures(part.area_cm2), figures(part.power_mw)) for part in node.parts]
    power = sum(part.power_mw for part in node.parts)
    return (*rows, ("together", "", figures(whole.area_cm2), figures(power)))


def draw(inputs: Sequence[UsedInput], gates: int, classes: Sequence[str]) -> Drawing | None:
    """None without inputs, and of more sensors than a drawing shows."""
    columns: dict[str, list[UsedInput]] = {}
    for item in inputs:
        columns.setdefault(item.column, []).append(item)
    if not 0 < len(columns) <= MOST_SENSORS:
        return None
    sensors = tuple(_sensor(column, 22 + ROW * k, of) for k, (column, of) in enumerate(columns.items()))
    return Drawing(ROW * len(columns) + 20, sensors, gates, tuple(shorten(name, 16) for name in classes[:12]))


def _sensor(column: str, y: int, inputs: Sequence[UsedInput]) -> Sensor:
    low, high = inputs[0].low, inputs[0].high
    coded = [item for item in inputs if item.reference is None]
    references = sorted({item.reference for item in inputs if item.reference is not None})
    if coded:
        read = max(item.bits - min(item.read, default=item.bits - 1) for item in coded)
        references = [k / 2**read for k in range(1, 2 ** min(read, 8))]
    levels: list[Level] = []
    last = -1e9
    for reference in references:
        x = LEFT + reference * (RIGHT - LEFT)
        reading = low + reference * (high - low)
        shown = not coded and x - last >= _BETWEEN
        last = x if shown else last
        levels.append(Level(x, reading, f"{reading:.3g}" if shown else ""))
    return Sensor(shorten(column, 20), y, low, high, tuple(levels), bool(coded))

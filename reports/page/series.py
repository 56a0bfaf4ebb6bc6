"""What the picture of a page shows: a mark for every circuit, in series of a kind, with its costs and accuracies.

Where marks stand is computed in `inkling.reports.page.plot`; colours and line styles are the page's (`page.css`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from inkling.reports.results.conclusion import area, chosen, figures, percent, power_source
from inkling.reports.results.pareto import nondominated
from inkling.reports.results.point import Point
from inkling.reports.results.published import Published
from inkling.reports.results.report import Report


@dataclass(frozen=True)
class Cost:
    """An axis to the right: what the choice is called, its title with the unit, and the figure of a point."""

    key: str
    name: str
    title: str
    of: Callable[[Point], float | None]
    is_power: bool = False


COSTS = (
    Cost("area", "area", "area, cm²", lambda p: p.area_cm2),
    Cost("0.6", "power at 0.6 V", "static power at 0.6 V, mW", lambda p: p.static_power_mw.get("0.6"), True),
    Cost("1.0", "power at 1.0 V", "static power at 1.0 V, mW", lambda p: p.static_power_mw.get("1.0"), True),
    Cost("delay", "delay at 0.6 V", "delay at 0.6 V, ms", lambda p: p.delay_ms.get("0.6")),
)
ACCURACIES = (("test", "test"), ("balanced", "balanced"))

# Styles of rivals that are no trees, and of runs beside each other.
_RIVAL_STYLES = ("square", "cross", "plus")
RUN_STYLES = ("design", "second", "third", "fourth")


@dataclass(frozen=True)
class Mark:
    """One mark: its name and what its tooltip tells, costs and accuracies (fractions) by the keys of the axes.

    label: the text beside it, "" for none; row: the table row and circuit that it belongs to, "" for none.
    """

    name: str
    lines: tuple[str, ...]
    costs: Mapping[str, float | None]
    accuracies: Mapping[str, float | None]
    label: str = ""
    row: str = ""
    hollow: bool = False
    chosen: bool = False

    def at(self, cost: str, accuracy: str) -> tuple[float, float] | None:
        """Its cost and accuracy on these axes; None where one is not known."""
        x, y = self.costs.get(cost), self.accuracies.get(accuracy)
        return None if x is None or y is None else (x, y)


@dataclass(frozen=True)
class Series:
    """Marks of one kind. style: a CSS class and a shape; line: a front is drawn; ours: its designs set the scale."""

    style: str
    name: str
    marks: tuple[Mark, ...]
    line: bool = True
    ours: bool = False

    def front(self, cost: str, accuracy: str) -> list[Mark]:
        """The marks on the series' own front, by cost."""
        known = [(place, mark) for mark in self.marks if (place := mark.at(cost, accuracy)) is not None]
        kept = nondominated([[x, -y] for (x, y), _ in known]) if known else []
        return [mark for _, mark in sorted((known[i] for i in kept), key=lambda item: item[0][0])]


def of_report(report: Report, published: Sequence[Published]) -> list[Series]:
    """Designs, one series for every kind of rival, published designs."""
    best = chosen(report)
    designs = tuple(_mark(p, f"p{i}", is_chosen=p is best) for i, p in enumerate(report.points))
    series = [Series("design", "Inkling designs", designs, ours=True)] if designs else []
    spare = 0
    for is_other, kind in sorted({(not r.is_tree, r.kind) for r in report.rivals}):
        style = "tree"
        if is_other:
            style = _RIVAL_STYLES[min(spare, len(_RIVAL_STYLES) - 1)]
            spare += 1
        group = [(i, r) for i, r in enumerate(report.rivals) if (not r.is_tree, r.kind) == (is_other, kind)]
        marks = tuple(_mark(r, f"r{i}") for i, r in group)
        series.append(Series(style, kind, marks))
    if published:
        series.append(Series("published", "published (other splits)", tuple(map(_published, published)), line=False))
    return series


def of_runs(runs: Sequence[tuple[str, Report]]) -> list[Series]:
    """The designs of at most four runs, one series each."""
    return [
        Series(style, name, tuple(_mark(p, "") for p in report.points), ours=True)
        for style, (name, report) in zip(RUN_STYLES, runs, strict=False)
    ]


def _mark(point: Point, row: str, *, is_chosen: bool = False) -> Mark:
    power = point.static_power_mw.get("0.6")
    lines = [
        f"{percent(point.accuracy['test'], 2)} test, {percent(point.balanced_accuracy)} balanced",
        f"{area(point.area_cm2)}, {point.gates:,} gates",
        f"{point.inputs_used} inputs, {point.input_bits_used} bits",
    ]
    if power is not None:
        lines.insert(2, f"{figures(power)} mW at 0.6 V: {power_source(power)}")
    if point.levels:
        lines.append("levels " + ", ".join(map(str, point.levels)))
    hollow = row[:1] != "r" and not point.verified
    if hollow:
        lines.append(f"not verified: {point.outcome}")
    return Mark(
        point.name,
        tuple(lines),
        {cost.key: cost.of(point) for cost in COSTS},
        {"test": point.accuracy["test"], "balanced": point.balanced_accuracy},
        point.name,
        row,
        hollow,
        is_chosen,
    )


def _published(item: Published) -> Mark:
    return Mark(
        f"Published, {item.source}" + (" (as reported)" if item.reported else ""),
        (f"{percent(item.accuracy, 2)} in {area(item.area_cm2)}", "of its authors' own split"),
        {"area": item.area_cm2, **item.static_power_mw},
        {"test": item.accuracy},
        item.source,
        hollow=True,
    )

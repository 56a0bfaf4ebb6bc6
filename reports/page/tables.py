"""The table of a report's page: designs and rivals by area, each with what it is set against.

Figures are those of the points; `tables.html` prints them. Of verdicts there is `inkling.reports.page.checks`.
"""

from dataclasses import dataclass

from inkling.reports.results.conclusion import beaten, figures, times_smaller
from inkling.reports.results.pareto import front
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report

LEVELS = {1: "training", 2: "multiplication", 3: "accumulation", 4: "activation", 5: "logic", 6: "physics"}


@dataclass(frozen=True)
class Row:
    """One point. key: p and a number for designs, r for rivals; spread_cm2: None where it does not show.

    against: for a design how many times larger the smallest rival of its accuracy is; for a rival "beaten" or "".
    """

    key: str
    point: Point
    on_front: bool
    spread_cm2: float | None
    against: str

    @property
    def is_design(self) -> bool:
        return self.key.startswith("p")


def rows(report: Report) -> list[tuple[str, list[Row]]]:
    """Designs and rivals, each by area, with a title; groups without points are left out."""
    found = []
    for title, letter, points in (("Inkling designs", "p", report.points), ("Rivals", "r", report.rivals)):
        edge = {p.name for p in front(points)}
        lines = [
            Row(f"{letter}{i}", p, p.name in edge, _spread(p), _against(p, letter == "p", report))
            for i, p in enumerate(points)
        ]
        if lines:
            found.append((title, sorted(lines, key=lambda row: (row.point.area_cm2, row.point.name))))
    return found


def levels_used(report: Report) -> list[tuple[int, str]]:
    """The levels of approximation that some point used, with their names."""
    used = {level for p in (*report.points, *report.rivals) for level in p.levels}
    return [(level, name) for level, name in LEVELS.items() if level in used]


def _spread(p: Point) -> float | None:
    """The spread of the mapping runs where it shows in the figures; equal areas differ in their last bits."""
    return p.area_spread_cm2 if p.area_spread_cm2 > 5e-4 * p.area_cm2 else None


def _against(p: Point, is_design: bool, report: Report) -> str:
    if not is_design:
        return "beaten" if beaten(p, report.points) else ""
    ratio = times_smaller(p, report.rivals)
    if ratio is None:
        return "none" if report.rivals else "\N{EN DASH}"
    return "\N{INFINITY}" if ratio == float("inf") else f"{figures(ratio, 2)}\N{MULTIPLICATION SIGN}"

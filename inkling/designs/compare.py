"""`inkling compare`: the points of run folders side by side, with what their converters would cost if asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkling.reports.results.converters import Converter, Converters
from inkling.reports.results.point import Point, significant
from inkling.reports.results.report import Report, read
from inkling.reports.results.whole import as_nodes
from inkling.train.errors import InputError
from inkling.train.files import atomic
from inkling.train.files.checked_json import Fields, load


@dataclass(frozen=True)
class Line:
    """One design or rival of one run; converters: of its inputs, None where not asked for or no design is kept."""

    run: str
    point: Point
    rival: bool
    converters: Converter | None

    def to_json(self) -> dict[str, Any]:
        """The point's own fields with the run before and the converters' figures after them."""
        data: dict[str, Any] = {"run": self.run, "rival": self.rival} | self.point.to_json()
        if self.converters is not None:
            area, power = self.converters.area_cm2, self.converters.power_mw
            data |= {"converters_area_cm2": significant(area), "converters_power_mw": significant(power)}
        return data


def compare(folders: Sequence[Path], converters: Converters | None) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """All points by area, of whole nodes where all are known, and why these runs' accuracies may not be compared.

    Raises InputError.
    """
    reports = [read(folder / "report.json") for folder in folders]
    lines = [
        Line(str(folder), point, rival, _converters(folder, point, converters))
        for folder, report in zip(folders, reports, strict=True)
        for rival, points in ((False, report.points), (True, report.rivals))
        for point in points
    ]
    whole = all(line.point.node_area_cm2 is not None for line in lines)

    def area(line: Line) -> float:
        return (line.point.node_area_cm2 if whole else None) or line.point.area_cm2

    return tuple(sorted(lines, key=lambda line: (area(line), line.run, line.point.name))), _doubts(reports)


def write_page(folders: Sequence[Path], path: Path) -> None:
    """Write a page with the points of at most four runs. Raises InputError."""
    from inkling.reports.page.compare import MOST_RUNS, page

    if len(folders) > MOST_RUNS:
        raise InputError(f"--page shows at most {MOST_RUNS} runs, found {len(folders)}; name fewer")
    reports = [read(folder / "report.json") for folder in folders]
    whole = [as_nodes(report) for report in reports]
    doubts = list(_doubts(reports))
    shown = [item for item in whole if item is not None]
    if len(shown) == len(reports):
        doubts.append("areas and powers are those of whole nodes, converters and logic together")
    else:
        shown = reports
    runs = list(zip(map(str, folders), shown, strict=True))
    try:
        atomic.write(path, page(runs, doubts).encode())
    except OSError as error:
        raise InputError(f"--page {path} cannot be written ({error.strerror}); name another file") from error


def _converters(folder: Path, point: Point, table: Converters | None) -> Converter | None:
    """By the ports of design.json; rivals leave no design."""
    if "/" in point.name or point.name.startswith("."):
        raise InputError(f"{folder}: a point is named {point.name!r:.60}, which is no folder; write the report again")
    path = folder / "designs" / point.name / "design.json"
    if table is None or not path.exists():
        return None
    ports: list[Fields] = load(path).objects("inputs")
    return table.cost([port.integer("bits") for port in ports])


def _doubts(reports: Sequence[Report]) -> tuple[str, ...]:
    found = []
    if len({report.dataset for report in reports}) > 1:
        found.append("the runs are of different data sets: accuracies cannot be compared")
    elif len({report.fingerprint for report in reports}) > 1:
        found.append("the runs differ in rows, split or input codes: accuracies are of different test rows or ranges")
    if len({any(p.node_area_cm2 is not None for p in report.points) for report in reports}) > 1:
        found.append("converters are counted in some of the runs only: their whole nodes cannot be compared")
    if len({report.technology for report in reports}) > 1:
        found.append("the runs are costed in different technologies: areas cannot be compared")
    return tuple(found)

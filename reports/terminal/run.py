"""What a run prints when it is done: designs and rivals by area, and the headline.

It says what `inkling.reports.results.conclusion` concludes and computes nothing of its own.
"""

from typing import TYPE_CHECKING

from inkling.reports.page.escape import plain, shorten
from inkling.reports.results.conclusion import conclude, figures, times_smaller
from inkling.reports.results.pareto import front
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report
from inkling.reports.results.whole import as_nodes

if TYPE_CHECKING:
    from rich.console import Console

# Names are shown whole, within reason.
_LONGEST = 80


def show(report: Report, console: "Console | None" = None) -> None:
    """Print the table, what its marks mean, and the headline."""
    from inkling.reports.terminal import table
    from inkling.reports.terminal.console import Terminal

    out = console or Terminal()
    whole = as_nodes(report)
    columns = (
        table.Column("", text=True),
        table.Column("name", text=True),
        table.Column("method", text=True, drop=4),
        *([table.Column("node\ncm²"), table.Column("logic\ncm²", drop=5)] if whole else [table.Column("area\ncm²")]),
        table.Column("test\n%"),
        table.Column("bal.\n%", drop=2),
        table.Column("node mW\n0.6 V" if whole else "mW at\n0.6 V"),
        table.Column("ms at\n0.6 V", drop=3),
        table.Column("gates", drop=1),
        table.Column("rival"),
        table.Column("ok", text=True),
    )
    lines = rows(report)
    # Designs are the lines that compare themselves with a rival.
    styles = ["bold" if line[-2] and line[0] else "" if line[-2] else "dim" for line in lines]
    notes = [
        "* on the front of its group (designs, rivals), by test accuracy and area; rival: how many times larger the "
        "smallest rival of at least that test accuracy is; bal.: mean recall of the classes; ok: equal to the "
        "integer reference by every route."
        + (" Node: converters and logic; its power by the supply of the logic." if whole else "")
    ]
    table.show(columns, lines, out, styles=styles, notes=notes if lines else ())
    out.print(summary(report), markup=False, highlight=False, emoji=False, soft_wrap=True)


def summary(report: Report) -> str:
    """One line: the headline of the report."""
    name = plain(report.dataset)
    whole = as_nodes(report)
    return f"{name}: {plain(conclude(whole or report).main)}{' Whole nodes are counted.' if whole else ''}"


def rows(report: Report) -> list[tuple[str, ...]]:
    """The cells of the table, designs and rivals together by area; of whole nodes the logic's area after theirs."""
    logic = {p.name: p.area_cm2 for p in (*report.points, *report.rivals)}
    whole = as_nodes(report)
    report = whole or report
    edges = {p.name for group in (report.points, report.rivals) for p in front(group)}
    designs = {p.name for p in report.points}
    points = sorted((*report.points, *report.rivals), key=lambda p: (p.area_cm2, p.name))
    lines = [_cells(p, p.name in edges, p.name in designs, report) for p in points]
    if whole is None:
        return lines
    return [(*line[:4], figures(logic[p.name]), *line[4:]) for p, line in zip(points, lines, strict=True)]


def _cells(p: Point, on_front: bool, is_design: bool, report: Report) -> tuple[str, ...]:
    ratio = times_smaller(p, report.rivals) if is_design else None
    return (
        "*" if on_front else "",
        shorten(p.name, _LONGEST),
        shorten(p.method, 32),
        figures(p.area_cm2),
        f"{100 * p.accuracy['test']:.2f}",
        f"{100 * p.balanced_accuracy:.2f}",
        figures(p.static_power_mw.get("0.6")),
        figures(p.delay_ms.get("0.6")),
        str(p.gates),
        "" if not is_design else "none" if ratio is None else f"{figures(ratio, 2)}x",
        "yes" if p.verified else "undecided" if p.undecided else "no",
    )

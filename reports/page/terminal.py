"""The table at the end of a run: a rich table on a terminal, plain aligned text anywhere else.

It says what `inkling.reports.results.conclusion` concludes and computes nothing of its own.
"""

from typing import TYPE_CHECKING

from inkling.reports.page.escape import plain, shorten
from inkling.reports.results.conclusion import conclude, figures, times_smaller
from inkling.reports.results.pareto import front
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report

if TYPE_CHECKING:
    from rich.console import Console

_HEADS = (
    "",
    "name",
    "method",
    "area cm²",
    "test %",
    "balanced %",
    "mW at 0.6 V",
    "ms at 0.6 V",
    "gates",
    "rival",
    "ok",
)
# Which columns are read as text, from the left; the others are figures.
_TEXT = frozenset({0, 1, 2, 10})


def show(report: Report, console: "Console | None" = None) -> None:
    """Print designs and rivals by area, and what follows from them. A star marks the front of each group.

    The column "rival" says how many times larger the smallest rival of at least the same test accuracy is.
    """
    from rich.console import Console

    out = console or Console()
    lines = rows(report)
    if out.is_terminal:
        _table(lines, out)
    else:
        widths = [max(len(line[i]) for line in [_HEADS, *lines]) for i in range(len(_HEADS))]
        for line in [_HEADS, *lines]:
            cells = [
                c.ljust(w) if i in _TEXT else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
            ]
            _say("  ".join(cells).rstrip(), out)
    _say(summary(report), out)


def summary(report: Report) -> str:
    """One line: the headline of the report."""
    name = plain(report.dataset)
    return f"{name}: {plain(conclude(report).main)}"


def rows(report: Report) -> list[tuple[str, ...]]:
    """The cells of the table, designs and rivals together by area."""
    edges = {p.name for group in (report.points, report.rivals) for p in front(group)}
    designs = {p.name for p in report.points}
    points = sorted((*report.points, *report.rivals), key=lambda p: (p.area_cm2, p.name))
    return [_cells(p, p.name in edges, p.name in designs, report) for p in points]


def _cells(p: Point, on_front: bool, is_design: bool, report: Report) -> tuple[str, ...]:
    ratio = times_smaller(p, report.rivals) if is_design else None
    return (
        "*" if on_front else "",
        shorten(p.name, 24),
        shorten(p.method, 32),
        figures(p.area_cm2),
        f"{100 * p.accuracy['test']:.2f}",
        f"{100 * p.balanced_accuracy:.2f}",
        figures(p.static_power_mw.get("0.6")),
        figures(p.delay_ms.get("0.6")),
        str(p.gates),
        "" if not is_design else "none" if ratio is None else f"{figures(ratio, 2)}x",
        "verified" if p.verified else "undecided" if p.undecided else "no",
    )


def _table(lines: list[tuple[str, ...]], out: "Console") -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for i, head in enumerate(_HEADS):
        table.add_column(head, justify="left" if i in _TEXT else "right", no_wrap=i not in (1, 2))
    for line in lines:
        # Designs are the lines that compare themselves with a rival.
        style = "bold" if line[9] and line[0] else "" if line[9] else "dim"
        # Text, not markup: names come from outside.
        table.add_row(*(Text(cell) for cell in line), style=style)
    out.print(table)


def _say(line: str, out: "Console") -> None:
    out.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)

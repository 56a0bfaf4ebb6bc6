"""The page that sets several runs side by side: one picture of all their points, and a table by area.

The figures are those of the runs' own reports; what makes them comparable or not is told by whoever asks.
"""

from collections.abc import Sequence

from inkling.reports.page import plot, series
from inkling.reports.page.render import render
from inkling.reports.results.pareto import front
from inkling.reports.results.report import Report

MOST_RUNS = len(series.RUN_STYLES)


def page(runs: Sequence[tuple[str, Report]], doubts: Sequence[str]) -> str:
    """runs: at most four, with their names; doubts: sentences on what may not be compared; names may be hostile."""
    if not 1 <= len(runs) <= MOST_RUNS:
        raise ValueError(f"{len(runs)} runs: a page compares 1 to {MOST_RUNS}")
    rates = {report.majority_rate for _, report in runs}
    heading = " and ".join(dict.fromkeys(report.dataset for _, report in runs))
    rows = []
    for name, report in runs:
        edge = {p.name for p in front(report.points)}
        rows += [(p, name, p.name in edge) for p in report.points]
    return render(
        "compare.html",
        title=f"{heading}: Inkling comparison",
        scripts=("page.js", "plot.js"),
        heading=heading,
        doubts=doubts,
        picture=plot.picture(
            "accuracy against cost of several runs", series.of_runs(runs), rates.pop() if len(rates) == 1 else None
        ),
        rows=sorted(rows, key=lambda row: (row[0].area_cm2, row[1], row[0].name)),
    )

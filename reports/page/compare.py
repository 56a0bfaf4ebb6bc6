"""The page that sets several runs side by side: one live picture of all their points, and a table by area.

The figures are those of the runs' own reports; what makes them comparable or not is told by whoever asks.
"""

from collections.abc import Sequence
from typing import Any

from inkling.reports.page.escape import escape, plain
from inkling.reports.page.figure import shape
from inkling.reports.page.front import controls, point_data
from inkling.reports.page.shell import document
from inkling.reports.results.conclusion import POWER_SOURCES_MW, figures, percent
from inkling.reports.results.pareto import front
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report

DOT = ' <span class="dot">●</span>'
STYLES = ("design", "second", "third", "fourth")


def page(runs: Sequence[tuple[str, Report]], doubts: Sequence[str]) -> str:
    """runs: at most four, with their names; doubts: sentences on what may not be compared; names may be hostile."""
    if not 1 <= len(runs) <= len(STYLES):
        raise ValueError(f"{len(runs)} runs: a page compares 1 to {len(STYLES)}")
    series: list[dict[str, Any]] = [
        {
            "style": style,
            "key": "ours",
            "name": plain(name),
            "line": True,
            "points": [point_data(p, "", not p.verified) for p in report.points],
        }
        for style, (name, report) in zip(STYLES, runs, strict=False)
    ]
    rates = {report.majority_rate for _, report in runs}
    data = {
        "series": series,
        "majority": rates.pop() if len(rates) == 1 else None,
        "chosen": "",
        "sources": [{"mw": limit, "name": name} for limit, name in POWER_SOURCES_MW],
        "name": "accuracy against cost of several runs",
    }
    legend = "".join(
        f'<li><svg viewBox="0 0 18 18" aria-hidden="true"><g class="mark {style}">{shape(style, 9, 9)}</g></svg>'
        f"{escape(name)}</li>"
        for style, (name, _) in zip(STYLES, runs, strict=False)
    )
    notes = "".join(f"<li>{escape(doubt)}</li>" for doubt in doubts)
    title = " and ".join(dict.fromkeys(report.dataset for _, report in runs))
    body = [
        f'<header><p class="eyebrow">Inkling, runs side by side</p><h1>{escape(title)}</h1>'
        + (f'<ul class="plain">{notes}</ul>' if notes else "")
        + "</header>",
        '<section aria-labelledby="picture"><h2 id="picture">Accuracy against cost</h2><figure>'
        f'{controls()}<ul class="legend">{legend}</ul><div id="live" class="live" hidden></div>'
        "<figcaption>Lines join the designs of a run that none of its own beats; hollow ones are not verified."
        '<span class="hint" hidden></span></figcaption></figure></section>',
        f'<section aria-labelledby="points"><h2 id="points">Designs</h2>{_table(runs)}</section>',
    ]
    return document(
        f"{title}: Inkling comparison",
        "\n".join(body),
        scripts=("page.js", "front.js"),
        data={"front": data},
        plot=any(report.points for _, report in runs),
    )


def _table(runs: Sequence[tuple[str, Report]]) -> str:
    lines: list[tuple[Point, str, bool]] = []
    for name, report in runs:
        edge = {p.name for p in front(report.points)}
        lines += [(p, name, p.name in edge) for p in report.points]
    rows = "".join(
        f'<tr><th scope="row" class="name">{escape(p.name)}{DOT if on_front else ""}'
        f"<small>{escape(p.method)}</small></th>"
        f'<td class="text">{escape(name)}</td><td>{figures(p.area_cm2)}</td>'
        f'<td class="strong">{percent(p.accuracy["test"], 2)}</td><td>{percent(p.balanced_accuracy, 2)}</td>'
        f"<td>{figures(p.static_power_mw.get('0.6'))}</td><td>{figures(p.delay_ms.get('0.6'))}</td>"
        f"<td>{p.gates:,}</td><td>{p.input_bits_used}</td></tr>"
        for p, name, on_front in sorted(lines, key=lambda line: (line[0].area_cm2, line[1], line[0].name))
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="points"><table><thead><tr>'
        '<th class="text">name</th><th class="text">run</th><th>area, cm²</th><th>test</th><th>balanced</th>'
        "<th>mW at 0.6 V</th><th>ms at 0.6 V</th><th>gates</th><th>input bits</th></tr></thead>"
        f'<tbody>{rows}</tbody></table></div><p class="note">● on the run\'s own front.</p>'
    )

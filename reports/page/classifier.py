"""The page: a report as one self-contained HTML file that loads nothing, works without scripts, and prints.

Its parts come from `inkling.reports.page.front`, `inkling.reports.page.circuit` and `inkling.reports.page.tables`,
its conclusions from `inkling.reports.results.conclusion`; only their order and the words around them live here.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from inkling.reports.page.circuit import circuits
from inkling.reports.page.escape import escape, shorten
from inkling.reports.page.front import figure, front_data
from inkling.reports.page.shell import document
from inkling.reports.page.tables import LEVELS, points_table, verdict_details, verdict_matrix
from inkling.reports.results.conclusion import area, conclude, figures, percent, power_source, standard_error
from inkling.reports.results.point import Point
from inkling.reports.results.published import HOW_MEASURED, PAPERS, Published, published
from inkling.reports.results.report import Report
from inkling.train.files import atomic


def page(report: Report, archives: Mapping[str, bytes] | None = None) -> str:
    """The whole page. archives: ZIP files by the names of designs. Equal reports give equal text."""
    known = published(report.dataset, sum(report.rows.values()))
    conclusion = conclude(report)
    zips = archives or {}
    body = [
        f'<header><p class="eyebrow">Inkling, classifier circuits</p><h1>{escape(report.dataset)}</h1>',
        f'<p class="lead">{escape(conclusion.main)}</p>',
        "".join(f"<p>{escape(sentence)}</p>" for sentence in conclusion.further),
        _key_figures(conclusion.design, report) if conclusion.design else "",
        "</header>",
        figure(report, known),
        circuits(report, conclusion.design, zips),
        _table(report),
        _verification(report),
        _data(report),
        _repeat(report),
        _references(known),
        "<footer><p>The figures of this page are in report.json beside it, and embedded here as the JSON element "
        '<code>report</code>.</p><p><button type="button" class="download" data-blob="report" '
        'data-type="application/json" data-name="report.json">Download report.json</button></p></footer>',
    ]
    return document(
        f"{report.dataset}: Inkling report",
        "\n".join(part for part in body if part),
        scripts=("page.js", "front.js"),
        data={"report": report.to_json(), "front": front_data(report, known)},
        blobs={
            f"zip-p{i}": base64.b64encode(zips[point.name]).decode()
            for i, point in enumerate(report.points)
            if point.name in zips
        },
        plot=bool(report.points or report.rivals),
    )


def _key_figures(design: Point, report: Report) -> str:
    power = {v: design.static_power_mw.get(v) for v in ("0.6", "1.0")}
    voltage = "0.6" if power["0.6"] is not None else "1.0"
    verdicts = report.verdicts.get(design.name, ())
    vectors = sum(v["vectors"] for v in verdicts)
    proven = ", proven" if any(v.get("proven") for v in verdicts) else ""
    checks = f"{len(verdicts)} checks, {vectors:,} vectors{proven}" if verdicts else "see the run's verdicts"
    error = standard_error(report)
    shown = [
        ("design", escape(shorten(design.name, 40)), escape(shorten(design.method, 80))),
        (
            "test accuracy",
            percent(design.accuracy["test"]),
            f"± {100 * error:.1f} (one standard error)" if error else "",
        ),
        ("balanced accuracy", percent(design.balanced_accuracy), f"majority class {percent(report.majority_rate)}"),
        ("area", area(design.area_cm2), f"{design.gates:,} gates, {design.inputs_used} inputs"),
        (f"static power, {voltage} V", f"{figures(power[voltage])} mW", power_source(power[voltage])),
        ("verified", "yes", checks),
    ]
    items = "".join(f"<div><dt>{name}</dt><dd>{value}<small>{more}</small></dd></div>" for name, value, more in shown)
    return f'<dl class="key">{items}</dl>'


def _table(report: Report) -> str:
    if not report.points and not report.rivals:
        return ""
    used = sorted({level for p in (*report.points, *report.rivals) for level in p.levels})
    levels = ", ".join(f"{level} {LEVELS[level]}" for level in used)
    note = (
        "● marks the front of each group on the test rows. Area is the best of several mapping runs; the figure "
        "below, with a +, is how much larger the worst was. “Smallest rival” is how many times larger the smallest "
        "rival of at least the same test accuracy is. Static power and delay are those of the circuit alone, without "
        "sensors and converters; below each power stands the smallest printed source that feeds it: a harvester "
        "(0.1 mW), or a battery of 3, 15 or 30 mW."
    )
    if levels:
        note += f" Levels of approximation: {levels}."
    return (
        '<section aria-labelledby="points"><h2 id="points">Designs and rivals</h2>'
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="points">'
        f'{points_table(report)}</div><p class="note">{note}</p></section>'
    )


def _verification(report: Report) -> str:
    count = sum(p.verified for p in report.points)
    intro = (
        f"{count} of {len(report.points)} designs agree with the integer reference model on every vector, by every "
        "route that was taken. A route is another rendering of the same design: compiled C and numba, the "
        "behavioural and the mapped Verilog under a simulator, the gates themselves. “Proven” means that the whole "
        "input space is covered."
    )
    if not any(report.verdicts.values()):
        body = "<p>This report carries no verdicts; they stand in each design's verdict.json.</p>"
    else:
        body = (
            '<div class="scroll" tabindex="0" role="region" aria-labelledby="checks">'
            f"{verdict_matrix(report)}</div>{verdict_details(report)}"
        )
    title = '<h2 id="checks">What was verified, and how</h2>'
    return f'<section aria-labelledby="checks">{title}<p>{intro}</p>{body}</section>'


def _data(report: Report) -> str:
    rows = report.rows
    facts = [
        (
            "rows",
            f"{rows['train']:,} for training, {rows['validation']:,} for validation (choice), "
            f"{rows['test']:,} for test",
        ),
        ("majority class", f"{percent(report.majority_rate, 2)} of the test rows"),
    ]
    if (error := standard_error(report)) is not None:
        facts.append(("uncertainty", f"one standard error of a test accuracy is about {100 * error:.1f} points"))
    if report.classes:
        facts.append(("classes, in order of the code", ", ".join(escape(c) for c in report.classes)))
    if report.bits:
        facts.append(("quantiser bits", _bits(report)))
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    return (
        f'<section aria-labelledby="data"><h2 id="data">The data</h2><dl class="facts">{listed}</dl>'
        + (f'<ul class="plain">{notes}</ul>' if notes else "")
        + "</section>"
    )


def _bits(report: Report) -> str:
    """'4 bits in each of 16 columns', or the columns by their bits."""
    groups: dict[int, list[str]] = {}
    for column, bits in report.bits.items():
        groups.setdefault(bits, []).append(column)
    if len(groups) == 1:
        bits, columns = next(iter(groups.items()))
        return f"{bits} in each of {len(columns)} columns"
    return "; ".join(f"{bits}: {', '.join(map(escape, columns))}" for bits, columns in sorted(groups.items()))


def _repeat(report: Report) -> str:
    versions = ", ".join(f"{escape(name)} {escape(version)}" for name, version in sorted(report.versions.items()))
    facts = [("seed", str(report.seed))]
    facts += [("data fingerprint", f"<code>{escape(report.fingerprint)}</code>")] if report.fingerprint else []
    facts += [("technology", escape(report.technology))] if report.technology else []
    facts += [("versions", versions)] if versions else []
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    measured = "".join(f"<li>{escape(sentence)}</li>" for sentence in report.measured)
    command = f"<pre>{escape(report.command)}</pre>" if report.command else ""
    return (
        '<section aria-labelledby="repeat"><h2 id="repeat">How it was measured, and how to repeat it</h2>'
        + (f'<ul class="plain">{measured}</ul>' if measured else "")
        + f'{command}<dl class="facts">{listed}</dl></section>'
    )


def _references(known: Sequence[Published]) -> str:
    if not known:
        return ""
    rows = "".join(
        f'<tr><td class="text">{escape(p.source)}{" (as reported)" if p.reported else ""}</td>'
        f"<td>{100 * p.accuracy:.2f}</td><td>{figures(p.area_cm2)}</td><td>{figures(p.static_power_mw['0.6'])}</td>"
        f"<td>{figures(p.static_power_mw['1.0'])}</td></tr>"
        for p in known
    )
    cited = "".join(
        f"<li>{escape(key)}: {escape(PAPERS[key])}.</li>" for key in dict.fromkeys(p.source for p in known)
    )
    return (
        '<section aria-labelledby="papers"><h2 id="papers">Published designs for this data set</h2>'
        f'<p>{HOW_MEASURED}</p><div class="scroll" tabindex="0" role="region" aria-labelledby="papers"><table><thead>'
        '<tr><th class="text">source</th><th>accuracy, %</th><th>area, cm²</th><th>power at 0.6 V, mW</th>'
        f"<th>power at 1.0 V, mW</th></tr></thead><tbody>{rows}</tbody></table></div>"
        f'<ul class="plain note">{cited}</ul></section>'
    )


def write(report: Report, folder: Path, archives: Mapping[str, bytes] | None = None) -> tuple[Path, Path]:
    """Write report.json and report.html into an existing folder, each beside and then renamed; returns both paths.

    archives: ZIP files of designs by their names, to be downloaded from the page. Equal reports
    give equal bytes. Raises ValueError on figures that are not finite.
    """
    text = json.dumps(report.to_json(), indent=1, allow_nan=False) + "\n"
    written = [(folder / "report.json", text), (folder / "report.html", page(report, archives or {}))]
    for path, content in written:
        atomic.write(path, content.encode())
    return written[0][0], written[1][0]

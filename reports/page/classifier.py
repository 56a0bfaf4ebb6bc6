"""The page of a classifier's run: a report as one self-contained HTML file, which works without scripts and prints.

Its words and their order are `classifier.html`; parts come from `inkling.reports.page.plot`, `.circuit`, `.tables`
and `.checks`, conclusions from `inkling.reports.results.conclusion`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inkling.reports.page import checks, plot, series, tables
from inkling.reports.page.circuit import articles
from inkling.reports.page.escape import shorten
from inkling.reports.page.render import render
from inkling.reports.results.conclusion import (
    Conclusion,
    area,
    conclude,
    figures,
    percent,
    power_source,
    standard_error,
)
from inkling.reports.results.point import Point
from inkling.reports.results.published import HOW_MEASURED, PAPERS, Published, published
from inkling.reports.results.report import Report
from inkling.reports.results.whole import as_nodes
from inkling.train.files import atomic


def page(report: Report, archives: Mapping[str, bytes] | None = None) -> str:
    """The whole page. archives: ZIP files by the names of designs. Equal reports give equal text."""
    known = published(report.dataset, sum(report.rows.values()))
    whole = as_nodes(report)
    scopes = [_scope("circuit", "circuit", report, known)]
    if whole is not None:
        scopes.insert(0, _scope("node", "whole node", whole, ()))
    best = scopes[0].conclusion.design
    names = [point.name for point in report.points]
    zips = archives or {}
    return render(
        "classifier.html",
        title=f"{report.dataset}: Inkling report",
        scripts=("page.js", "plot.js"),
        data={"report": report.to_json()},
        blobs={f"zip-p{i}": zips[p.name] for i, p in enumerate(report.points) if p.name in zips},
        report=report,
        scopes=scopes,
        circuits=articles(report, zips),
        first=f"p{names.index(best.name)}" if best else "p0" if report.points else "r0",
        levels=tables.LEVELS,
        levels_used=tables.levels_used(report),
        matrix=checks.matrix(report),
        check=checks.check,
        verified=sum(p.verified for p in report.points),
        error=standard_error(whole or report),
        bits=_bits(report),
        known=known,
        papers=PAPERS,
        how_measured=HOW_MEASURED,
    )


@dataclass(frozen=True)
class Scope:
    """What the page tells of one way to count: circuits alone, or whole nodes. prefix: of the table rows' ids."""

    key: str
    title: str
    conclusion: Conclusion
    key_figures: list[tuple[str, str, str]]
    picture: plot.Picture | None
    rows: list[tuple[str, list[tables.Row]]]
    prefix: str
    area_title: str
    power_title: str


def _scope(key: str, title: str, report: Report, known: Sequence[Published]) -> Scope:
    """known: published circuits, whose converters nobody counted."""
    conclusion = conclude(report)
    best, is_node = conclusion.design, key == "node"
    return Scope(
        key,
        title,
        conclusion,
        _key_figures(best, report, "node" if is_node else "area") if best else [],
        plot.picture(
            f"accuracy against cost of {shorten(report.dataset, 80)}{', whole nodes' if is_node else ''}",
            series.of_report(report, known),
            report.majority_rate,
        ),
        tables.rows(report),
        "node-" if is_node else "",
        "node" if is_node else "area",
        "power of the node, mW" if is_node else "static power, mW",
    )


def _key_figures(design: Point, report: Report, area_title: str) -> list[tuple[str, str, str]]:
    volts = "0.6" if design.static_power_mw.get("0.6") is not None else "1.0"
    power = design.static_power_mw.get(volts)
    verdicts = report.verdicts.get(design.name, ())
    vectors = sum(v["vectors"] for v in verdicts)
    proven = ", proven" if any(v.get("proven") for v in verdicts) else ""
    told = f"{len(verdicts)} checks, {vectors:,} vectors{proven}" if verdicts else "see the run's verdicts"
    error = standard_error(report)
    return [
        ("design", shorten(design.name, 40), shorten(design.method, 80)),
        (
            "test accuracy",
            percent(design.accuracy["test"]),
            f"± {100 * error:.1f} (one standard error)" if error else "",
        ),
        ("balanced accuracy", percent(design.balanced_accuracy), f"majority class {percent(report.majority_rate)}"),
        (area_title, area(design.area_cm2), f"{design.gates:,} gates, {design.inputs_used} inputs"),
        (f"static power, {volts} V", f"{figures(power)} mW", power_source(power)),
        ("verified", "yes" if design.verified else str(design.outcome), told),
    ]


def _bits(report: Report) -> str:
    """'4 in each of 16 columns', or the columns by their bits."""
    groups: dict[int, list[str]] = {}
    for column, bits in report.bits.items():
        groups.setdefault(bits, []).append(column)
    if len(groups) == 1:
        bits, columns = next(iter(groups.items()))
        return f"{bits} in each of {len(columns)} columns"
    return "; ".join(f"{bits}: {', '.join(columns)}" for bits, columns in sorted(groups.items()))


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

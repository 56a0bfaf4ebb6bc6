"""The picture of a page: the static drawing, which prints and needs no script, and the data of the live one.

`front.js` draws the live picture with the plotting library; the static one is `inkling.reports.page.figure`'s.
"""

from collections.abc import Sequence
from typing import Any

from inkling.reports.page.escape import escape, plain, shorten
from inkling.reports.page.figure import Series, accuracy_floor, draw, series, shape
from inkling.reports.results.conclusion import POWER_SOURCES_MW, area, chosen, figures, percent, power_source
from inkling.reports.results.point import Point
from inkling.reports.results.published import Published
from inkling.reports.results.report import Report

AXES = (("area", "area"), ("0.6", "power at 0.6 V"), ("1.0", "power at 1.0 V"), ("delay", "delay at 0.6 V"))


def figure(report: Report, known: Sequence[Published]) -> str:
    """The section with both pictures; "" where there is nothing to draw."""
    found = series(report, known)
    if not any(s.marks for s in found):
        return ""
    hidden = sum(m.accuracy < accuracy_floor(found) for s in found for m in s.marks)
    caption = (
        "Up and to the left is better. Lines join the points that nothing of their kind beats in both. Accuracy is "
        "that of the test rows, which took no part in training, search or choice."
    )
    if any(p.verified for p in report.points):
        caption += (
            " The ring marks the smallest verified design within one standard error of the best accuracy on the "
            "validation rows."
        )
    if any(not p.verified for p in report.points):
        caption += " Hollow circles are designs that are not verified."
    if hidden:
        caption += f" {hidden} crude points far below the axis stand only in the table."
    return (
        '<section aria-labelledby="picture"><h2 id="picture">Accuracy against cost</h2><figure>'
        f'{controls()}<ul class="legend">{"".join(_legend(s) for s in found)}</ul>'
        '<div id="live" class="live" hidden></div><div class="static">'
        f"{_sized(draw(report, known, 1016, 500), 'wide')}{_sized(draw(report, known, 370, 400), 'narrow')}</div>"
        f'<figcaption>{caption}<span class="hint" hidden> Pick a point to see its circuit below.</span></figcaption>'
        "</figure></section>"
    )


def front_data(report: Report, known: Sequence[Published]) -> dict[str, Any]:
    """What the live picture draws: series of points with their figures, and the names of axes and power sources."""
    found = series(report, known)
    best = chosen(report)
    points = {f"p{i}": p for i, p in enumerate(report.points)} | {f"r{i}": p for i, p in enumerate(report.rivals)}
    lines: list[dict[str, Any]] = []
    for s in found:
        marks: list[dict[str, Any]] = []
        for k, mark in enumerate(s.marks):
            if mark.row:
                marks.append(point_data(points[mark.row], mark.row, mark.hollow))
            else:
                marks.append(_published(known[k]))
        lines.append({"style": s.style, "name": plain(s.name), "line": s.line, "points": marks})
    return {
        "series": lines,
        "majority": round(report.majority_rate, 6),
        "chosen": f"p{report.points.index(best)}" if best else "",
        "sources": [{"mw": limit, "name": name} for limit, name in POWER_SOURCES_MW],
        "name": f"accuracy against cost of {plain(report.dataset)}",
    }


def point_data(point: Point, key: str, hollow: bool) -> dict[str, Any]:
    """A point as `front.js` reads it; key: of the circuit that it opens, "" for none."""
    power, delay = point.static_power_mw, point.delay_ms
    told = [
        f"{percent(point.accuracy['test'], 2)} test, {percent(point.balanced_accuracy)} balanced",
        f"{area(point.area_cm2)}, {point.gates:,} gates",
        f"{point.inputs_used} inputs, {point.input_bits_used} bits",
    ]
    if power.get("0.6") is not None:
        told.insert(2, f"{figures(power['0.6'])} mW at 0.6 V: {power_source(power['0.6'])}")
    if point.levels:
        told.append("levels " + ", ".join(map(str, point.levels)))
    if hollow:
        told.append("not verified")
    return {
        "key": key,
        "name": shorten(point.name, 40),
        "lines": told,
        "hollow": hollow,
        "x": {"area": point.area_cm2, "0.6": power.get("0.6"), "1.0": power.get("1.0"), "delay": delay.get("0.6")},
        "y": {"test": point.accuracy["test"], "balanced": point.balanced_accuracy},
    }


def _published(item: Published) -> dict[str, Any]:
    power = item.static_power_mw
    return {
        "key": "",
        "name": f"Published, {item.source}" + (" (as reported)" if item.reported else ""),
        "lines": [f"{percent(item.accuracy, 2)} in {figures(item.area_cm2)} cm²", "of its authors' own split"],
        "hollow": True,
        "x": {"area": item.area_cm2, "0.6": power.get("0.6"), "1.0": power.get("1.0"), "delay": None},
        "y": {"test": item.accuracy, "balanced": None},
    }


def controls() -> str:
    """The choice of axes, in sight once the picture is live."""
    axes = "".join(
        f'<label><input type="radio" name="x" value="{key}"{" checked" if key == "area" else ""}>'
        f"<span>{name}</span></label>"
        for key, name in AXES
    )
    return (
        '<form class="controls" hidden><fieldset><legend>cost</legend>'
        f"{axes}</fieldset><fieldset><legend>accuracy</legend>"
        '<label><input type="radio" name="y" value="test" checked><span>test</span></label>'
        '<label><input type="radio" name="y" value="balanced"><span>balanced</span></label></fieldset></form>'
    )


def _sized(svg: str, name: str) -> str:
    """The wide or the narrow drawing; the page's style shows one of them."""
    return svg.replace('class="plot"', f'class="plot {name}"', 1)


def _legend(s: Series) -> str:
    hollow = " hollow" if s.style == "published" else ""
    return (
        f'<li><svg viewBox="0 0 18 18" aria-hidden="true"><g class="mark {s.style}{hollow}">{shape(s.style, 9, 9)}'
        f"</g></svg>{escape(s.name)}</li>"
    )

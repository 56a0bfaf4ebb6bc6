"""The accuracy-against-area picture as inline SVG text: log area axis, one mark per design, a step line per front.

Colours and line styles are the page's (`reports/page/page.css`); where labels go is decided in
`inkling.reports.page.label_placement`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from inkling.reports.page.escape import escape, shorten
from inkling.reports.page.label_placement import Box, Label, place, text_width
from inkling.reports.results.conclusion import chosen, figures, percent
from inkling.reports.results.pareto import nondominated
from inkling.reports.results.published import Published
from inkling.reports.results.report import Report


@dataclass(frozen=True)
class Mark:
    """One mark: its place in the plane, its tooltip, a label ("" for none), the table row it belongs to."""

    area_cm2: float
    accuracy: float
    title: str
    label: str = ""
    row: str = ""
    hollow: bool = False
    chosen: bool = False


@dataclass(frozen=True)
class Series:
    """Marks of one kind; `style` is a CSS class and a shape, `line` says whether a front is drawn through them."""

    style: str
    name: str
    marks: tuple[Mark, ...]
    line: bool = True

    def edge(self) -> list[Mark]:
        """The marks on the series' own front, by area."""
        kept = nondominated([[m.area_cm2, -m.accuracy] for m in self.marks]) if self.marks else []
        return sorted((self.marks[i] for i in kept), key=lambda m: m.area_cm2)


_RIVAL_STYLES = ("square", "cross", "plus")


def series(report: Report, published: Sequence[Published]) -> list[Series]:
    """The picture's series: designs, one for every kind of rival, published designs."""
    best = chosen(report)
    designs = tuple(
        Mark(
            p.area_cm2,
            p.accuracy["test"],
            f"{p.name}: {percent(p.accuracy['test'], 2)} in {figures(p.area_cm2)} cm²"
            + ("" if p.verified else ", not verified"),
            p.name,
            f"p{i}",
            not p.verified,
            p is best,
        )
        for i, p in enumerate(report.points)
    )
    found = [Series("design", "Inkling designs", designs)] if designs else []
    kinds = sorted({(not r.is_tree, r.kind) for r in report.rivals})
    spare = 0
    for is_other, kind in kinds:
        style = "tree"
        if is_other:
            style = _RIVAL_STYLES[min(spare, len(_RIVAL_STYLES) - 1)]
            spare += 1
        marks = tuple(
            Mark(
                r.area_cm2,
                r.accuracy["test"],
                f"{r.name}, {r.method}: {percent(r.accuracy['test'], 2)} in {figures(r.area_cm2)} cm²",
                r.name,
                f"r{i}",
            )
            for i, r in enumerate(report.rivals)
            if (not r.is_tree, r.kind) == (is_other, kind)
        )
        found.append(Series(style, kind, marks))
    if published:
        hollow = tuple(
            Mark(
                p.area_cm2,
                p.accuracy,
                f"Published, {p.source}: {percent(p.accuracy, 2)} in {figures(p.area_cm2)} cm²"
                + (" as reported" if p.reported else ""),
                p.source,
                hollow=True,
            )
            for p in published
        )
        found.append(Series("published", "published (other splits)", hollow, line=False))
    return found


@dataclass(frozen=True)
class Frame:
    """The plot's rectangle and its two axes: log10 of the area in cm2, accuracy as a fraction."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    area: tuple[float, float]
    accuracy: tuple[float, float]

    def x(self, area_cm2: float) -> float:
        """Areas beyond the axis, 0 among them, stand on its end."""
        low, high = self.area
        share = (math.log10(max(area_cm2, 10**low)) - low) / (high - low)
        return self.left + min(share, 1.0) * (self.width - self.left - self.right)

    def y(self, accuracy: float) -> float:
        low, high = self.accuracy
        return self.height - self.bottom - (accuracy - low) / (high - low) * (self.height - self.top - self.bottom)


def accuracy_floor(found: Sequence[Series]) -> float:
    """The lowest accuracy worth drawing: far below our designs, crude rivals would squeeze all that matters."""
    every = [m.accuracy for s in found for m in s.marks]
    ours = [m.accuracy for s in found if s.style == "design" for m in s.marks]
    if not ours:
        return min(every, default=0.0)
    return max(min(every), min(ours) - 0.5 * max(max(every) - min(ours), 0.02))


def frame(report: Report, found: Sequence[Series], width: int, height: int) -> Frame:
    """Axes around every mark that is drawn, and around the majority rate where it lies near them."""
    floor = accuracy_floor(found)
    shown = [m for s in found for m in s.marks if m.accuracy >= floor]
    areas = [m.area_cm2 for m in shown if m.area_cm2 > 0] or [0.1]
    accuracies = [m.accuracy for m in shown] or [report.majority_rate, 1.0]
    low, high = min(accuracies), max(accuracies)
    if report.majority_rate < low and low - report.majority_rate <= 0.6 * max(high - low, 0.02):
        low = report.majority_rate
    pad = max(0.09 * (high - low), 0.004)
    logs = [math.log10(area) for area in areas]
    margin = max(0.07 * (max(logs) - min(logs)), 0.12)
    return Frame(
        width,
        height,
        46,
        14,
        26,
        46,
        (min(logs) - margin, max(logs) + 1.3 * margin),
        (max(low - pad, 0.0), min(high + pad, 1.005)),
    )


def draw(report: Report, published: Sequence[Published], width: int, height: int) -> str:
    """The picture as one <svg> element of this viewBox; its marks link to the rows of the page's table."""
    found = series(report, published)
    box = frame(report, found, width, height)
    floor = accuracy_floor(found)
    right, base = box.width - box.right, box.height - box.bottom
    out = [
        f'<svg viewBox="0 0 {width} {height}" role="img" class="plot">'
        f"<title>Test accuracy against circuit area of {escape(report.dataset)}</title>"
    ]
    for tick in accuracy_ticks(*box.accuracy):
        y = box.y(tick)
        out.append(f'<line class="grid" x1="{box.left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(f'<text class="tick" x="{box.left - 8}" y="{y + 4:.1f}" text-anchor="end">{100 * tick:.3g}</text>')
    for value, labelled in area_ticks(*box.area, right - box.left):
        x = box.x(value)
        length = 6 if labelled else 3
        out.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + length}"/>')
        if labelled:
            out.append(f'<text class="tick" x="{x:.1f}" y="{base + 19}" text-anchor="middle">{value:g}</text>')
    out.append(f'<line class="axis" x1="{box.left}" x2="{right}" y1="{base}" y2="{base}"/>')
    out.append(
        f'<text class="name" x="{right}" y="{height - 8}" text-anchor="end">area, cm² (log scale) →</text>'
        f'<text class="name" x="4" y="13">↑ test accuracy, %</text>'
    )
    taken = [_majority(report, box, out)]
    drawn = [
        (s, [m for m in s.marks if m.accuracy >= floor], [m for m in s.edge() if m.accuracy >= floor]) for s in found
    ]
    lines: list[Box] = []
    for s, _, edge in reversed(drawn):
        if s.line and len(edge) > 1:
            out.append(f'<path class="front {s.style}" d="{_steps(edge, box)}"/>')
            lines += _segments(edge, box)
    labels: list[Label] = []
    for s, marks, edge in reversed(drawn):
        for mark in marks:
            x, y = box.x(mark.area_cm2), box.y(mark.accuracy)
            taken.append(Box(x - 6, y - 6, x + 6, y + 6))
            out.append(_mark(s.style, mark, x, y))
            if mark.label and (mark in edge or s.style == "published"):
                # Designs first, and among them the chosen one: what is placed first gets the best place.
                rank = (not mark.chosen, s.style != "design", s.style == "published", -mark.accuracy)
                labels.append(Label(x, y, shorten(mark.label, 18), s.style, rank, above=s.style == "design"))
    for label, x, y, anchor in place(labels, taken, lines, Box(box.left, box.top - 8, right + box.right, base - 2)):
        strong = " chosen" if not label.rank[0] else ""
        out.append(
            f'<text class="label {label.style}{strong}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
            f"{escape(label.text)}</text>"
        )
    out.append("</svg>")
    return "".join(out)


def _majority(report: Report, box: Frame, out: list[str]) -> Box:
    """Draw the majority-class rate, or say below the picture's edge where it is; returns the label's place."""
    right, base = box.width - box.right, box.height - box.bottom
    inside = report.majority_rate >= box.accuracy[0]
    y = box.y(report.majority_rate) if inside else float(base)
    text = f"majority class {percent(report.majority_rate)}" + ("" if inside else " ↓")
    if inside:
        out.append(f'<line class="majority" x1="{box.left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
    out.append(f'<text class="majority" x="{right}" y="{y - 6:.1f}" text-anchor="end">{text}</text>')
    return Box(right - text_width(text), y - 18, right, y)


def _steps(edge: Sequence[Mark], box: Frame) -> str:
    """Best accuracy within an area, as a step line."""
    path = f"M{box.x(edge[0].area_cm2):.1f} {box.y(edge[0].accuracy):.1f}"
    for mark in edge[1:]:
        path += f"H{box.x(mark.area_cm2):.1f}V{box.y(mark.accuracy):.1f}"
    return path


def _segments(edge: Sequence[Mark], box: Frame) -> list[Box]:
    """The straight parts of a step line, as thin rectangles."""
    parts = []
    for here, there in pairwise(edge):
        left, right = box.x(here.area_cm2), box.x(there.area_cm2)
        low, high = box.y(here.accuracy), box.y(there.accuracy)
        parts += [Box(left, low - 0.5, right, low + 0.5), Box(right - 0.5, high, right + 0.5, low)]
    return parts


def shape(style: str, x: float, y: float) -> str:
    """The outline of a kind of mark around a point; shapes differ so that colour is never needed."""
    if style in ("tree", "third"):
        return f'<path d="M{x:.1f} {y - 6:.1f}l5.6 9.8h-11.2z"/>'
    if style in ("square", "second"):
        return f'<rect x="{x - 4.4:.1f}" y="{y - 4.4:.1f}" width="8.8" height="8.8"/>'
    if style == "cross":
        return f'<path d="M{x - 4.4:.1f} {y - 4.4:.1f}l8.8 8.8m0 -8.8l-8.8 8.8"/>'
    if style == "plus":
        return f'<path d="M{x - 5.4:.1f} {y:.1f}h10.8m-5.4 -5.4v10.8"/>'
    if style in ("published", "fourth"):
        return f'<path d="M{x:.1f} {y - 5.6:.1f}l5.6 5.6l-5.6 5.6l-5.6 -5.6z"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>'


def _mark(style: str, mark: Mark, x: float, y: float) -> str:
    classes = f"mark {style}" + (" hollow" if mark.hollow else "") + (" chosen" if mark.chosen else "")
    ring = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="9.5"/>' if mark.chosen else ""
    inner = f"<title>{escape(mark.title)}</title>{ring}{shape(style, x, y)}"
    if not mark.row:
        return f'<g class="{classes}">{inner}</g>'
    return f'<a class="{classes}" href="#{mark.row}" data-row="{mark.row}">{inner}</a>'


def accuracy_ticks(low: float, high: float) -> list[float]:
    """Four to nine round values within low..high."""
    for step in (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001):
        first, last = math.ceil(low / step - 1e-9), math.floor(min(high, 1.0) / step + 1e-9)
        if last - first >= 3:
            return [k * step for k in range(first, last + 1)]
    return [(low + high) / 2]


def area_ticks(low: float, high: float, width: float) -> list[tuple[float, bool]]:
    """Ticks at 1..9 times powers of ten within 10**low..10**high, and whether each has room for a label."""
    decade_width = width / (high - low)
    spoken = (1,) if decade_width < 140 else (1, 2, 5) if decade_width < 420 else (1, 2, 3, 4, 5, 6, 8)
    ticks = []
    for decade in range(math.floor(low), math.ceil(high) + 1):
        for digit in range(1, 10):
            value = float(f"{digit}e{decade}")
            if low <= math.log10(value) <= high:
                ticks.append((value, digit in spoken))
    return ticks

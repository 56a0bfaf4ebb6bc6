"""The picture of accuracy against cost as places on a plane: a log axis of cost, a mark a circuit, a line per front.

What is drawn comes from `inkling.reports.page.series`; `plot.html` makes an SVG of the places, and where labels go is
decided in `inkling.reports.page.label_placement`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from inkling.reports.page.escape import shorten
from inkling.reports.page.label_placement import Box, Label, place, text_width
from inkling.reports.page.series import ACCURACIES, COSTS, Cost, Mark, Series
from inkling.reports.results.conclusion import POWER_SOURCES_MW, percent

# The drawings of a desktop and of a phone; the page's style shows one of them.
SIZES = (("wide", 1016, 500), ("narrow", 370, 400))


@dataclass(frozen=True)
class Frame:
    """The plot's rectangle and its two axes: log10 of the cost, accuracy as a fraction."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    cost: tuple[float, float]
    accuracy: tuple[float, float]

    @property
    def end(self) -> int:
        """Where the axis of cost ends."""
        return self.width - self.right

    @property
    def base(self) -> int:
        """The height of the axis of cost."""
        return self.height - self.bottom

    def x(self, cost: float) -> float:
        """Costs beyond the axis, 0 among them, stand on its end."""
        low, high = self.cost
        share = (math.log10(max(cost, 10**low)) - low) / (high - low)
        return self.left + min(share, 1.0) * (self.end - self.left)

    def y(self, accuracy: float) -> float:
        low, high = self.accuracy
        return self.base - (accuracy - low) / (high - low) * (self.base - self.top)


@dataclass(frozen=True)
class Tick:
    """A tick at a place along its axis; minor ones are labelled only where the picture is enlarged."""

    at: float
    text: str
    minor: bool


@dataclass(frozen=True)
class Placed:
    """A mark at a place."""

    style: str
    mark: Mark
    x: float
    y: float


@dataclass(frozen=True)
class Text:
    """A label; `style` are CSS classes."""

    text: str
    style: str
    x: float
    y: float
    anchor: str


@dataclass(frozen=True)
class Plot:
    """One drawing. fronts: (style, d of a path); sources: power sources with their places; majority: a height."""

    kind: str
    frame: Frame
    cost: Cost
    accuracy: str
    cost_ticks: tuple[Tick, ...]
    accuracy_ticks: tuple[Tick, ...]
    fronts: tuple[tuple[str, str], ...]
    marks: tuple[Placed, ...]
    labels: tuple[Text, ...]
    sources: tuple[Text, ...]
    majority: float | None


@dataclass(frozen=True)
class View:
    """Both sizes of one choice of axes."""

    cost: str
    accuracy: str
    plots: tuple[Plot, ...]


@dataclass(frozen=True)
class Picture:
    """Everything that the figure of a page needs; hidden: crude marks below the first view's axis."""

    title: str
    series: tuple[Series, ...]
    views: tuple[View, ...]
    hidden: int

    @property
    def costs(self) -> list[tuple[str, str]]:
        """Keys and names of the costs that can be chosen."""
        return [(cost.key, cost.name) for cost in COSTS if any(view.cost == cost.key for view in self.views)]

    @property
    def accuracies(self) -> list[tuple[str, str]]:
        return [item for item in ACCURACIES if any(view.accuracy == item[0] for view in self.views)]


def picture(title: str, series: Sequence[Series], majority_rate: float | None) -> Picture | None:
    """A view for each pair of axes that some mark has figures on; None where there is nothing to draw."""
    views = tuple(
        View(cost.key, accuracy, tuple(draw(series, cost, accuracy, majority_rate, *size) for size in SIZES))
        for cost in COSTS
        for accuracy, _ in ACCURACIES
        if any(mark.at(cost.key, accuracy) for s in series for mark in s.marks)
    )
    if not views:
        return None
    floor = accuracy_floor(series, "area", "test")
    places = [mark.at("area", "test") for s in series for mark in s.marks]
    return Picture(title, tuple(series), views, sum(found is not None and found[1] < floor for found in places))


def accuracy_floor(series: Sequence[Series], cost: str, accuracy: str) -> float:
    """The lowest accuracy worth drawing: far below our designs, crude rivals would squeeze all that matters."""
    known = [(s.ours, found[1]) for s in series for m in s.marks if (found := m.at(cost, accuracy)) is not None]
    every, ours = [y for _, y in known], [y for is_ours, y in known if is_ours]
    if not ours:
        return min(every, default=0.0)
    return max(min(every), min(ours) - 0.5 * max(max(every) - min(ours), 0.02))


def frame(places: Sequence[tuple[float, float]], majority_rate: float | None, width: int, height: int) -> Frame:
    """Axes around every (cost, accuracy) that is drawn, and around the majority rate where it lies near them.

    The axis of accuracy ends at 1, which nothing exceeds.
    """
    costs = [cost for cost, _ in places if cost > 0] or [0.1]
    accuracies = [accuracy for _, accuracy in places] or [majority_rate or 0.0, 1.0]
    low, high = min(accuracies), max(accuracies)
    if majority_rate is not None and majority_rate < low and low - majority_rate <= 0.6 * max(high - low, 0.02):
        low = majority_rate
    pad = max(0.09 * (high - low), 0.004)
    logs = [math.log10(cost) for cost in costs]
    margin = max(0.07 * (max(logs) - min(logs)), 0.12)
    axis = (min(logs) - margin, max(logs) + 1.3 * margin)
    return Frame(width, height, 46, 14, 26, 46, axis, (max(low - pad, 0.0), min(high + pad, 1.0)))


def draw(
    series: Sequence[Series],
    cost: Cost,
    accuracy: str,
    majority_rate: float | None,
    kind: str,
    width: int,
    height: int,
) -> Plot:
    """One drawing of the marks that have figures on these axes."""
    floor = accuracy_floor(series, cost.key, accuracy)
    shown = {
        id(mark): known
        for s in series
        for mark in s.marks
        if (known := mark.at(cost.key, accuracy)) is not None and known[1] >= floor
    }
    # The majority class has its rate of the rows; its mean recall over the classes is another figure.
    majority_rate = majority_rate if accuracy == "test" else None
    box = frame(list(shown.values()), majority_rate, width, height)
    at = {key: (box.x(x), box.y(y)) for key, (x, y) in shown.items()}
    taken, lines = [_majority(majority_rate, box)] if majority_rate is not None else [], []
    fronts: list[tuple[str, str]] = []
    marks: list[Placed] = []
    labels: list[Label] = []
    for s in reversed(series):
        edge = [mark for mark in s.front(cost.key, accuracy) if id(mark) in at]
        if s.line and len(edge) > 1:
            corners = [at[id(mark)] for mark in edge]
            fronts.append((s.style, _steps(corners)))
            lines += _segments(corners)
        for mark in s.marks:
            if id(mark) not in at:
                continue
            x, y = at[id(mark)]
            taken.append(Box(x - 6, y - 6, x + 6, y + 6))
            marks.append(Placed(s.style, mark, x, y))
            if mark.label and (mark in edge or s.style == "published"):
                # Designs first, and among them the chosen one: what is placed first gets the best place.
                rank = (not mark.chosen, not s.ours, s.style == "published", -shown[id(mark)][1])
                labels.append(Label(x, y, shorten(mark.label, 18), s.style, rank, above=s.ours))
    sources = _sources(box, kind) if cost.is_power else ()
    placed = place(labels, taken, lines, Box(box.left, box.top - 8, box.width, box.base - 2))
    return Plot(
        kind,
        box,
        cost,
        accuracy,
        tuple(Tick(box.x(v), f"{v:g}", not labelled) for v, labelled in cost_ticks(*box.cost, box.end - box.left)),
        tuple(Tick(box.y(v), f"{100 * v:.4g}", minor) for v, minor in accuracy_ticks(*box.accuracy)),
        tuple(fronts),
        tuple(marks),
        tuple(
            Text(label.text, label.style + (" chosen" if not label.rank[0] else ""), x, y, anchor)
            for label, x, y, anchor in placed
        ),
        sources,
        majority_rate,
    )


def _majority(rate: float, box: Frame) -> Box:
    """The place of the majority rate's label: above its line, or above the axis where the line is below it."""
    y = box.y(rate) if rate >= box.accuracy[0] else float(box.base)
    return Box(box.end - text_width(f"majority class {percent(rate)} ↓"), y - 18, box.end, y)


def _sources(box: Frame, kind: str) -> tuple[Text, ...]:
    low, high = box.cost
    return tuple(
        Text(name.removesuffix(" battery") if kind == "narrow" else name, "source", box.x(limit), box.top, "middle")
        for limit, name in POWER_SOURCES_MW
        if low <= math.log10(limit) <= high
    )


def _steps(corners: Sequence[tuple[float, float]]) -> str:
    """Best accuracy within a cost, as a step line."""
    (x, y), *rest = corners
    return f"M{x:.1f} {y:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in rest)


def _segments(corners: Sequence[tuple[float, float]]) -> list[Box]:
    """The straight parts of a step line, as thin rectangles."""
    parts = []
    for (left, low), (right, high) in pairwise(corners):
        parts += [Box(left, low - 0.5, right, low + 0.5), Box(right - 0.5, high, right + 0.5, low)]
    return parts


def accuracy_ticks(low: float, high: float) -> list[tuple[float, bool]]:
    """Four to eleven round values within low..high, and between them minor ones; with each whether it is minor."""
    steps = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
    for step, fine in zip(steps, (0.02, 0.01, 0.01, 0.002, 0.001, 0.001, 0.0005), strict=True):
        first, last = math.ceil(low / step - 1e-9), math.floor(min(high, 1.0) / step + 1e-9)
        if last - first >= 3:
            minor = range(math.ceil(low / fine - 1e-9), math.floor(min(high, 1.0) / fine + 1e-9) + 1)
            ratio = round(step / fine)
            return [(k * fine, k % ratio != 0) for k in minor]
    return [((low + high) / 2, False)]


def cost_ticks(low: float, high: float, width: float) -> list[tuple[float, bool]]:
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

"""What a report concludes: the chosen design, the rivals at equal accuracy, and power sources that suffice.

Sentences and figures are computed from the points alone and shared by the page and the terminal; nothing is
drawn here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inkling.reports.results.pareto import front
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report

# Printed power sources of the printed-electronics literature: a harvester and three batteries.
POWER_SOURCES_MW = ((0.1, "harvester"), (3.0, "3 mW battery"), (15.0, "15 mW battery"), (30.0, "30 mW battery"))

# Area differences below this share are called equal: they are within what a second mapping run gives.
_SAME = 0.01


@dataclass(frozen=True)
class Conclusion:
    """The chosen design (None where every one failed), its main sentence and further sentences."""

    design: Point | None
    main: str
    further: tuple[str, ...]


def power_source(milliwatts: float | None) -> str:
    """The smallest printed power source that feeds a circuit of this static power."""
    if milliwatts is None:
        return "unknown"
    for limit, name in POWER_SOURCES_MW:
        if milliwatts <= limit:
            return name
    return "> 30 mW"


def smallest_rival(rivals: Sequence[Point], accuracy: float) -> Point | None:
    """The smallest rival of at least this test accuracy."""
    able = [rival for rival in rivals if rival.accuracy["test"] >= accuracy]
    return min(able, key=lambda rival: (rival.area_cm2, rival.name)) if able else None


def times_smaller(design: Point, rivals: Sequence[Point]) -> float | None:
    """Area of the smallest rival at least as accurate on the test rows over this design's; None without one."""
    rival = smallest_rival(rivals, design.accuracy["test"])
    if rival is None:
        return None
    if design.area_cm2 == 0:
        return math.inf if rival.area_cm2 > 0 else 1.0
    return rival.area_cm2 / design.area_cm2


def chosen(report: Report) -> Point | None:
    """The smallest design that did not fail, within one standard error of the best validation accuracy.

    The test rows must not choose, and the best of several on few validation rows is mostly the luckiest: the rule
    of one standard error is that of Breiman et al., Classification and Regression Trees (1984), section 3.4.3. The
    error is Wilson's, which few or faultless rows do not make 0. Of these designs those are passed over that a rival
    of no less accuracy on the validation rows undercuts, as long as one is left.
    """
    offered = [point for point in report.points if point.offered]
    if not offered:
        return None
    best = max(point.accuracy["validation"] for point in offered)
    floor, _ = wilson(best, report.rows["validation"])
    near = [point for point in offered if point.accuracy["validation"] >= floor]
    unbeaten = [point for point in near if not any(_undercuts(rival, point) for rival in report.rivals)]
    return min(unbeaten or near, key=lambda p: (p.area_cm2, -p.accuracy["validation"], p.name))


def _undercuts(rival: Point, design: Point) -> bool:
    """On the validation rows: no less accurate, and smaller by more than a second mapping run would give."""
    no_worse = rival.accuracy["validation"] >= design.accuracy["validation"]
    return no_worse and rival.area_cm2 < (1 - _SAME) * design.area_cm2


def wilson(rate: float, rows: int, deviations: float = 1.0) -> tuple[float, float]:
    """The interval of so many standard deviations around a rate of `rows` rows, within 0..1; never of no width.

    Wilson, Probable inference, the law of succession, and statistical inference (JASA 1927).
    """
    n, z = max(rows, 1), deviations**2
    middle, whole = rate + z / (2 * n), 1 + z / n
    half = math.sqrt(z * (rate * (1 - rate) / n + z / (4 * n * n)))
    return max((middle - half) / whole, 0.0), min((middle + half) / whole, 1.0)


def conclude(report: Report) -> Conclusion:
    """The headline of a report."""
    best = chosen(report)
    if best is None:
        what = "no design was produced" if not report.points else f"none of {len(report.points)} designs is verified"
        return Conclusion(None, f"No result for {report.dataset}: {what}.", ())
    main = (
        f"{percent(best.accuracy['test'])} of the test rows right (the majority class alone: "
        f"{percent(report.majority_rate)}) in {area(best.area_cm2)}, {_against(best, report)}"
    )
    further = []
    if (small := _small(best, report.points)) is not None:
        further.append(
            f"One point less on the validation rows buys {small.name}: {percent(small.accuracy['test'])} of the test "
            f"rows in {area(small.area_cm2)}, {_against(small, report)}"
        )
    if report.rivals:
        further += [_top_rival(report), _dominated(report)]
    return Conclusion(best, main, tuple(further))


def _against(design: Point, report: Report) -> str:
    """The comparison with the toughest rival, ending in a full stop."""
    if not report.rivals:
        return "with no rival to compare with."
    rival = smallest_rival(report.rivals, design.accuracy["test"])
    if rival is None:
        return "an accuracy that no rival tried reaches."
    tree = f"the smallest rival of at least this accuracy, {rival.name} ({rival.kind}, {area(rival.area_cm2)})"
    if rival.is_tree and all(r.is_tree or r.area_cm2 >= rival.area_cm2 for r in report.rivals):
        tree = f"the smallest decision tree of at least this accuracy ({rival.name}, {area(rival.area_cm2)})"
    ratio = times_smaller(design, report.rivals) or 0.0
    if math.isinf(ratio):
        return f"without a single gate, where {tree} needs some."
    if abs(ratio - 1) <= _SAME:
        return f"as large as {tree}."
    if ratio > 1:
        return f"{times(ratio)} smaller than {tree}."
    by = times(1 / ratio) if ratio else "beyond measure"
    able = [p for p in report.points if p.offered and _wins(p, report.rivals)]
    if able:
        # A larger design is no defeat of the run where another of its designs beats a tree.
        other = min(able, key=lambda p: (-p.accuracy["test"], p.area_cm2, p.name))
        return (
            f"where {tree}, is {by} smaller; {other.name}, {percent(other.accuracy['test'])} in "
            f"{area(other.area_cm2)}, is smaller than every rival of its accuracy."
        )
    winner = "the tree" if rival.is_tree else "the rival"
    return f"but {winner} wins: {tree}, is {by} smaller."


def _top_rival(report: Report) -> str:
    """The most accurate rival, and the smallest verified design that matches it."""
    top = max(report.rivals, key=lambda r: (r.accuracy["test"], -r.area_cm2))
    reached = f"{percent(top.accuracy['test'])} in {area(top.area_cm2)}"
    text = f"The most accurate rival, {top.name} ({top.kind}), has {reached}"
    able = smallest_rival([p for p in report.points if p.offered], top.accuracy["test"])
    if able is None:
        return f"{text}; no verified design is as accurate."
    if able.area_cm2 >= top.area_cm2:
        return f"{text}; the smallest design that matches it, {able.name}, is no smaller, with {area(able.area_cm2)}."
    ratio = times(top.area_cm2 / able.area_cm2) + " smaller" if able.area_cm2 else "without a gate"
    return f"{text}; {able.name} matches it in {area(able.area_cm2)}, {ratio}."


def _small(best: Point, points: Sequence[Point]) -> Point | None:
    """The smallest verified design within one point of the best on the validation rows, if it is smaller."""
    floor = best.accuracy["validation"] - 0.01
    near = [p for p in points if p.offered and p.accuracy["validation"] >= floor and p.area_cm2 < best.area_cm2]
    return min(near, key=lambda p: (p.area_cm2, p.name)) if near else None


def _wins(design: Point, rivals: Sequence[Point]) -> bool:
    """It beats some rival on the test rows, and every rival of at least its accuracy is larger."""
    ratio = times_smaller(design, rivals)
    return any(beaten(rival, (design,)) for rival in rivals) and (ratio is None or ratio > 1 + _SAME)


def beaten(rival: Point, points: Sequence[Point]) -> bool:
    """A verified design is at least as accurate on the test rows and smaller."""
    return any(
        p.offered and p.area_cm2 < rival.area_cm2 and p.accuracy["test"] >= rival.accuracy["test"] for p in points
    )


def _dominated(report: Report) -> str:
    edge = front(report.rivals)
    left = [rival.name for rival in edge if not beaten(rival, report.points)]
    count = len(edge) - len(left)
    verb = "is" if count == 1 else "are"
    end = "beaten by a smaller and no less accurate design"
    text = f"Of {len(edge)} rivals on the rivals' own front, {count} {verb} {end}"
    if not left:
        return (
            f"Each of {len(edge)} rivals on the rivals' own front is beaten by a smaller and no less accurate design."
        )
    names = ", ".join(left[:4]) + (f" and {len(left) - 4} more" if len(left) > 4 else "")
    return f"{text}; not beaten: {names}."


def standard_error(report: Report) -> float | None:
    """One binomial standard error of a test accuracy near the chosen design's, as a fraction."""
    design, rows = chosen(report), report.rows["test"]
    if design is None or not rows:
        return None
    rate = min(max(design.accuracy["test"], 1 / (rows + 2)), 1 - 1 / (rows + 2))
    return math.sqrt(rate * (1 - rate) / rows)


def percent(fraction: float, decimals: int = 1) -> str:
    """'91.8 %', with a no-break space."""
    return f"{100 * fraction:.{decimals}f}\N{NO-BREAK SPACE}%"


def area(square_cm: float) -> str:
    """'0.42 cm²' to three significant digits."""
    return f"{figures(square_cm)}\N{NO-BREAK SPACE}cm²"


def times(ratio: float) -> str:
    """'6.3 times', '150 times'."""
    return f"{ratio:.0f} times" if ratio >= 20 else f"{ratio:.2g} times"


def figures(value: float | None, digits: int = 3) -> str:
    """A figure to so many significant digits without an exponent; a dash where there is none."""
    if value is None:
        return "\N{EN DASH}"
    if math.isinf(value):
        return "\N{INFINITY}"
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 7)}f}"

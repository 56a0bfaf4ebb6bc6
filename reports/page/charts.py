"""Places of the small drawings of one circuit: static power against supply voltage, answers beside the truth.

`drawings.html` makes SVG of them; a schematic is laid out in `inkling.reports.page.schematic`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from inkling.reports.results.conclusion import POWER_SOURCES_MW


@dataclass(frozen=True)
class PowerChart:
    """Heights of the printed sources with their names, ticks of mW, and points (x, y, mW, volts) with the lines."""

    width: int
    height: int
    left: int
    right: int
    base: int
    sources: tuple[tuple[float, float, str], ...]
    ticks: tuple[tuple[float, float], ...]
    points: tuple[tuple[float, float, float, float], ...]

    @property
    def lines(self) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
        return list(pairwise(self.points))


def power_chart(power_mw: Mapping[str, float]) -> PowerChart | None:
    """Static power in mW at every supply voltage, on a log axis with the printed sources; None without any power."""
    points = sorted((float(volts), milliwatts) for volts, milliwatts in power_mw.items() if milliwatts > 0)
    if not points:
        return None
    width, left, margin, top, base = 420, 44, 74, 12, 174
    limits = [limit for limit, _ in POWER_SOURCES_MW]
    low = math.floor(math.log10(min(min(mw for _, mw in points), limits[0])) - 0.15)
    high = math.log10(max(max(mw for _, mw in points), limits[-1])) + 0.25
    volts = [v for v, _ in points]
    first, last = (min(volts) - 0.1, max(volts) + 0.1) if len(set(volts)) > 1 else (volts[0] - 0.2, volts[0] + 0.2)

    def x(v: float) -> float:
        return left + (v - first) / (last - first) * (width - left - margin)

    def y(mw: float) -> float:
        return base - (math.log10(mw) - low) / (high - low) * (base - top)

    lowest, sources = math.inf, []
    for limit, name in POWER_SOURCES_MW:
        lowest = min(y(limit) + 4, lowest - 14)  # names keep apart where their lines are close
        sources.append((y(limit), lowest, name.removesuffix(" battery")))
    return PowerChart(
        width,
        base + 36,
        left,
        width - margin,
        base,
        tuple(sources),
        tuple((y(10.0**power), 10.0**power) for power in range(low, math.floor(high) + 1)),
        tuple((x(v), y(mw), mw, v) for v, mw in points),
    )


@dataclass(frozen=True)
class Scatter:
    """Truth to the right and answers upwards on one scale: ticks (place, value) of both axes, points (x, y)."""

    size: int
    edge: int
    ticks: tuple[tuple[float, float], ...]
    points: tuple[tuple[float, float], ...]


def scatter(pairs: Sequence[tuple[float, float]], size: int = 440, edge: int = 60) -> Scatter | None:
    """pairs: (truth, answer)."""
    if not pairs:
        return None
    low, high = min(map(min, pairs)), max(map(max, pairs))
    span = (high - low) or 1.0

    def at(value: float) -> float:
        return edge + (value - low) / span * (size - 2 * edge)

    return Scatter(
        size,
        edge,
        tuple((at(value), value) for value in (low, (low + high) / 2, high)),
        tuple((at(truth), size - at(answer)) for truth, answer in pairs),
    )

"""Pareto fronts over any number of objectives, and the hypervolume of a front in log area and accuracy.

What the objectives of a report are is said here too; what is drawn from them lives in `inkling.reports.page.figure`.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inkling.reports.results.point import Point


@dataclass(frozen=True)
class Objective:
    """A figure of a point, and whether more of it is better."""

    name: str
    value: Callable[[Point], float]
    maximise: bool


TEST_ACCURACY = Objective("test accuracy", lambda point: point.accuracy["test"], True)
AREA = Objective("area", lambda point: point.area_cm2, False)


def front(points: Sequence[Point], objectives: Sequence[Objective] = (TEST_ACCURACY, AREA)) -> list[Point]:
    """The points that no other point dominates, in their given order; of equals the first stands for all."""
    if not points:
        return []
    losses = [[-o.value(point) if o.maximise else o.value(point) for o in objectives] for point in points]
    return [points[i] for i in nondominated(losses)]


def nondominated(losses: ArrayLike, keep_equal: bool = False) -> list[int]:
    """Indices, ascending, of the rows of `losses`, float [rows, objectives], that no other row dominates.

    All objectives are to be small. A row dominates another where it is nowhere larger and somewhere smaller. Of
    equal rows only the first is kept, unless `keep_equal`. Raises ValueError on NaN. Rows are visited in
    lexicographic order, so that a row can only be dominated by one that was kept before it.
    """
    values: NDArray[np.float64] = np.asarray(losses, np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(f"losses must be [rows, objectives], found shape {values.shape}")
    if np.isnan(values).any():
        raise ValueError("losses must not hold NaN")
    if not len(values):
        return []
    # The last key of lexsort is the first to count; the row number settles ties between equals.
    order = np.lexsort((np.arange(len(values)), *values.T[::-1]))
    kept = np.empty_like(values)
    chosen: list[int] = []
    for index in order:
        row = values[index]
        rivals = kept[: len(chosen)]
        no_larger = (rivals <= row).all(axis=1)
        if keep_equal:
            no_larger &= (rivals < row).any(axis=1)
        if not no_larger.any():
            kept[len(chosen)] = row
            chosen.append(int(index))
    return sorted(chosen)


def hypervolume(
    pairs: Iterable[tuple[float, float]],
    *,
    area_limit_cm2: float,
    accuracy_floor: float = 0.0,
    area_floor_cm2: float = 1e-4,
) -> float:
    """Area dominated by (area in cm2, accuracy as a fraction) pairs in the plane of log10 area and accuracy.

    It is counted within area_floor..area_limit and above accuracy_floor (the majority-class rate is a good
    one), in decades times fractions: one circuit at the floor with accuracy 1 fills the whole plane. The measure
    is that of Zitzler and Thiele, Multiobjective evolutionary algorithms (IEEE TEC 1999).
    """
    if not 0 < area_floor_cm2 < area_limit_cm2:
        raise ValueError("the area floor must be positive and below the limit")
    limit = math.log10(area_limit_cm2)
    total, best = 0.0, accuracy_floor
    for area, accuracy in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        if area >= area_limit_cm2 or accuracy <= best:
            continue
        total += (limit - math.log10(max(area, area_floor_cm2))) * (accuracy - best)
        best = accuracy
    return total

import math
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkling.reports.results.pareto import AREA, TEST_ACCURACY, front, hypervolume, nondominated


def dominates(a: list[int], b: list[int]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


rows_of_losses = st.integers(1, 4).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 6), min_size=k, max_size=k), max_size=30)
)


@given(rows_of_losses)
def test_nondominated_is_what_brute_force_finds(losses: list[list[int]]) -> None:
    every = [i for i, row in enumerate(losses) if not any(dominates(other, row) for other in losses)]
    firsts = [i for i in every if losses[i] not in losses[:i]]
    values = np.array(losses, float).reshape(len(losses), -1) if losses else np.empty((0, 2))
    assert nondominated(values, keep_equal=True) == every
    assert nondominated(values) == firsts


def test_infinite_losses_are_ordered_and_nan_is_refused() -> None:
    assert nondominated([[-math.inf, 2.0], [1.0, 1.0], [math.inf, 1.0]]) == [0, 1]
    with pytest.raises(ValueError, match="NaN"):
        nondominated([[1.0, math.nan]])
    with pytest.raises(ValueError, match="shape"):
        nondominated([1.0, 2.0])


def test_front_takes_more_accuracy_and_less_area_in_given_order(examples: SimpleNamespace) -> None:
    point = examples.point
    points = [point("big", 0.9, 4.0), point("twin", 0.9, 4.0), point("small", 0.8, 1.0), point("poor", 0.8, 2.0)]
    assert [p.name for p in front(points)] == ["big", "small"]
    assert [p.name for p in front(points, (TEST_ACCURACY,))] == ["big"]
    assert [p.name for p in front(points, (AREA,))] == ["small"]
    assert front([]) == []


def test_hypervolume_counts_decades_times_accuracy() -> None:
    pairs = [(0.1, 0.7), (1.0, 0.9), (2.0, 0.8), (100.0, 1.0)]
    assert hypervolume(pairs, area_limit_cm2=10.0, accuracy_floor=0.5) == pytest.approx(2 * 0.2 + 1 * 0.2)
    assert hypervolume([(0.0, 1.0)], area_limit_cm2=1.0, area_floor_cm2=0.01) == pytest.approx(2.0)
    assert hypervolume([], area_limit_cm2=1.0) == 0.0
    with pytest.raises(ValueError, match="floor"):
        hypervolume([], area_limit_cm2=1e-5)


@given(st.lists(st.tuples(st.floats(1e-4, 9.0), st.floats(0.0, 1.0)), max_size=12))
def test_hypervolume_grows_with_points_and_ignores_order(pairs: list[tuple[float, float]]) -> None:
    volumes = [hypervolume(pairs[:n], area_limit_cm2=10.0) for n in range(len(pairs) + 1)]
    assert all(a <= b + 1e-9 for a, b in pairwise(volumes))
    assert hypervolume(pairs[::-1], area_limit_cm2=10.0) == volumes[-1]
    kept = nondominated([[area, -accuracy] for area, accuracy in pairs]) if pairs else []
    assert hypervolume([pairs[i] for i in kept], area_limit_cm2=10.0) == pytest.approx(volumes[-1])

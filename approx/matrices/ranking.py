"""Smaller weights with the same winner: what may be taken from every score alike without moving the arg-max.

Subtracting one number from a whole column of a dense layer, or from its bias, changes every score by the same
amount. Sums are planned in `inkling.approx.matrices.plan`; nothing here changes what a network computes.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from inkling.approx.matrices.compressor import bits_to_hold
from inkling.approx.matrices.digits import digit_count
from inkling.approx.matrices.plan import cost, plan

# Widest span of a column's weights that is searched number by number.
_WIDEST = 1024
# A comparator takes about five and a selector four NAND2 for each bit of a score.
_COMPARE = 9

Rows = tuple[tuple[int, ...], ...]


def cheapest_same_ranking(
    weights: Rows, bias: tuple[int, ...], low: tuple[int, ...], high: tuple[int, ...]
) -> tuple[Rows, tuple[int, ...]]:
    """Weights [scores][inputs] and bias [scores] whose arg-max, ties included, is always that of the given ones.

    low, high: range of each input. Several choices of the numbers taken off are planned, with sums shared once, and
    the one with the fewest NAND2 equivalents is kept; the given weights are one of them.
    """
    best = weights, bias
    least = _cost(weights, bias, low, high)
    for offsets in _offsets(weights):
        moved = tuple(tuple(w - c for w, c in zip(row, offsets, strict=True)) for row in weights)
        if (found := _cost(moved, bias, low, high)) < least:
            best, least = (moved, bias), found
    for offset in (min(bias), max(bias)):
        lowered = tuple(b - offset for b in bias)
        if (found := _cost(best[0], lowered, low, high)) < least:
            best, least = (best[0], lowered), found
    return best


def _offsets(weights: Rows) -> Iterator[tuple[int, ...]]:
    """Numbers to take off each column: the least, and those that leave the fewest signed digits."""
    columns = list(zip(*weights, strict=True))
    yield tuple(min(column) for column in columns)
    yield tuple(_fewest_digits_left(column) for column in columns)


def _fewest_digits_left(column: Sequence[int]) -> int:
    """The number whose subtraction leaves the fewest signed digits, and among those the smallest numbers."""
    least, most = min(column), max(column)
    span = most - least
    found = range(least - span, most + span + 1) if span <= _WIDEST else sorted({0, *column})
    counts = {value: digit_count(value) for value in {w - c for w in column for c in found}}
    return min(found, key=lambda c: (sum(counts[w - c] for w in column), max(abs(w - c) for w in column), abs(c), c))


def _cost(weights: Rows, bias: Sequence[int], low: Sequence[int], high: Sequence[int]) -> float:
    """NAND2 equivalents of the scores' adders and of comparing them."""
    matrix = np.array(weights, np.int64).reshape(len(bias), len(low))
    sums = plan(matrix, np.array(bias, np.int64), low, high, work=0)
    ends = [end for one in sums.outputs for end in (one.low, one.high)]
    return cost(sums).nand2 + _COMPARE * (len(weights) - 1) * bits_to_hold(min(ends), max(ends))

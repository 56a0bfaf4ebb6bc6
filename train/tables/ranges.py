"""Choosing the range of every input's quantiser so that the thresholds that matter fall on its leading bits.

A threshold at the middle of the range is the first bit itself and costs no gate; one at a quarter costs one. Plain
ranges from the smallest to the largest value live in `inkling.train.tables.quantiser.fit`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkling.train.tables.quantiser import Quantiser


@dataclass(frozen=True)
class Threshold:
    """A split of one feature: where, and the impurity that it removes, weighted by rows."""

    value: float
    gain: float


def fit_ranges(
    values: NDArray[np.float64],
    labels: NDArray[np.int64],
    spans: Sequence[Quantiser],
    *,
    seed: int = 0,
    leaves: int = 16,
) -> tuple[Quantiser, ...]:
    """A quantiser for every column of training values, float64 [rows, features], with labels, int64 [rows].

    spans: each column's quantiser from its smallest to its largest value, which gives the bits. It is kept where the
    column has so few values that half of its codes tell them all apart.

    A tree with `leaves` leaves says which thresholds matter. A feature's weightiest one becomes the middle of its
    range and the next one, if it is not too near, a quarter; values beyond the range are clipped to it. Features that
    the tree does not read keep their span. Every column must vary.
    """
    found = _thresholds(values, labels, seed, leaves)
    return tuple(_fit_column(values[:, i], found.get(i, ()), span) for i, span in enumerate(spans))


def _thresholds(
    values: NDArray[np.float64], labels: NDArray[np.int64], seed: int, leaves: int
) -> dict[int, tuple[Threshold, ...]]:
    """By feature, weightiest first."""
    from sklearn.tree import DecisionTreeClassifier

    low, scale = _single_precision(values)
    fitted = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=seed).fit((values - low) / scale, labels)
    tree = fitted.tree_
    load = tree.weighted_n_node_samples * tree.impurity
    found: dict[int, list[Threshold]] = {}
    for node in np.flatnonzero(tree.children_left >= 0):
        gain = load[node] - load[tree.children_left[node]] - load[tree.children_right[node]]
        column = int(tree.feature[node])
        value = float(tree.threshold[node] * scale[column] + low[column])
        found.setdefault(column, []).append(Threshold(value, float(gain)))
    return {i: tuple(sorted(splits, key=lambda s: (-s.gain, s.value))) for i, splits in found.items()}


def _single_precision(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What to subtract and to divide by, float64 [columns] each, so that the tree's float32 tells values apart.

    0 and 1 for columns that float32 holds as they are: scaling would move thresholds by a rounding for nothing.
    """
    low, scale = np.zeros(values.shape[1]), np.ones(values.shape[1])
    for k, column in enumerate(values.T):
        different = np.unique(column)
        with np.errstate(over="ignore", under="ignore"):
            single = different.astype(np.float32)
        # A few twins that differ in their last digits are one reading; whole columns of them are time stamps.
        if not np.isfinite(single).all() or len(np.unique(single)) < 0.99 * len(different):
            low[k], scale[k] = different[0], different[-1] - different[0]
    return low, scale


def _spread(values: NDArray[np.float64]) -> float:
    """The standard deviation, also where squares of the values are beyond float64."""
    with np.errstate(over="ignore", invalid="ignore"):
        plain = float(values.std())
    if np.isfinite(plain):
        return plain
    largest = float(np.abs(values).max())
    return float((values / largest).std() * largest)


def _fit_column(values: NDArray[np.float64], thresholds: tuple[Threshold, ...], span: Quantiser) -> Quantiser:
    if not thresholds or len(np.unique(values)) <= 2 ** (span.bits - 1):
        return span
    middle = thresholds[0].value
    apart = [2 * abs(t.value - middle) for t in thresholds[1:] if abs(t.value - middle) > 0.1 * _spread(values)]
    low, high = np.quantile(values, [0.02, 0.98])
    half = apart[0] if apart else max(middle - float(low), float(high) - middle)
    if half <= 0 or not np.isfinite([middle - half, middle + half]).all():
        return span
    return Quantiser(middle - half, middle + half, span.bits)

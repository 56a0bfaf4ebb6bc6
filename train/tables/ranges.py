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

    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=seed).fit(values, labels).tree_
    load = tree.weighted_n_node_samples * tree.impurity
    found: dict[int, list[Threshold]] = {}
    for node in np.flatnonzero(tree.children_left >= 0):
        gain = load[node] - load[tree.children_left[node]] - load[tree.children_right[node]]
        found.setdefault(int(tree.feature[node]), []).append(Threshold(float(tree.threshold[node]), float(gain)))
    return {i: tuple(sorted(splits, key=lambda s: (-s.gain, s.value))) for i, splits in found.items()}


def _fit_column(values: NDArray[np.float64], thresholds: tuple[Threshold, ...], span: Quantiser) -> Quantiser:
    if not thresholds or len(np.unique(values)) <= 2 ** (span.bits - 1):
        return span
    middle = thresholds[0].value
    apart = [2 * abs(t.value - middle) for t in thresholds[1:] if abs(t.value - middle) > 0.1 * float(values.std())]
    low, high = np.quantile(values, [0.02, 0.98])
    half = apart[0] if apart else max(middle - float(low), float(high) - middle)
    if half <= 0 or not np.isfinite([middle - half, middle + half]).all():
        return span
    return Quantiser(middle - half, middle + half, span.bits)

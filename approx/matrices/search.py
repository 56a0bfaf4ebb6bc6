"""Searching which linear combinations of words several rows of a constant matrix should share.

Rows and shared sums are coefficient vectors over words; prices are estimates in full adders: bits in less bits out.
The exact plan and its price are made in `inkling.approx.matrices.plan`; the inner loops are in
`inkling.approx.matrices.greedy`.
"""

from dataclasses import dataclass

import numpy as np

from inkling.approx.matrices.tables import HALF_PER_COLUMN
from inkling.approx.reference.operations import Ints

# By how much of themselves savings are made to look larger in a move: much of it leaves what is locally best.
NOISE = (0.05, 0.15, 0.4, 1.5, 5.0)
# Weights must be below it in magnitude.
LARGEST = 2**14
# How many of the best found a move may start from.
PARENTS = 6


@dataclass(frozen=True, eq=False)
class Shared:
    """Rows [outputs + shared, inputs + shared] of coefficients; row outputs + k defines word inputs + k.

    A shared sum uses only inputs and shared sums before it. cost: estimated full adders.
    """

    coefficients: Ints
    outputs: int
    inputs: int
    cost: float


def search(weights: Ints, low: Ints, high: Ints, *, moves: int, seed: int, keep: int = 6) -> list[Shared]:
    """Shared sums for weights [outputs, inputs] over inputs in low..high (all low < high); the best first.

    The first move shares greedily (after Hartley 1996, but whole row intersections and row differences beside
    two-term patterns); each further one takes some shared sums out of one of the best and shares anew, with noise.
    Returns the `keep` best different ones found. Raises ValueError for weights of 2**14 and more.
    """
    if len(weights) == 0 or np.abs(weights).max(initial=0) >= LARGEST:
        raise ValueError("weights must be below 2**14 in magnitude")
    limit = 2 ** int(np.abs(weights).max(initial=1)).bit_length()
    from inkling.approx.matrices.greedy import greedy
    from inkling.approx.matrices.tables import tables

    gain, choice, digits = tables(limit)
    generator = np.random.default_rng(seed)
    outputs, inputs = weights.shape
    spans = (high - low).astype(np.int64)
    best: list[Shared] = []
    for move in range(max(moves, 1)):
        noise = 0.0 if move == 0 else float(generator.choice(NOISE))
        if move == 0 or not best or generator.random() < 0.1:
            start = weights.copy()
        else:
            base = best[int(generator.integers(min(len(best), PARENTS)))]
            start = _ruin(base, float(generator.choice([0.1, 0.3, 0.6])), generator, limit)
        room = inputs + max(start.shape[0] - outputs, 0) + 12 * outputs + 24
        rows = np.zeros((outputs + room - inputs, room), np.int64)
        rows[: start.shape[0], : start.shape[1]] = start
        words = start.shape[1]
        used = greedy(rows, outputs, inputs, words, spans, gain, choice, digits, limit, noise, generator)
        found = _tidy(rows[: outputs + used - inputs, :used], outputs, inputs, spans, digits, limit)
        if all(abs(found.cost - other.cost) > 1e-9 for other in best):
            best = sorted([*best, found], key=lambda one: one.cost)[:keep]
    return best


def expand(coefficients: Ints, outputs: int, inputs: int) -> Ints:
    """Every word as a combination of inputs, int64 [words, inputs]."""
    words = np.eye(inputs, dtype=np.int64)
    for row in coefficients[outputs:]:
        words = np.vstack([words, row[: len(words)] @ words])
    return words


def _tidy(rows: Ints, outputs: int, inputs: int, spans: Ints, digits: Ints, limit: int) -> Shared:
    """Without shared sums that are used once or never, in order of dependence, and priced."""
    rows = rows.copy()
    while True:
        for node in range(rows.shape[1] - inputs):
            users = np.flatnonzero(rows[:, inputs + node])
            uses = int(sum(digits[abs(rows[r, inputs + node])] for r in users))
            if uses <= 1:
                for r in users:
                    rows[r] += rows[r, inputs + node] * rows[outputs + node]
                    rows[r, inputs + node] = 0
                rows = _without(rows, node, outputs, inputs)
                break
        else:
            break
    rows = _ordered(rows, outputs, inputs)
    return Shared(rows, outputs, inputs, _estimate(rows, outputs, inputs, spans, digits))


def _without(rows: Ints, node: int, outputs: int, inputs: int) -> Ints:
    return np.delete(np.delete(rows, outputs + node, axis=0), inputs + node, axis=1)


def _ordered(rows: Ints, outputs: int, inputs: int) -> Ints:
    """The same with every shared sum after those it uses."""
    uses = rows[outputs:, inputs:] != 0
    order: list[int] = []
    left = list(range(len(uses)))
    while left:
        ready = [k for k in left if not any(uses[k, j] for j in left)]
        if not ready:
            raise ValueError("shared sums use each other")
        order += ready
        left = [k for k in left if k not in ready]
    row_order = [*range(outputs), *(outputs + k for k in order)]
    word_order = [*range(inputs), *(inputs + k for k in order)]
    return rows[row_order][:, word_order]


def _estimate(rows: Ints, outputs: int, inputs: int, spans: Ints, digits: Ints) -> float:
    words = expand(rows, outputs, inputs)
    values = np.vstack([rows[:outputs] @ words, words[inputs:]])
    width = np.array([int(span).bit_length() for span in np.abs(values) @ spans])
    bits = np.array([int(span).bit_length() for span in np.abs(words) @ spans])
    terms = digits[np.abs(rows)]
    # A row that is one word costs nothing.
    return float(((terms @ bits - (1 - HALF_PER_COLUMN) * width) * (terms.sum(axis=1) > 1)).sum())


def _ruin(base: Shared, part: float, generator: np.random.Generator, limit: int) -> Ints:
    """The coefficients without a random part of the shared sums, whose definitions take their place."""
    rows, outputs, inputs = base.coefficients.copy(), base.outputs, base.inputs
    for node in reversed(range(rows.shape[1] - inputs)):
        if generator.random() >= part:
            continue
        merged = rows + rows[:, [inputs + node]] * rows[outputs + node]
        merged[:, inputs + node] = 0
        if np.abs(merged).max() < limit:
            rows = _without(merged, node, outputs, inputs)
    return rows

"""Constant matrix-vector multiplication: sums that several outputs share, priced in full and half adders.

A `Plan` says which shared sums there are and computes exactly weights @ x + bias; how it is searched is in
`inkling.approx.matrices.search`, what its adders look like in `inkling.approx.matrices.cells`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from inkling.approx.matrices.adders import CellPlan
from inkling.approx.matrices.cells import CellBuilder
from inkling.approx.matrices.digits import digit_count, minimal_digits
from inkling.approx.matrices.layout import Laid, Sum, input_word, lay_output, lay_shared
from inkling.approx.matrices.search import LARGEST, Shared, expand, search
from inkling.approx.reference.operations import Ints

# Width of the beam search for half adders while digits are being chosen.
NARROW = 3
# Work (moves times size of the matrix times outputs) where nobody says how much, the most moves, and the work that
# a move is at least.
WORK, MOST_MOVES, LEAST_WORK = 400_000, 2000, 200
# Longest side of a matrix in which sharing is tried without being asked to.
LONGEST = 512
# Candidates times size of the matrix that are priced exactly.
EXACT = 2000
# Terms of a sum times the choices of digits that are tried for it.
TRIALS = 60_000


@dataclass(frozen=True)
class Plan:
    """Shared sums, each of inputs and sums before it, and outputs over both; low, high: ranges of the inputs.

    Bits of the outputs below `first_bit` are not read by anybody.
    """

    low: tuple[int, ...]
    high: tuple[int, ...]
    shared: tuple[Sum, ...]
    outputs: tuple[Sum, ...]
    first_bit: int = 0


@dataclass(frozen=True)
class FullHalfAdders:
    """Full adders, half adders, exclusive-ors of top bits, and the area of all in NAND2 equivalents."""

    full: int
    half: int
    odd: int
    nand2: float


def plans(
    weights: Ints,
    bias: Ints,
    low: Sequence[int],
    high: Sequence[int],
    *,
    first_bit: int = 0,
    moves: int | None = None,
    work: int = WORK,
    seed: int = 0,
) -> list[Plan]:
    """Plans of weights @ x + bias, int64 [outputs, inputs] and [outputs]; low[i] <= x[i] <= high[i]. Cheapest first.

    first_bit: the outputs' bits below it need not be right. moves: how many times sharing is tried, 0 sharing
    nothing; None tries as often as `work` allows (a core does some 60,000 of it a second), but once, except for
    weights of 2**14 and more and for huge matrices. Equal arguments give equal plans. Raises ValueError for shapes
    that do not fit, empty ranges, or, where moves are named, weights of 2**14 and more.
    """
    weights = np.asarray(weights, np.int64)
    outputs, inputs = weights.shape
    if len(bias) != outputs or len(low) != inputs or len(high) != inputs:
        raise ValueError(f"weights {weights.shape} with {len(bias)} biases and {len(low)}, {len(high)} bounds")
    if any(lo > hi for lo, hi in zip(low, high, strict=True)):
        raise ValueError("an input's least value is above its greatest")
    low, high = tuple(map(int, low)), tuple(map(int, high))
    constants = [int(b) for b in bias]
    free = [i for i in range(inputs) if low[i] < high[i] and weights[:, i].any()]
    for i in range(inputs):
        if low[i] == high[i]:
            constants = [c + int(w) * low[i] for c, w in zip(constants, weights[:, i], strict=True)]
    rows = [(tuple(int(weights[o, i]) for i in free), constants[o]) for o in range(outputs)]
    first = [rows.index(row) for row in rows]
    some = [o for o in range(outputs) if first[o] == o and any(rows[o][0])]
    core = weights[np.ix_(some, free)]
    box = np.array(low, np.int64)[free], np.array(high, np.int64)[free]
    if moves is None:
        moves = min(max(work // (core.size * len(core) + LEAST_WORK), 1), MOST_MOVES)
        if np.abs(core).max(initial=0) >= LARGEST or max(core.shape) > LONGEST:
            moves = 0
    if moves and some:
        candidates = search(core, *box, moves=moves, seed=seed, keep=min(max(EXACT // core.size, 6), 80))
    else:
        candidates = [Shared(core, len(some), len(free), 0.0)]
    found = [_planned(one, (low, high), free, some, constants, first_bit) for one in candidates]
    found = sorted(found, key=lambda one: cost(one).nand2)
    return [replace(one, outputs=tuple(one.outputs[o] for o in first)) for one in found]


def plan(
    weights: Ints,
    bias: Ints,
    low: Sequence[int],
    high: Sequence[int],
    *,
    first_bit: int = 0,
    moves: int | None = None,
    work: int = WORK,
    seed: int = 0,
) -> Plan:
    """The cheapest of `plans`."""
    return plans(weights, bias, low, high, first_bit=first_bit, moves=moves, work=work, seed=seed)[0]


def _planned(
    found: Shared,
    bounds: tuple[tuple[int, ...], tuple[int, ...]],
    free: Sequence[int],
    some: Sequence[int],
    constants: Sequence[int],
    first_bit: int,
) -> Plan:
    """The plan of a search's result over the inputs `free` for the outputs `some`."""
    box = np.array([[side[i] for i in free] for side in bounds], np.int64)
    combinations = expand(found.coefficients, found.outputs, found.inputs)
    names = [*free, *(len(bounds[0]) + k for k in range(len(combinations) - len(free)))]
    uses = [sum(digit_count(int(c)) for c in column) for column in found.coefficients.T]
    words = [input_word(lo, hi) for lo, hi in zip(*bounds, strict=True)]
    shared: list[Sum] = []
    for k, row in enumerate(found.coefficients[found.outputs :]):
        ends = _range(combinations[found.inputs + k], box)
        shared.append(_sum(row, names, 0, ends, partial(lay_shared, words, uses=uses[found.inputs + k])))
        words.append(lay_shared(words, shared[-1], uses=uses[found.inputs + k]).word)
    sums = [Sum((), constant, constant, constant) for constant in constants]
    for o, row in zip(some, found.coefficients[: found.outputs], strict=True):
        low, high = _range(row @ combinations, box)
        ends = low + constants[o], high + constants[o]
        sums[o] = _sum(row, names, constants[o], ends, partial(lay_output, words, first_bit=first_bit))
    return Plan(*bounds, tuple(shared), tuple(sums), first_bit)


def _range(combination: Ints, box: Ints) -> tuple[int, int]:
    ends = combination * box
    return int(ends.min(axis=0).sum()), int(ends.max(axis=0).sum())


def _sum(row: Ints, names: Sequence[int], constant: int, ends: tuple[int, int], lay: Callable[..., Laid]) -> Sum:
    """A row's terms with the digits of its coefficients that make the cheapest adders."""
    used = [int(k) for k in np.flatnonzero(row)]
    ways = [minimal_digits(int(row[k])) for k in used]
    picked = [0] * len(used)
    trials = TRIALS // max(sum(map(len, ways)), 1)

    def made() -> Sum:
        chosen = [(names[k], *digit) for k, way, p in zip(used, ways, picked, strict=True) for digit in way[p]]
        return Sum(tuple(chosen), constant, *ends)

    best = lay(made(), beam=NARROW).price
    improved = True
    while improved:
        improved = False
        for j, way in enumerate(ways):
            for p in range(len(way)):
                before = picked[j]
                if p == before or trials <= 0:
                    continue
                trials -= 1
                picked[j] = p
                price = lay(made(), beam=NARROW).price
                if price < best:
                    best, improved = price, True
                else:
                    picked[j] = before
    return made()


def cost(plan: Plan) -> FullHalfAdders:
    """The adders of all sums, without those that turn out equal in two sums."""
    counts = [laid.count for _, laid in dict(zip((*plan.shared, *plan.outputs), lay(plan), strict=True)).items()]
    return FullHalfAdders(
        sum(c.full for c in counts),
        sum(c.half for c in counts),
        sum(c.odd for c in counts),
        sum(c.area for c in counts) / 10,
    )


def cells(plan: Plan) -> CellPlan:
    """The plan bit by bit."""
    widths = [len(input_word(lo, hi).bits) for lo, hi in zip(plan.low, plan.high, strict=True)]
    used = sorted({word for one in (*plan.shared, *plan.outputs) for word, _, _ in one.terms if word < len(widths)})
    builder = CellBuilder([(i, bit) for i in used for bit in range(widths[i])])
    nodes: list[Sequence[int]] = [[builder.node.get((i, bit), 0) for bit in range(w)] for i, w in enumerate(widths)]
    outputs: list[tuple[int, ...]] = []
    for k, laid in enumerate(lay(plan)):
        placed = [[(nodes[word][bit], sign) for word, bit, sign in column] for column in laid.columns]
        if laid.free:
            nodes.append([node for column in builder.add_free(placed, laid.count) for node, _ in column])
        else:
            total = builder.add(placed, laid.constant, laid.count)
            if k < len(plan.shared):
                nodes.append(total)
            else:
                outputs.append(tuple(total))
    signed = tuple(one.low < 0 for one in plan.outputs)
    return CellPlan(builder.operands, tuple(builder.cells), tuple(outputs), signed)


def lay(plan: Plan) -> list[Laid]:
    """Where the bits of all shared sums and outputs stand."""
    words = [input_word(lo, hi) for lo, hi in zip(plan.low, plan.high, strict=True)]
    uses = [0] * (len(words) + len(plan.shared))
    for one in (*plan.shared, *dict.fromkeys(plan.outputs)):
        for word, _, _ in one.terms:
            uses[word] += 1
    found = []
    for one in plan.shared:
        found.append(lay_shared(words, one, uses=uses[len(words)]))
        words.append(found[-1].word)
    return found + [lay_output(words, one, first_bit=plan.first_bit) for one in plan.outputs]

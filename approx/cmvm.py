"""Constant matrix-vector multiplication: sums that several outputs share, priced in full and half adders.

A `Plan` says which shared sums there are and computes exactly weights @ x + bias; how it is searched is in
`approx.cmvm_search`, what its adders look like in `approx.cmvm_cells`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from approx.cmvm_cells import CellBuilder, CellPlan
from approx.cmvm_columns import BEAM, Count, count
from approx.cmvm_digits import minimal_digits
from approx.cmvm_search import Shared, expand, search
from approx.network import Ints, signed_width

# Width of the beam search for half adders while digits are being chosen.
NARROW = 3


@dataclass(frozen=True)
class Sum:
    """constant + sum over (word, shift, sign) of sign * 2**shift * word.

    Words are the inputs, then the shared sums. low, high: exact range for inputs in their box.
    """

    terms: tuple[tuple[int, int, int], ...]
    constant: int
    low: int
    high: int


@dataclass(frozen=True)
class Plan:
    """Shared sums, each of inputs and sums before it, and outputs over both; low, high: ranges of the inputs."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    shared: tuple[Sum, ...]
    outputs: tuple[Sum, ...]


@dataclass(frozen=True)
class FullHalfAdders:
    """Full adders, half adders, exclusive-ors of top bits, and the area of all in NAND2 equivalents."""

    full: int
    half: int
    odd: int
    nand2: float


def plan(
    weights: Ints, bias: Ints, low: Sequence[int], high: Sequence[int], *, moves: int = 24, seed: int = 0
) -> Plan:
    """Sums for weights @ x + bias, int64 [outputs, inputs] and [outputs], where low[i] <= x[i] <= high[i].

    moves: how many times sharing is tried; 0 shares nothing. Equal arguments give equal plans.
    Raises ValueError for shapes that do not fit, empty ranges, or weights of 2**14 and more with moves > 0.
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
    if moves and some:
        candidates = search(core, *box, moves=moves, seed=seed)
    else:
        candidates = [Shared(core, len(some), len(free), 0.0)]
    plans = [_planned(found, low, high, free, some, constants) for found in candidates]
    best = min(plans, key=lambda one: cost(one).nand2)
    return replace(best, outputs=tuple(best.outputs[o] for o in first))


def _planned(
    found: Shared,
    low: tuple[int, ...],
    high: tuple[int, ...],
    free: Sequence[int],
    some: Sequence[int],
    constants: Sequence[int],
) -> Plan:
    """The plan of a search's result over the inputs `free` for the outputs `some`."""
    box = np.array([low[i] for i in free], np.int64), np.array([high[i] for i in free], np.int64)
    words = expand(found.coefficients, found.outputs, found.inputs)
    names = [*free, *(len(low) + k for k in range(len(words) - len(free)))]
    offsets = [0] * len(free)
    shared: list[Sum] = []
    partial = Plan(low, high, (), ())
    for k, row in enumerate(found.coefficients[found.outputs :]):
        combination = words[found.inputs + k]
        least, most = _range(combination, box)
        offset = _offset(least, most)
        offsets.append(offset)
        shared.append(_sum(row, names, offsets, offset, (least + offset, most + offset), partial))
        partial = Plan(low, high, tuple(shared), ())
    sums = [Sum((), constant, constant, constant) for constant in constants]
    for o, row in zip(some, found.coefficients[: found.outputs], strict=True):
        least, most = _range(row @ words, box)
        ends = least + constants[o], most + constants[o]
        sums[o] = _sum(row, names, offsets, constants[o], ends, partial)
    return Plan(low, high, tuple(shared), tuple(sums))


def _range(combination: Ints, box: tuple[Ints, Ints]) -> tuple[int, int]:
    ends = combination * box[0], combination * box[1]
    return int(np.minimum(*ends).sum()), int(np.maximum(*ends).sum())


def _offset(low: int, high: int) -> int:
    """What to add so that the range needs no more bits than it has values for: 0 where that holds already."""
    width = (high - low).bit_length()
    if signed_width(low, high) == width:
        return 0
    first, last = -low, (1 << width) - 1 - high
    # The roundest number between: it meets the fewest columns.
    for shift in reversed(range(width + 1)):
        rounded = -(-first >> shift) << shift
        if rounded <= last:
            return rounded
    return first


def _sum(
    row: Ints, names: Sequence[int], offsets: Sequence[int], constant: int, ends: tuple[int, int], partial: Plan
) -> Sum:
    """A row's terms with the digits of its coefficients that make the cheapest adders."""
    used = [int(k) for k in np.flatnonzero(row)]
    for k in used:
        constant -= int(row[k]) * offsets[k]
    ways = [minimal_digits(int(row[k])) for k in used]
    picked = [0] * len(used)

    def made() -> Sum:
        terms = [
            (names[k], shift, sign) for k, way, p in zip(used, ways, picked, strict=True) for shift, sign in way[p]
        ]
        return Sum(tuple(terms), constant, *ends)

    best = _counted(partial, made(), beam=NARROW)[1].area
    improved = True
    while improved:
        improved = False
        for j, way in enumerate(ways):
            for p in range(len(way)):
                before = picked[j]
                if p == before:
                    continue
                picked[j] = p
                area = _counted(partial, made(), beam=NARROW)[1].area
                if area < best:
                    best, improved = area, True
                else:
                    picked[j] = before
    return made()


def evaluate(plan: Plan, x: NDArray[np.integer]) -> Ints:
    """int [rows, inputs] -> int64 [rows, outputs]."""
    words = [column.astype(np.int64) for column in x.T]
    for one in plan.shared:
        words.append(_value(one, words, len(x)))
    return np.stack([_value(one, words, len(x)) for one in plan.outputs], axis=1)


def cost(plan: Plan) -> FullHalfAdders:
    """The adders of all sums, without those that turn out equal in two sums."""
    counts = [_counted(plan, one)[1] for one in (*plan.shared, *dict.fromkeys(plan.outputs))]
    return FullHalfAdders(
        sum(c.full for c in counts),
        sum(c.half for c in counts),
        sum(c.odd for c in counts),
        sum(c.area for c in counts) / 10,
    )


def cells(plan: Plan) -> CellPlan:
    """The plan bit by bit."""
    widths = [signed_width(lo, hi) for lo, hi in zip(plan.low, plan.high, strict=True)]
    used = sorted({word for one in (*plan.shared, *plan.outputs) for word, _, _ in one.terms if word < len(widths)})
    builder = CellBuilder([(i, bit) for i in used for bit in range(widths[i])])
    nodes: list[Sequence[int]] = [[builder.node.get((i, bit), 0) for bit in range(w)] for i, w in enumerate(widths)]
    outputs: list[Sequence[int]] = []
    for k, one in enumerate((*plan.shared, *plan.outputs)):
        columns, counted = _counted(plan, one)
        placed = [[(nodes[word][bit], sign) for word, bit, sign in column] for column in columns]
        bits = builder.add(placed, one.constant, counted)
        (nodes if k < len(plan.shared) else outputs).append(bits)
    signed = tuple(one.low < 0 for one in plan.outputs)
    return CellPlan(builder.operands, tuple(builder.cells), tuple(map(tuple, outputs)), signed)


def _value(one: Sum, words: Sequence[Ints], rows: int) -> Ints:
    total = np.full(rows, one.constant, np.int64)
    for word, shift, sign in one.terms:
        total += sign * (words[word] << shift)
    return total


def _counted(plan: Plan, one: Sum, *, beam: int = BEAM) -> tuple[list[list[tuple[int, int, int]]], Count]:
    """The bits (word, bit, sign) in each column of a sum, and its adders."""
    width = signed_width(one.low, one.high)
    columns: list[list[tuple[int, int, int]]] = [[] for _ in range(width)]
    for word, shift, sign in one.terms:
        low, high = word_range(plan, word)
        bits = signed_width(low, high)
        for bit in range(min(bits, width - shift)):
            # The top bit of two's complement counts negatively.
            columns[shift + bit].append((word, bit, -sign if low < 0 and bit == bits - 1 else sign))
    plus, minus = ([sum(bit[2] == sign for bit in column) for column in columns] for sign in (1, -1))
    return columns, count(plus, minus, one.constant, beam=beam)


def word_range(plan: Plan, word: int) -> tuple[int, int]:
    """The least and the greatest value of an input or a shared sum."""
    if word < len(plan.low):
        return plan.low[word], plan.high[word]
    one = plan.shared[word - len(plan.low)]
    return one.low, one.high

"""How an `IntegerNetwork` is cut into the loops of a software kernel, and the number widths those loops need.

`inkling.hdl.kernels.c_kernel` and `inkling.hdl.kernels.numba_kernel` write the same plan down in their languages;
nothing here writes text of either.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import (
    ArgMax,
    ClippedReLU,
    DecisionTree,
    Dense,
    Ints,
    Logic,
    MaskedSum,
    Tournament,
)
from inkling.train.errors import InputError


@dataclass(frozen=True)
class Clip:
    """min(max(x, 0) >> shift, top), exact for ClippedReLU; a part that no value in reach needs is None or False.

    Taking the maximum first means that no negative number is ever shifted, which C leaves to the compiler.
    """

    floor: bool
    shift: int
    top: int | None


@dataclass(frozen=True, eq=False)
class Stage:
    """An optional layer of sums and the clips behind it, computed in two's complement of `width` (16, 32, 64) bits.

    The values that enter are held in `width` bits. clips: for every output the clips to apply in order. terms: of
    masked sums, for every output (source, sign, shift, mask).
    """

    sums: Dense | MaskedSum | None
    clips: tuple[tuple[Clip, ...], ...]
    width: int
    terms: tuple[tuple[tuple[int, int, int, int], ...], ...] = ()


Decision: TypeAlias = ArgMax | Tournament | DecisionTree | Logic


@dataclass(frozen=True, eq=False)
class Plan:
    """Stages, then a decision on values held in `width` bits (8: unsigned), or None where they are the scores.

    keys: shift and width of a tournament's matches.
    """

    stages: tuple[Stage, ...]
    decision: Decision | None
    width: int
    inputs: int
    outputs: int
    keys: tuple[tuple[int, int], ...] = ()


def plan(network: IntegerNetwork) -> Plan:
    """Cut a network into stages. Raises InputError for what no kernel can hold (beyond 64 bits, 256 classes)."""
    if any(not 1 <= item.bits <= 8 for item in network.inputs):
        raise InputError("a software kernel reads inputs of 1 to 8 bits; requantise the wider ones")
    if any(isinstance(layer, Decision) for layer in network.layers[:-1]):
        raise InputError("a decision must be the last layer of a network")
    last = network.layers[-1]
    decision = last if isinstance(last, Decision) else None
    layers = network.layers[:-1] if decision is not None else network.layers
    intervals = network.intervals()
    starts = [i for i, layer in enumerate(layers) if i == 0 or isinstance(layer, Dense | MaskedSum)]
    stages = []
    for start, stop in pairwise([*starts, len(layers)]):
        stages.append(_stage(layers[start:stop], intervals[start : stop + 1]))
    low, high = intervals[len(layers)]
    if decision is not None and not (intervals[-1][0][0] >= 0 and intervals[-1][1][0] <= 255):
        raise InputError("a software kernel gives labels of 8 bits: at most 256 classes")
    keys = decision.keys(low, high) if isinstance(decision, Tournament) else ()
    return Plan(tuple(stages), decision, _natural(low, high, decision), len(network.inputs), len(low), keys)


def _stage(layers: tuple[object, ...], intervals: list[tuple[Ints, Ints]]) -> Stage:
    sums = layers[0] if isinstance(layers[0], Dense | MaskedSum) else None
    relus = [layer for layer in layers if isinstance(layer, ClippedReLU)]
    reach = [(int(low.min(initial=0)), int(high.max(initial=0))) for low, high in intervals]
    if isinstance(sums, Dense):
        reach.append(_sums(sums, *intervals[0]))
    elif sums is not None:
        reach.append(_masked_sums(sums, intervals[0][1]))
    width = _signed(min(low for low, _ in reach), max(high for _, high in reach))
    before = intervals[1:-1] if sums is not None else intervals[:-1]
    clips = tuple(
        tuple(
            _clip(relu.of_each(len(low))[o], int(low[o]), int(high[o]))
            for relu, (low, high) in zip(relus, before, strict=True)
        )
        for o in range(len(intervals[-1][0]))
    )
    terms = masked_terms(sums, intervals[0][1]) if isinstance(sums, MaskedSum) else ()
    return Stage(sums, clips, width, terms)


def _clip(relu: tuple[int, int], low: int, high: int) -> Clip:
    shift, bits = relu
    top = (1 << bits) - 1
    return Clip(low < 0, min(shift, 63), top if (high >> shift) > top else None)


def masked_terms(sums: MaskedSum, high: Ints) -> tuple[tuple[tuple[int, int, int, int], ...], ...]:
    """For every output its terms (source, sign, shift, mask) that matter, masks cut to the inputs' bits."""
    found: list[list[tuple[int, int, int, int]]] = [[] for _ in sums.bias]
    parts = (sums.output, sums.source, sums.sign, sums.shift, sums.mask)
    for o, i, sign, shift, mask in zip(*(part.tolist() for part in parts), strict=True):
        if kept := mask & ((1 << int(high[i]).bit_length()) - 1):
            found[o].append((i, sign, shift, kept))
    return tuple(tuple(terms) for terms in found)


def _masked_sums(sums: MaskedSum, high: Ints) -> tuple[int, int]:
    """Bounds of every summand and every partial sum, in whatever order they are added."""
    least, most = [0], [0]
    for terms, bias in zip(masked_terms(sums, high), sums.bias.tolist(), strict=True):
        least.append(min(bias, 0) - sum(mask << shift for _, sign, shift, mask in terms if sign < 0))
        most.append(max(bias, 0) + sum(mask << shift for _, sign, shift, mask in terms if sign > 0))
    return min(least), max(max(most), -min(least))


def _sums(dense: Dense, low: Ints, high: Ints) -> tuple[int, int]:
    """Bounds of every product and every partial sum, in whatever order they are added; exact integers."""
    weights = dense.weights.astype(object)
    bottom = np.minimum(weights * low.astype(object), weights * high.astype(object))
    top = np.maximum(weights * low.astype(object), weights * high.astype(object))
    bias = dense.bias.astype(object)
    least = np.minimum(bottom, 0).sum(axis=1) + np.minimum(bias, 0)
    most = np.maximum(top, 0).sum(axis=1) + np.maximum(bias, 0)
    factor = np.abs(weights).max(initial=0)
    return min(0, *least.tolist(), -factor), max(0, *most.tolist(), factor)


def _signed(low: int, high: int) -> int:
    for width in (16, 32, 64):
        if -(1 << (width - 1)) < low and high < 1 << (width - 1):
            return width
    raise InputError("a sum of this network can exceed 64 bits; use smaller weights or fewer input bits")


def _natural(low: Ints, high: Ints, decision: object) -> int:
    if isinstance(decision, Tournament):
        # Masks of a key are not negative, so they need a bit more than what they mask.
        low, high = 2 * low, 2 * high + 1
    if isinstance(decision, DecisionTree | Logic) and low.min(initial=0) >= 0 and high.max(initial=0) <= 255:
        return 8
    return max(_signed(int(low.min(initial=0)), int(high.max(initial=0))), 16 if decision is not None else 32)


def post_order(tree: DecisionTree) -> list[int]:
    """Inner nodes that the root reaches, each after its children (so that few results wait at a time)."""
    found: list[int] = []
    seen: set[int] = set()
    waiting = [(0, False)]
    while waiting:
        node, done = waiting.pop()
        if done:
            found.append(node)
        elif tree.feature[node] >= 0 and node not in seen:
            seen.add(node)
            waiting += [(node, True), (int(tree.right[node]), False), (int(tree.left[node]), False)]
    return found

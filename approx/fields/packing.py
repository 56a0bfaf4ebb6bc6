"""Texels of a field as a short file: context mixing and binary arithmetic coding, whole numbers only.

`pack` and `unpack` are the definition; the C that does what `unpack` does is written by `inkling.hdl.fields.unpack`.
Which numbers the texels are is decided before (`inkling.train.fields.pyramid`, `inkling.approx.fields.quantise`).

Every texel becomes decisions: is it zero, which sign, is its magnitude above 1, above 2, ... Each is predicted by
three adaptive estimators that look at different neighbours, mixed in the logistic domain by weights that learn
(Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression", 2005), and coded by a carryless range
coder.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs.compiled import compiled
from inkling.approx.reference.field import IntegerField
from inkling.approx.reference.operations import Ints
from inkling.train.errors import InputError

I8: TypeAlias = NDArray[np.int8]

MAGIC = b"INKPACK1"
# Magic, and the 8 bytes that name the kernel the tables belong to; then one byte a level, its shift.
HEADER = 16
# Classes of the neighbours' magnitude, of the coarser level's, and of the feature's before; see `classes`.
NEAR, PARENT, BEFORE = 14, 4, 3
# Decisions on the magnitude that have estimators of their own.
MOST_STEPS = 15
# Estimators of each feature of a level, and of all together, per model.
OWN = NEAR * PARENT * BEFORE + MOST_STEPS * NEAR + 9
SHARED = 2 * NEAR * PARENT * BEFORE + 2 * MOST_STEPS * NEAR * PARENT + 54
# A mixer's weights for each kind of decision, zero or sign or magnitude, of each level.
KINDS, MODELS = 3, 3
FIRST_WEIGHT, LEARNING = 26214, 6
# An estimator follows its decisions with a rate of 1 / (seen + 1.5), never slower than 1 / LIMIT.
LIMIT = 250
RATES = tuple(int(65536 / (n + 1.5)) for n in range(LIMIT + 1))
# 4096 / (1 + exp(-x)) at x = -8, -7.5, ..., 8.
LOGISTIC = tuple(min(4095, max(1, round(4096 / (1 + math.exp((16 - k) / 2))))) for k in range(33))


def classes() -> tuple[int, ...]:
    """The class, 0..NEAR - 1, of each weighted sum of neighbours' magnitudes, 0..127."""
    edges = (0, 1, 2, 3, 4, 5, 7, 9, 12, 16, 23, 32, 45, 64)
    return tuple(sum(value >= edge for edge in edges) - 1 for value in range(128))


def pack(tables: Sequence[I8], print_: bytes = bytes(8)) -> bytes:
    """The file of levels int8 [entries, height, width, features] each, coarse to fine or fine to coarse.

    print_: 8 bytes that are kept, the kernel's fingerprint. Common powers of two of a level's texels are left out.
    """
    _check(tables, print_)
    shifts = [_shift(table) for table in tables]
    symbols = [np.ascontiguousarray(table >> shift) for table, shift in zip(tables, shifts, strict=True)]
    room = 64 + 16 * sum(table.size for table in tables)
    content = np.zeros(room, np.uint8)
    used = _run(symbols, content, False)
    body = content[:used].tobytes().rstrip(b"\0")  # a reader finds zeros behind the end
    return MAGIC + print_ + bytes(shifts) + body


def unpack(content: bytes, shapes: Sequence[tuple[int, int, int, int]]) -> list[I8]:
    """The levels of a file that `pack` wrote. Raises InputError for another file; any content gives some levels."""
    tables = [np.zeros(shape, np.int8) for shape in shapes]
    _check(tables, bytes(8))
    start = HEADER + len(shapes)
    if len(content) < start or not content.startswith(MAGIC) or max(content[HEADER:start], default=0) > 7:
        raise InputError("the packed tables are not of this kind of field: pack them again")
    _run(tables, np.frombuffer(content[start:] + bytes(64), np.uint8).copy(), True)
    return [table << shift for table, shift in zip(tables, content[HEADER:start], strict=True)]


def packed(field: IntegerField, print_: bytes) -> bytes:
    """The file of a field's tables for the kernel of that fingerprint
    (`inkling.hdl.fields.plan.FieldPlan.fingerprint`).
    """
    return pack([read.table for read in field.reads], print_)


def order(shapes: Sequence[tuple[int, ...]]) -> list[int]:
    """Levels in the order of coding: from few texels to many."""
    return sorted(range(len(shapes)), key=lambda k: (shapes[k][1] * shapes[k][2], k))


def parents(shapes: Sequence[tuple[int, ...]]) -> list[int]:
    """For each level the one whose texels predict it, coded just before it and of as many entries; -1 for none."""
    found = [-1] * len(shapes)
    coded = order(shapes)
    for before, k in itertools.pairwise(coded):
        if shapes[before][0] == shapes[k][0]:
            found[k] = before
    return found


def _shift(table: I8) -> int:
    bits = int(np.bitwise_or.reduce(table.view(np.uint8), axis=None))
    return min((bits & -bits).bit_length() - 1, 7) if bits else 0


def _check(tables: Sequence[I8], print_: bytes) -> None:
    if not tables or any(table.dtype != np.int8 or table.ndim != 4 or not table.size for table in tables):
        raise InputError("packing takes at least one level, int8 [entries, height, width, features]")
    if len(print_) != 8:
        raise ValueError("the fingerprint has 8 bytes")


def _run(tables: Sequence[I8], stream: NDArray[np.uint8], decode: bool) -> int:
    """Code all levels into the stream, or out of it; the number of bytes."""
    shapes = [table.shape for table in tables]
    features = [shape[3] for shape in shapes]
    firsts = np.concatenate([[0], np.cumsum(features)]).astype(np.int64)
    state = np.array([0, 0xFFFFFFFF, 0, 0], np.int64)  # low, high, value read, position
    stretch, squash = logistic()
    own = np.full((int(firsts[-1]), 2, OWN, 2), 32768, np.int64)
    shared = np.full((SHARED, 2), 32768, np.int64)
    own[..., 1] = 0
    shared[:, 1] = 0
    weights = np.full((len(tables), KINDS, MODELS), FIRST_WEIGHT, np.int64)
    constants = (np.array(classes(), np.int64), np.array(RATES, np.int64), stretch, squash)
    if decode:
        for _ in range(4):
            state[2] = state[2] << 8 | int(stream[state[3]])
            state[3] += 1
    above = parents(shapes)
    for k in order(shapes):
        parent = tables[above[k]] if above[k] >= 0 else np.zeros((shapes[k][0], 1, 1, 1), np.int8)
        _level(
            tables[k], parent, own[firsts[k] : firsts[k + 1]], shared, weights[k], *constants, stream, state, decode
        )
    if not decode:
        for _ in range(4):
            stream[state[3]] = state[0] >> 24 & 255
            state[0] = state[0] << 8 & 0xFFFFFFFF
            state[3] += 1
    return int(state[3])


def logistic() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """stretch [4096], the logit in 256ths of a probability in 4096ths; squash [4096], its inverse, at 2048 + logit.

    squash is interpolated from LOGISTIC, stretch is the first logit whose squash reaches the probability.
    """
    at = np.arange(-2048, 2048, dtype=np.int64)
    whole, part = (at >> 7) + 16, at & 127
    table = np.array((*LOGISTIC, LOGISTIC[-1]), np.int64)
    squash = (table[whole] * (128 - part) + table[whole + 1] * part + 64) >> 7
    stretch = np.minimum(np.searchsorted(squash, np.arange(4096)), 4095) - 2048
    return stretch.astype(np.int64), squash


@compiled
def _decide(
    bit: int,
    one: Ints,
    two: Ints,
    three: Ints,
    weights: Ints,
    rates: Ints,
    stretch: Ints,
    squash: Ints,
    stream: NDArray[np.uint8],
    state: Ints,
    decode: bool,
) -> int:
    """Code one decision with three estimators, [probability, seen] each, and their mixer; the decision, 0 or 1."""
    a, b, c = stretch[one[0] >> 4], stretch[two[0] >> 4], stretch[three[0] >> 4]
    mixed = (weights[0] * a + weights[1] * b + weights[2] * c) >> 16
    likely = squash[min(max(mixed, -2048), 2047) + 2048]
    spread = state[1] - state[0]
    middle = state[0] + (spread >> 16) * (likely << 4) + ((spread & 65535) * (likely << 4) >> 16)
    if decode:
        bit = 1 if state[2] <= middle else 0
    if bit:
        state[1] = middle
    else:
        state[0] = middle + 1
    while (state[0] ^ state[1]) & 0xFF000000 == 0:
        if decode:
            fed = stream[state[3]] if state[3] < len(stream) else 0
            state[2] = (state[2] << 8 | fed) & 0xFFFFFFFF
        else:
            stream[state[3]] = state[0] >> 24
        state[3] += 1
        state[0] = state[0] << 8 & 0xFFFFFFFF
        state[1] = state[1] << 8 & 0xFFFFFFFF | 255
    for estimator in (one, two, three):
        estimator[0] += ((bit * 65535 - estimator[0]) * rates[estimator[1]]) >> 16
        estimator[1] = min(estimator[1] + 1, len(rates) - 1)
    wrong = ((bit << 12) - likely) * LEARNING
    weights[0] += (a * wrong + 32768) >> 16
    weights[1] += (b * wrong + 32768) >> 16
    weights[2] += (c * wrong + 32768) >> 16
    return bit


@compiled
def _level(
    table: I8,
    parent: I8,
    own: Ints,
    shared: Ints,
    weights: Ints,
    near_class: Ints,
    rates: Ints,
    stretch: Ints,
    squash: Ints,
    stream: NDArray[np.uint8],
    state: Ints,
    decode: bool,
) -> None:
    """Code a level, entry by entry, row by row, texel by texel, feature by feature."""
    entries, height, width, features = table.shape
    zeros, signs = NEAR * PARENT * BEFORE, NEAR * PARENT * BEFORE + MOST_STEPS * NEAR
    all_zeros, all_signs = 2 * zeros, 2 * zeros + 2 * MOST_STEPS * NEAR * PARENT
    none = np.int64(0)
    for e in range(entries):
        for y in range(height):
            py = y * parent.shape[1] // height
            for x in range(width):
                px = x * parent.shape[2] // width
                for f in range(features):
                    west: Any = np.int64(table[e, y, x - 1, f]) if x > 0 else none
                    north: Any = np.int64(table[e, y - 1, x, f]) if y > 0 else none
                    w, n = abs(west), abs(north)
                    corners: Any = abs(np.int64(table[e, y - 1, x - 1, f])) if x > 0 and y > 0 else none
                    corners += abs(np.int64(table[e, y - 1, x + 1, f])) if x + 1 < width and y > 0 else none
                    far: Any = abs(np.int64(table[e, y, x - 2, f])) if x > 1 else none
                    far += abs(np.int64(table[e, y - 2, x, f])) if y > 1 else none
                    up: Any = np.int64(parent[e, py, px, f]) if f < parent.shape[3] else none
                    before: Any = np.int64(table[e, y, x, f - 1]) if f > 0 else none
                    near = near_class[min(2 * (w + n) + corners, 127)]
                    wide = near_class[min(w + n + corners + far, 127)]
                    above = 0 if up == 0 else 1 if abs(up) == 1 else 2 if abs(up) < 4 else 3
                    same = min(abs(before), 2)
                    later = 1 if f > 0 else 0
                    value: Any = np.int64(table[e, y, x, f])
                    texel = ((min(w, 2) * 3 + min(n, 2)) * 3 + min(corners, 2)) * 3 + same
                    if not _decide(
                        1 if value else 0,
                        own[f, 0, (near * PARENT + above) * BEFORE + same],
                        own[f, 1, texel],
                        shared[((later * NEAR + wide) * PARENT + above) * BEFORE + same],
                        weights[0],
                        rates,
                        stretch,
                        squash,
                        stream,
                        state,
                        decode,
                    ):
                        table[e, y, x, f] = 0
                        continue
                    sw, sn = 1 + (west > 0) - (west < 0), 1 + (north > 0) - (north < 0)
                    su, sb = 1 + (up > 0) - (up < 0), 1 + (before > 0) - (before < 0)
                    negative = _decide(
                        1 if value < 0 else 0,
                        own[f, 0, signs + sw * 3 + sn],
                        own[f, 1, signs + su * 3 + sb],
                        shared[all_signs + later * 27 + (sw * 3 + sn) * 3 + su],
                        weights[1],
                        rates,
                        stretch,
                        squash,
                        stream,
                        state,
                        decode,
                    )
                    size = 1
                    most = 128 if negative else 127
                    while size < most:
                        k = min(size - 1, MOST_STEPS - 1)
                        if not _decide(
                            1 if abs(value) > size else 0,
                            own[f, 0, zeros + k * NEAR + near],
                            own[f, 1, zeros + k * NEAR + wide],
                            shared[all_zeros + ((later * MOST_STEPS + k) * NEAR + near) * PARENT + above],
                            weights[2],
                            rates,
                            stretch,
                            squash,
                            stream,
                            state,
                            decode,
                        ):
                            break
                        size += 1
                    table[e, y, x, f] = -size if negative else size

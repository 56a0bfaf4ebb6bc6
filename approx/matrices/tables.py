"""What two coefficients can share, tabulated for every pair: compiled by numba, which importing this module imports.

Where the tables are used is `inkling.approx.matrices.greedy`.
"""

import functools
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs.compiled import compiled
from inkling.approx.reference.operations import Ints

# How far apart (in bits) a shared sum may be in two rows.
SHIFTS = 8
# Largest coefficients that are tabulated, and those up to which every shift is.
TABULATED, SHIFTED = 256, 256

Gains: TypeAlias = NDArray[np.int8]
Choices: TypeAlias = NDArray[np.int16]


@functools.lru_cache(maxsize=4)
def tables(limit: int) -> tuple[Gains, Choices, Ints]:
    """What splitting two coefficients up to `limit` saves, how, and the digits of every number that may turn up."""
    digits = digit_counts(2 * limit << SHIFTS)
    top = min(limit, TABULATED)
    gain, choice = split_tables(top, SHIFTS if limit <= SHIFTED else 1, digits)
    return gain, choice, digits


def digit_counts(limit: int) -> Ints:
    """Digits of the canonical signed-digit form of 0..limit."""
    values = np.arange(limit + 1)
    return np.array(np.bitwise_count(values ^ (3 * values)), np.int64)


@compiled
def split_tables(limit: int, depth: int, digits: Ints) -> tuple[Gains, Choices]:
    """For coefficients v, w and shift d: the c that saves most digits in c once, v - c and w - (c << d).

    digits: of 0..2 * limit << depth. Returns the digits saved and the c, [depth, 2 * limit + 1, 2 * limit + 1].
    """
    size = 2 * limit + 1
    gain = np.zeros((depth, size, size), np.int8)
    choice = np.zeros((depth, size, size), np.int16)
    for d in range(depth):
        for v in range(1, limit + 1):
            for w in range(-limit, limit + 1):
                if w == 0:
                    continue
                now = digits[v] + digits[abs(w)]
                best = 0
                kept = 0
                for c in range(-limit, limit + 1):
                    if c == 0 or abs(v - c) > limit or abs(w - (c << d)) > limit:
                        continue
                    saved = now - digits[abs(c)] - digits[abs(v - c)] - digits[abs(w - (c << d))]
                    if saved > best or (saved == best and saved > 0 and digits[abs(c)] < digits[abs(kept)]):
                        best = saved
                        kept = c
                gain[d, limit + v, limit + w] = gain[d, limit - v, limit - w] = best
                choice[d, limit + v, limit + w] = kept
                choice[d, limit - v, limit - w] = -kept
    return gain, choice


# Beside full adders a sum has half adders in some of its columns: full adders to a column of the result.
HALF_PER_COLUMN = 0.25

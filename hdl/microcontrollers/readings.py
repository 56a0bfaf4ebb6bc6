"""From counts of an analogue-to-digital converter to what a network reads, exactly, without a multiplication.

Which count stands for which reading is a `Scale`; what code a reading has is `inkling.train.tables.quantiser`'s
definition, here in exact numbers: a converter that spans a sensor's range gives its codes by a shift.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.tables.quantiser import Quantiser

MOST_CONVERTER_BITS = 16


@dataclass(frozen=True)
class Scale:
    """A converter of `bits` bits: count c stands for the reading zero + (full - zero) * c / 2**bits, exactly."""

    bits: int
    zero: float
    full: float

    def codes(self, quantiser: Quantiser) -> NDArray[np.int64]:
        """The code of every count, int64 [2**bits]: the quantiser's definition in rational numbers."""
        zero, low = Fraction(self.zero), Fraction(quantiser.low)
        step = (Fraction(self.full) - zero) / 2**self.bits
        width = (Fraction(quantiser.high) - low) / 2**quantiser.bits
        top = 2**quantiser.bits - 1
        # (zero + step * c - low) / width over one common denominator: whole numbers from here on.
        first, rise = (zero - low) / width, step / width
        scale = math.lcm(first.denominator, rise.denominator)
        base, each = int(first * scale), int(rise * scale)
        codes = [min(max((base + each * count) // scale, 0), top) for count in range(2**self.bits)]
        return np.array(codes, np.int64)


def check(scale: Scale, column: str) -> None:
    """Raise InputError unless the scale is one of a converter."""
    if not 1 <= scale.bits <= MOST_CONVERTER_BITS:
        raise InputError(f"a converter has 1 to {MOST_CONVERTER_BITS} bits, not {scale.bits}")
    if not (math.isfinite(scale.zero) and math.isfinite(scale.full - scale.zero) and scale.zero < scale.full):
        raise InputError(f"column {column!r}: its readings at no and at full count must be finite and rise")


def thresholds(quantiser: Quantiser, scale: Scale) -> tuple[int, ...]:
    """For every code from 1 up the smallest count that has it or a greater one; 2**bits where no count has.

    A code k begins at the reading low + (high - low) * k / 2**bits; the count is found in rational numbers.
    """
    zero, low = Fraction(scale.zero), Fraction(quantiser.low)
    step = (Fraction(scale.full) - zero) / 2**scale.bits
    width = (Fraction(quantiser.high) - low) / 2**quantiser.bits
    firsts = (math.ceil((low + width * code - zero) / step) for code in range(1, 2**quantiser.bits))
    return tuple(min(max(first, 0), 2**scale.bits) for first in firsts)


def shift_of(levels: tuple[int, ...], bits: int, code_bits: int) -> int | None:
    """s where code = count >> s for every count, else None."""
    shift = bits - code_bits
    even = shift >= 0 and levels == tuple(code << shift for code in range(1, 2**code_bits))
    return shift if even else None

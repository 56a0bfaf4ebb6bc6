"""The uniform input quantiser: what the printed analogue-to-digital converter of one sensor does.

Which rows a quantiser is fitted on is decided in `inkling.train.tables.assemble` (training rows only).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError

MOST_BITS = 8  # codes are uint8


@dataclass(frozen=True)
class Quantiser:
    """code = clip(floor((value - low) / (high - low) * 2**bits), 0, 2**bits - 1), bits in 1..8."""

    low: float
    high: float
    bits: int

    def codes(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return the codes, uint8, of finite values of any shape; values outside low..high saturate."""
        # A value far outside the fitted range may overflow to an infinity, which saturates as it should.
        with np.errstate(over="ignore"):
            scaled = np.floor((values - self.low) / (self.high - self.low) * 2**self.bits)
        codes: NDArray[np.uint8] = np.clip(scaled, 0, 2**self.bits - 1).astype(np.uint8)
        return codes


def fit(values: NDArray[np.float64], bits: int) -> Quantiser:
    """Fit to the smallest and the largest of the training values, float [rows]; they must differ.

    Raises InputError for bits outside 1..8 and for values without a usable range.
    """
    check_bits(bits)
    low, high = float(values.min()), float(values.max())
    if not (low < high and math.isfinite(high - low)):
        raise InputError(f"cannot quantise values that range from {low:g} to {high:g}: give a finite, non-zero range")
    return Quantiser(low, high, bits)


def check_bits(bits: int) -> None:
    """Raise InputError unless 1 <= bits <= 8."""
    if not 1 <= bits <= MOST_BITS:
        raise InputError(f"{bits} bits for an input code: give 1 to {MOST_BITS} bits")


def around(value: float, bits: int) -> Quantiser:
    """The quantiser of a column that holds one value: a range around it."""
    width = max(abs(value), 1.0) / 2
    return Quantiser(value - width, value + width, bits)

"""The uniform input quantiser: what the printed analogue-to-digital converter of one sensor does."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Quantiser:
    """code = clip(floor((value - low) / (high - low) * 2**bits), 0, 2**bits - 1), bits in 1..8."""

    low: float
    high: float
    bits: int

    def codes(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return the codes, uint8, of values of any shape."""
        scaled = np.floor((values - self.low) / (self.high - self.low) * 2**self.bits)
        codes: NDArray[np.uint8] = np.clip(scaled, 0, 2**self.bits - 1).astype(np.uint8)
        return codes


def fit(values: NDArray[np.float64], bits: int) -> Quantiser:
    """Fit to the smallest and the largest of the training values, float [rows]; they must differ."""
    return Quantiser(float(values.min()), float(values.max()), bits)

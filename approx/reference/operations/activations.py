"""Operations on each number by itself: shifts, clipping, a periodic arc."""

from dataclasses import dataclass

import numpy as np

from inkling.approx.reference.operations.definition import MOST_VALUE_BITS, Bounds, Ints, Whole, operation
from inkling.train.errors import InputError

PHASE_BITS = 16


@operation("clipped_relu", Whole("shift", 0, 63, each=True), Whole("bits", 0, MOST_VALUE_BITS, each=True))
@dataclass(frozen=True)
class ClippedReLU:
    """y = clip(x >> shift, 0, 2**bits - 1); the shift is arithmetic, so it truncates towards minus infinity.

    shift and bits are one number for all neurons or one for each; a neuron of no bits is always 0.
    """

    shift: int | tuple[int, ...]
    bits: int | tuple[int, ...]

    def evaluate(self, x: Ints) -> Ints:
        """int64 [..., neurons] -> int64 of the same shape."""
        tops = (np.int64(1) << np.array(self.bits, np.int64)) - 1
        clipped: Ints = np.clip(x >> np.array(self.shift, np.int64), 0, tops)
        return clipped

    def of_each(self, neurons: int) -> tuple[tuple[int, int], ...]:
        """Shift and bits of every neuron."""
        shifts = (self.shift,) * neurons if isinstance(self.shift, int) else self.shift
        bits = (self.bits,) * neurons if isinstance(self.bits, int) else self.bits
        return tuple(zip(shifts, bits, strict=True))

    def interval(self, x: Bounds) -> Bounds:
        """Exact bounds: the operation is monotone."""
        return self.evaluate(x[0]), self.evaluate(x[1])

    def check(self, x: Bounds) -> None:
        neurons = len(x[0])
        for name, value in (("shift", self.shift), ("bits", self.bits)):
            if isinstance(value, tuple) and len(value) != neurons:
                raise InputError(f"{name} must be one number or {neurons}, one for each neuron")


@operation("rescale", Whole("shift", 0, 62))
@dataclass(frozen=True)
class Rescale:
    """y = x >> shift, arithmetic."""

    shift: int

    def evaluate(self, x: Ints) -> Ints:
        """int64 of any shape -> int64 of that shape."""
        shifted: Ints = x >> self.shift
        return shifted

    def interval(self, x: Bounds) -> Bounds:
        """Exact bounds: the operation is monotone."""
        return x[0] >> self.shift, x[1] >> self.shift

    def check(self, x: Bounds) -> None:
        del x


@operation("periodic_quadratic", Whole("shift", 1 - PHASE_BITS, PHASE_BITS))
@dataclass(frozen=True)
class PeriodicQuadratic:
    """A parabola arc for each half turn; a turn is 2**16 of phase, which is x << -shift or x >> shift, wrapped.

    With t the phase wrapped to -2**15..2**15 - 1: y = min((t * (2**15 - abs(t))) >> 21, 127), so 128 stands for 1.
    -16 < shift <= 16.
    """

    shift: int

    def evaluate(self, x: Ints) -> Ints:
        """int64 [..., neurons] -> int64 of the same shape, in -128..127."""
        half = np.int64(1) << PHASE_BITS - 1
        phase = x >> self.shift if self.shift >= 0 else x << -self.shift
        t = (phase + half & 2 * half - 1) - half
        arcs: Ints = np.minimum((t * (half - np.abs(t))) >> 2 * PHASE_BITS - 11, 127)
        return arcs

    def interval(self, x: Bounds) -> Bounds:
        """The arc's range, whatever the phases are."""
        return np.full_like(x[0], -128), np.full_like(x[1], 127)

    def check(self, x: Bounds) -> None:
        """Any number: a phase wraps."""
        del x

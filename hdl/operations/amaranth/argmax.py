"""Arg-max as a part of a design: a tournament of comparators and selectors, each as narrow as its ranges."""

from collections.abc import Sequence
from dataclasses import dataclass

from inkling.approx.matrices.compressor import bits_to_hold
from inkling.hdl.operations.amaranth.bits import Bit, Wires
from inkling.hdl.operations.amaranth.part import Shape, shape_of, shapes_of


@dataclass(frozen=True)
class Contestant:
    """A score's bits and range, and the bits of its index."""

    bits: Sequence[Bit]
    low: int
    high: int
    index: Sequence[Bit]


def extended(bits: Sequence[Bit], low: int, width: int) -> list[Bit]:
    """The bits brought to a width, sign-extended where `low` is negative."""
    return [*bits, *[bits[-1] if low < 0 else 0] * (width - len(bits))][:width]


def winner_of(wires: Wires, a: Contestant, b: Contestant, *, is_final: bool) -> Contestant:
    """The larger of two, and `a` when they are equal; the final's score is not selected, only its index."""
    low, high = max(a.low, b.low), max(a.high, b.high)
    if a.low >= b.high:
        return a
    if a.high < b.low:
        return b
    least = min(a.low, b.low)
    width = bits_to_hold(least, high)
    x, y = extended(a.bits, a.low, width), extended(b.bits, b.low, width)
    less: Bit = 0  # a < b, worked out by a ripple borrow
    for k in range(width):
        # In two's complement the top bits weigh the other way round.
        pair = (y[k], x[k]) if least < 0 and k == width - 1 else (x[k], y[k])
        less = wires.borrow(f"less{k}", *pair, less)
    index = [wires.choose(f"index{k}", less, q, p) for k, (p, q) in enumerate(zip(a.index, b.index, strict=True))]
    if is_final:
        return Contestant([], low, high, index)
    kept = bits_to_hold(low, high)
    return Contestant([wires.choose(f"y{k}", less, y[k], x[k]) for k in range(kept)], low, high, index)


@dataclass(frozen=True)
class ArgMax:
    """y_0 = index of the largest of x_0, x_1, ..., the lowest among equals; low, high: range of every x_i."""

    low: tuple[int, ...]
    high: tuple[int, ...]

    def inputs(self) -> list[Shape]:
        return shapes_of(self.low, self.high)

    def outputs(self) -> list[Shape]:
        return [shape_of(0, len(self.low) - 1)]

    def draw(self, wires: Wires, x: Sequence[Sequence[Bit]]) -> list[list[Bit]]:
        width = range(self.outputs()[0].width)
        left = [Contestant(x[i], self.low[i], self.high[i], [i >> k & 1 for k in width]) for i in range(len(x))]
        level = 0
        while len(left) > 1:
            last = len(left) == 2
            rounds = [
                winner_of(wires.within(f"round{level}_{i // 2}"), left[i], left[i + 1], is_final=last)
                for i in range(0, len(left) - 1, 2)
            ]
            left = rounds + left[len(rounds) * 2 :]
            level += 1
        return [list(left[0].index)]

"""Single-bit logic over Amaranth values and the constants 0 and 1, folding constants as it goes.

Sums and comparisons are built from it bit by bit, so that what is emitted is what was planned. Only Amaranth is
used, so that this file can be copied into a stand-alone design.
"""

import functools
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from amaranth import Module, Signal

# An Amaranth value one bit wide, or the Python integer 0 or 1. (Amaranth carries no types.)
Bit: TypeAlias = Any


def invert(a: Bit) -> Bit:
    """Not a."""
    return 1 - a if isinstance(a, int) else ~a


def both(a: Bit, b: Bit) -> Bit:
    """a and b."""
    if isinstance(a, int):
        return b if a else 0
    if isinstance(b, int):
        return a if b else 0
    return a & b


def either(a: Bit, b: Bit) -> Bit:
    """a or b."""
    if isinstance(a, int):
        return 1 if a else b
    if isinstance(b, int):
        return 1 if b else a
    return a | b


def differ(a: Bit, b: Bit) -> Bit:
    """a exclusive-or b."""
    if isinstance(a, int):
        return invert(b) if a else b
    if isinstance(b, int):
        return invert(a) if b else a
    return a ^ b


def majority(a: Bit, b: Bit, c: Bit) -> Bit:
    """1 where at least two of the three are; folds constants only, so at least one should be constant."""
    for k, bit in enumerate((a, b, c)):
        if isinstance(bit, int):
            x, y = [other for j, other in enumerate((a, b, c)) if j != k]
            return either(x, y) if bit else both(x, y)
    return (a & b) | (c & (a | b))


class Wires:
    """Gives values names in a module, each name once, so that the text is stable and the logic is shared."""

    def __init__(self, m: Module, prefix: str = "") -> None:
        self.m = m
        self.prefix = prefix

    def within(self, part: str) -> "Wires":
        """The same module, with a part's name before every name."""
        return Wires(self.m, f"{self.prefix}{part}_")

    def name(self, name: str, value: Bit, given: Iterable[Bit] = ()) -> Bit:
        """A signal of that name that carries `value`; a constant, or one of the `given`, stays what it is."""
        if isinstance(value, int) or any(value is bit for bit in given):
            return value
        wire = Signal(name=self.prefix + name)
        self.m.d.comb += wire.eq(value)
        return wire

    def all_of(self, name: str, bits: Sequence[Bit]) -> Bit:
        """The conjunction of any number of bits."""
        return self.name(name, functools.reduce(both, bits, 1), bits)

    def any_of(self, name: str, bits: Sequence[Bit]) -> Bit:
        """The disjunction of any number of bits."""
        return self.name(name, functools.reduce(either, bits, 0), bits)

    def odd(self, name: str, bits: Sequence[Bit]) -> Bit:
        """The exclusive-or of any number of bits."""
        return self.name(name, functools.reduce(differ, bits, 0), bits)

    def full_add(self, name: str, a: Bit, b: Bit, c: Bit) -> tuple[Bit, Bit]:
        """Sum and carry of a + b + c, named `name`_s and `name`_c; a full adder of two half adders."""
        if any(isinstance(bit, int) for bit in (a, b, c)):
            return self.odd(f"{name}_s", (a, b, c)), self.name(f"{name}_c", majority(a, b, c), (a, b, c))
        half = self.name(f"{name}_h", a ^ b)
        return self.name(f"{name}_s", half ^ c), self.name(f"{name}_c", (a & b) | (half & c))

    def full_subtract(self, name: str, a: Bit, b: Bit, c: Bit) -> tuple[Bit, Bit]:
        """Difference and borrow of a - b - c, named `name`_d and `name`_b."""
        if any(isinstance(bit, int) for bit in (a, b, c)):
            return self.odd(f"{name}_d", (a, b, c)), self.name(f"{name}_b", majority(invert(a), b, c), (b, c))
        half = self.name(f"{name}_h", a ^ b)
        return self.name(f"{name}_d", half ^ c), self.name(f"{name}_b", (~a & b) | (~half & c))

    def borrow(self, name: str, a: Bit, b: Bit, c: Bit) -> Bit:
        """1 where a < b + c."""
        return self.name(name, majority(invert(a), b, c), (b, c))

    def choose(self, name: str, condition: Bit, a: Bit, b: Bit) -> Bit:
        """a where `condition`, else b."""
        if isinstance(condition, int):
            return a if condition else b
        if a is b or (isinstance(a, int) and isinstance(b, int) and a == b):
            return a
        if isinstance(a, int):
            return self.name(name, either(condition, b) if a else both(invert(condition), b), (b, condition))
        if isinstance(b, int):
            return self.name(name, either(invert(condition), a) if b else both(condition, a), (a, condition))
        return self.name(name, (condition & a) | (~condition & b))


def bits_of(value: Bit) -> list[Bit]:
    """The bits of an Amaranth value, least significant first."""
    return [value[k] for k in range(len(value))]

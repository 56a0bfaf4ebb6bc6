"""An approximate arg-max as a part of a design: a knock-out of comparators that look only at chosen bits.

The exact arg-max is in `inkling.hdl.operations.amaranth.argmax`, whose description of a contestant is used here too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from inkling.hdl.operations.amaranth.argmax import Contestant, extended
from inkling.hdl.operations.amaranth.bits import Bit, Wires
from inkling.hdl.operations.amaranth.part import Shape, shape_of, shapes_of


def match_winner(wires: Wires, a: Contestant, b: Contestant, key: tuple[int, int], *, is_final: bool) -> Contestant:
    """The contestant of the larger key, and `a` when keys are equal; the final's score is not selected."""
    shift, width = key
    x, y = (extended(c.bits, c.low, max(shift + width, len(c.bits)))[shift : shift + width] for c in (a, b))
    less: Bit = 0  # key of a < key of b, worked out by a ripple borrow
    for k in range(width):
        # In two's complement the top bits weigh the other way round.
        pair = (y[k], x[k]) if k == width - 1 else (x[k], y[k])
        less = wires.borrow(f"less{k}", *pair, less)
    index = [wires.choose(f"index{k}", less, q, p) for k, (p, q) in enumerate(zip(a.index, b.index, strict=True))]
    low, high = min(a.low, b.low), max(a.high, b.high)
    if is_final:
        return Contestant([], low, high, index)
    size = shape_of(low, high).width
    pairs = zip(extended(a.bits, a.low, size), extended(b.bits, b.low, size), strict=True)
    return Contestant([wires.choose(f"y{k}", less, q, p) for k, (p, q) in enumerate(pairs)], low, high, index)


@dataclass(frozen=True)
class Tournament:
    """y_0 = index of the score that wins; low, high: range of every x_i.

    matches: two contestants each, a score's index or the number of scores + the match it has won. keys: first bit
    and number of bits that a match compares, read as two's complement; the left contestant wins a tie.
    """

    low: tuple[int, ...]
    high: tuple[int, ...]
    matches: tuple[tuple[int, int], ...]
    keys: tuple[tuple[int, int], ...]

    def inputs(self) -> list[Shape]:
        return shapes_of(self.low, self.high)

    def outputs(self) -> list[Shape]:
        return [shape_of(0, len(self.low) - 1)]

    def draw(self, wires: Wires, x: Sequence[Sequence[Bit]]) -> list[list[Bit]]:
        width = range(self.outputs()[0].width)
        found = [Contestant(x[i], self.low[i], self.high[i], [i >> k & 1 for k in width]) for i in range(len(x))]
        for m, ((a, b), key) in enumerate(zip(self.matches, self.keys, strict=True)):
            last = m == len(self.matches) - 1
            found.append(match_winner(wires.within(f"match{m}"), found[a], found[b], key, is_final=last))
        return [list(found[-1].index)]

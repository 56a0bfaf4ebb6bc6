"""A decision tree as a part of a design: constant comparators, each once, and a multiplexer tree of label bits."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import unsigned

from inkling.hdl.operations.amaranth.bits import Bit, Wires, both, either
from inkling.hdl.operations.amaranth.part import Shape


def greater_than(wires: Wires, bits: Sequence[Bit], threshold: int) -> Bit:
    """1 where the unsigned number is above a constant: one AND or OR for every bit from the lowest 0 on."""
    if threshold < 0:
        return 1
    if threshold >> len(bits):
        return 0
    above: Bit = 0
    for k, bit in enumerate(bits):
        above = wires.name(f"bit{k}", (both if threshold >> k & 1 else either)(bit, above), (bit, above))
    return above


@dataclass(frozen=True)
class Tree:
    """y_0 = class of the leaf that x reaches: from node n to left[n] where x[feature[n]] <= threshold[n].

    widths: bits of every unsigned x_i. Children come after their parent; a leaf has feature -1.
    """

    widths: tuple[int, ...]
    feature: tuple[int, ...]
    threshold: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    label: tuple[int, ...]
    label_width: int

    def inputs(self) -> list[Shape]:
        return [unsigned(width) for width in self.widths]

    def outputs(self) -> list[Shape]:
        return [unsigned(self.label_width)]

    def draw(self, wires: Wires, x: Sequence[Sequence[Bit]]) -> list[list[Bit]]:
        above: dict[tuple[int, int], Bit] = {}
        for f, t in sorted({(f, t) for f, t in zip(self.feature, self.threshold, strict=True) if f >= 0}):
            above[f, t] = greater_than(wires.within(f"x{f}_above_{t}"), x[f], t)
        reached: dict[int, list[Bit]] = {}
        for n in reversed(range(len(self.feature))):
            if self.feature[n] < 0:
                reached[n] = [self.label[n] >> k & 1 for k in range(self.label_width)]
                continue
            condition = above[self.feature[n], self.threshold[n]]
            pairs = zip(reached[self.right[n]], reached[self.left[n]], strict=True)
            reached[n] = [wires.choose(f"node{n}_{k}", condition, a, b) for k, (a, b) in enumerate(pairs)]
        return [reached[0]]

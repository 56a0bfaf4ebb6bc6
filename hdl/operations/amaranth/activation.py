"""The clipped ReLU as a part of a design, where no sum comes before."""

from collections.abc import Sequence
from dataclasses import dataclass

from inkling.hdl.operations.amaranth.bits import Bit, Wires
from inkling.hdl.operations.amaranth.clip import clip, clip_bits
from inkling.hdl.operations.amaranth.part import Shape, shapes_of


@dataclass(frozen=True)
class Activation:
    """y_i = clip(x_i >> shift, 0, 2**bits - 1), where no sum comes before.

    low, high: range of x_i; activations: shift and bits for every i.
    """

    low: tuple[int, ...]
    high: tuple[int, ...]
    activations: tuple[tuple[int, int], ...]

    def inputs(self) -> list[Shape]:
        return shapes_of(self.low, self.high)

    def outputs(self) -> list[Shape]:
        clipped = [
            [clip(value, *how) for value, how in zip(ends, self.activations, strict=True)]
            for ends in (self.low, self.high)
        ]
        return shapes_of(*clipped)

    def draw(self, wires: Wires, x: Sequence[Sequence[Bit]]) -> list[list[Bit]]:
        found = []
        shapes = self.outputs()
        for i, (value, least, (shift, bits)) in enumerate(zip(x, self.low, self.activations, strict=True)):
            shape = shapes[i]
            shifted = value[shift:] or [value[-1] if least < 0 else 0]
            clipped = clip_bits(wires.within(f"n{i}"), shifted, least < 0, bits)
            found.append([*clipped, *[0] * shape.width][: shape.width])
        return found

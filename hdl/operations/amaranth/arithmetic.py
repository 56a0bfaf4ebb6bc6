"""Shifts and periodic arcs of each number by itself as parts of a design."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import Cat, Mux, Signal, signed

from inkling.hdl.operations.amaranth.bits import Bit, Wires, bits_of
from inkling.hdl.operations.amaranth.part import Shape, shapes_of


@dataclass(frozen=True)
class Shifted:
    """y_i = x_i >> shift; low, high: range of x_i."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    shift: int

    def inputs(self) -> list[Shape]:
        return shapes_of(self.low, self.high)

    def outputs(self) -> list[Shape]:
        return shapes_of([low >> self.shift for low in self.low], [high >> self.shift for high in self.high])

    def draw(self, wires: Wires, x: Sequence[Sequence[Bit]]) -> list[list[Bit]]:
        del wires
        signs = [value[-1] if least < 0 else 0 for value, least in zip(x, self.low, strict=True)]
        return [
            [*value[self.shift :], *[sign] * shape.width][: shape.width]
            for value, sign, shape in zip(x, signs, self.outputs(), strict=True)
        ]


@dataclass(frozen=True)
class Arc:
    """y_i = min((t * (2**15 - abs(t))) >> 21, 127) with t = x_i >> shift (or << -shift) wrapped to 16 bits."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    shift: int

    def inputs(self) -> list[Shape]:
        return shapes_of(self.low, self.high)

    def outputs(self) -> list[Shape]:
        return [signed(8) for _ in self.low]

    def draw(self, wires: Wires, x: Sequence[Sequence[Bit]]) -> list[list[Bit]]:
        found = []
        for i, (value, least) in enumerate(zip(x, self.low, strict=True)):
            sign = value[-1] if least < 0 else 0
            moved = [*[0] * -self.shift, *value[max(self.shift, 0) :], *[sign] * 16][:16]
            t = Signal(signed(16), name=f"{wires.prefix}t{i}")
            arc, y = Signal(signed(11), name=f"{wires.prefix}arc{i}"), Signal(signed(8), name=f"{wires.prefix}y{i}")
            wires.m.d.comb += [
                t.eq(Cat(moved)),
                arc.eq((t * ((1 << 15) - Mux(t < 0, -t, t)).as_signed()) >> 21),
                y.eq(Mux(arc > 127, 127, arc)),
            ]
            found.append(bits_of(y))
        return found

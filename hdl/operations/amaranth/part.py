"""What all parts of a design share: a part is plain data that can draw itself, alone or in a chain.

Parts themselves are in the modules beside this one.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from amaranth import Cat, Module, signed, unsigned
from amaranth.lib.wiring import Component, In, Out

from inkling.approx.matrices.compressor import bits_to_hold
from inkling.hdl.operations.amaranth.bits import Bit, Wires, bits_of

# An Amaranth shape. (Amaranth carries no types.)
Shape: TypeAlias = Any
# A number in a design: the part that gives it, from 1 (0: the input ports), and its place there.
Place: TypeAlias = tuple[int, int]


def shape_of(low: int, high: int) -> Shape:
    """The smallest Amaranth shape that holds low..high: unsigned where low is not negative."""
    return (signed if low < 0 else unsigned)(bits_to_hold(low, high))


def shapes_of(low: Sequence[int], high: Sequence[int]) -> list[Shape]:
    """`shape_of` for several values."""
    return [shape_of(lo, hi) for lo, hi in zip(low, high, strict=True)]


class Part(Protocol):
    """An operation on several small numbers: frozen data, whose repr is an expression that makes it again."""

    def inputs(self) -> list[Shape]:
        """Shapes of its inputs."""

    def outputs(self) -> list[Shape]:
        """Shapes of its outputs."""

    def draw(self, wires: Wires, x: Sequence[Sequence[Bit]]) -> list[list[Bit]]:
        """Add its logic over the bits of its inputs; return the bits of its outputs."""


class PartComponent(Component):  # type: ignore[misc]
    """One part as an Amaranth component with ports x_0, x_1, ... and y_0, y_1, ..."""

    def __init__(self, part: Part) -> None:
        self.part = part
        ports = {f"x_{k}": In(shape) for k, shape in enumerate(part.inputs())}
        super().__init__(ports | {f"y_{k}": Out(shape) for k, shape in enumerate(part.outputs())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        x = [bits_of(getattr(self, f"x_{k}")) for k in range(len(self.part.inputs()))]
        for k, bits in enumerate(self.part.draw(Wires(m), x)):
            m.d.comb += getattr(self, f"y_{k}").eq(Cat(bits))
        return m


class Chain(Component):  # type: ignore[misc]
    """Parts in order as an Amaranth component with named ports.

    ports: name and width of every input port. label_width: the width of the one output port `label`, or None for
    one output port `score_k` to each number that leaves. wiring: for each part, and last for the outputs, the numbers
    that it reads; None where every part reads the one before.
    """

    def __init__(
        self,
        ports: Sequence[tuple[str, int]],
        parts: Sequence[Part],
        label_width: int | None,
        wiring: Sequence[Sequence[Place]] | None = None,
    ) -> None:
        self.input_names = tuple(name for name, _ in ports)
        self.parts, self.wiring = tuple(parts), wiring
        groups = [[unsigned(width) for _, width in ports], *(part.outputs() for part in self.parts)]
        last = groups[-1] if wiring is None else [groups[group][k] for group, k in wiring[-1]]
        self.output_names = ("label",) if label_width else tuple(f"score_{k}" for k in range(len(last)))
        shapes = [label_width] if label_width else last
        members = {name: In(width) for name, width in ports}
        super().__init__(members | dict(zip(self.output_names, map(Out, shapes), strict=True)))

    def elaborate(self, platform: object) -> Module:
        # One flat module: its wires keep plain names, where Amaranth would invent ports between submodules.
        m = Module()
        wires = Wires(m)
        groups = [[bits_of(getattr(self, name)) for name in self.input_names]]
        for k, part in enumerate(self.parts):
            values = groups[-1] if self.wiring is None else [groups[group][i] for group, i in self.wiring[k]]
            groups.append(part.draw(wires.within(f"{type(part).__name__.lower()}{k}"), values))
        values = groups[-1] if self.wiring is None else [groups[group][i] for group, i in self.wiring[-1]]
        for name, bits in zip(self.output_names, values, strict=True):
            m.d.comb += getattr(self, name).eq(Cat(bits))
        return m

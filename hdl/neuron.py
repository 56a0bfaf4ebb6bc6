"""One neuron as a part of a design: a constant-weight sum drawn from its plan, and the clipped ReLU.

Which adders there are is decided in `approx.compressor`; here they become gates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from approx.compressor import ADD, ANY, BORROW, ODD, SUBTRACT, SumPlan, plan_sum
from hdl.bits import Bit, Wires, invert
from hdl.part import Shape, shape_of, shapes_of


def draw_plan(wires: Wires, plan: SumPlan, operands: Sequence[Bit]) -> list[Bit]:
    """Draw the plan's cells over the operands' bits and return the bits of the total."""
    nodes: list[Bit] = [0, 1, *operands]
    for k, cell in enumerate(plan.cells):
        sources = [nodes[source] for source in cell.sources]
        match cell.kind:
            case str(kind) if kind == ADD:
                nodes += wires.full_add(f"add{k}", *sources)
            case str(kind) if kind == SUBTRACT:
                nodes += wires.full_subtract(f"sub{k}", *sources)
            case str(kind) if kind == BORROW:
                nodes += wires.borrow(f"sub{k}_b", *sources), 0
            case str(kind) if kind == ODD:
                nodes += wires.odd(f"odd{k}", sources), 0
            case str(kind) if kind == ANY:
                nodes += wires.any_of(f"any{k}", sources), 0
            case _:
                raise ValueError(f"no such adder cell: {cell.kind}")
    return [nodes[node] for node in plan.total]


def clip_bits(wires: Wires, value: Sequence[Bit], is_signed: bool, bits: int) -> list[Bit]:
    """clip(value, 0, 2**bits - 1), of a value that is already shifted."""
    body, negative = (value[:-1], value[-1]) if is_signed else (value, 0)
    over = wires.any_of("over", body[bits:])
    keep = wires.name("keep", invert(negative), (negative,))
    filled = [wires.any_of(f"full{k}", (bit, over)) for k, bit in enumerate(body[:bits])]
    return [wires.all_of(f"y{k}", (bit, keep)) for k, bit in enumerate(filled)]


def clip(value: int, shift: int, bits: int) -> int:
    """The clipped ReLU of one number."""
    return min(max(value >> shift, 0), (1 << bits) - 1)


@dataclass(frozen=True)
class Neuron:
    """y_0 = bias + sum of weights[i] * x_i, or the clipped ReLU (shift, bits) of it.

    low, high: range of every x_i.
    """

    weights: tuple[int, ...]
    bias: int
    low: tuple[int, ...]
    high: tuple[int, ...]
    activation: tuple[int, int] | None = None

    def range(self) -> tuple[int, int]:
        """The least and the greatest y_0."""
        ends = [sorted((w * lo, w * hi)) for w, lo, hi in zip(self.weights, self.low, self.high, strict=True)]
        sums = self.bias + sum(end[0] for end in ends), self.bias + sum(end[1] for end in ends)
        if self.activation is None:
            return sums
        least, most = (clip(value, *self.activation) for value in sums)
        return least, most

    def plan(self) -> SumPlan:
        """The adder tree."""
        first_bit = self.activation[0] if self.activation else 0
        return plan_sum(self.weights, self.bias, self.low, self.high, first_bit=first_bit)

    def inputs(self) -> list[Shape]:
        return shapes_of(self.low, self.high)

    def outputs(self) -> list[Shape]:
        return [shape_of(*self.range())]

    def draw(self, wires: Wires, x: Sequence[Sequence[Bit]]) -> list[list[Bit]]:
        least, most = self.range()
        width = self.outputs()[0].width
        if least == most:
            return [[least >> k & 1 for k in range(width)]]
        plan = self.plan()
        total = draw_plan(wires, plan, [x[i][bit] for i, bit in plan.operands])
        if self.activation is not None:
            total = clip_bits(wires, total, plan.signed, self.activation[1])
        return [total[:width]]


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

"""A layer of masked sums as a part of a design: what masks leave of the summands, added bit by bit.

Which adders there are is decided in `inkling.approx.matrices.compressor`; here they become gates. Clipping is
`inkling.hdl.operations.amaranth.clip`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from inkling.approx.matrices.compressor import ADD, ANY, BORROW, ODD, SUBTRACT, SumPlan, plan_bits
from inkling.hdl.operations.amaranth.bits import Bit, Wires
from inkling.hdl.operations.amaranth.clip import clip, clip_bits
from inkling.hdl.operations.amaranth.part import Shape, shape_of, shapes_of


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


@dataclass(frozen=True)
class MaskedLayer:
    """y_o = bias[o] + sum of weight * (bit of x_i) over (i, bit, weight) of weights[o], or the clipped ReLU of it.

    high: the greatest value of every x_i, which is never negative; activations: shift and bits of every output's
    clipped ReLU.
    """

    weights: tuple[tuple[tuple[int, int, int], ...], ...]
    bias: tuple[int, ...]
    high: tuple[int, ...]
    activations: tuple[tuple[int, int], ...] | None = None

    def sums(self) -> list[tuple[int, int]]:
        """The least and the greatest sum of every output."""
        return [
            (bias + sum(min(w, 0) for _, _, w in row), bias + sum(max(w, 0) for _, _, w in row))
            for row, bias in zip(self.weights, self.bias, strict=True)
        ]

    def inputs(self) -> list[Shape]:
        return shapes_of([0] * len(self.high), self.high)

    def outputs(self) -> list[Shape]:
        if self.activations is None:
            return [shape_of(*ends) for ends in self.sums()]
        return [
            shape_of(clip(low, *how), clip(high, *how))
            for (low, high), how in zip(self.sums(), self.activations, strict=True)
        ]

    def draw(self, wires: Wires, x: Sequence[Sequence[Bit]]) -> list[list[Bit]]:
        shapes = self.outputs()
        return [self._draw_one(wires.within(f"n{o}"), x, o, shape.width) for o, shape in enumerate(shapes)]

    def _draw_one(self, wires: Wires, x: Sequence[Sequence[Bit]], output: int, width: int) -> list[Bit]:
        low, high = self.sums()[output]
        how = self.activations[output] if self.activations is not None else None
        least, most = (clip(low, *how), clip(high, *how)) if how is not None else (low, high)
        if least == most:
            return [least >> k & 1 for k in range(width)]
        first_bit = how[0] if how is not None else 0
        plan = plan_bits(self.weights[output], self.bias[output], low, high, first_bit=first_bit)
        total = draw_plan(wires, plan, [x[i][bit] for i, bit in plan.operands])
        if how is not None:
            total = clip_bits(wires, total, plan.signed, how[1])
        return total[:width]

"""A dense layer with shared sums as a part of a design: adder cells drawn as NAND2 that share what they can.

Which cells there are is decided in `inkling.approx.matrices.plan` and `inkling.approx.matrices.cells`; the clipped
ReLU is `inkling.hdl.operations.amaranth.clip`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from inkling.approx.matrices.adders import FULL, MIXED, NOT, CellPlan
from inkling.hdl.operations.amaranth.bits import Bit, Wires, both, either, invert
from inkling.hdl.operations.amaranth.clip import clip, clip_bits
from inkling.hdl.operations.amaranth.part import Shape, shape_of, shapes_of


def draw_cells(wires: Wires, plan: CellPlan, operands: Sequence[Bit]) -> list[list[Bit]]:
    """Draw the plan's cells over the operands' bits; return the bits of every output."""
    nodes: list[Bit] = [0, 1, *operands]
    for k, cell in enumerate(plan.cells):
        sources = [nodes[source] for source in cell.sources]
        name = f"c{k}"
        if cell.kind == NOT:
            nodes += wires.name(name, invert(sources[0])), 0
        elif cell.kind in (FULL, MIXED):
            nodes += _full(wires, name, cell.kind == MIXED, *sources)
        else:
            nodes += _half(wires, name, cell.kind, *sources)
    return [[nodes[node] for node in output] for output in plan.outputs]


def _nand(wires: Wires, name: str, a: Bit, b: Bit) -> Bit:
    return wires.name(name, invert(both(a, b)))


def _exclusive_or(wires: Wires, name: str, a: Bit, b: Bit, again: str = "") -> tuple[Bit, Bit, Bit, Bit]:
    """a xor b of four NAND2, and of these a nand b, a nand not b (left), not a nand b (right).

    Smaller than the library's cell, and a carry needs one NAND2 more: the full adder of nine NAND2. again: which of
    left and right is read besides, and so is a wire.
    """
    neither = _nand(wires, f"{name}_n", a, b)
    left, right = invert(both(a, neither)), invert(both(b, neither))
    if again == "left":
        left = wires.name(f"{name}_l", left)
    if again == "right":
        right = wires.name(f"{name}_r", right)
    return _nand(wires, f"{name}_x", left, right), neither, left, right


def _full(wires: Wires, name: str, mixed: bool, a: Bit, b: Bit, c: Bit) -> tuple[Bit, Bit]:
    half, ab, _, _ = _exclusive_or(wires, f"{name}_h", a, b)
    total, with_c, without_c, _ = _exclusive_or(wires, name, half, c, "left" if mixed else "")
    return total, _nand(wires, f"{name}_c", ab, without_c if mixed else with_c)


def _half(wires: Wires, name: str, kind: str, a: Bit, b: Bit) -> tuple[Bit, Bit]:
    inverted, carry = kind.startswith("x"), kind.removeprefix("x")
    if carry in ("or", "nor"):
        some = wires.name(f"{name}_o", either(a, b))
        same = _nand(wires, f"{name}_x", some, invert(both(a, b)))
        total = same if inverted else wires.name(f"{name}_d", invert(same))
        return total, some if carry == "or" else wires.name(f"{name}_c", invert(some))
    again = {"greater": "left", "not_greater": "left", "less": "right", "not_less": "right"}.get(carry, "")
    odd, ab, left, right = _exclusive_or(wires, name, a, b, again)
    found = {"": ab, "left": left, "right": right}[again]
    if carry in ("and", "greater", "less"):
        found = wires.name(f"{name}_c", invert(found))
    return (wires.name(f"{name}_s", invert(odd)) if inverted else odd), found


@dataclass(frozen=True)
class SharedLayer:
    """The outputs of a plan over x_i in low[i]..high[i], or the clipped ReLU of them.

    ranges: the least and the greatest value of every output before the ReLU; activations: shift and bits of every
    output's clipped ReLU.
    """

    plan: CellPlan
    low: tuple[int, ...]
    high: tuple[int, ...]
    ranges: tuple[tuple[int, int], ...]
    activations: tuple[tuple[int, int], ...] | None = None

    def inputs(self) -> list[Shape]:
        return shapes_of(self.low, self.high)

    def _final(self) -> list[tuple[int, int]]:
        if self.activations is None:
            return list(self.ranges)
        each = zip(self.ranges, self.activations, strict=True)
        return [(clip(low, *activation), clip(high, *activation)) for (low, high), activation in each]

    def outputs(self) -> list[Shape]:
        return [shape_of(low, high) for low, high in self._final()]

    def draw(self, wires: Wires, x: Sequence[Sequence[Bit]]) -> list[list[Bit]]:
        totals = draw_cells(wires, self.plan, [x[i][bit] for i, bit in self.plan.operands])
        found = []
        for o, ((least, most), total, signed) in enumerate(zip(self._final(), totals, self.plan.signed, strict=True)):
            width = shape_of(least, most).width
            if least == most:
                found.append([least >> k & 1 for k in range(width)])
                continue
            if self.activations is not None:
                shift, bits = self.activations[o]
                shifted = total[shift:] or ([total[-1]] if signed else [0])
                total = clip_bits(wires.within(f"n{o}"), shifted, signed, bits)
            found.append([*total, *[0] * width][:width])
        return found

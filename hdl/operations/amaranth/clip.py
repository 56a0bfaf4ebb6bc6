"""The clipped ReLU on the bits of one number, for parts, engines and folded circuits; and on a number."""

from collections.abc import Sequence

from inkling.hdl.operations.amaranth.bits import Bit, Wires, invert


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

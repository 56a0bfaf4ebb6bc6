"""`FoldPlan`: everything that a folded circuit is made from, as plain data, and the tables that its counters address.

Emitted components carry this text with them, so it imports nothing of the project; `inkling.approx.folding.search`
makes plans.
"""

from dataclasses import dataclass

# The source of a step that adds a constant.
ONE = -1


@dataclass(frozen=True)
class FoldPlan:
    """inputs: name and bits of every port; order: the input, or ONE, at each address of the first layer.

    digit_bits: log2 of the clocks of an address. multiplier: weights are taken whole, else one signed power of two a
    clock. first_bits, second_bits: log2 of the clocks of a pass through the first layer and of a class. hidden: shift
    and bits of every hidden value; stored: whether it has registers of its own, its sum's being used again.
    operands: the hidden value, or ONE, of each step of a class. width, score_width: bits of a hidden neuron's sum and
    of a difference of scores. lanes: for each lane the tables of its code, one character for each address (pass above
    step): 0, 1, or - where it does not matter; scores: the same for the classes (class above step).
    """

    inputs: tuple[tuple[str, int], ...]
    label_width: int
    classes: int
    order: tuple[int, ...]
    digit_bits: int
    multiplier: bool
    passes: int
    first_bits: int
    second_bits: int
    hidden: tuple[tuple[int, int], ...]
    stored: tuple[bool, ...]
    operands: tuple[int, ...]
    width: int
    score_width: int
    lanes: tuple[tuple[str, ...], ...]
    scores: tuple[str, ...]

    @property
    def clocks(self) -> int:
        """From the edge that sees `start` to the edge after which `done` is 1."""
        return (self.passes << self.first_bits) + (self.classes - 1 << self.second_bits)


def merged(low: str, high: str) -> str | None:
    """Both halves of a table as one where nothing that matters differs, else None."""
    if low == high:
        return low
    together = []
    for a, b in zip(low, high, strict=True):
        if a != b and a != "-" and b != "-":
            return None
        together.append(b if a == "-" else a)
    return "".join(together)


def constant(table: str) -> int | None:
    """The one value of a table, 0 where none matters, or None where there are two."""
    known = set(table) - {"-"}
    return None if len(known) == 2 else int(known.pop()) if known else 0

"""Where the bits of a sum stand: columns of signed bits of earlier words, the adders over them, and what comes out.

Which sums there are is `inkling.approx.matrices.plan`'s; how a column is reduced is in
`inkling.approx.matrices.columns`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from inkling.approx.matrices.columns import BEAM, FULL, Count, count, count_free
from inkling.approx.reference.operations import signed_width


@dataclass(frozen=True)
class Sum:
    """constant + sum over (word, shift, sign) of sign * 2**shift * word.

    Words are the inputs, then the shared sums, whose constant is 0. low, high: exact range for inputs in their box.
    """

    terms: tuple[tuple[int, int, int], ...]
    constant: int
    low: int
    high: int


@dataclass(frozen=True)
class Word:
    """constant + sum over its bits of sign * 2**weight * bit; bits are pairs (weight, sign)."""

    bits: tuple[tuple[int, int], ...]
    constant: int


@dataclass(frozen=True)
class Laid:
    """columns[k]: the bits (word, bit's place in the word, sign) of weight 2**k; the constant beside them; adders.

    free: `count` comes from `count_free`. price: area and, of a shared sum, what its users pay for its bits, in
    tenths of a NAND2.
    """

    columns: tuple[tuple[tuple[int, int, int], ...], ...]
    constant: int
    count: Count
    free: bool
    word: Word
    price: int


def input_word(low: int, high: int) -> Word:
    """The bits of an input: unsigned, or two's complement, whose top bit counts negatively."""
    width = signed_width(low, high)
    return Word(tuple((k, -1 if low < 0 and k == width - 1 else 1) for k in range(width)), 0)


def lay_output(words: Sequence[Word], one: Sum, *, first_bit: int = 0, beam: int = BEAM) -> Laid:
    """An output: unsigned or two's complement in the fewest bits that hold its range."""
    width = signed_width(one.low, one.high)
    columns, constant = _columns(words, one, width)
    found = count(*_heights(columns), constant, first_bit=first_bit, beam=beam)
    return Laid(columns, constant, found, False, input_word(one.low, one.high), found.area)


def lay_shared(words: Sequence[Word], one: Sum, *, uses: int, beam: int = BEAM) -> Laid:
    """A shared sum, in whatever bits are cheapest for itself and its users together."""
    columns, constant = _columns(words, one, None)
    # A bit costs every user about a full adder.
    free = count_free(*_heights(columns), FULL * uses, beam=beam)
    bits = tuple((k, sign) for k, column in enumerate(free.columns) for sign in column.kept)
    carried = sum(column.constant << (k + 1) for k, column in enumerate(free.columns))
    word = Word(bits, constant + carried)
    found = [Laid(columns, 0, free, True, word, free.area + FULL * uses * len(bits))]
    # In fixed width the top column needs no carries.
    span = (one.high - one.low).bit_length()
    offset = _offset(one.low, one.high)
    columns, constant = _columns(words, one, signed_width(one.low + offset, one.high + offset))
    if all(columns):
        fixed = count(*_heights(columns), constant + offset, beam=beam)
        word = input_word(one.low + offset, one.high + offset)
        price = fixed.area + FULL * uses * span
        found.append(Laid(columns, constant + offset, fixed, False, Word(word.bits, -offset), price))
    return min(found, key=lambda laid: laid.price)


def _columns(
    words: Sequence[Word], one: Sum, width: int | None
) -> tuple[tuple[tuple[tuple[int, int, int], ...], ...], int]:
    """The bits of the terms by weight, below 2**width where there is one, and the constant."""
    constant = one.constant
    placed = []
    for name, shift, sign in one.terms:
        word = words[name]
        constant += sign * (word.constant << shift)
        placed += [(shift + weight, name, place, sign * by) for place, (weight, by) in enumerate(word.bits)]
    height = max((bit[0] + 1 for bit in placed), default=0) if width is None else width
    columns: list[list[tuple[int, int, int]]] = [[] for _ in range(height)]
    for weight, name, place, sign in placed:
        if weight < height:
            columns[weight].append((name, place, sign))
    return tuple(tuple(column) for column in columns), constant


def _heights(columns: Sequence[Sequence[tuple[int, int, int]]]) -> tuple[list[int], list[int]]:
    """How many positive and how many negative bits each column has."""
    plus, minus = ([sum(bit[2] == sign for bit in column) for column in columns] for sign in (1, -1))
    return plus, minus


def _offset(low: int, high: int) -> int:
    """What to add so that the range needs no more bits than it has values for: 0 where that holds already."""
    width = (high - low).bit_length()
    if signed_width(low, high) == width:
        return 0
    first, last = -low, (1 << width) - 1 - high
    # The roundest number between: it meets the fewest columns.
    for shift in reversed(range(width + 1)):
        rounded = -(-first >> shift) << shift
        if rounded <= last:
            return rounded
    return first

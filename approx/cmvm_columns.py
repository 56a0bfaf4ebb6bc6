"""Counting and choosing the adders of one sum of signed bits, column by column, before any cell exists.

A column holds bits of one weight, each counted positively or negatively. Which bits meet in which cell is decided
in `approx.cmvm_cells`; how many cells there are does not depend on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# Areas in tenths of a NAND2, of adders drawn as NAND2 that share what they can: a full adder is nine of them.
FULL, EXCLUSIVE_OR, INVERTER = 90, 40, 9
HALF_NAND = 40  # a half adder whose carry is used inverted
HALF_OR = 43  # a half adder with a constant one: exclusive-nor and or share the or
HALF = HALF_NAND + INVERTER
BEAM = 24


@dataclass(frozen=True)
class Half:
    """A cell of two bits a, b (signs `pair`) and the constant `digit`: a bit, a carry and a constant carry.

    The bit is a xor b, inverted where digit is odd. carry: the carry's function of a and b; carry_sign: how the
    carry counts; constant: what is carried besides; area: tenths of a NAND2.
    """

    pair: tuple[int, int]
    digit: int
    carry: str
    carry_sign: int
    constant: int
    area: int


# Every line says: pair[0] * a + pair[1] * b + digit = bit + 2 * (carry_sign * carry + constant).
HALVES = (
    Half((1, 1), 0, "and", 1, 0, HALF),
    Half((1, 1), 0, "nand", -1, 1, HALF_NAND),
    Half((1, 1), 1, "or", 1, 0, HALF_OR),
    Half((1, 1), -1, "nor", -1, 0, HALF_OR + INVERTER),
    Half((1, -1), 0, "less", -1, 0, HALF),
    Half((1, -1), 0, "not_less", 1, -1, HALF_NAND),
    Half((1, -1), 1, "greater", 1, 0, HALF + INVERTER),
    Half((1, -1), 1, "not_greater", -1, 1, HALF_NAND + INVERTER),
    Half((1, -1), -1, "not_greater", -1, 0, HALF_NAND + INVERTER),
    Half((-1, -1), 0, "or", -1, 0, HALF_OR + INVERTER),
    Half((-1, -1), 1, "and", -1, 0, HALF + INVERTER),
    Half((-1, -1), 1, "nand", 1, -1, HALF_NAND + INVERTER),
    Half((-1, -1), -1, "and", -1, -1, HALF + INVERTER),
)
_HALVES = {key: tuple(h for h in HALVES if (h.pair, h.digit) == key) for key in {(h.pair, h.digit) for h in HALVES}}


@dataclass(frozen=True)
class Column:
    """What happens in one column: full adders that take a positive or a negative pair, then the rest.

    half: the cell for the last two bits, or None. digit: the constant that a single last bit meets, else 0.
    extra: sign of the carry that the last single bit sends (0: none); constant: what is carried besides.
    """

    positive_pairs: int
    negative_pairs: int
    half: Half | None
    digit: int
    extra: int
    constant: int


@dataclass(frozen=True)
class Count:
    """Adders of one sum: its columns but the last, which only needs exclusive-ors (`odd`); area in 0.1 NAND2."""

    columns: tuple[Column, ...]
    full: int
    half: int
    odd: int
    area: int


def count(positive: Sequence[int], negative: Sequence[int], constant: int, *, beam: int = BEAM) -> Count:
    """The cheapest way found to add `positive[k]` - `negative[k]` bits of weight 2**k and a constant.

    The result is bits of weight 1, 2, ..., 2**(len(positive) - 1), right modulo 2**len(positive). Every full adder
    takes two bits of one sign and any third (Pezaris 1971), so its number follows from the heights alone; what is
    chosen, by a beam search of width `beam`, is the half adders and where the constant goes.
    """
    width = len(positive)
    # state: (constant, positive carries, negative carries) -> (area, full, half, choices as a linked list)
    states: dict[tuple[int, int, int], tuple[int, int, int, object]] = {(constant, 0, 0): (0, 0, 0, None)}
    for k in range(width - 1):
        found: dict[tuple[int, int, int], tuple[int, int, int, object]] = {}
        for (rest, up, down), (area, full, half, choices) in states.items():
            for column in choose(positive[k] + up, negative[k] + down, rest):
                digit = column.half.digit if column.half else column.digit
                fulls = column.positive_pairs + column.negative_pairs
                plus, minus = column.positive_pairs, column.negative_pairs
                add = FULL * fulls
                if column.half:
                    add += column.half.area
                    plus += column.half.carry_sign > 0
                    minus += column.half.carry_sign < 0
                plus += column.extra > 0
                minus += column.extra < 0
                key = (rest - digit) // 2 + column.constant, plus, minus
                new = area + add, full + fulls, half + (column.half is not None), (column, choices)
                if key not in found or new[:3] < found[key][:3]:
                    found[key] = new
        # A carry costs about a full adder later on.
        best = sorted(found, key=lambda key: (found[key][0] + FULL * (key[1] + key[2]) // 2, abs(key[0]), key))
        states = {key: found[key] for key in best[:beam]}
    ends = []
    for (rest, up, down), (area, full, half, choices) in states.items():
        height = positive[-1] + up + negative[-1] + down
        odd = max(height - 1, 0)
        last = EXCLUSIVE_OR * odd + (INVERTER if rest & 1 and height else 0)
        ends.append((area + last, full, half, odd, (rest, up, down), choices))
    area, full, half, odd, _, choices = min(ends, key=lambda end: end[:5])
    columns: list[Column] = []
    while choices is not None:
        column, choices = choices  # type: ignore[misc]
        columns.append(column)
    return Count(tuple(reversed(columns)), full, half, odd, area)


def choose(plus: int, minus: int, constant: int) -> list[Column]:
    """The ways to reduce a column of `plus` positive and `minus` negative bits and an odd or even constant."""
    odd = constant & 1
    if plus + minus == 0:
        return [Column(0, 0, None, odd, 0, 0)]
    digits = (1, -1) if odd else (0,)
    if (plus + minus) & 1:
        # A last negative bit b: -b = b - 2 b, 1 - b = not b, -1 - b = not b - 2.
        # A last positive bit b: 1 + b = not b + 2 b, -1 + b = not b - 2 not b.
        pairs = plus // 2, minus // 2
        if plus & 1:
            return [Column(*pairs, None, digit, digit, 0) for digit in digits]
        return [Column(*pairs, None, digit, 0 if digit else -1, -1 if digit < 0 else 0) for digit in digits]
    found = []
    for digit in digits:
        if plus & 1:
            choices = [((1, -1), plus // 2, minus // 2)]
        else:
            choices = [((1, 1), plus // 2 - 1, minus // 2)] if plus else []
            choices += [((-1, -1), plus // 2, minus // 2 - 1)] if minus else []
        for pair, ups, downs in choices:
            found += [Column(ups, downs, half, 0, 0, half.constant) for half in _HALVES[pair, digit]]
    return found

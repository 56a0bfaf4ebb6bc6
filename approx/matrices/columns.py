"""Counting and choosing the adders of one sum of signed bits, column by column, before any cell exists.

A column holds bits of one weight, each counted positively or negatively. Which bits meet in which cell is decided
in `inkling.approx.matrices.cells`; how many cells there are does not depend on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

# Areas in tenths of a NAND2, of adders drawn as NAND2 that share what they can: a full adder is nine of them.
FULL, EXCLUSIVE_OR, INVERTER = 90, 40, 9
HALF_NAND = 40  # a half adder whose carry is used inverted
HALF_OR = 43  # a half adder with a constant one: exclusive-nor and or share the or
HALF = HALF_NAND + INVERTER
CARRY = 60  # of a full adder whose sum nobody reads
BEAM = 24

# Constant, positive and negative carries into a column; area, full and half adders, and choices as a linked list.
_State: TypeAlias = tuple[int, int, int]
_Path: TypeAlias = tuple[int, int, int, Any]


@dataclass(frozen=True)
class Half:
    """A cell of two bits a, b (signs `pair`) and the constant `digit`: a bit, a carry and a constant carry.

    The bit is a xor b, inverted where digit is odd, and counts as bit_sign. carry: the carry's function of a and b;
    carry_sign: how the carry counts; constant: what is carried besides; area, carry_area: tenths of a NAND2 with
    the bit and without it.
    """

    pair: tuple[int, int]
    digit: int
    carry: str
    carry_sign: int
    constant: int
    area: int
    carry_area: int
    bit_sign: int = 1


# Functions of (a, b) as functions of (b, a).
_SWAPPED = {"less": "greater", "greater": "less", "not_less": "not_greater", "not_greater": "not_less"}

# Every line says: pair[0] * a + pair[1] * b + digit = bit + 2 * (carry_sign * carry + constant).
HALVES = (
    Half((1, 1), 0, "and", 1, 0, HALF, 17),
    Half((1, 1), 0, "nand", -1, 1, HALF_NAND, 10),
    Half((1, 1), 1, "or", 1, 0, HALF_OR, 23),
    Half((1, 1), -1, "nor", -1, 0, HALF_OR + INVERTER, 16),
    Half((1, -1), 0, "less", -1, 0, HALF, 26),
    Half((1, -1), 0, "not_less", 1, -1, HALF_NAND, 19),
    Half((1, -1), 1, "greater", 1, 0, HALF + INVERTER, 26),
    Half((1, -1), 1, "not_greater", -1, 1, HALF_NAND + INVERTER, 19),
    Half((1, -1), -1, "not_greater", -1, 0, HALF_NAND + INVERTER, 19),
    Half((-1, -1), 0, "or", -1, 0, HALF_OR + INVERTER, 23),
    Half((-1, -1), 1, "and", -1, 0, HALF + INVERTER, 17),
    Half((-1, -1), 1, "nand", 1, -1, HALF_NAND + INVERTER, 10),
    Half((-1, -1), -1, "and", -1, -1, HALF + INVERTER, 17),
)


def _negated(half: Half) -> Half:
    """The same adder with all signs changed; of two signs the positive bit stays first."""
    carry = _SWAPPED[half.carry] if half.pair == (1, -1) else half.carry
    pair = -half.pair[1], -half.pair[0]
    return replace(half, pair=pair, carry=carry, carry_sign=-half.carry_sign, constant=-half.constant, bit_sign=-1)


# Where a bit may stay negative.
FREE_HALVES = tuple(h for half in HALVES if half.digit == 0 for h in (half, _negated(half)))
_HALVES = {key: tuple(h for h in HALVES if (h.pair, h.digit) == key) for key in {(h.pair, h.digit) for h in HALVES}}


@dataclass(frozen=True)
class Column:
    """What happens in one column: full adders that take a positive or a negative pair, then the rest.

    half: the cell for the last two bits, or None. digit: the constant that a single last bit meets, else 0.
    extra: sign of the carry that the last single bit sends (0: none); constant: what is carried besides.
    kept: signs of the bits that stay, which is one positive bit except in a free sum.
    """

    positive_pairs: int
    negative_pairs: int
    half: Half | None
    digit: int
    extra: int
    constant: int
    kept: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class Count:
    """Adders of one sum: its columns but the last, which only needs exclusive-ors (`odd`); area in 0.1 NAND2."""

    columns: tuple[Column, ...]
    full: int
    half: int
    odd: int
    area: int


def count(
    positive: Sequence[int], negative: Sequence[int], constant: int, *, first_bit: int = 0, beam: int = BEAM
) -> Count:
    """The cheapest way found to add `positive[k]` - `negative[k]` bits of weight 2**k and a constant.

    The result is bits of weight 1, 2, ..., 2**(len(positive) - 1), right modulo 2**len(positive); nobody reads those
    below `first_bit`. Every full adder takes two bits of one sign and any third (Pezaris 1971), so the number of
    them follows from the heights alone; what is chosen, by a beam search of width `beam`, is the half adders and
    where the constant goes.
    """
    width = len(positive)
    states: dict[_State, _Path] = {(constant, 0, 0): (0, 0, 0, None)}
    for k in range(width - 1):
        steps = [
            (path, rest, column)
            for (rest, up, down), path in states.items()
            for column in choose(positive[k] + up, negative[k] + down, rest)
        ]
        states = _best((_step(path, rest, column, read=k >= first_bit) for path, rest, column in steps), beam)
    ends = []
    for (rest, up, down), (area, full, half, choices) in states.items():
        height = positive[-1] + up + negative[-1] + down
        odd = max(height - 1, 0)
        last = EXCLUSIVE_OR * odd + (INVERTER if rest & 1 and height else 0)
        ends.append((area + last, full, half, odd, (rest, up, down), choices))
    area, full, half, odd, _, choices = min(ends, key=lambda end: end[:5])
    return Count(_columns(choices), full, half, odd, area)


def count_free(positive: Sequence[int], negative: Sequence[int], price: int, *, beam: int = BEAM) -> Count:
    """The cheapest way found to bring `positive[k]` - `negative[k]` bits of weight 2**k to fewer bits of any sign.

    Two bits of one weight may stay, since a half adder makes no fewer of them. price: of a bit that stays, in
    tenths of a NAND2. The result, with the constants of its columns, is exact.
    """
    states: dict[_State, _Path] = {(0, 0, 0): (0, 0, 0, None)}
    k = 0
    while k < len(positive) or any(up or down for _, up, down in states):
        plus, minus = (positive[k], negative[k]) if k < len(positive) else (0, 0)
        steps = [
            (path, column)
            for (_, up, down), path in states.items()
            for column in _choose_free(plus + up, minus + down, k >= len(positive) + 2)
        ]
        states = _best((_step(path, 0, column, price=price) for path, column in steps), beam)
        k += 1
    (area, full, half, choices) = min(states.values(), key=lambda path: path[:3])
    columns = _columns(choices)
    return Count(columns, full, half, 0, area - price * sum(len(column.kept) for column in columns))


def _step(
    path: _Path, rest: int, column: Column, *, read: bool = True, price: int | None = None
) -> tuple[_State, _Path]:
    """The state and the path after a column; with a price the constant is left out of the state."""
    area, full, half, choices = path
    digit = column.half.digit if column.half else column.digit
    plus, minus = column.positive_pairs, column.negative_pairs
    fulls = plus + minus
    area += FULL * fulls
    if column.half:
        area += column.half.area if read else column.half.carry_area
        plus += column.half.carry_sign > 0
        minus += column.half.carry_sign < 0
    elif read:
        area += INVERTER * abs(digit) * len(column.kept)
    elif fulls:
        area -= FULL - CARRY
    plus += column.extra > 0
    minus += column.extra < 0
    if price is not None:
        state = 0, plus, minus
        area += price * len(column.kept)
    else:
        state = (rest - digit) // 2 + column.constant, plus, minus
    return state, (area, full + fulls, half + (column.half is not None), (column, choices))


def _best(steps: Iterable[tuple[_State, _Path]], beam: int) -> dict[_State, _Path]:
    found: dict[_State, _Path] = {}
    for state, path in steps:
        if state not in found or path[:3] < found[state][:3]:
            found[state] = path
    # A carry costs about a full adder later on.
    best = sorted(found, key=lambda key: (found[key][0] + FULL * (key[1] + key[2]) // 2, abs(key[0]), key))
    return {key: found[key] for key in best[:beam]}


def _columns(choices: Any) -> tuple[Column, ...]:
    columns: list[Column] = []
    while choices is not None:
        column, choices = choices
        columns.append(column)
    return tuple(reversed(columns))


def _choose_free(plus: int, minus: int, keep: bool) -> list[Column]:
    """The ways to reduce a column where any bits may stay; where `keep`, two bits do stay."""
    if plus + minus == 0:
        return [Column(0, 0, None, 0, 0, 0, ())]
    if (plus + minus) & 1:
        return [Column(plus // 2, minus // 2, None, 0, 0, 0, (1 if plus & 1 else -1,))]
    if plus & 1:
        pairs = [((1, -1), plus // 2, minus // 2)]
    else:
        pairs = [((1, 1), plus // 2 - 1, minus // 2)] if plus else []
        pairs += [((-1, -1), plus // 2, minus // 2 - 1)] if minus else []
    found = [Column(ups, downs, None, 0, 0, 0, pair) for pair, ups, downs in pairs]
    if not keep:
        found += [
            Column(ups, downs, half, 0, 0, half.constant, (half.bit_sign,))
            for pair, ups, downs in pairs
            for half in FREE_HALVES
            if half.pair == pair
        ]
    return found


def choose(plus: int, minus: int, constant: int) -> list[Column]:
    """The ways to reduce a column of `plus` positive and `minus` negative bits and an odd or even constant."""
    odd = constant & 1
    if plus + minus == 0:
        return [Column(0, 0, None, odd, 0, 0, ())]
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

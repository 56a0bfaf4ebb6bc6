"""Ways to write an integer with as few signed digits as there can be.

The canonical form is one of them; which one makes the cheapest adders is decided in `inkling.approx.matrices.plan`.
"""

import functools

Digits = tuple[tuple[int, int], ...]


def digit_count(value: int) -> int:
    """Digits of the canonical signed-digit form, the fewest possible (Reitwiesner 1960)."""
    size = abs(value)
    return (size ^ 3 * size).bit_count()


@functools.lru_cache(maxsize=65536)
def minimal_digits(value: int) -> tuple[Digits, ...]:
    """All ways to write `value` as a sum of sign * 2**shift with the fewest terms, as tuples of (shift, sign).

    The canonical form, which has no two adjacent digits, comes last; 0 has the one way of no digits.
    """
    if value == 0:
        return ((),)
    if value % 2 == 0:
        return tuple(tuple((shift + 1, sign) for shift, sign in way) for way in minimal_digits(value // 2))
    fewest = digit_count(value)
    ways: list[Digits] = []
    # The canonical form has +1 where the next bit is 0 and -1 where it is 1.
    canonical = 2 - (value & 3)
    for sign in (-canonical, canonical):
        rest = value - sign
        if digit_count(rest) == fewest - 1:
            ways += [((0, sign), *way) for way in minimal_digits(rest)]
    return tuple(ways)

"""Truth tables as expressions of bitwise operators, the same in C and in Python. `ZERO` stands for no bit."""

from collections.abc import Sequence


def without_unread(table: int, inputs: int) -> tuple[int, tuple[int, ...]]:
    """A truth table over those inputs alone on which it depends, and which they are."""
    kept = tuple(
        k for k in range(inputs) if any((table >> m ^ table >> (m ^ 1 << k)) & 1 for m in range(1 << inputs))
    )
    minterms = (sum((m >> i & 1) << k for i, k in enumerate(kept)) for m in range(1 << len(kept)))
    return sum((table >> minterm & 1) << m for m, minterm in enumerate(minterms)), kept


def expression(table: int, sources: Sequence[str]) -> str:
    """A truth table over the sources as C, by splitting on the last source until two are left."""
    size = 1 << len(sources)
    table &= (1 << size) - 1
    if table == 0:
        return "ZERO"
    if table == (1 << size) - 1:
        return "~ZERO"
    if len(sources) <= 2:
        return _small(table, sources)
    half = size // 2
    low, high = table & ((1 << half) - 1), table >> half
    s, rest = sources[-1], sources[:-1]
    if low == high:
        return expression(low, rest)
    if low == high ^ ((1 << half) - 1):
        return f"({expression(low, rest)} ^ {s})"
    parts = []
    if low:
        parts.append(f"~{s}" if low == (1 << half) - 1 else f"({expression(low, rest)} & ~{s})")
    if high:
        parts.append(s if high == (1 << half) - 1 else f"({expression(high, rest)} & {s})")
    return f"({' | '.join(parts)})"


def _small(table: int, sources: Sequence[str]) -> str:
    a = sources[0]
    if len(sources) == 1:
        return a if table == 2 else f"~{a}"
    b = sources[1]
    forms = {
        0b1000: "({a} & {b})",
        0b1110: "({a} | {b})",
        0b0110: "({a} ^ {b})",
        0b0010: "({a} & ~{b})",
        0b0100: "({b} & ~{a})",
        0b1011: "({a} | ~{b})",
        0b1101: "({b} | ~{a})",
        0b1010: "{a}",
        0b1100: "{b}",
        0b0101: "~{a}",
        0b0011: "~{b}",
        0b0111: "~({a} & {b})",
        0b0001: "~({a} | {b})",
        0b1001: "~({a} ^ {b})",
    }
    return forms[table].format(a=a, b=b)

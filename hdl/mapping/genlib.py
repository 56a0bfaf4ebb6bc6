"""Writes cells as genlib, the format that ABC maps to. Areas are scaled, because ABC fails on large numbers."""

from collections.abc import Iterable

from inkling.approx.reference.netlist import CellType


def write(cells: Iterable[tuple[CellType, float]]) -> str:
    """One gate per cell type and price, and two constants that cost nothing; all pins have the same delay.

    Prices are divided by the smallest of them that is not 0, so the unit is about one gate.
    """
    priced = list(cells)
    unit = min((price for _, price in priced if price > 0), default=1.0)
    lines = ["GATE _const0_ 0 y=CONST0;", "GATE _const1_ 0 y=CONST1;"]
    for kind, price in priced:
        lines.append(f"GATE {kind.name} {price / unit:.6f} {kind.output}={_sum_of_products(kind)};")
        lines += [f"  PIN {name} UNKNOWN 1 999 1.0 0.0 1.0 0.0" for name in kind.inputs]
    return "\n".join(lines) + "\n"


def _sum_of_products(kind: CellType) -> str:
    """The on-set or the negated off-set, whichever has fewer terms; every pin is in every term."""
    states = range(2 ** len(kind.inputs))
    on = [m for m in states if kind.table >> m & 1]
    off = [m for m in states if not kind.table >> m & 1]
    negated = len(off) < len(on)
    chosen = off if negated else on
    terms = ("*".join(name if m >> pin & 1 else f"!{name}" for pin, name in enumerate(kind.inputs)) for m in chosen)
    text = "+".join(f"({term})" for term in terms)
    return f"!({text})" if negated else text

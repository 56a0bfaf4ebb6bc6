"""Adders and exclusive ors made of NAND2 and INV, offered to the mapper as if each were one cell, then taken apart.

ABC does not find the full adder of nine NAND2 by itself, and four NAND2 are smaller than many an XOR2. What is
offered to the mapper otherwise is in `inkling.hdl.mapping.search`.
"""

from collections.abc import Mapping, Sequence

from inkling.approx.reference.netlist import CellType

NAND, INVERTER = (2, 0b0111), (1, 0b01)

# For every composite: its functions by output, and its gates, each an output and one or two sources.
_PARTS: dict[str, tuple[dict[str, str], tuple[tuple[str, ...], ...]]] = {
    "_xor_": (
        {"s": "(a*!b)+(!a*b)"},
        (("n", "a", "b"), ("p", "a", "n"), ("q", "b", "n"), ("s", "p", "q")),
    ),
    "_half_adder_": (
        {"co": "a*b", "s": "(a*!b)+(!a*b)"},
        (("n", "a", "b"), ("p", "a", "n"), ("q", "b", "n"), ("s", "p", "q"), ("co", "n")),
    ),
    "_half_adder_n_": (
        {"n": "!(a*b)", "s": "(a*!b)+(!a*b)"},
        (("n", "a", "b"), ("p", "a", "n"), ("q", "b", "n"), ("s", "p", "q")),
    ),
    "_full_adder_": (
        {"co": "(a*b)+(a*c)+(b*c)", "s": "a^b^c"},
        (
            ("n", "a", "b"), ("p", "a", "n"), ("q", "b", "n"), ("x", "p", "q"),
            ("m", "x", "c"), ("t", "x", "m"), ("u", "c", "m"), ("s", "t", "u"), ("co", "n", "m"),
        ),
    ),
}  # fmt: skip


def write(cells: Sequence[CellType], prices: Mapping[str, float]) -> str:
    """genlib text of the composites, to follow that of the cells; empty where NAND2 or INV is missing."""
    known = {(len(cell.inputs), cell.table): cell for cell in cells}
    if NAND not in known or INVERTER not in known:
        return ""
    nand, inverter = (prices[known[key].name] for key in (NAND, INVERTER))
    unit = min(price for price in prices.values() if price > 0)
    lines = []
    for name, (functions, gates) in _PARTS.items():
        price = sum(nand if len(gate) == 3 else inverter for gate in gates)
        pins = sorted({source for gate in gates for source in gate[1:]} & set("abc"))
        for output, function in functions.items():
            lines.append(f"GATE {name} {price / unit:.6f} {output}={function};")
            lines += [f"  PIN {pin} UNKNOWN 1 999 1.0 0.0 1.0 0.0" for pin in pins]
    return "\n".join([*lines, ""])


def expand(blif: str, cells: Sequence[CellType]) -> str:
    """The text with every composite's gate replaced by the gates of real cells that it stands for."""
    known = {(len(cell.inputs), cell.table): cell for cell in cells}
    lines = []
    for number, line in enumerate(blif.replace("\\\n", " ").splitlines()):
        words = line.split()
        if len(words) < 2 or words[0] != ".gate" or words[1] not in _PARTS:
            lines.append(line)
            continue
        nets = dict(word.split("=", 1) for word in words[2:])
        for output, *sources in _PARTS[words[1]][1]:
            cell = known[NAND if len(sources) == 2 else INVERTER]
            pins = [
                f"{pin}={nets.get(net, f'c{number}{net}')}" for pin, net in zip(cell.inputs, sources, strict=True)
            ]
            lines.append(f".gate {cell.name} {' '.join(pins)} {cell.output}={nets.get(output, f'c{number}{output}')}")
    return "\n".join([*lines, ""])

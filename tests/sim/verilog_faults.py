"""Planted faults: single random changes in a netlist-like Verilog text, and many such texts gathered in one module.

They measure whether a verification route would notice; the routes themselves know nothing of them. After
DeMillo, Lipton and Sayward, "Hints on Test Data Selection", Computer 11(4), 1978.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from inkling.approx.reference.network import IntegerNetwork
from inkling.hdl.names import port_names
from inkling.sim.verdicts.ports import Output, outputs

# One bit: a wire's name, or one bit of a vector; constants are bits too.
_BIT = re.compile(r"1'[hb][01]|(?<![\w.'$])[a-zA-Z_]\w*(?:\s?\[\d+\])?(?![\w(\[:])")
_ASSIGN = re.compile(r"^\s*assign ([^=;]+?) = ([^;]*);", re.MULTILINE)
_CELL = re.compile(r"^\s*(\w+) (\w+) \(\s*((?:\.\w+\([^()]*\),?\s*)+)\);", re.MULTILINE)
_PIN = re.compile(r"\.(\w+)\(([^()]*)\)")
_OPERATORS = ("&", "|", "^")


@dataclass(frozen=True)
class Mutant:
    """A text with one change, and the change in words."""

    text: str
    change: str


@dataclass(frozen=True)
class _Change:
    start: int
    end: int
    new: str


def mutants(text: str, count: int, *, seed: int) -> tuple[Mutant, ...]:
    """`count` different texts, each with one change in module `top`: an operator, an inversion, a gate or a wire.

    Only statements on single bits are changed, and never so that a loop arises. Raises ValueError where the text
    has fewer places than that.
    """
    generator = random.Random(seed)
    start, end = _span(text)
    statements = _statements(text, start, end)
    models = {match[1] for match in re.finditer(r"^module (\w+)", text, re.MULTILINE)}
    reads = {name: [_name(bit) for bit in bits] for name, bits, _, _ in statements}
    bits = sorted({bit for _, found, _, _ in statements for bit in found if "'" not in bit})
    changes: dict[tuple[int, int, str], None] = {}
    for _ in range(50 * count):
        driven, _, first, last = generator.choice(statements)
        change = _one(text[first:last], first, driven, reads, bits, models, generator)
        if change is not None and text[change.start : change.end] != change.new:
            changes[change.start, change.end, change.new] = None
        if len(changes) == count:
            break
    else:
        raise ValueError(f"only {len(changes)} different changes were found, not {count}")
    found = []
    for first, last, new in changes:
        line = text.count("\n", 0, first) + 1
        changed = f"{text[:first]}{new}{text[last:]}"
        found.append(Mutant(changed, f"line {line}: {text[first:last]!r} became {new!r}"))
    return tuple(found)


def gather(texts: Sequence[str], network: IntegerNetwork) -> tuple[str, tuple[Output, ...]]:
    """One module `top` with the network's inputs and the label of text k as its output `score_k`.

    Modules besides `top` (models of cells) are taken from the first text.
    """
    label = outputs(network)[0]
    names = port_names([item.name for item in network.inputs])
    start, end = _span(texts[0])
    parts = [texts[0][:start] + texts[0][end:]]
    for number, text in enumerate(texts):
        first, last = _span(text)
        parts.append(re.sub(r"^module \\?top\b", f"module variant_{number}", text[first:last], count=1))
    found = tuple(Output(f"score_{k}", label.width, False) for k in range(len(texts)))
    ports = [f"input [{item.bits - 1}:0] {name}" for name, item in zip(names, network.inputs, strict=True)]
    ports += [f"output [{item.width - 1}:0] {item.name}" for item in found]
    parts.append(f"module top({', '.join(ports)});")
    pins = ", ".join(f".{name}({name})" for name in names)
    parts += [f"variant_{k} v{k} ({pins}, .{label.name}({item.name}));" for k, item in enumerate(found)]
    return "\n".join([*parts, "endmodule", ""]), found


def _span(text: str) -> tuple[int, int]:
    """Start and end of module `top`."""
    match = re.search(r"^module \\?top\b.*?^endmodule\b", text, re.MULTILINE | re.DOTALL)
    if match is None:
        raise ValueError("the text has no module `top`")
    return match.start(), match.end()


def _statements(text: str, start: int, end: int) -> list[tuple[str, list[str], int, int]]:
    """(driven name, bits read, start, end) of every assignment and cell; the places are those of the changeable."""
    found = []
    for match in _ASSIGN.finditer(text, start, end):
        found.append((_name(match[1]), _BIT.findall(match[2]), match.start(2), match.end(2)))
    for match in _CELL.finditer(text, start, end):
        pins = _PIN.findall(match[3])
        found.append((_name(pins[-1][1]), [pin for _, pin in pins[:-1]], match.start(1), match.end(3)))
    return found


def _one(
    statement: str,
    offset: int,
    driven: str,
    reads: dict[str, list[str]],
    bits: list[str],
    models: set[str],
    generator: random.Random,
) -> _Change | None:
    """A change of one kind, drawn at random, or None where the statement has no place for it."""
    cell = re.match(r"(\w+) \w+ \(", statement)
    kind = generator.choice(("operator", "inversion", "wire"))
    if cell and kind != "wire":
        # Another gate with the same number of inputs, whose model is in the text.
        pairs = {"NAND2": "NOR2", "NOR2": "XNOR2", "AND2": "OR2", "OR2": "XOR2", "XOR2": "NAND2", "XNOR2": "AND2"}
        stem = re.match(r"[A-Z]+2", cell[1])
        new = pairs.get(stem[0]) if stem else None
        if not new or not stem or new + cell[1][len(stem[0]) :] not in models:
            return None
        return _Change(offset, offset + len(cell[1]), new + cell[1][len(stem[0]) :])
    if kind == "operator":
        places = list(re.finditer(r" ([&|^]) ", statement))
        if not places:
            return None
        place = generator.choice(places)
        new = generator.choice([item for item in _OPERATORS if item != place[1]])
        return _Change(offset + place.start(1), offset + place.end(1), new)
    pins = list(_PIN.finditer(statement))[:-1] if cell else []
    spans = [pin.span(2) for pin in pins] or [match.span() for match in _BIT.finditer(statement)]
    if not spans or "{" in statement or ":" in statement:
        return None
    first, last = generator.choice(spans)
    if kind == "inversion":
        return _Change(offset + first, offset + last, f"(~{statement[first:last]})")
    candidates = generator.sample(bits, min(8, len(bits)))
    for new in (*candidates, "1'h0", "1'h1"):
        if new != statement[first:last] and not _reaches(_name(new), driven, reads):
            return _Change(offset + first, offset + last, new)
    return None


def _name(bit: str) -> str:
    return bit.split("[")[0].strip()


def _reaches(name: str, target: str, reads: dict[str, list[str]]) -> bool:
    """Whether `name` depends on `target`."""
    pending, seen = [name], {name}
    while pending:
        current = pending.pop()
        if current == target:
            return True
        fresh = [item for item in reads.get(current, []) if item not in seen]
        seen.update(fresh)
        pending += fresh
    return False

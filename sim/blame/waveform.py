"""Value change dumps (IEEE 1364-2005, clause 18) of a failing vector: what a text does, beside what it should do.

Which vector and which wires these are is `inkling.sim.blame.trace`'s business.
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MARKS = string.ascii_letters + string.digits + "!#%&*+-/:<=>?@^_~"
STEP = 10


@dataclass(frozen=True)
class Scope:
    """A named group of wires: the width of each, and its values at the steps, in two's complement where negative."""

    name: str
    widths: Mapping[str, int]
    steps: Sequence[Mapping[str, int]]


def vcd(scopes: Sequence[Scope]) -> str:
    """The text of a VCD file: step k of every scope is at k times 10 ns. Equal values give equal text."""
    lines = ["$timescale 1 ns $end"]
    marks: dict[tuple[str, str], str] = {}
    for scope in scopes:
        lines.append(f"$scope module {_plain(scope.name)} $end")
        for name, width in scope.widths.items():
            mark = _mark(len(marks))
            marks[scope.name, name] = mark
            lines.append(f"$var wire {width} {mark} {_plain(name)} $end")
        lines.append("$upscope $end")
    lines.append("$enddefinitions $end")
    last: dict[str, str] = {}
    steps = max((len(scope.steps) for scope in scopes), default=0)
    for step in range(steps):
        lines.append(f"#{step * STEP}")
        for scope in scopes:
            for name, width in scope.widths.items():
                mark, value = marks[scope.name, name], scope.steps[step][name] & ((1 << width) - 1)
                line = f"{value}{mark}" if width == 1 else f"b{value:b} {mark}"
                if last.get(mark) != line:
                    last[mark] = line
                    lines.append(line)
    lines.append(f"#{steps * STEP}")
    return "\n".join(lines) + "\n"


def _mark(number: int) -> str:
    """A short identifier, a different one for every number."""
    mark = _MARKS[number % len(_MARKS)]
    while number := number // len(_MARKS):
        mark += _MARKS[number % len(_MARKS)]
    return mark


def _plain(name: str) -> str:
    """A name without spaces, which would end it."""
    return "".join(c if "!" <= c <= "~" else "_" for c in name) or "_"

"""Value change dumps (IEEE 1364-2005, clause 18) of a failing vector: what a text does, beside what it should do.

Which vector and which wires these are is `inkling.sim.blame.trace`'s business.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vcd import VCDWriter

STEP = 10


@dataclass(frozen=True)
class Scope:
    """A named group of wires: the width of each, and its values at the steps, in two's complement where negative."""

    name: str
    widths: Mapping[str, int]
    steps: Sequence[Mapping[str, int]]


def vcd(scopes: Sequence[Scope]) -> str:
    """The text of a VCD file: step k of every scope is at k times 10 ns. Equal values give equal text."""
    stream = io.StringIO()
    steps = max((len(scope.steps) for scope in scopes), default=0)
    # Without a date, so that equal values give equal text.
    with VCDWriter(stream, timescale="1 ns", date="", version="inkling") as writer:
        wires = [
            (scope, name, width, writer.register_var((_plain(scope.name),), _plain(name), "wire", width, init="x"))
            for scope in scopes
            for name, width in scope.widths.items()
        ]
        for step in range(steps):
            for scope, name, width, wire in wires:
                writer.change(wire, step * STEP, scope.steps[step][name] & ((1 << width) - 1))
        writer.close(steps * STEP)
    return stream.getvalue()


def _plain(name: str) -> str:
    """A name without spaces, which would end it."""
    return "".join(c if "!" <= c <= "~" else "_" for c in name) or "_"

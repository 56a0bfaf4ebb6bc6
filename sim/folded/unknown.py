"""Following unknown values through a clocked circuit: which outputs can depend on what registers held at power-on.

Every net is 0, 1 or unknown; a gate is unknown where its known inputs leave its output open (three-valued logic, on
the safe side). Nothing here knows what the circuit computes.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.netlist import Netlist

UNKNOWN = 2
Levels = NDArray[np.uint8]


class UnknownState:
    """A clocked circuit of which every register is unknown at first.

    logic: what stands between the registers, with the input port `state` (what they hold), perhaps the port
    `complement`, and the output port `following` (what they take). Values are uint8 of 0, 1 and UNKNOWN.
    """

    def __init__(self, logic: Netlist, state: str, following: str, complement: str | None = None) -> None:
        self.logic = logic
        self.inputs, self.outputs = _places(logic.inputs), _places(logic.outputs)
        self.state, self.following, self.complement = state, following, complement
        self.held: Levels = np.full(self.inputs[state][1] - self.inputs[state][0], UNKNOWN, np.uint8)
        tables = [[kind.table >> m & 1 for m in range(2 ** len(kind.inputs))] for kind in logic.cell_types]
        self._tables = np.array([row + [0] * (64 - len(row)) for row in tables] or [[0] * 64], np.uint8)
        self._pins = np.array([len(kind.inputs) for kind in logic.cell_types] or [0], np.int64)

    def clock(self, ports: dict[str, int], *, clocks: int = 1) -> dict[str, Levels]:
        """Outputs before the last of some clock edges, by port; inputs that `ports` leaves out are unknown."""
        given = np.full(max(end for _, end in self.inputs.values()), UNKNOWN, np.uint8)
        for name, value in ports.items():
            low, high = self.inputs[name]
            given[low:high] = [value >> k & 1 for k in range(high - low)]
        low, high = self.inputs[self.state]
        other = self.inputs[self.complement] if self.complement else (low, low)
        logic, after = self.logic, self.outputs[self.following]
        arrays = (logic.kinds, logic.sources, self._tables, self._pins, logic.output_nodes.astype(np.int64))
        places = np.array([low, high, *other, *after], np.int64)
        out, self.held = _compiled()(given, self.held, places, *arrays, clocks)
        return {name: out[start:end] for name, (start, end) in self.outputs.items()}


def _places(ports: Any) -> dict[str, tuple[int, int]]:
    found, at = {}, 0
    for port in ports:
        found[port.name] = (at, at + port.width)
        at += port.width
    return found


@cache
def _compiled() -> Callable[..., tuple[Levels, Levels]]:
    import numba

    @numba.njit(cache=False)
    def run(given, held, places, kinds, sources, tables, pins, output_nodes, clocks):  # type: ignore[no-untyped-def]
        low, high, other_low, other_high, next_low, next_high = places
        first = 2 + len(given)
        nodes = np.zeros(first + len(kinds), np.uint8)
        nodes[1] = 1
        nodes[2:first] = given
        out = np.zeros(len(output_nodes), np.uint8)
        for _ in range(clocks):
            for k in range(high - low):
                nodes[2 + low + k] = held[k]
            for k in range(other_high - other_low):
                nodes[2 + other_low + k] = 2 if held[k] == 2 else 1 - held[k]
            for gate in range(len(kinds)):
                kind = kinds[gate]
                seen = 0
                for state in range(1 << pins[kind]):
                    possible = True
                    for pin in range(pins[kind]):
                        value = nodes[sources[gate, pin]]
                        if value != 2 and value != (state >> pin & 1):
                            possible = False
                    if possible:
                        seen |= 1 << tables[kind, state]
                nodes[first + gate] = seen - 1
            for k in range(len(output_nodes)):
                out[k] = nodes[output_nodes[k]]
            held = out[next_low:next_high].copy()
        return out, held

    return run  # type: ignore[no-any-return]

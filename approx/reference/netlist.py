"""`Netlist`: a frozen, flat, topologically ordered list of gates over named input bits.

What a gate costs is not known here (`inkling.hdl.cells.technology` prices cells by name); how a netlist is read and
written lives in `inkling.approx.reference.netlist_files`, fast evaluation in `inkling.approx.netlists.evaluate`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class CellType:
    """A single-output combinational cell: `table` bit m is the output where input k carries bit k of m."""

    name: str
    inputs: tuple[str, ...]
    output: str
    table: int


@dataclass(frozen=True)
class Port:
    """A named port of `width` bits, least significant first."""

    name: str
    width: int


@dataclass(frozen=True, eq=False)
class Netlist:
    """Gates in topological order.

    Nodes are numbered: 0 is constant 0, 1 is constant 1, then every bit of every input port in order, then the
    gates. kinds: uint8 [gates], index into cell_types. sources: int32 [gates, k], the nodes a gate reads, each
    below its own; unused places hold 0. output_nodes: int32, a node for every bit of every output port.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    cell_types: tuple[CellType, ...]
    kinds: NDArray[np.uint8]
    sources: NDArray[np.int32]
    output_nodes: NDArray[np.int32]

    @property
    def first_gate(self) -> int:
        """Number of the first gate's node: two constants and the input bits come before it."""
        return 2 + sum(port.width for port in self.inputs)

    @property
    def nodes(self) -> int:
        """Number of nodes: constants, input bits and gates."""
        return self.first_gate + len(self.kinds)

    def live(self) -> NDArray[np.bool_]:
        """Which nodes an output depends on, bool [nodes]."""
        found = np.zeros(self.nodes, np.bool_)
        found[self.output_nodes] = True
        first = self.first_gate
        for gate in reversed(range(len(self.kinds))):
            if found[first + gate]:
                found[self.sources[gate, : len(self.cell_types[self.kinds[gate]].inputs)]] = True
        return found

    def used_ports(self) -> list[int]:
        """Indices of the input ports of which an output depends on some bit."""
        live, start, used = self.live(), 2, []
        for k, port in enumerate(self.inputs):
            if live[start : start + port.width].any():
                used.append(k)
            start += port.width
        return used


def without_ports(netlist: Netlist, kept: Sequence[int]) -> Netlist:
    """The netlist with only the ports `kept`; gates that no output depends on go as well.

    Raises ValueError where a port left out is still read.
    """
    live, first = netlist.live(), netlist.first_gate
    number = np.full(netlist.nodes, -1, np.int32)
    number[:2] = 0, 1
    following, start = 2, 2
    for k, port in enumerate(netlist.inputs):
        if k in kept:
            number[start : start + port.width] = np.arange(following, following + port.width)
            following += port.width
        elif live[start : start + port.width].any():
            raise ValueError(f"port {port.name!r} is still read")
        start += port.width
    gates = np.flatnonzero(live[first:])
    number[first + gates] = np.arange(following, following + len(gates))
    return replace(
        netlist,
        inputs=tuple(netlist.inputs[k] for k in sorted(kept)),
        kinds=netlist.kinds[gates],
        # Places that a gate does not use hold 0 and stay 0.
        sources=number[netlist.sources[gates]],
        output_nodes=number[netlist.output_nodes],
    )

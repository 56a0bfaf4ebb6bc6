"""`Netlist`: a frozen, flat, topologically ordered list of gates over named input bits.

What a gate costs is not known here (`reports.technology` prices cells by name); how a netlist is read and
written lives in `approx.netlist_files`, fast evaluation in `approx.netlist_evaluate`.
"""

from dataclasses import dataclass

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

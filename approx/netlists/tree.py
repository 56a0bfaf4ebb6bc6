"""A decision tree as a `Netlist` of two-input gates: shared threshold comparators and multiplexed label bits.

The circuit is exact and compact enough to start a search from; minimising it further is ABC's and the search's work.
"""

from collections.abc import Callable, Sequence

import numpy as np

from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.network import IntegerNetwork, label_bits
from inkling.approx.reference.operations import DecisionTree

TWO_INPUT_CELLS = (
    CellType("INV", ("A",), "Y", 0b01),
    CellType("NAND2", ("A", "B"), "Y", 0b0111),
    CellType("NOR2", ("A", "B"), "Y", 0b0001),
    CellType("AND2", ("A", "B"), "Y", 0b1000),
    CellType("OR2", ("A", "B"), "Y", 0b1110),
    CellType("XOR2", ("A", "B"), "Y", 0b0110),
    CellType("XNOR2", ("A", "B"), "Y", 0b1001),
)
INV, NAND2, NOR2, AND2, OR2 = range(5)
FALSE, TRUE = 0, 1


def build(network: IntegerNetwork, cell_types: Sequence[CellType] = TWO_INPUT_CELLS) -> Netlist:
    """The netlist of a network whose one layer is a DecisionTree: one port per input, output port `label`.

    cell_types must hold an inverter and two-input NAND, NOR, AND and OR, under any name and with any further cells.
    Raises ValueError for other networks or cells.
    """
    if len(network.layers) != 1 or not isinstance(tree := network.layers[0], DecisionTree):
        raise ValueError("only a network whose one layer is a decision tree becomes a tree netlist")
    graph = _AndGraph([item.bits for item in network.inputs])
    outputs = _label_literals(graph, tree, network)
    ports = tuple(Port(item.name, item.bits) for item in network.inputs)
    return graph.map(outputs, ports, tuple(cell_types))


class _AndGraph:
    """A hashed graph of conjunctions. A literal is 2 * node + 1 if inverted; node 0 is constant 0."""

    def __init__(self, widths: Sequence[int]) -> None:
        self.bit: list[list[int]] = []
        nodes = 1
        for width in widths:
            self.bit.append([2 * (nodes + k) for k in range(width)])
            nodes += width
        self.first = nodes
        self.pairs: list[tuple[int, int]] = []
        self._known: dict[tuple[int, int], int] = {}

    def both(self, a: int, b: int) -> int:
        a, b = min(a, b), max(a, b)
        if a == FALSE or a == b ^ 1:
            return FALSE
        if a in (TRUE, b):
            return b
        if (a, b) not in self._known:
            self._known[a, b] = 2 * (self.first + len(self.pairs))
            self.pairs.append((a, b))
        return self._known[a, b]

    def either(self, a: int, b: int) -> int:
        return self.both(a ^ 1, b ^ 1) ^ 1

    def choose(self, select: int, zero: int, one: int) -> int:
        """one where select, else zero."""
        if zero == one:
            return zero
        if zero == one ^ 1 and zero in (FALSE, TRUE):
            return select ^ zero
        return self.either(self.both(select, one), self.both(select ^ 1, zero))

    def above(self, column: int, threshold: int) -> int:
        """Whether the input's value is larger than a constant."""
        if threshold < 0:
            return TRUE
        found = FALSE
        for k, bit in enumerate(self.bit[column]):
            found = self.both(bit, found) if threshold >> k & 1 else self.either(bit, found)
        return FALSE if threshold >> len(self.bit[column]) else found

    def map(self, outputs: Sequence[int], ports: tuple[Port, ...], cells: tuple[CellType, ...]) -> Netlist:
        """Cover the conjunctions that outputs need, in the phases they are needed in."""
        index = _cell_indices(cells)
        needed = [set[int]() for _ in range(self.first + len(self.pairs))]
        for literal in outputs:
            needed[literal >> 1].add(literal & 1)
        for g in range(len(self.pairs) - 1, -1, -1):
            for literal, phase in self._reads(g) if needed[self.first + g] else ():
                needed[literal >> 1].add(phase)
        kinds: list[int] = []
        sources: list[tuple[int, int]] = []

        def gate(kind: int, a: int, b: int = 0) -> int:
            kinds.append(index[kind])
            sources.append((a, b))
            return self.first + len(kinds)  # the netlist has one constant more than the graph

        signal: dict[int, int] = {FALSE: 0, TRUE: 1}
        for node in range(1, self.first):
            signal[2 * node] = node + 1
            if 1 in needed[node]:
                signal[2 * node + 1] = gate(INV, node + 1)
        for g, (a, b) in enumerate(self.pairs):
            node, phases = self.first + g, needed[self.first + g]
            if not phases:
                continue
            inverted = a & 1 and b & 1
            x, y = (signal[a ^ 1], signal[b ^ 1]) if inverted else (signal[a], signal[b])
            if phases == {0}:
                signal[2 * node] = gate(NOR2 if inverted else AND2, x, y)
                continue
            if inverted and 0 in phases:  # NOR and an inverter, else NAND and an inverter
                signal[2 * node] = gate(NOR2, x, y)
                signal[2 * node + 1] = gate(INV, signal[2 * node])
                continue
            signal[2 * node + 1] = gate(OR2 if inverted else NAND2, x, y)
            if 0 in phases:
                signal[2 * node] = gate(INV, signal[2 * node + 1])
        return Netlist(
            ports,
            (Port("label", len(outputs)),),
            cells,
            np.array(kinds, np.uint8),
            np.array(sources, np.int32).reshape(-1, 2),
            np.array([signal[literal] for literal in outputs], np.int32),
        )

    def _reads(self, g: int) -> list[tuple[int, int]]:
        """The literals and their phases that a conjunction's gate reads: of two inverted ones it reads the others."""
        a, b = self.pairs[g]
        flip = a & b & 1
        return [(a, (a & 1) ^ flip), (b, (b & 1) ^ flip)]


def _cell_indices(cells: tuple[CellType, ...]) -> list[int]:
    found = []
    for wanted in TWO_INPUT_CELLS[:5]:
        match = [i for i, c in enumerate(cells) if len(c.inputs) == len(wanted.inputs) and c.table == wanted.table]
        if not match:
            raise ValueError(f"a tree netlist needs a cell with the function of {wanted.name}")
        found.append(match[0])
    return found


def _label_literals(graph: _AndGraph, tree: DecisionTree, network: IntegerNetwork) -> list[int]:
    """The label's bits, from the leaves up: every inner node chooses between its children."""
    width = label_bits(network)
    found: dict[int, list[int]] = {}
    bits: Callable[[int], list[int]] = lambda label: [label >> k & 1 for k in range(width)]  # noqa: E731
    for node in range(len(tree.feature) - 1, -1, -1):  # children come after their parent
        if tree.feature[node] < 0:
            found[node] = bits(int(tree.label[node]))
            continue
        left, right = found[int(tree.left[node])], found[int(tree.right[node])]
        select = FALSE
        if left != right:
            select = graph.above(int(tree.feature[node]), int(tree.threshold[node]))
        found[node] = [graph.choose(select, zero, one) for zero, one in zip(left, right, strict=True)]
    return found[0]

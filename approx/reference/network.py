"""`IntegerNetwork`: the exact integer semantics of a classifier or a score network, and nothing else.

`IntegerNetwork.evaluate` in plain NumPy is the definition that every emitter and every evaluator is checked against.
Reading and writing live in `inkling.approx.reference.network_files`, building from floats in
`inkling.approx.quantise.networks`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.graph import Graph, box, chain
from inkling.approx.reference.netlist import without_ports
from inkling.approx.reference.operations import (
    ArgMax,
    Bounds,
    Decision,
    DecisionTree,
    Dense,
    Ints,
    Logic,
    MaskedSum,
    Operation,
    Select,
    Tournament,
)
from inkling.train.errors import InputError

# The name of the value that enters a network's graph.
INPUTS = "inputs"


@dataclass(frozen=True)
class Threshold:
    """A level of a reading, on the grid of its codes of `bits` bits: a comparator's reference."""

    level: int
    bits: int

    @property
    def reference(self) -> float:
        """As a fraction of the range, above 0 and below 1."""
        return self.level / float(2**self.bits)


@dataclass(frozen=True)
class Input:
    """One value that the network reads of a table's column.

    A binary code: `codes[:, column] >> drop`, an unsigned value of `bits` bits. With a threshold one bit instead:
    `codes[:, column] >= threshold.level`, where the column's codes have threshold.bits bits; bits is 1 and drop 0.
    """

    name: str
    column: int
    bits: int
    drop: int = 0
    threshold: Threshold | None = None

    def values(self, codes: NDArray[np.integer]) -> Ints:
        """What enters, int64 [rows], of the column's codes, [rows]."""
        if self.threshold is not None:
            return (codes >= self.threshold.level).astype(np.int64)
        return codes.astype(np.int64) >> self.drop


@dataclass(frozen=True)
class IntegerNetwork:
    """Integer operations over named inputs: a graph whose one value `inputs` has a number for each of them.

    With one output that is an ArgMax, Tournament, DecisionTree or Logic it is a classifier, whose output is a label;
    else its outputs, side by side, are scores. Logic may give a label that no class has, `classes` or above: it is
    always wrong.
    """

    inputs: tuple[Input, ...]
    graph: Graph
    classes: int

    def __init__(self, inputs: tuple[Input, ...], graph: Graph | Sequence[Operation], classes: int) -> None:
        """graph: or the layers of a chain."""
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "graph", graph if isinstance(graph, Graph) else chain(graph, INPUTS))
        object.__setattr__(self, "classes", classes)

    def select(self, codes: NDArray[np.uint8]) -> Ints:
        """The values that enter, int64 [rows, inputs], of a data set's codes, uint8 [rows, columns]."""
        return np.stack([item.values(codes[:, item.column]) for item in self.inputs], axis=1)

    def evaluate(self, x: NDArray[np.integer]) -> Ints:
        """int [rows, inputs] -> labels, int64 [rows], or scores, int64 [rows, outputs]. This is the definition."""
        values = self.graph.evaluate(x.astype(np.int64))
        if self.is_classifier:
            return values[0][:, 0]
        return values[0] if len(values) == 1 else np.concatenate(values, axis=1)

    def predict(self, codes: NDArray[np.uint8]) -> Ints:
        """`evaluate` on a data set's codes, uint8 [rows, columns]."""
        return self.evaluate(self.select(codes))

    @property
    def layers(self) -> tuple[Operation, ...]:
        """The operations of a chain. Raises InputError that names the node where the graph branches."""
        return self.graph.layers

    @property
    def is_classifier(self) -> bool:
        (first, *others) = self.graph.outputs
        return not others and first != INPUTS and isinstance(self.graph.node(first).operation, Decision)

    @property
    def bounds(self) -> Bounds:
        """The range of every number that enters."""
        return box([0] * len(self.inputs), [2**item.bits - 1 for item in self.inputs])

    def intervals(self) -> list[Bounds]:
        """Bounds of the value that enters, and of what every node gives, in order: of a chain, layer by layer."""
        return list(self.graph.intervals(self.bounds).values())

    def output_bounds(self) -> Bounds:
        """Bounds of what `evaluate` gives."""
        found = self.graph.intervals(self.bounds)
        low, high = zip(*(found[name] for name in self.graph.outputs), strict=True)
        return np.concatenate(low), np.concatenate(high)


def check(network: IntegerNetwork) -> None:
    """Raise InputError, one line, unless every node is sound, no number can overflow, and labels are classes."""
    found = network.graph.check(network.bounds)
    name, classes = network.graph.outputs[0], network.classes
    if not network.is_classifier:
        scores = sum(len(found[name][0]) for name in network.graph.outputs)
        if scores != classes:
            raise InputError(f"classes must be {scores}, the number of scores")
        return
    node = network.graph.node(name)
    match node.operation:
        case Logic(netlist):
            if len(netlist.output_nodes) != label_bits(network):
                raise InputError(f"node {name}: netlist.outputs must be one port of {label_bits(network)} bits")
        case DecisionTree(label=label):
            if (label >= classes).any():
                raise InputError(f"node {name}: label must be below {classes}")
        case ArgMax() | Tournament():
            if len(found[node.reads[0]][0]) != classes:
                raise InputError(f"node {name}: must read {classes} scores, one for each class")


def label_bits(network: IntegerNetwork) -> int:
    """Width of the label port."""
    return max((network.classes - 1).bit_length(), 1)


def used_inputs(network: IntegerNetwork) -> Sequence[int]:
    """Indices of the inputs on which the operations that read them depend."""
    used: set[int] = set()
    for node in network.graph.nodes:
        if INPUTS in node.reads:
            used |= set(_places(node.operation, len(network.inputs)))
    if INPUTS in network.graph.outputs:
        used |= set(range(len(network.inputs)))
    return sorted(used)


def without_unused_inputs(network: IntegerNetwork) -> IntegerNetwork:
    """The same function over the inputs that matter (at least one is kept, so that a circuit has a port)."""
    kept = list(used_inputs(network)) or [0]
    readers = [node.operation for node in network.graph.nodes if INPUTS in node.reads]
    if not all(isinstance(item, DecisionTree | Dense | MaskedSum | Logic | Select) for item in readers):
        return network
    nodes = tuple(
        replace(node, operation=_over(node.operation, kept, len(network.inputs))) if INPUTS in node.reads else node
        for node in network.graph.nodes
    )
    graph = replace(network.graph, nodes=nodes)
    return IntegerNetwork(tuple(network.inputs[i] for i in kept), graph, network.classes)


def _places(item: Operation, width: int) -> Sequence[int]:
    """The numbers of the value that enters on which an operation depends."""
    match item:
        case DecisionTree(feature=feature):
            return [int(f) for f in feature if f >= 0]
        case Dense(weights=weights):
            return [int(i) for i in np.flatnonzero((weights != 0).any(axis=0))]
        case MaskedSum(source=source):
            return [int(i) for i in source]
        case Logic(netlist):
            return netlist.used_ports()
        case Select(places):
            return places
    return range(width)


def _over(item: Operation, kept: Sequence[int], width: int) -> Operation:
    """The same operation where only the numbers `kept` of `width` enter."""
    position = np.full(width + 1, -1, np.int64)
    position[list(kept)] = np.arange(len(kept))
    match item:
        case DecisionTree(feature=feature):
            return replace(item, feature=position[feature])
        case Dense(weights, bias):
            return Dense(weights[:, list(kept)], bias)
        case MaskedSum(source=source):
            return replace(item, source=position[source])
        case Logic(netlist):
            return Logic(without_ports(netlist, list(kept)))
        case Select(places):
            return Select(tuple(int(position[place]) for place in places))
    raise TypeError(f"{type(item).__name__} reads every input")

"""`IntegerNetwork`: the exact integer semantics of a classifier or a score network, and nothing else.

`IntegerNetwork.evaluate` in plain NumPy is the definition that every emitter and every evaluator is checked against.
Reading and writing live in `inkling.approx.reference.network_files`, building from floats in
`inkling.approx.quantise.networks`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.netlist import without_ports
from inkling.approx.reference.operations import ArgMax, DecisionTree, Dense, Ints, Layer, Logic, MaskedSum, Tournament


@dataclass(frozen=True)
class Input:
    """One feature that the network reads: `codes[:, column] >> drop`, an unsigned value of `bits` bits."""

    name: str
    column: int
    bits: int
    drop: int = 0


@dataclass(frozen=True)
class IntegerNetwork:
    """A chain of integer operations over named inputs.

    It ends in ArgMax, Tournament, DecisionTree or Logic (a classifier, whose output is a label) or in any other
    operation (its output is the scores). Logic may give a label that no class has, `classes` or above: it is always
    wrong.
    """

    inputs: tuple[Input, ...]
    layers: tuple[Layer, ...]
    classes: int

    def select(self, codes: NDArray[np.uint8]) -> Ints:
        """The values that enter, int64 [rows, inputs], of a data set's codes, uint8 [rows, columns]."""
        columns = [item.column for item in self.inputs]
        drops = np.array([item.drop for item in self.inputs], np.int64)
        return codes[:, columns].astype(np.int64) >> drops

    def evaluate(self, x: NDArray[np.integer]) -> Ints:
        """int [rows, inputs] -> labels, int64 [rows], or scores, int64 [rows, outputs]. This is the definition."""
        values = x.astype(np.int64)
        for layer in self.layers:
            values = layer.evaluate(values)
        return values

    def predict(self, codes: NDArray[np.uint8]) -> Ints:
        """`evaluate` on a data set's codes, uint8 [rows, columns]."""
        return self.evaluate(self.select(codes))

    @property
    def is_classifier(self) -> bool:
        return isinstance(self.layers[-1], ArgMax | Tournament | DecisionTree | Logic)

    def intervals(self) -> list[tuple[Ints, Ints]]:
        """Bounds of the values that enter each layer, and last those of the output."""
        low = np.zeros(len(self.inputs), np.int64)
        high = np.array([2**item.bits - 1 for item in self.inputs], np.int64)
        found = [(low, high)]
        for layer in self.layers:
            low, high = layer.interval(low, high)
            found.append((low, high))
        return found


def label_bits(network: IntegerNetwork) -> int:
    """Width of the label port."""
    return max((network.classes - 1).bit_length(), 1)


def used_inputs(network: IntegerNetwork) -> Sequence[int]:
    """Indices of the inputs on which the first layer depends."""
    first = network.layers[0]
    if isinstance(first, DecisionTree):
        return sorted({int(f) for f in first.feature if f >= 0})
    if isinstance(first, Dense):
        return [int(i) for i in np.flatnonzero((first.weights != 0).any(axis=0))]
    if isinstance(first, MaskedSum):
        return sorted({int(i) for i in first.source})
    if isinstance(first, Logic):
        return first.netlist.used_ports()
    return range(len(network.inputs))


def without_unused_inputs(network: IntegerNetwork) -> IntegerNetwork:
    """The same function over the inputs that matter (at least one is kept, so that a circuit has a port)."""
    kept = list(used_inputs(network)) or [0]
    first = network.layers[0]
    if isinstance(first, DecisionTree):
        position = np.full(len(network.inputs) + 1, -1, np.int64)
        position[kept] = np.arange(len(kept))
        new: Layer = DecisionTree(position[first.feature], first.threshold, first.left, first.right, first.label)
    elif isinstance(first, Dense):
        new = Dense(first.weights[:, kept], first.bias)
    elif isinstance(first, MaskedSum):
        position = np.full(len(network.inputs), -1, np.int64)
        position[kept] = np.arange(len(kept))
        new = replace(first, source=position[first.source])
    elif isinstance(first, Logic):
        new = Logic(without_ports(first.netlist, kept))
    else:
        return network
    return IntegerNetwork(tuple(network.inputs[i] for i in kept), (new, *network.layers[1:]), network.classes)

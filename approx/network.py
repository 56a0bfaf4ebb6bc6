"""`IntegerNetwork`: the exact integer semantics of a classifier or a score network, and nothing else.

`IntegerNetwork.evaluate` in plain NumPy is the definition that every emitter and every evaluator is checked
against. Reading and writing live in `approx.network_files`, building from floats in `approx.quantise`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from approx.netlist import Netlist, without_ports

Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Input:
    """One feature that the network reads: `codes[:, column] >> drop`, an unsigned value of `bits` bits."""

    name: str
    column: int
    bits: int
    drop: int = 0


@dataclass(frozen=True, eq=False)
class Dense:
    """y[o] = bias[o] + sum over i of weights[o, i] * x[i]; weights int64 [outputs, inputs], bias int64 [outputs]."""

    weights: Ints
    bias: Ints

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, inputs] -> int64 [rows, outputs]."""
        scores: Ints = x @ self.weights.T + self.bias
        return scores

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Exact bounds, int64 [outputs] each, for inputs that range over a box."""
        positive: Ints = np.maximum(self.weights, 0)
        negative: Ints = np.minimum(self.weights, 0)
        return (
            positive @ low + negative @ high + self.bias,
            positive @ high + negative @ low + self.bias,
        )


@dataclass(frozen=True, eq=False)
class MaskedSum:
    """y[o] = bias[o] + sum over terms t with output[t] == o of sign[t] * ((x[source[t]] & mask[t]) << shift[t]).

    The approximate sum of products: a weight is as many terms as it has signed digits, and a term keeps only the
    bits of its mask. All int64 [terms], sign is 1 or -1, mask and shift are not negative; bias int64 [outputs].
    The inputs must not be negative.
    """

    output: Ints
    source: Ints
    sign: Ints
    shift: Ints
    mask: Ints
    bias: Ints

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, inputs] -> int64 [rows, outputs]."""
        sums = np.tile(self.bias, (len(x), 1))
        for t, o in enumerate(self.output):
            sums[:, o] += self.sign[t] * ((x[:, self.source[t]] & self.mask[t]) << self.shift[t])
        return sums

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Bounds; exact where every input ranges over 0..2**bits - 1."""
        del low
        least, most = self.bias.copy(), self.bias.copy()
        for o, weights in enumerate(self.bit_weights([int(top).bit_length() for top in high])):
            least[o] += sum(min(weight, 0) for weight in weights.values())
            most[o] += sum(max(weight, 0) for weight in weights.values())
        return least, most

    def bit_weights(self, widths: Sequence[int]) -> tuple[dict[tuple[int, int], int], ...]:
        """For every output what each bit (input, bit) of inputs of these widths adds to the sum, zeros left out."""
        found: list[dict[tuple[int, int], int]] = [{} for _ in self.bias]
        terms = (self.output, self.source, self.sign, self.shift, self.mask)
        for o, i, sign, shift, mask in zip(*(part.tolist() for part in terms), strict=True):
            for bit in range(widths[i]):
                if mask >> bit & 1:
                    found[o][i, bit] = found[o].get((i, bit), 0) + (sign << shift + bit)
        return tuple({bit: weights[bit] for bit in sorted(weights) if weights[bit]} for weights in found)


@dataclass(frozen=True)
class ClippedReLU:
    """y = clip(x >> shift, 0, 2**bits - 1); the shift is arithmetic, so it truncates towards minus infinity.

    shift and bits are one number for all neurons or one for each; a neuron of no bits is always 0.
    """

    shift: int | tuple[int, ...]
    bits: int | tuple[int, ...]

    def evaluate(self, x: Ints) -> Ints:
        """int64 [..., neurons] -> int64 of the same shape."""
        tops = (np.int64(1) << np.array(self.bits, np.int64)) - 1
        clipped: Ints = np.clip(x >> np.array(self.shift, np.int64), 0, tops)
        return clipped

    def of_each(self, neurons: int) -> tuple[tuple[int, int], ...]:
        """Shift and bits of every neuron."""
        shifts = (self.shift,) * neurons if isinstance(self.shift, int) else self.shift
        bits = (self.bits,) * neurons if isinstance(self.bits, int) else self.bits
        return tuple(zip(shifts, bits, strict=True))

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Exact bounds: the operation is monotone."""
        return self.evaluate(low), self.evaluate(high)


@dataclass(frozen=True)
class ArgMax:
    """The index of the largest score; among equals the lowest index wins."""

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, scores] -> int64 [rows]."""
        label: Ints = x.argmax(axis=1)
        return label

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """The label ranges over all indices."""
        return np.zeros(1, np.int64), np.full(1, len(low) - 1, np.int64)


def knock_out(scores: int) -> tuple[tuple[int, int], ...]:
    """The matches of a tournament in which neighbours meet, so that an exact one gives ties to the lowest index."""
    matches: list[tuple[int, int]] = []
    left = list(range(scores))
    while len(left) > 1:
        pairs = [(left[k], left[k + 1]) for k in range(0, len(left) - 1, 2)]
        left = [scores + len(matches) + k for k in range(len(pairs))] + left[2 * len(pairs) :]
        matches += pairs
    return tuple(matches)


@dataclass(frozen=True)
class Tournament:
    """An approximate arg-max: a knock-out whose every match looks only at some bits of its two scores.

    Match m, (a, b) of `matches`, is between two contestants; contestant k is score k, and contestant scores + m the
    winner of match m. Every contestant but the last plays one match. The key of a score is score >> shift[m], wrapped
    to `width[m]` >= 1 bits of two's complement; b wins where its key is larger, else a.
    """

    matches: tuple[tuple[int, int], ...]
    shift: tuple[int, ...]
    width: tuple[int, ...]

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, scores] -> int64 [rows], the index of the winner's score."""
        values = list(x.T)
        labels = [np.full(len(x), k, np.int64) for k in range(x.shape[1])]
        for (a, b), shift, width in zip(self.matches, self.shift, self.width, strict=True):
            half = np.int64(1) << width - 1
            keys = [((values[k] >> shift) + half & 2 * half - 1) - half for k in (a, b)]
            wins = keys[1] > keys[0]
            values.append(np.where(wins, values[b], values[a]))
            labels.append(np.where(wins, labels[b], labels[a]))
        return labels[-1]

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """The label ranges over all indices."""
        return np.zeros(1, np.int64), np.full(1, len(low) - 1, np.int64)

    def keys(self, low: Ints, high: Ints) -> tuple[tuple[int, int], ...]:
        """Shift and width of every match, made as small as scores in low..high allow without changing a winner."""
        most = max(signed_width(min(int(low.min()), -1), int(high.max())), 1)
        shifts = [min(shift, most - 1) for shift in self.shift]
        return tuple((s, max(min(width, most - s), 1)) for s, width in zip(shifts, self.width, strict=True))


@dataclass(frozen=True, eq=False)
class DecisionTree:
    """A binary tree over the inputs: node n goes to left[n] where x[feature[n]] <= threshold[n], else to right[n].

    Children come after their parent. A leaf has feature -1 and its class in `label`. All int64 [nodes].
    """

    feature: Ints
    threshold: Ints
    left: Ints
    right: Ints
    label: Ints

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, inputs] -> int64 [rows]."""
        node = np.zeros(len(x), np.int64)
        rows = np.arange(len(x))
        while (inner := self.feature[node] >= 0).any():
            goes_left = x[rows, np.maximum(self.feature[node], 0)] <= self.threshold[node]
            node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
        return self.label[node]

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """The label ranges over the leaves' classes."""
        leaves = self.label[self.feature < 0]
        return leaves.min(keepdims=True), leaves.max(keepdims=True)


@dataclass(frozen=True, eq=False)
class Logic:
    """A gate netlist with one input port for every x[i] and one output port, read as an unsigned number."""

    netlist: Netlist

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, ports] -> int64 [rows]; gate by gate, in plain NumPy."""
        netlist, rows = self.netlist, len(x)
        nodes = [np.zeros(rows, np.uint8), np.ones(rows, np.uint8)]
        for k, port in enumerate(netlist.inputs):
            nodes += [(x[:, k] >> bit & 1).astype(np.uint8) for bit in range(port.width)]
        for kind, sources in zip(netlist.kinds, netlist.sources, strict=True):
            cell = netlist.cell_types[kind]
            state = np.zeros(rows, np.uint8)  # of at most six inputs
            for pin in range(len(cell.inputs)):
                state |= nodes[sources[pin]] << pin
            column = [cell.table >> m & 1 for m in range(2 ** len(cell.inputs))]
            nodes.append(np.array(column, np.uint8)[state])
        label = np.zeros(rows, np.int64)
        for k, node in enumerate(netlist.output_nodes):
            label |= nodes[node].astype(np.int64) << k
        return label

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Any number of the port's width."""
        return np.zeros(1, np.int64), np.full(1, 2 ** len(self.netlist.output_nodes) - 1, np.int64)


Layer: TypeAlias = Dense | MaskedSum | ClippedReLU | ArgMax | Tournament | DecisionTree | Logic


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


def signed_width(low: int, high: int) -> int:
    """Bits of the smallest two's complement (low < 0) or unsigned number that holds low..high; at least 1."""
    if low < 0:
        return max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1
    return max(high.bit_length(), 1)


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

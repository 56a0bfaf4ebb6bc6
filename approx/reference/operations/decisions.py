"""Operations whose result is a label: arg-max, a tournament, a decision tree, a gate netlist."""

import json
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from inkling.approx.reference import netlist_files
from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.operations.definition import (
    MOST_LISTED,
    MOST_VALUE_BITS,
    Array,
    Bounds,
    Ints,
    Listed,
    Nested,
    operation,
    signed_width,
)
from inkling.train.errors import InputError


@operation("arg_max")
@dataclass(frozen=True)
class ArgMax:
    """The index of the largest score; among equals the lowest index wins."""

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, scores] -> int64 [rows]."""
        label: Ints = x.argmax(axis=1)
        return label

    def interval(self, x: Bounds) -> Bounds:
        """The label ranges over all indices."""
        return np.zeros(1, np.int64), np.full(1, len(x[0]) - 1, np.int64)

    def check(self, x: Bounds) -> None:
        if not len(x[0]):
            raise InputError("arg_max needs at least one score")


def knock_out(scores: int) -> tuple[tuple[int, int], ...]:
    """The matches of a tournament in which neighbours meet, so that an exact one gives ties to the lowest index."""
    matches: list[tuple[int, int]] = []
    left = list(range(scores))
    while len(left) > 1:
        pairs = [(left[k], left[k + 1]) for k in range(0, len(left) - 1, 2)]
        left = [scores + len(matches) + k for k in range(len(pairs))] + left[2 * len(pairs) :]
        matches += pairs
    return tuple(matches)


@operation(
    "tournament",
    Listed("matches", 0, MOST_LISTED, pairs=True),
    Listed("shift", 0, MOST_VALUE_BITS),
    Listed("width", 1, MOST_VALUE_BITS),
)
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

    def interval(self, x: Bounds) -> Bounds:
        """The label ranges over all indices."""
        return np.zeros(1, np.int64), np.full(1, len(x[0]) - 1, np.int64)

    def keys(self, low: Ints, high: Ints) -> tuple[tuple[int, int], ...]:
        """Shift and width of every match, made as small as scores in low..high allow without changing a winner."""
        most = max(signed_width(min(int(low.min()), -1), int(high.max())), 1)
        shifts = [min(shift, most - 1) for shift in self.shift]
        return tuple((s, max(min(width, most - s), 1)) for s, width in zip(shifts, self.width, strict=True))

    def check(self, x: Bounds) -> None:
        """Every contestant but the last plays one match, after it is known."""
        scores = len(x[0])
        if not len(self.matches) == len(self.shift) == len(self.width) == scores - 1:
            raise InputError(f"matches, shift and width must have {scores - 1} items")
        players = [k for match in self.matches for k in match]
        known = all(max(match) < scores + m for m, match in enumerate(self.matches))
        if not known or sorted(players) != list(range(2 * scores - 2)):
            raise InputError("every contestant but the winner must play one match, after it is known")
        if any(shift + width > MOST_VALUE_BITS for shift, width in zip(self.shift, self.width, strict=True)):
            raise InputError(f"a key must end below bit {MOST_VALUE_BITS}")


@operation("decision_tree", *(Array(n, ("nodes",)) for n in ("feature", "threshold", "left", "right", "label")))
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

    def interval(self, x: Bounds) -> Bounds:
        """The label ranges over the leaves' classes."""
        leaves = self.label[self.feature < 0]
        return leaves.min(keepdims=True), leaves.max(keepdims=True)

    def check(self, x: Bounds) -> None:
        """Every node but the first is the child of exactly one before it; features exist, labels are positive."""
        nodes = np.arange(len(self.feature))
        if (self.feature < -1).any() or (self.feature >= len(x[0])).any():
            raise InputError(f"feature must be -1 or an input below {len(x[0])}")
        inner = self.feature >= 0
        if (np.abs(self.threshold.astype(object)) >= 2**MOST_VALUE_BITS).any():
            raise InputError(f"threshold needs more than {MOST_VALUE_BITS} bits")
        for name, children in (("left", self.left), ("right", self.right)):
            if (children[inner] <= nodes[inner]).any() or (children[inner] >= len(nodes)).any():
                raise InputError(f"{name} must name a node after its parent")
            if (children[~inner] != -1).any():
                raise InputError(f"{name} of a leaf must be -1")
        below = np.concatenate([self.left[inner], self.right[inner]])
        if len(below) != len(nodes) - 1 or len(np.unique(below)) != len(below):
            raise InputError("every node but the first must be the child of exactly one")
        if (self.label < 0).any():
            raise InputError("label must not be negative")


@operation(
    "logic",
    Nested(
        "netlist",
        lambda netlist: json.loads(netlist_files.to_json(netlist)),
        lambda value, where: netlist_files.from_json(json.dumps(value), where),
    ),
)
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

    def interval(self, x: Bounds) -> Bounds:
        """Any number of the port's width."""
        return np.zeros(1, np.int64), np.full(1, 2 ** len(self.netlist.output_nodes) - 1, np.int64)

    def check(self, x: Bounds) -> None:
        """One input port of the right width for each number, and one output port."""
        ports = [(1 << port.width) - 1 for port in self.netlist.inputs]
        if len(ports) != len(x[0]) or x[0].min(initial=0) < 0 or any(np.array(ports, object) < x[1].astype(object)):
            raise InputError("netlist.inputs must have a port for each number, wide enough for it")
        if len(self.netlist.outputs) != 1:
            raise InputError("netlist.outputs must be one port")


Decision: TypeAlias = ArgMax | Tournament | DecisionTree | Logic

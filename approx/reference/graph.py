"""`Graph`: integer operations that read named values, the one form of classifiers, score networks and fields.

What enters a graph is told by `inkling.approx.reference.network` (features) and `inkling.approx.reference.field` (an
entry and coordinates); the operations are in `inkling.approx.reference.operations`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inkling.approx.reference.operations.definition import Bounds, Ints, Operation, definition_of
from inkling.train.errors import InputError

MOST_NODES = 256
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class Node:
    """A named value: what an operation gives for the values that it reads."""

    name: str
    operation: Operation
    reads: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which every value is there before it is read; the names of what enters and what leaves."""

    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    def evaluate(self, *values: Ints) -> tuple[Ints, ...]:
        """Values int64 [rows, width], one for each of `inputs` -> one for each of `outputs`. The definition."""
        known = dict(zip(self.inputs, values, strict=True))
        for node, finished in zip(self.nodes, self._finished, strict=True):
            result = node.operation.evaluate(*(known[name] for name in node.reads))
            known[node.name] = result[:, None] if result.ndim == 1 else result
            for name in finished:
                del known[name]
        return tuple(known[name] for name in self.outputs)

    @cached_property
    def _finished(self) -> tuple[tuple[str, ...], ...]:
        """For every node the values that nothing reads after it."""
        last = {name: k for k, node in enumerate(self.nodes) for name in (*node.reads, node.name)}
        kept = set(self.outputs)
        return tuple(
            tuple(name for name, place in last.items() if place == k and name not in kept)
            for k in range(len(self.nodes))
        )

    def intervals(self, *bounds: Bounds) -> dict[str, Bounds]:
        """Bounds of every value by name, what enters first, for bounds of what enters."""
        known = dict(zip(self.inputs, bounds, strict=True))
        for node in self.nodes:
            known[node.name] = node.operation.interval(*(known[name] for name in node.reads))
        return known

    def check(self, *bounds: Bounds) -> dict[str, Bounds]:
        """`intervals`, after every node is found sound. Raises InputError that names the node."""
        known = dict(zip(self.inputs, bounds, strict=True))
        if not 1 <= len(self.nodes) <= MOST_NODES or not self.outputs:
            raise InputError(f"a graph has 1 to {MOST_NODES} nodes and at least one output")
        for node in self.nodes:
            if not NAME.fullmatch(node.name) or node.name in known:
                raise InputError(f"node {node.name!r:.80}: must be a new name of at most 63 of a-z, 0-9, _")
            unknown = [name for name in node.reads if name not in known]
            if unknown or not node.reads:
                raise InputError(f"node {node.name}: must read values that stand before it, not {unknown}")
            read = [known[name] for name in node.reads]
            try:
                node.operation.check(*read)
            except InputError as error:
                raise InputError(f"node {node.name}: {error}") from error
            except TypeError as error:
                kind = definition_of(node.operation).kind
                raise InputError(f"node {node.name}: {kind} does not read {len(read)} values") from error
            known[node.name] = node.operation.interval(*read)
        if missing := [name for name in self.outputs if name not in known]:
            raise InputError(f"outputs: there is no node {missing[0]!r:.80}")
        return known

    def node(self, name: str) -> Node:
        """The node of that name."""
        return next(node for node in self.nodes if node.name == name)

    @property
    def layers(self) -> tuple[Operation, ...]:
        """The operations of a chain, in order. Raises InputError that names the node where the graph branches."""
        before = self.inputs[0]
        for node in self.nodes:
            if node.reads != (before,):
                raise InputError(f"this works on a chain of layers, and the network branches at node {node.name}")
            before = node.name
        if self.outputs != (before,):
            raise InputError(f"this works on a chain of layers, and the network gives {', '.join(self.outputs)}")
        return tuple(node.operation for node in self.nodes)


def named(items: Iterable[Operation]) -> list[str]:
    """A name for each operation, its kind and its number among its kind: dense0, clipped_relu0, dense1, ..."""
    seen: Counter[str] = Counter()
    names = []
    for item in items:
        kind = definition_of(item).kind
        names.append(f"{kind}{seen[kind]}")
        seen[kind] += 1
    return names


def chain(layers: Sequence[Operation], reads: str = "inputs") -> Graph:
    """The graph in which every operation reads the one before it, and the first what enters."""
    names = named(layers)
    before = [reads, *names[:-1]]
    nodes = (Node(name, item, (read,)) for name, item, read in zip(names, layers, before, strict=True))
    return Graph((reads,), tuple(nodes), tuple(names[-1:]))


def box(low: Sequence[int], high: Sequence[int]) -> Bounds:
    """Bounds of a value from lists."""
    return np.array(low, np.int64), np.array(high, np.int64)

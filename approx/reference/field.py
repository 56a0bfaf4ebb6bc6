"""`IntegerField`: the exact integer semantics of a neural field, and nothing else.

The same graph of operations as a classifier's; what enters it is an entry and two 16-bit coordinates, and its tables
of one row for each entry may reach gigabytes. Files live in `inkling.approx.reference.field_files`, building one from
floats in `inkling.approx.fields.quantise`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.coding import COORDINATE_BITS, Coding
from inkling.approx.reference.graph import Graph, Node, box, named
from inkling.approx.reference.operations import (
    Add,
    Bounds,
    ClippedReLU,
    Concat,
    CoordinateSum,
    Dense,
    GridRead,
    Operation,
    Select,
)
from inkling.train.errors import InputError
from inkling.train.scenes.signals import Meaning

MOST_WIDTH = 4096
MOST_ENTRIES = 2**24
MOST_LEVELS = 64
# The names of the values that enter a field's graph.
QUERY = ("entry", "u", "v")


@dataclass(frozen=True, eq=False)
class Layered:
    """The form of a field that kernels and engines are made for.

    Grid reads, concatenated; then dense layers, to the first of which the coordinates' part may be added, each with
    an operation on its sums.
    """

    reads: tuple[GridRead, ...]
    coordinates: CoordinateSum | None
    dense: tuple[Dense, ...]
    activations: tuple[Operation, ...]
    # The names of the values that the activations read.
    sums: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class IntegerField:
    """A graph over `entry`, `u` and `v`, and what its answers mean.

    positions: float32 [entries, 3] of a visibility field, else [0, 3].
    """

    graph: Graph
    meaning: Meaning
    coding: Coding
    positions: NDArray[np.float32]

    @cached_property
    def layered(self) -> Layered:
        """The layers of the graph. Raises InputError that names the node where it has another form."""
        return _layered(self.graph)

    @cached_property
    def reads(self) -> tuple[GridRead, ...]:
        """The grid reads in order."""
        return tuple(n.operation for n in self.graph.nodes if isinstance(n.operation, GridRead))

    @property
    def coordinates(self) -> CoordinateSum | None:
        """What the first dense layer adds."""
        return self.layered.coordinates

    @property
    def dense(self) -> tuple[Dense, ...]:
        """The dense layers in order."""
        return self.layered.dense

    @property
    def activations(self) -> tuple[Operation, ...]:
        """What follows each dense layer, in order."""
        return self.layered.activations

    @property
    def layers(self) -> tuple[Operation, ...]:
        """Dense, activation, ..., dense and the last operation."""
        return tuple(item for pair in zip(self.dense, self.activations, strict=True) for item in pair)

    @property
    def entries(self) -> int:
        """Number of entries; a level of one entry is shared by all."""
        return max((read.table.shape[0] for read in self.reads), default=1)

    @property
    def outputs(self) -> int:
        """Numbers in an answer."""
        return len(self.coding.scale)

    @property
    def bytes_per_entry(self) -> float:
        """Bytes of one entry's own texels, packed."""
        own = [read for read in self.reads if read.table.shape[0] == self.entries]
        return float(sum(read.table[0].size * read.bits / 8 for read in own))

    @property
    def bounds(self) -> tuple[Bounds, Bounds, Bounds]:
        """The ranges of entry, u and v."""
        place = box([0], [(1 << COORDINATE_BITS) - 1])
        return box([0], [self.entries - 1]), place, place

    def evaluate(
        self, entry: NDArray[np.integer], u: NDArray[np.integer], v: NDArray[np.integer]
    ) -> NDArray[np.int32]:
        """int [rows] each; u and v in 0..2**16 - 1 -> int32 [rows, outputs]. This is the definition."""
        values = self.graph.evaluate(*(value.astype(np.int64)[:, None] for value in (entry, u, v)))
        return np.concatenate(values, axis=1).astype(np.int32)

    def visible(
        self,
        entry: NDArray[np.integer],
        u: NDArray[np.integer],
        v: NDArray[np.integer],
        code: NDArray[np.integer],
    ) -> NDArray[np.bool_]:
        """Whether a target of distance code int [rows] is seen: its clipped code < answer + margin."""
        clipped = np.clip(code.astype(np.int64), self.coding.low_code, self.coding.high_code)
        seen: NDArray[np.bool_] = clipped < self.evaluate(entry, u, v)[:, 0].astype(np.int64) + self.coding.margin
        return seen

    def intervals(self) -> dict[str, Bounds]:
        """Bounds of every value by name."""
        return self.graph.intervals(*self.bounds)


def layered(reads: Sequence[GridRead], coordinates: CoordinateSum | None, layers: Sequence[Operation]) -> Graph:
    """The graph of grid reads, concatenated, and layers; the coordinates' part is added to the first layer."""
    nodes = [Node(name, read, QUERY) for name, read in zip(named(reads), reads, strict=True)]
    # Without a grid nothing is read, of any value.
    joined = Concat() if reads else Select(())
    nodes.append(Node("features", joined, tuple(node.name for node in nodes) or QUERY[:1]))
    for number, (name, layer) in enumerate(zip(named(layers), layers, strict=True)):
        nodes.append(Node(name, layer, (nodes[-1].name,)))
        if number == 0 and coordinates is not None:
            nodes.append(Node("coordinates", coordinates, QUERY[1:]))
            nodes.append(Node("placed", Add(), (name, "coordinates")))
    return Graph(QUERY, tuple(nodes), (nodes[-1].name,))


def _layered(graph: Graph) -> Layered:
    reads: list[GridRead] = []
    nodes = list(graph.nodes)
    while nodes and isinstance(nodes[0].operation, GridRead) and nodes[0].reads == QUERY:
        node = nodes.pop(0)
        assert isinstance(node.operation, GridRead)
        reads.append(node.operation)
    first = Node(
        "features", Concat() if reads else Select(()), tuple(n.name for n in graph.nodes[: len(reads)]) or QUERY[:1]
    )
    if not nodes or (nodes[0].operation, nodes[0].reads) != (first.operation, first.reads):
        raise _other_form(nodes[0].name if nodes else "features")
    before = nodes.pop(0).name
    dense: list[Dense] = []
    activations: list[Operation] = []
    sums: list[str] = []
    coordinates: CoordinateSum | None = None
    while nodes:
        node = nodes.pop(0)
        if not isinstance(node.operation, Dense) or node.reads != (before,):
            raise _other_form(node.name)
        dense.append(node.operation)
        before = node.name
        if len(nodes) > 1 and isinstance(nodes[0].operation, CoordinateSum) and len(dense) == 1:
            coordinates, joined = nodes[0].operation, nodes[1]
            if nodes[0].reads != QUERY[1:] or joined.operation != Add() or joined.reads != (before, nodes[0].name):
                raise _other_form(joined.name)
            before = joined.name
            del nodes[:2]
        if not nodes or isinstance(nodes[0].operation, Dense) or nodes[0].reads != (before,):
            raise _other_form(nodes[0].name if nodes else before)
        sums.append(before)
        activations.append(nodes[0].operation)
        before = nodes.pop(0).name
    if graph.outputs != (before,):
        raise _other_form(before)
    return Layered(tuple(reads), coordinates, tuple(dense), tuple(activations), tuple(sums))


def _other_form(node: str) -> InputError:
    return InputError(
        f"node {node}: this takes fields of grid reads, joined, and layers that alternate: dense, activation, ..."
    )


def check(field: IntegerField) -> None:
    """Raise InputError, one line, unless every node is sound, every value fits int32, and meaning and sizes agree."""
    found = field.graph.check(*field.bounds)
    for name, (low, high) in found.items():
        if low.min(initial=0) < -(2**31) or high.max(initial=0) >= 2**31:
            raise InputError(f"node {name} of the field can overflow int32: lower its weights or raise its shift")
    entries, coding = field.entries, field.coding
    width = sum(len(found[name][0]) for name in field.graph.outputs)
    if len(coding.scale) != width or len(coding.offset) != width or not 0 <= coding.drop <= 24:
        raise InputError(f"the field answers {width} numbers but its coding has {len(coding.scale)}")
    if not -(2**30) <= coding.margin <= 2**30 or not 0 <= coding.low_code <= coding.high_code < 2**30:
        raise InputError("the field's margin or its codes lie beyond their range")
    if field.positions.shape != ((entries, 3) if field.meaning == "visibility" else (0, 3)):
        raise InputError(f"the field has {entries} entries but positions {field.positions.shape}")
    if max(len(low) for low, _ in found.values()) > MOST_WIDTH or entries > MOST_ENTRIES:
        raise InputError(f"a field has layers of at most {MOST_WIDTH} and {MOST_ENTRIES} entries")


def check_packed(field: IntegerField) -> None:
    """`check`, and what the kernels' and engines' packed numbers ask for. Raises InputError.

    The layers alternate; every weight fits int8, and every hidden value 8 bits.
    """
    check(field)
    layers = field.layered
    if len(layers.reads) > MOST_LEVELS:
        raise InputError(f"a field has at most {MOST_LEVELS} grids")
    for number, dense in enumerate(layers.dense):
        if dense.weights.size and np.abs(dense.weights).max() > 127:
            raise InputError(f"dense layer {number} has a weight beyond -127..127")
    bounds = field.intervals()
    for layer, name in zip(layers.activations, layers.sums, strict=True):
        if isinstance(layer, ClippedReLU) and not (isinstance(layer.shift, int) and isinstance(layer.bits, int)):
            raise InputError(f"{layer} cannot stand in a field's kernel: it has one shift for all neurons")
        low, high = bounds_of(layer, bounds[name])
        if name != layers.sums[-1] and (low < -128 or high > (127 if low < 0 else 255)):
            raise InputError(f"{layer} cannot stand between dense layers in a field: it can give {low} to {high}")


def bounds_of(layer: Operation, sums: Bounds) -> tuple[int, int]:
    """The least and the greatest that an operation gives for any of the sums."""
    low, high = layer.interval(sums)
    return int(low.min()), int(high.max())

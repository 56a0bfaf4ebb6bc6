"""The form of a `Graph` in files: nodes in a JSON document, their arrays in an npz archive, never pickle.

Files come from outside, so everything is bounded and checked before it is believed. What stands beside the graph is
in `inkling.approx.reference.network_files` and `inkling.approx.reference.field_files`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from inkling.approx.reference.graph import MOST_NODES, NAME, Graph, Node
from inkling.approx.reference.operations.definition import (
    MOST_LISTED,
    Array,
    Definition,
    Listed,
    Nested,
    Operation,
    Whole,
    definition_of,
    operations,
)
from inkling.train.errors import InputError
from inkling.train.files import arrays, atomic, checked_json
from inkling.train.files.arrays import Arrays
from inkling.train.files.text import text

MOST_NAME = 1024

# name -> (numpy type, shape)
Shapes: TypeAlias = dict[str, tuple[str, tuple[int, ...]]]


def described(graph: Graph) -> tuple[dict[str, object], Arrays]:
    """The document's fields `nodes` and `outputs`, and the arrays `<node>.<member>`."""
    held: Arrays = {}
    nodes: list[dict[str, object]] = []
    for node in graph.nodes:
        definition = definition_of(node.operation)
        item: dict[str, object] = {"name": node.name, "kind": definition.kind, "reads": list(node.reads)}
        for member in definition.members:
            value = getattr(node.operation, member.name)
            match member:
                case Array(name, dimensions, dtype):
                    held[f"{node.name}.{name}"] = value.astype(dtype)
                    item |= dict(zip(dimensions, value.shape, strict=True))
                case Nested(name, write):
                    item[name] = write(value)
                case Listed(name, pairs=True):
                    item[name] = [list(pair) for pair in value]
                case Whole(name) | Listed(name):
                    item[name] = list(value) if isinstance(value, tuple) else value
        nodes.append(item)
    return {"nodes": nodes, "outputs": list(graph.outputs)}, held


def expected(source: Path, nodes: object, most: int) -> Shapes:
    """Types and shapes of all arrays of described nodes, their number of values at most `most`."""
    if not isinstance(nodes, list) or not 1 <= len(nodes) <= MOST_NODES:
        raise InputError(f"{source}: nodes must be a list of 1 to {MOST_NODES}")
    shapes: Shapes = {}
    for number, item in enumerate(nodes):
        where = f"nodes[{number}]"
        definition = _definition(source, where, item)
        keys = ["name", "kind", "reads", *_keys(definition)]
        fields = exactly(source, where, item, keys)
        name = fields["name"]
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise InputError(f"{source}: {where}.name must be at most 63 of a-z, 0-9, _")
        for array in definition.arrays:
            shape = tuple(whole(source, f"{where}.{d}", fields[d], 0, most) for d in array.shape)
            shapes[f"{name}.{array.name}"] = array.dtype, shape
    if sum(math.prod(shape) for _, shape in shapes.values()) > most:
        raise InputError(f"{source}: nodes hold more than {most} values")
    return shapes


def graph(source: Path, inputs: tuple[str, ...], document: Mapping[str, Any], held: Arrays) -> Graph:
    """The graph of a document whose nodes `expected` has seen; what it computes is not checked here."""
    nodes = []
    for number, item in enumerate(document["nodes"]):
        where = f"nodes[{number}]"
        made = _operation(source, where, _definition(source, where, item), item, held)
        nodes.append(Node(item["name"], made, texts(source, f"{where}.reads", item["reads"])))
    return Graph(inputs, tuple(nodes), texts(source, "outputs", document["outputs"]))


def _definition(source: Path, where: str, item: object) -> Definition:
    kind = item.get("kind") if isinstance(item, dict) else None
    if not isinstance(kind, str) or kind not in operations():
        raise InputError(f"{source}: {where}.kind {kind!r:.60} is not known")
    return operations()[kind]


def _keys(definition: Definition) -> list[str]:
    return [
        key
        for member in definition.members
        for key in (member.shape if isinstance(member, Array) else (member.name,))
    ]


def _operation(source: Path, where: str, definition: Definition, item: dict[str, Any], held: Arrays) -> Operation:
    values: dict[str, Any] = {}
    for member in definition.members:
        place, name = f"{where}.{member.name}", member.name
        match member:
            case Array():
                values[name] = held[f"{item['name']}.{name}"]
            case Nested(read=read):
                values[name] = read(item[name], f"{source}: {place}")
            case Whole(_, low, high, each) if each and isinstance(item[name], list):
                values[name] = wholes(source, place, item[name], low, high)
            case Whole(_, low, high):
                values[name] = whole(source, place, item[name], low, high)
            case Listed(_, low, high, True):
                if not isinstance(item[name], list) or len(item[name]) > MOST_LISTED:
                    raise InputError(f"{source}: {place} must be a list of at most {MOST_LISTED}")
                pairs = [wholes(source, f"{place}[{k}]", pair, low, high) for k, pair in enumerate(item[name])]
                if any(len(pair) != 2 for pair in pairs):
                    raise InputError(f"{source}: {place} must hold pairs")
                values[name] = tuple(pairs)
            case Listed(_, low, high):
                values[name] = wholes(source, place, item[name], low, high)
    made: Operation = definition.made(**values)
    return made


def document(source: Path, most: int) -> object:
    """JSON of at most `most` bytes. Raises InputError."""
    remedy = "write it again"
    return checked_json.value_of(text(source, remedy, most), str(source), remedy)


def exactly(source: Path, where: str, value: object, names: Sequence[str]) -> dict[str, Any]:
    """A JSON object with exactly these fields."""
    if not isinstance(value, dict) or set(value) != set(names):
        raise InputError(f"{source}: {where} must be an object with exactly the fields {', '.join(names)}")
    return value


def whole(source: Path, where: str, value: object, low: int, high: int) -> int:
    """A whole number in low..high."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"{source}: {where} must be a whole number in {low}..{high}")
    return value


def wholes(source: Path, where: str, value: object, low: int, high: int) -> tuple[int, ...]:
    """A list of whole numbers in low..high."""
    if not isinstance(value, list) or len(value) > MOST_LISTED:
        raise InputError(f"{source}: {where} must be a list of at most {MOST_LISTED}")
    return tuple(whole(source, f"{where}[{k}]", item, low, high) for k, item in enumerate(value))


def texts(source: Path, where: str, value: object) -> tuple[str, ...]:
    """A list of names of values."""
    if not isinstance(value, list) or len(value) > MOST_NODES or not all(isinstance(item, str) for item in value):
        raise InputError(f"{source}: {where} must be a list of names")
    return tuple(value)


def write(source: Path, text: dict[str, object], held: Arrays) -> None:
    """Write `source` and the archive of its stem beside it, each beside and then renamed."""
    # The document is renamed last: a folder with a new document always has its arrays.
    atomic.write(source.with_suffix(".npz"), arrays.write(held))
    atomic.write(source, (json.dumps(text, indent=1) + "\n").encode())


def read(path: Path, shapes: Shapes, stored: Mapping[str, str]) -> Arrays:
    """Exactly these arrays; stored: the names of those that have another in the archive."""
    names = {name: stored.get(name, name) for name in shapes}
    expected = {names[name]: shape for name, shape in shapes.items()}
    most = sum(np.dtype(dtype).itemsize * math.prod(shape) for dtype, shape in shapes.values())
    found = arrays.read(path, expected, most_bytes=most + arrays.OVERHEAD * (len(shapes) + 1))
    return {name: found[names[name]] for name in shapes}

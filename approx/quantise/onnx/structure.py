"""Operators that only move values: one definition on arrays, for constants and for what is computed from the rows.

A computed value is an array whose first axis stands for the rows (it holds coefficients, or an entry for every
class); what would mix rows is refused. `rows` is 0 for a constant, -1 for any number of rows, else the number that
the file fixes.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.onnx.file import MOST_VALUES, Node
from inkling.train.errors import InputError

Array: TypeAlias = NDArray[Any]
Given: TypeAlias = Sequence[Any]


class _Rows:
    """The number of rows in a computed shape: any number."""

    def __repr__(self) -> str:
        return "rows"


ROWS = _Rows()


def move(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    """What an operator of `MOVING` makes of its data, `arrays` (one, or those to join); given: all its inputs."""
    return MOVING[node.kind](node, arrays, given, rows)


def whole(value: Any, node: Node) -> list[int]:
    """A constant as whole numbers."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iufbO":
        raise InputError(f"{node.where} needs constant numbers: export the model simplified")
    numbers = value.reshape(-1).tolist()
    if any(isinstance(number, _Rows | str) or float(number) != int(number) for number in numbers):
        raise InputError(f"{node.where} needs the number of rows, which is open: export the model simplified")
    return [int(number) for number in numbers]


def axis_of(node: Node, axis: int, rank: int, rows: int) -> int:
    """An axis counted from the front. Raises InputError for the axis of the rows and for one that is not there."""
    if not -rank <= axis < rank:
        raise InputError(f"{node.where} names axis {axis} of {rank}; export the model again")
    axis %= rank
    if rows and axis == 0:
        raise InputError(f"{node.where} works across rows (axis 0): each row must be answered alone, use axis=1")
    return axis


def _parameter(node: Node, given: Given, position: int, name: str) -> list[int] | None:
    """Whole numbers that older operator sets have as an attribute and newer ones as an input."""
    if len(given) > position and given[position] is not None:
        return whole(given[position], node)
    value = node.attributes.get(name)
    return None if value is None else [int(v) for v in np.asarray(value).reshape(-1)]


def _same(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    return [arrays[0]]


def _flatten(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    array, axis = arrays[0], int(node.attributes.get("axis", 1))
    axis = axis + array.ndim if axis < 0 else axis
    if not 0 <= axis <= array.ndim:
        raise InputError(f"{node.where} names axis {axis} of {array.ndim}; export the model again")
    before = int(np.prod(array.shape[int(bool(rows)) : axis], dtype=np.int64))
    if rows and (axis == 0 or before != 1):
        raise InputError(f"{node.where} works across rows: use axis=1")
    return [array.reshape(array.shape[0] if rows else before, -1)]


def _reshape(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    array = arrays[0]
    if len(given) < 2 and "shape" in node.attributes:
        target: list[Any] = list(node.attributes["shape"])
    else:
        target = np.asarray(given[1], object).reshape(-1).tolist() if isinstance(given[1], np.ndarray) else [""]
    if any(not isinstance(size, int | float | _Rows) for size in target):
        raise InputError(f"{node.where} takes its shape from computed values; export the model simplified")
    if node.attributes.get("allowzero", 0) and 0 in target:
        raise InputError(f"{node.where} makes an empty shape; export the model again")
    if len(target) > 8 or sum(size is ROWS for size in target) > int(bool(rows)):
        raise InputError(f"{node.where} mixes rows: each row must be answered alone")
    sizes = [array.shape[k] if size == 0 and k < array.ndim else size for k, size in enumerate(target)]
    if not rows:
        return [array.reshape([int(size) for size in sizes])]
    row = int(np.prod(array.shape[1:], dtype=np.int64))
    rest = sizes[1:]
    if not sizes or any(size is ROWS for size in rest):
        raise InputError(f"{node.where} mixes rows: each row must be answered alone")
    if not (sizes[0] is ROWS or target[0] == 0 or sizes[0] == rows > 0) and (
        -1 in rest or int(np.prod([int(s) for s in rest])) != row
    ):
        raise InputError(f"{node.where} mixes rows: export the model with an open number of rows")
    return [array.reshape([array.shape[0], *(int(size) for size in rest)])]


def _squeeze(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    array = arrays[0]
    axes = _parameter(node, given, 1, "axes")
    if axes is None:
        axes = [k for k in range(int(bool(rows)), array.ndim) if array.shape[k] == 1]
    return [np.squeeze(array, tuple(axis_of(node, axis, array.ndim, rows) for axis in axes))]


def _unsqueeze(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    array = arrays[0]
    axes = _parameter(node, given, 1, "axes") or []
    rank = array.ndim + len(axes)
    if rank > 8:
        raise InputError(f"{node.where} makes more than 8 axes; export the model again")
    return [np.expand_dims(array, tuple(axis_of(node, axis, rank, rows) for axis in axes))]


def _transpose(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    array = arrays[0]
    order = [int(axis) for axis in node.attributes.get("perm") or range(array.ndim - 1, -1, -1)]
    if rows and order[:1] != [0]:
        raise InputError(f"{node.where} turns rows into columns: each row must be answered alone")
    return [array.transpose(order)]


def _slice(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    array = arrays[0]
    starts, ends = (_parameter(node, given, k, name) for k, name in ((1, "starts"), (2, "ends")))
    if starts is None or ends is None:
        raise InputError(f"{node.where} lacks its ends; export the model again")
    axes = _parameter(node, given, 3, "axes") or list(range(len(starts)))
    steps = _parameter(node, given, 4, "steps") or [1] * len(starts)
    chosen = [slice(None)] * array.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if rows and axis in (0, -array.ndim) and (start, step) == (0, 1) and end >= 2**31 - 1:
            continue  # all rows
        chosen[axis_of(node, axis, array.ndim, rows)] = slice(start, end, step)
    return [array[tuple(chosen)]]


def _gather(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    array = arrays[0]
    axis = axis_of(node, int(node.attributes.get("axis", 0)), array.ndim, rows)
    picks = np.array(whole(given[1], node), np.int64).reshape(given[1].shape)
    _bound(node, array.size // max(array.shape[axis], 1) * picks.size)
    return [np.asarray(np.take(array, picks, axis=axis), array.dtype)]


def _columns(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    array, picks = arrays[0], np.array(whole(given[1], node), np.int64)
    if array.ndim < 2:
        array = array.reshape(1, -1)
    if rows and arrays[0].ndim < 2:
        raise InputError(f"{node.where} works across rows: each row must be answered alone")
    _bound(node, array.size // max(array.shape[-1], 1) * picks.size)
    return [np.take(array, picks, axis=-1)]


def _concat(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    axis = axis_of(node, int(node.attributes.get("axis", 1)), arrays[0].ndim, rows)
    return [np.concatenate(arrays, axis=axis)]


def _features(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    widths = [int(width) for width in node.attributes.get("inputdimensions") or []]
    parts = [array.reshape(len(array), -1) if array.ndim < 2 else array for array in arrays]
    if any(part.ndim != 2 for part in parts) or widths != [part.shape[1] for part in parts]:
        raise InputError(f"{node.where} joins columns that do not have the stated widths {widths}; export again")
    return [np.concatenate(parts, axis=1)]


def _split(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    array, parts = arrays[0], len(node.outputs)
    axis = axis_of(node, int(node.attributes.get("axis", 0)), array.ndim, rows)
    sizes = _parameter(node, given, 1, "split")
    if sizes is None:
        each = -(-array.shape[axis] // max(parts, 1))
        sizes = [min(each, array.shape[axis] - k * each) for k in range(parts)]
    if sum(sizes) != array.shape[axis] or len(sizes) != parts or min(sizes, default=0) < 0:
        raise InputError(f"{node.where} splits {array.shape[axis]} values into {sizes}; export the model again")
    return list(np.split(array, np.cumsum(sizes)[:-1], axis=axis))


def _expand(node: Node, arrays: list[Array], given: Given, rows: int) -> list[Array]:
    array, target = arrays[0], np.asarray(given[1], object).reshape(-1).tolist()
    if rows and len(target) == array.ndim and (target[0] is ROWS or target[0] == 1):
        target = [len(array), *target[1:]]
    elif rows and len(target) >= array.ndim:
        raise InputError(f"{node.where} repeats rows: each row must be answered alone")
    sizes = whole(np.array(target, object), node)
    _bound(node, int(np.prod([max(size, 1) for size in sizes], dtype=object)) * array.size)
    return [np.broadcast_to(array, np.broadcast_shapes(array.shape, tuple(sizes))).copy()]


def _bound(node: Node, size: int) -> None:
    if size > MOST_VALUES:
        raise InputError(f"{node.where} makes too many values; a bespoke circuit takes small networks")


Move: TypeAlias = Callable[[Node, list[Array], Given, int], list[Array]]
MOVING: dict[str, Move] = {
    **dict.fromkeys(("Identity", "Dropout"), _same),
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Slice": _slice,
    "Gather": _gather,
    "ArrayFeatureExtractor": _columns,
    "Concat": _concat,
    "FeatureVectorizer": _features,
    "Split": _split,
    "Expand": _expand,
}
JOINING = ("Concat", "FeatureVectorizer")

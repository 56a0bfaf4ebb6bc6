"""Decisions: arg-max, thresholds, and the tables of labels behind them; at last, which output of a file decides.

A decision is an index of the largest value, and a table with an entry for each index. What follows a decision is
applied to the table.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.onnx.arithmetic import cast, folded
from inkling.approx.quantise.onnx.file import Node, Port
from inkling.approx.quantise.onnx.scores import ordered, threshold
from inkling.approx.quantise.onnx.structure import JOINING, MOVING, ROWS, move
from inkling.approx.quantise.onnx.values import Context, Given, Label, Scores, computed, numbers
from inkling.train.errors import InputError
from inkling.train.networks.piecewise_linear import Values

COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual")


def largest(node: Node, given: Given, context: Context) -> list[Any]:
    """ArgMax, ArgMin, and TopK of one."""
    values = given[0] if isinstance(given[0], Values) else ordered(given[0], node, context)
    rank, count = len(values.shape) + 1, int(np.prod(values.shape, dtype=np.int64))
    top = node.kind == "TopK"
    if top and int(numbers(given[1], node).reshape(-1)[0]) != 1:
        raise InputError(f"{node.where} takes more than the largest, which cannot be converted: use k = 1")
    axis = int(node.attributes.get("axis", -1 if top else 0))
    if not -rank <= axis < rank or axis % rank == 0 or count < 1 or values.shape[axis % rank - 1] != count:
        raise InputError(f"{node.where} must compare all values of each row (axis 1), not axis {axis} of {rank}")
    smallest = node.kind == "ArgMin" or (top and not node.attributes.get("largest", 1))
    shape = list(values.shape)
    shape[axis % rank - 1] = 1
    if not (top or node.attributes.get("keepdims", 1)):
        del shape[axis % rank - 1]
    flat = values.stack.reshape(len(values.stack), -1) * (-1.0 if smallest else 1.0)
    table = np.arange(count)
    if node.attributes.get("select_last_index", 0):
        flat, table = flat[:, ::-1], table[::-1]
    label = Label(context.builder.made(values.level, flat), table.reshape(count, *[1] * len(shape)))
    if top:
        return [Values(values.level, np.full((1, *shape), np.nan)), label]
    return [label]


def compared(node: Node, given: Given, context: Context) -> list[Any]:
    """Greater and the like: a decision of one value, or steps of several."""
    kind = node.kind
    if kind == "Binarizer":
        given, kind = [given[0], np.array(float(node.attributes.get("threshold", 0.0)))], "Greater"
    if kind == "Round":
        if isinstance(given[0], Scores) and ((given[0].scale != 1) | (given[0].offset != 0)).any():
            raise InputError(f"{node.where} rounds scores that are no probabilities; export the model without it")
        given, kind = [given[0], np.array(0.5)], "Greater"
    gap = _gap(node, given, context)
    swapped, strict = kind.startswith("Less"), "Equal" not in kind
    stack = -gap.stack if swapped else gap.stack
    binary = np.array([0.0, 1.0]) if node.kind in ("Binarizer", "Round") else np.array([False, True])
    if int(np.prod(gap.shape, dtype=np.int64)) == 1:
        flat, zero = stack.reshape(-1, 1), np.zeros((len(stack), 1))
        table = (binary if strict else binary[::-1]).reshape(2, *[1] * len(gap.shape))
        both = np.concatenate([zero, flat] if strict else [flat, zero], axis=1)
        return [Label(context.builder.made(gap.level, both), table)]
    if any(isinstance(item, Scores) for item in given):
        raise InputError(f"{node.where} decides on several scores of a row, which cannot be converted: export one")
    if not strict:
        stack = stack.copy()
        stack[0] += 1
    zero, one = np.array(0.0), np.array(1.0)
    return [context.builder.clip(context.builder.made(gap.level, stack), zero, one, "ceil" if strict else "floor")]


def _gap(node: Node, given: Given, context: Context) -> Values:
    """a - b of what is compared, or of what has the same order."""
    a, b = given[:2]
    for one, other, sign in ((a, b, 1.0), (b, a, -1.0)):
        if isinstance(one, Scores) and isinstance(other, np.ndarray):
            if int(np.prod(one.values.shape, dtype=np.int64)) != 1 or other.size != 1:
                raise InputError(f"{node.where} decides on several scores of a row, which cannot be converted")
            above = threshold(one, numbers(other, node), node, context)
            return context.builder.made(above.level, sign * above.stack)
        if isinstance(one, Values) and isinstance(other, np.ndarray):
            row = numbers(other, node)
            row = row[0] if row.ndim == len(one.shape) + 1 and len(row) == 1 else row
            if np.broadcast_shapes(row.shape, one.shape) != one.shape:
                raise InputError(f"{node.where} compares {list(one.shape)} values with {row.size}; export again")
            stack = one.stack.copy()
            stack[0] -= row
            return context.builder.made(one.level, sign * stack)
    if isinstance(a, Scores) and isinstance(b, Scores):
        if (a.link, a.group) != (b.link, b.group) or not _alike(a, b):
            raise InputError(f"{node.where} compares scores of different kinds, which cannot be converted")
        a, b = ordered(a, node, context), ordered(b, node, context)
    first, second = context.builder.joined([computed(a, node), computed(b, node)])
    if first.shape != second.shape:
        raise InputError(f"{node.where} compares values of shapes {list(first.shape)} and {list(second.shape)}")
    return context.builder.made(first.level, first.stack - second.stack)


def _alike(a: Scores, b: Scores) -> bool:
    parts = ((a.scale, b.scale), (a.offset, b.offset))
    return all(np.ptp(np.concatenate([x.reshape(-1), y.reshape(-1)])) == 0 for x, y in parts)


def follow(node: Node, given: Given, context: Context) -> list[Any]:
    """An operator behind a decision, applied to its table."""
    labels = [item for item in given if isinstance(item, Label)]
    label = labels[0]
    if any(isinstance(item, Values | Scores) for item in given) or any(o.values is not label.values for o in labels):
        raise InputError(f"{node.where} joins a decision with other computed values; export one decision alone")
    lookup = len(given) > 1 and isinstance(given[0], np.ndarray)
    if label.turned:
        return [_turned(node, label, given)]
    if node.kind == "ArrayFeatureExtractor" and lookup:
        entries = np.asarray(given[0])
        if entries.size != entries.shape[-1] or not isinstance(given[1], Label):
            raise InputError(f"{node.where} looks up rows of several entries, which cannot be converted")
        return [Label(label.values, _picked(node, entries.reshape(-1), label.table.reshape(-1)), True, True)]
    if node.kind == "Gather" and lookup:
        if int(node.attributes.get("axis", 0)) not in (0, -given[0].ndim):
            raise InputError(f"{node.where} looks labels up along another axis than the first; export again")
        return [replace(label, table=_picked(node, given[0], label.table), named=True)]
    if node.kind == "LabelEncoder":
        return [replace(label, table=_encoded(node, label.table), named=True)]
    if node.kind == "Cast":
        return [replace(label, table=cast(label.table, node))]
    if node.kind in MOVING and node.kind not in JOINING:
        return [replace(label, table=table) for table in move(node, [label.table], given, context.rows)]
    for item in given:
        if isinstance(item, np.ndarray) and item.ndim >= label.table.ndim and item.shape[0] != 1:
            raise InputError(f"{node.where} has a constant of shape {list(item.shape)}, another for each row")
    tables = [item.table if isinstance(item, Label) else item for item in given]
    table = folded(node, tables) if node.kind not in ("Shape", "Quant", "QuantizeLinear", "MatMul") else None
    if table is None or table.ndim < 1 or len(table) != len(label.table):
        raise InputError(f"{node.where} goes on from a decision, which must be last; export the model without it")
    return [replace(label, table=table, named=label.named or node.kind == "Where")]


def _turned(node: Node, label: Label, given: Given) -> Label:
    """Behind ArrayFeatureExtractor the rows lie along the second axis, until a Reshape, Squeeze or Transpose."""
    if node.kind == "Cast":
        return replace(label, table=cast(label.table, node))
    if node.kind == "LabelEncoder":
        return replace(label, table=_encoded(node, label.table), named=True)
    if node.kind == "Identity":
        return label
    if node.kind == "Transpose":
        return replace(label, table=label.table.reshape(-1, 1), turned=False)
    if node.kind == "Squeeze" and len(given) > 1 and numbers(given[1], node).reshape(-1).tolist() in ([0], [-2]):
        return replace(label, turned=False)
    if node.kind == "Squeeze" and [int(v) for v in node.attributes.get("axes", [])] == [0]:
        return replace(label, turned=False)
    if node.kind == "Reshape" and len(given) > 1 and isinstance(given[1], np.ndarray):
        target = np.asarray(given[1], object).reshape(-1).tolist()
        if target in ([-1], [ROWS], [-1, 1], [ROWS, 1]):
            return replace(label, table=label.table.reshape(-1, *[1] * (len(target) - 1)), turned=False)
    raise InputError(f"{node.where} reads labels that lie along a row: reshape them to [-1] first")


def _picked(node: Node, entries: NDArray[Any], index: NDArray[Any]) -> NDArray[Any]:
    if index.dtype.kind not in "iub" or np.abs(index.astype(np.int64)).max(initial=0) > len(entries) or (
        index.astype(np.int64).max(initial=0) >= len(entries)
    ):  # fmt: skip
        raise InputError(f"{node.where} looks up a label that its table of {len(entries)} lacks; export again")
    return np.take(entries, index.astype(np.int64), axis=0)


def _encoded(node: Node, table: NDArray[Any]) -> NDArray[Any]:
    of = node.attributes
    keys = next((of[k] for k in ("keys_strings", "keys_int64s", "keys_floats") if of.get(k)), None)
    values_kind = next((k for k in ("strings", "int64s", "floats") if of.get(f"values_{k}")), None)
    if keys is None or values_kind is None:
        raise InputError(f"{node.where} has no keys or values that are read; export the model again")
    default = of.get(
        f"default_{values_kind.removesuffix('s')}", {"strings": "_Unused", "int64s": -1}.get(values_kind, 0.0)
    )
    pairs = dict(zip(keys, of[f"values_{values_kind}"], strict=True))
    found = [pairs.get(entry, default) for entry in table.reshape(-1).tolist()]
    kind: Any = {"strings": object, "int64s": np.int64, "floats": np.float32}[values_kind]
    return np.array(found, kind).reshape(table.shape)


@dataclass(frozen=True)
class Decision:
    """How a raw output of the file is read.

    output: its name; kind: "label", one label for each row; "largest", the largest of its columns; "above", class 1
    where the one column is above `limit`; "value", a regression's values. labels: for "label", what the file says for
    each output of the model.
    """

    output: str
    kind: Literal["label", "largest", "above", "value"]
    limit: float = 0.0
    labels: tuple[Any, ...] = ()

    def words(self) -> str:
        """For reports."""
        return {
            "label": f"output {self.output} is the label",
            "largest": f"the largest column of output {self.output} decides",
            "above": f"class 1 where output {self.output} is above {self.limit:g}",
            "value": f"output {self.output} is the value",
        }[self.kind]


@dataclass(frozen=True, eq=False)
class Decided:
    """values: shape [outputs]; classes: their texts where the file names them, else their numbers in `order`."""

    values: Values
    decision: Decision
    classes: tuple[str, ...] = ()
    order: tuple[int, ...] = ()


def decide(value: Any, port: Port, context: Context) -> Decided:
    """What an output says about the class. Raises InputError for what is no single decision."""
    node = Node(f"output {port.name!r:.60}", "output", "", 0, (), (), {})
    if isinstance(value, Label):
        return _of_label(value, port, node, context)
    classes: tuple[str, ...] = ()
    limit = 0.0
    if isinstance(value, Scores):
        classes = value.classes
        if int(np.prod(value.values.shape, dtype=np.int64)) == 1:
            limit = 0.5 if (value.offset + np.minimum(value.scale, 0) >= 0).all() else 0.0
            values = threshold(value, np.array(limit), node, context)
        else:
            values = ordered(value, node, context)
    else:
        values = computed(value, node)
    flat = values.stack.reshape(len(values.stack), -1)
    if flat.shape[1] == 1:
        flat = np.concatenate([np.zeros((len(flat), 1)), flat], axis=1)
        return Decided(context.builder.made(values.level, flat), Decision(port.name, "above", limit), classes)
    if port.type in range(2, 10) and port.type not in (8,):
        raise InputError(f"{node.where} gives {flat.shape[1]} whole numbers for a row, no class; export scores")
    return Decided(context.builder.made(values.level, flat), Decision(port.name, "largest"), classes)


def _of_label(label: Label, port: Port, node: Node, context: Context) -> Decided:
    count = len(label.table)
    if label.table.size != count:
        raise InputError(f"{node.where} gives {label.table.size // count} labels for a row; export one")
    entries = tuple(label.table.reshape(-1).tolist())
    whole = [float(e) for e in entries if not isinstance(e, str)]
    texts = tuple(map(text_of, entries))
    if len(set(texts)) != count:
        raise InputError(f"{node.where} gives one label for several outputs {entries[:6]}, which cannot be converted")
    values = context.builder.made(label.values.level, label.values.stack)
    decision = Decision(port.name, "label", 0.0, entries)
    if label.named or sorted(whole) != [float(k) for k in range(count)]:
        return Decided(values, decision, texts)
    return Decided(values, decision, (), tuple(int(k) for k in whole))


def text_of(label: Any) -> str:
    """A class as tables write it: a whole number without a fraction."""
    if isinstance(label, bool | str):
        return str(label)
    return str(int(label)) if float(label).is_integer() else str(label)


DECISIONS: dict[str, Callable[[Node, Given, Context], list[Any]]] = {
    **dict.fromkeys(("ArgMax", "ArgMin", "TopK"), largest),
    **dict.fromkeys((*COMPARISONS, "Binarizer", "Round"), compared),
}

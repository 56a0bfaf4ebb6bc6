"""Operators that are piecewise linear, as clipped neurons: rectifiers, clips, the largest of values, pooling.

abs, leaky rectifiers and the larger of two values become sums of rectifiers, which is exact.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from inkling.approx.quantise.onnx.file import Node
from inkling.approx.quantise.onnx.values import Context, Given, computed, constant_row, numbers, scalar
from inkling.approx.quantise.onnx.windows import windows
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import Floats
from inkling.train.networks.piecewise_linear import Values


def _relu(node: Node, given: Given, context: Context) -> list[Any]:
    return [_clipped(computed(given[0], node), 0.0, np.inf, context)]


def _clip(node: Node, given: Given, context: Context) -> list[Any]:
    ends = [node.attributes.get("min", -np.inf), node.attributes.get("max", np.inf)]
    for k in (1, 2):
        if len(given) > k and given[k] is not None:
            ends[k - 1] = scalar(given[k], node)
    return [_between(computed(given[0], node), np.array(float(ends[0])), np.array(float(ends[1])), node, context)]


def _leaky(node: Node, given: Given, context: Context) -> list[Any]:
    values = computed(given[0], node)
    if node.kind == "PRelu":
        slope = constant_row(numbers(given[1], node), values.shape, node)
    else:
        slope = np.array({"Abs": -1.0}.get(node.kind, float(node.attributes.get("alpha", 0.01))))
    up = _clipped(values, 0.0, np.inf, context)
    down = _clipped(_scaled(values, -1.0, context), 0.0, np.inf, context)
    up, down = context.builder.joined([up, down])
    return [context.builder.made(up.level, up.stack - slope * down.stack)]


def _hard_sigmoid(node: Node, given: Given, context: Context) -> list[Any]:
    values = computed(given[0], node)
    stack = float(node.attributes.get("alpha", 0.2)) * values.stack
    stack[0] += float(node.attributes.get("beta", 0.5))
    return [_clipped(context.builder.made(values.level, stack), 0.0, 1.0, context)]


def _extreme(node: Node, given: Given, context: Context) -> list[Any]:
    """Max and Min of computed values and constants."""
    moving = [computed(item, node) for item in given if not isinstance(item, np.ndarray)]
    fixed = [numbers(item, node) for item in given if isinstance(item, np.ndarray)]
    largest = node.kind == "Max"
    if len({len(part.shape) for part in moving}) > 1:
        raise InputError(f"{node.where} joins values of different ranks, which would mix rows; export them alike")
    values = functools.reduce(lambda a, b: _larger(a, b, largest, context), moving)
    for item in fixed:
        row = constant_row(item, values.shape, node)
        shape = np.broadcast_shapes(values.shape, row.shape)
        stack = np.broadcast_to(values.stack, (len(values.stack), *shape))
        values = context.builder.made(values.level, np.array(stack))
        open_end = np.full(row.shape, -np.inf if not largest else np.inf)
        low, high = (row, open_end) if largest else (open_end, row)
        values = _between(values, low, high, node, context)
    return [values]


def _largest(node: Node, given: Given, context: Context) -> list[Any]:
    """ReduceMax and ReduceMin along one axis."""
    values = computed(given[0], node)
    rank = len(values.shape) + 1
    source = given[1] if len(given) > 1 and given[1] is not None else np.array(node.attributes.get("axes", []))
    axes = [int(axis) % rank for axis in numbers(source, node).reshape(-1)]
    if len(axes) != 1 or axes == [0]:
        raise InputError(f"{node.where} needs one axis from 1 on: each row must be answered alone")
    parts = [Values(values.level, part) for part in np.split(values.stack, values.stack.shape[axes[0]], axis=axes[0])]
    found = functools.reduce(lambda a, b: _larger(a, b, node.kind == "ReduceMax", context), parts)
    stack = found.stack if node.attributes.get("keepdims", 1) else np.squeeze(found.stack, axes[0])
    return [context.builder.made(found.level, stack)]


def _max_pool(node: Node, given: Given, context: Context) -> list[Any]:
    values = computed(given[0], node)
    if len(node.outputs) > 1 and node.outputs[1]:
        raise InputError(f"{node.where} gives positions, which cannot be converted: export without indices")
    parts = windows(node, values.stack, node.attributes.get("kernel_shape"), context)
    if any(not inside.all() for _, inside in parts):
        raise InputError(f"{node.where} pads, which cannot be converted: use no padding")
    found = functools.reduce(
        lambda a, b: _larger(a, b, True, context), [Values(values.level, part) for part, _ in parts]
    )
    return [found]


def _larger(a: Values, b: Values, largest: bool, context: Context) -> Values:
    """max(a, b) = b + relu(a - b), min(a, b) = b - relu(b - a)."""
    a, b = context.builder.joined([a, b])
    sign = 1.0 if largest else -1.0
    more = _clipped(context.builder.made(a.level, sign * (a.stack - b.stack)), 0.0, np.inf, context)
    b, more = context.builder.joined([b, more])
    return context.builder.made(b.level, b.stack + sign * more.stack)


def _between(values: Values, low: Floats, high: Floats, node: Node, context: Context) -> Values:
    if np.isnan(low).any() or np.isnan(high).any():
        raise InputError(f"{node.where} clips at values that are no numbers; train the model again")
    if (low == -np.inf).all() and (high == np.inf).all():
        return values
    if ((low == np.inf) | (high == -np.inf) | ((low == -np.inf) & (high == np.inf))).any():
        raise InputError(f"{node.where} clips at infinite values; export the model again")
    return context.builder.clip(values, low, high)


def _clipped(values: Values, low: float, high: float, context: Context) -> Values:
    return context.builder.clip(values, np.array(low), np.array(high))


def _scaled(values: Values, factor: float, context: Context) -> Values:
    return context.builder.made(values.level, factor * values.stack)


ACTIVATIONS: dict[str, Callable[[Node, Given, Context], list[Any]]] = {
    "Relu": _relu,
    "Clip": _clip,
    **dict.fromkeys(("LeakyRelu", "PRelu", "Abs"), _leaky),
    "HardSigmoid": _hard_sigmoid,
    **dict.fromkeys(("Max", "Min"), _extreme),
    **dict.fromkeys(("ReduceMax", "ReduceMin"), _largest),
    "MaxPool": _max_pool,
}

"""Convolutions and pooling as what they are on one row: sums over windows of a grid.

A stack [coefficients, channels, *grid] is cut into one strided part for every place of the window.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.onnx.file import Node
from inkling.approx.quantise.onnx.values import Context, Given, computed, constant_row, numbers
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import Floats

MOST_PLACES = 1024


def windows(node: Node, stack: Floats, kernel: Any, context: Context) -> list[tuple[Floats, NDArray[np.bool_]]]:
    """For every place of the window the values under it, and which of them are no padding.

    stack: [coefficients, channels, *grid]; each part: [coefficients, channels, *outputs], bool [*outputs]. Raises
    InputError for windows that are not read.
    """
    grid, attributes = stack.shape[2:], node.attributes
    if not kernel or len(kernel) != len(grid) or not 1 <= len(grid) <= 3 or min(kernel) < 1:
        raise InputError(f"{node.where} has a window of shape {kernel} on values of {len(grid)} axes; export again")
    if int(np.prod([float(k) for k in kernel])) > MOST_PLACES:
        raise InputError(f"{node.where} has a window of shape {kernel}, which is too large for a bespoke circuit")
    steps = [int(v) for v in attributes.get("strides") or [1] * len(grid)]
    apart = [int(v) for v in attributes.get("dilations") or [1] * len(grid)]
    pads = [int(v) for v in attributes.get("pads") or [0] * 2 * len(grid)]
    auto = attributes.get("auto_pad", "NOTSET")
    if auto not in ("NOTSET", "VALID") or attributes.get("ceil_mode", 0):
        raise InputError(f"{node.where} pads by {auto} or counts outputs up, which is not read: give explicit pads")
    if len(steps) != len(grid) or len(apart) != len(grid) or len(pads) != 2 * len(grid):
        raise InputError(f"{node.where} has strides, dilations or pads of another rank; export the model again")
    if min(*steps, *apart) < 1 or min(pads) < 0 or max(*pads, *steps, *apart) > 4096:
        raise InputError(f"{node.where} has strides, dilations or pads that are not read; export the model again")
    ends = list(zip(pads[: len(grid)], pads[len(grid) :], strict=True))
    sizes = [size + a + b for size, (a, b) in zip(grid, ends, strict=True)]
    context.builder.count(stack.shape[0] * stack.shape[1] * int(np.prod(sizes, dtype=np.int64)))
    outputs = [(s - d * (k - 1) - 1) // step + 1 for s, d, k, step in zip(sizes, apart, kernel, steps, strict=True)]
    if min(outputs) < 1:
        raise InputError(f"{node.where} has a window that is larger than its values; export the model again")
    padded = np.pad(stack, [(0, 0), (0, 0), *ends])
    inside = np.pad(np.ones(grid, bool), ends)
    found = []
    for place in itertools.product(*(range(k) for k in kernel)):
        cut = tuple(
            slice(p * d, p * d + (n - 1) * step + 1, step)
            for p, d, n, step in zip(place, apart, outputs, steps, strict=True)
        )
        found.append((padded[(slice(None), slice(None), *cut)], inside[cut]))
    return found


def _convolution(node: Node, given: Given, context: Context) -> list[Any]:
    values, weights = computed(given[0], node), numbers(given[1], node)
    groups = int(node.attributes.get("group", 1))
    channels = values.shape[0] if values.shape else 0
    if weights.ndim != len(values.shape) + 1 or groups < 1 or channels != weights.shape[1] * groups:
        raise InputError(
            f"{node.where}: weights of shape {list(weights.shape)} do not fit {list(values.shape)} values"
        )
    if weights.shape[0] % groups:
        raise InputError(f"{node.where} has {weights.shape[0]} channels in {groups} groups; export the model again")
    parts = windows(node, values.stack, list(weights.shape[2:]), context)
    each, made = weights.shape[0] // groups, weights.shape[1]
    shape = parts[0][0].shape
    context.builder.count(shape[0] * weights.shape[0] * int(np.prod(shape[2:], dtype=np.int64)))
    total = np.zeros((shape[0], weights.shape[0], *shape[2:]))
    flat = weights.reshape(*weights.shape[:2], -1)
    for place, (part, _) in enumerate(parts):
        for group in range(groups):
            rows = slice(group * each, (group + 1) * each)
            under = part[:, group * made : (group + 1) * made]
            total[:, rows] += np.moveaxis(np.tensordot(under, flat[rows, :, place], (1, 1)), -1, 1)
    if len(given) > 2 and given[2] is not None:
        bias = numbers(given[2], node).reshape(-1, *(1,) * (total.ndim - 2))
        total[0] += constant_row(bias, total.shape[1:], node)
    return [context.builder.made(values.level, total)]


def _average(node: Node, given: Given, context: Context) -> list[Any]:
    values = computed(given[0], node)
    if len(values.shape) < 2:
        raise InputError(f"{node.where} pools values of shape {list(values.shape)}; export the model again")
    if node.kind == "GlobalAveragePool":
        axes = tuple(range(2, len(values.shape) + 1))
        return [context.builder.made(values.level, values.stack.mean(axis=axes, keepdims=True))]
    parts = windows(node, values.stack, node.attributes.get("kernel_shape"), context)
    counted = bool(node.attributes.get("count_include_pad", 0))
    total = np.sum([part for part, _ in parts], axis=0)
    places = len(parts) if counted else np.sum([inside for _, inside in parts], axis=0)
    return [context.builder.made(values.level, total / places)]


def _pad(node: Node, given: Given, context: Context) -> list[Any]:
    values = computed(given[0], node)
    rank = len(values.shape) + 1
    pads = [
        int(v) for v in (numbers(given[1], node).reshape(-1) if len(given) > 1 else node.attributes.get("pads", []))
    ]
    value = (
        numbers(given[2], node)
        if len(given) > 2 and given[2] is not None
        else np.array(node.attributes.get("value", 0))
    )
    plain = node.attributes.get("mode", "constant") == "constant" and (len(given) < 4 or given[3] is None)
    if not plain or len(pads) != 2 * rank or pads[0] or pads[rank] or min(pads) < 0 or value.size != 1:
        raise InputError(f"{node.where} pads in a way that is not read: pad with a constant, not across rows")
    ends = list(zip(pads[1:rank], pads[rank + 1 :], strict=True))
    sizes = [size + a + b for size, (a, b) in zip(values.shape, ends, strict=True)]
    context.builder.count(len(values.stack) * int(np.prod([float(s) for s in sizes])))
    stack = np.pad(values.stack, [(0, 0), *ends])
    outside = ~np.pad(np.ones(values.shape, bool), ends)
    stack[0][outside] = float(value.reshape(-1)[0])
    return [context.builder.made(values.level, stack)]


WINDOWS: dict[str, Callable[[Node, Given, Context], list[Any]]] = {
    "Conv": _convolution,
    **dict.fromkeys(("AveragePool", "GlobalAveragePool"), _average),
    "Pad": _pad,
}

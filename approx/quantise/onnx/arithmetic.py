"""Operators of arithmetic: on constants alone, and as affine maps of computed values.

A computed value is a stack of coefficients (`inkling.train.networks.piecewise_linear.Values`), so that a linear map
is applied to the whole stack at once, as if its first axis were rows.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.onnx.file import MOST_VALUES, TYPES, Node
from inkling.approx.quantise.onnx.quantisers import dequantised, quantised
from inkling.approx.quantise.onnx.values import Context, Given, computed, constant_row, numbers, scalar
from inkling.train.errors import InputError
from inkling.train.networks.piecewise_linear import Values

_PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Pow": np.power, "Equal": np.equal,
    "Greater": np.greater, "GreaterOrEqual": np.greater_equal, "Less": np.less, "LessOrEqual": np.less_equal,
    "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor, "Max": np.maximum, "Min": np.minimum,
}  # fmt: skip
_SINGLES: dict[str, Callable[[Any], Any]] = {
    "Neg": np.negative, "Sqrt": np.sqrt, "Abs": np.abs, "Not": np.logical_not, "Floor": np.floor, "Ceil": np.ceil,
    "Exp": np.exp, "Log": np.log, "Reciprocal": np.reciprocal, "Sign": np.sign, "Round": np.rint,
}  # fmt: skip


def folded(node: Node, given: Given) -> NDArray[Any] | None:
    """An operator on constants alone; None where it is not one of these."""
    kind, attributes = node.kind, node.attributes
    if kind == "Constant":
        names = ("value", "value_float", "value_int", "value_floats", "value_ints", "value_string", "value_strings")
        for name in names:
            if name in attributes:
                return _constant(attributes[name], name)
    if kind == "ConstantOfShape":
        shape = [int(size) for size in numbers(given[0], node).reshape(-1)]
        if len(shape) > 8 or min(shape, default=1) < 0 or np.prod([float(size) for size in shape]) > MOST_VALUES:
            raise InputError(f"{node.where} makes too many values; a bespoke circuit takes small networks")
        return np.full(shape, np.asarray(attributes.get("value", np.zeros(1, np.float32))).reshape(-1)[0])
    if kind == "Range":
        start, limit, delta = (scalar(item, node) for item in given)
        if delta == 0 or not abs((limit - start) / delta) <= MOST_VALUES:
            raise InputError(f"{node.where} makes too many values; a bespoke circuit takes small networks")
        return np.arange(start, limit, delta).astype(given[0].dtype)
    if kind == "Shape":
        return np.array(np.shape(given[0]), np.int64)[attributes.get("start", 0) : attributes.get("end")]
    if kind == "Cast":
        return cast(given[0], node)
    if kind == "Where":
        _bounded(node, given)
        return np.asarray(np.where(given[0].astype(bool), np.asarray(given[1]), np.asarray(given[2])))
    if kind == "Clip":
        ends = [given[k] if len(given) > k and given[k] is not None else attributes.get(n, o)
                for k, n, o in ((1, "min", -np.inf), (2, "max", np.inf))]  # fmt: skip
        return np.asarray(np.minimum(np.maximum(given[0], ends[0]), ends[1]), given[0].dtype)
    if kind in ("Quant", "BipolarQuant", "QuantizeLinear"):
        return quantised(node, given)
    if kind == "DequantizeLinear":
        return dequantised(node, given)
    if kind in _SINGLES:
        return np.asarray(_SINGLES[kind](_plain(given[0], node)))
    if kind == "Div":
        a, b = (_plain(item, node) for item in given)
        _bounded(node, (a, b))
        if a.dtype.kind in "iu" and b.dtype.kind in "iu":
            return np.asarray(np.trunc(a / b), a.dtype)
        return np.asarray(a / b)
    if kind in _PAIRS and len(given) == 2:
        parts = [item if kind == "Equal" else _plain(item, node) for item in given]
        _bounded(node, parts)
        return np.asarray(_PAIRS[kind](*parts))
    if kind in ("MatMul", "Gemm"):
        a, b = (numbers(item, node) for item in given[:2])
        if a.ndim != 2 or b.ndim != 2 or a.shape[0] * b.shape[1] * a.shape[1] > 2**26 or kind == "Gemm":
            raise InputError(f"{node.where} of constants cannot be converted: export the model simplified")
        return np.asarray(a @ b)
    return None


def cast(array: NDArray[Any], node: Node) -> NDArray[Any]:
    """Constants in another type; texts and shapes with an open number of rows stay."""
    to = int(node.attributes.get("to", 1))
    if array.dtype == object or to not in TYPES:
        if to in TYPES and all(isinstance(v, str) for v in array.reshape(-1)[:1]) and array.size:
            return array.astype(str).astype(TYPES[to])
        return array.astype(str).astype(object) if to == 8 and array.dtype != object else array
    return array.astype(TYPES[to])


def _constant(value: Any, name: str) -> NDArray[Any]:
    kind = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    return np.asarray(value, kind.get(name, object if "string" in name else None))


def _plain(value: Any, node: Node) -> NDArray[Any]:
    if not isinstance(value, np.ndarray) or value.dtype == object:
        numbers_only = isinstance(value, np.ndarray) and all(isinstance(v, int) for v in value.reshape(-1).tolist())
        if not numbers_only:
            raise InputError(f"{node.where} needs constant numbers: export the model simplified")
        return np.asarray(value, np.int64)
    return value


def _bounded(node: Node, parts: Any) -> None:
    shape = np.broadcast_shapes(*(np.shape(part) for part in parts))
    if np.prod([float(size) for size in shape]) > MOST_VALUES:
        raise InputError(f"{node.where} makes too many constants; export the model simplified")


# ---- affine maps of computed values


def _sum(node: Node, given: Given, context: Context) -> list[Any]:
    """Add, Sub, Sum and Mean of computed values and constants."""
    signs = [1.0] * len(given)
    if node.kind == "Sub":
        signs[1] = -1.0
    if node.kind == "Mean":
        signs = [1 / len(given)] * len(given)
    parts = context.builder.joined([computed(item, node) for item in given if not isinstance(item, np.ndarray)])
    if len({len(part.shape) for part in parts}) > 1:
        raise InputError(f"{node.where} joins values of different ranks, which would mix rows; export them alike")
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    rows = [constant_row(numbers(item, node), shape, node) for item in given if isinstance(item, np.ndarray)]
    shape = np.broadcast_shapes(shape, *(row.shape for row in rows))
    height, level = len(parts[0].stack), parts[0].level
    context.builder.count(height * int(np.prod(shape, dtype=np.int64)))
    total = np.zeros((height, *shape))
    moving, fixed = iter(parts), iter(rows)
    for item, sign in zip(given, signs, strict=True):
        if isinstance(item, np.ndarray):
            total[0] += sign * next(fixed)
        else:
            total += sign * next(moving).stack
    return [context.builder.made(level, total)]


def _product(node: Node, given: Given, context: Context) -> list[Any]:
    moving = [item for item in given if not isinstance(item, np.ndarray)]
    if len(moving) > 1:
        raise InputError(f"{node.where} multiplies two computed values, which cannot be converted")
    left = not isinstance(given[0], np.ndarray)
    if node.kind == "Div" and not left:
        raise InputError(f"{node.where} divides a constant by a computed value, which cannot be converted")
    values = computed(moving[0], node)
    factor = constant_row(numbers(given[1] if left else given[0], node), values.shape, node)
    shape = np.broadcast_shapes(values.shape, factor.shape)
    context.builder.count(len(values.stack) * int(np.prod(shape, dtype=np.int64)))
    return [context.builder.made(values.level, values.stack * (1 / factor if node.kind == "Div" else factor))]


def _negative(node: Node, given: Given, context: Context) -> list[Any]:
    values = computed(given[0], node)
    return [context.builder.made(values.level, -values.stack)]


def _matmul(node: Node, given: Given, context: Context) -> list[Any]:
    left = not isinstance(given[0], np.ndarray)
    if left and not isinstance(given[1], np.ndarray):
        raise InputError(f"{node.where} multiplies two computed values, which cannot be converted")
    values, weights = computed(given[0] if left else given[1], node), numbers(given[1] if left else given[0], node)
    while weights.ndim > 2 and weights.shape[0] == 1:
        weights = weights[0]
    if weights.ndim not in (1, 2) or not values.shape or (not left and len(values.shape) < 2):
        raise InputError(f"{node.where} has weights of shape {list(weights.shape)}: only a matrix can be converted")
    inner = (values.shape[-1], weights.shape[0]) if left else (weights.shape[-1], values.shape[-2])
    if inner[0] != inner[1]:
        raise InputError(
            f"{node.where}: weights of shape {list(weights.shape)} do not fit {inner[0 if left else 1]} values"
        )
    other = weights.size // max(inner[0], 1)
    context.builder.count(values.stack.size // max(inner[0], 1) * other)
    return [context.builder.made(values.level, values.stack @ weights if left else weights @ values.stack)]


def _gemm(node: Node, given: Given, context: Context) -> list[Any]:
    values, weights = computed(given[0], node), numbers(given[1], node)
    if node.attributes.get("transA", 0):
        raise InputError(f"{node.where} transposes its input, which cannot be converted: export with transA=0")
    weights = weights.T if node.attributes.get("transB", 0) else weights
    if weights.ndim != 2 or values.shape != weights.shape[:1]:
        raise InputError(
            f"{node.where}: weights of shape {list(weights.shape)} do not fit {list(values.shape)} values"
        )
    context.builder.count(len(values.stack) * weights.shape[1])
    stack = float(node.attributes.get("alpha", 1)) * (values.stack @ weights)
    if len(given) > 2 and given[2] is not None:
        bias = constant_row(numbers(given[2], node), stack.shape[1:], node)
        stack[0] += float(node.attributes.get("beta", 1)) * bias
    return [context.builder.made(values.level, stack)]


def _batch_norm(node: Node, given: Given, context: Context) -> list[Any]:
    values = computed(given[0], node)
    if node.attributes.get("training_mode", 0):
        raise InputError(f"{node.where} is in training mode: export after model.eval()")
    shape = (-1, *(1,) * (len(values.shape) - 1))
    scale, shift, mean, variance = (numbers(item, node).reshape(shape) for item in given[1:5])
    if not values.shape or scale.shape[0] != values.shape[0]:
        raise InputError(f"{node.where} has {scale.size} channels for values of shape {list(values.shape)}")
    factor = scale / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    stack = values.stack * factor
    stack[0] += np.broadcast_to(shift - factor * mean, values.shape)
    return [context.builder.made(values.level, stack)]


def _scaler(node: Node, given: Given, context: Context) -> list[Any]:
    values = computed(given[0], node)
    offset, scale = (np.asarray(node.attributes.get(name, [0.0 if name == "offset" else 1.0]), np.float64)
                     for name in ("offset", "scale"))  # fmt: skip
    for part in (offset, scale):
        if part.size not in (1, values.shape[-1] if values.shape else 1):
            raise InputError(f"{node.where} has {part.size} constants for {list(values.shape)} values; export again")
    stack = values.stack.copy()
    stack[0] = stack[0] - offset
    return [context.builder.made(values.level, stack * scale)]


def _regressor(node: Node, given: Given, context: Context) -> list[Any]:
    if node.attributes.get("post_transform", "NONE") != "NONE":
        raise InputError(f"{node.where} transforms its result, which cannot be converted: export without")
    return [linear(node, given, context, int(node.attributes.get("targets", 1)))]


def linear(node: Node, given: Given, context: Context, outputs: int) -> Values:
    """LinearRegressor and LinearClassifier: coefficients @ x + intercepts, shape [outputs]."""
    values = computed(given[0], node)
    weights = np.asarray(node.attributes.get("coefficients", []), np.float64)
    if len(values.shape) != 1 or outputs < 1 or weights.size != outputs * values.shape[0]:
        raise InputError(
            f"{node.where} has {weights.size} coefficients for {list(values.shape)} values; export again"
        )
    stack = values.stack @ weights.reshape(outputs, -1).T
    stack[0] += np.asarray(node.attributes.get("intercepts") or 0.0, np.float64)
    return context.builder.made(values.level, stack)


def _imputer(node: Node, given: Given, context: Context) -> list[Any]:
    """Fills what is missing; readings that are missing are no input of a circuit."""
    values = computed(given[0], node)
    of = "float" if node.attributes.get("imputed_value_floats") else "int64"
    replaced = node.attributes.get(f"replaced_value_{of}", np.nan if of == "float" else 0)
    if not np.isnan(replaced):
        raise InputError(f"{node.where} replaces the value {replaced:g}, which cannot be converted: mark gaps by NaN")
    return [values]


def _reduce(node: Node, given: Given, context: Context) -> list[Any]:
    values = computed(given[0], node)
    rank = len(values.shape) + 1
    if len(given) > 1 and given[1] is not None:
        axes = [int(axis) for axis in numbers(given[1], node).reshape(-1)]
    else:
        axes = [int(axis) for axis in node.attributes.get("axes", [])]
    axes = [axis % rank if -rank <= axis < rank else 0 for axis in axes]
    if not axes or 0 in axes:
        raise InputError(f"{node.where} works across rows: name the axes from 1 on")
    keep = bool(node.attributes.get("keepdims", 1))
    reduce = np.sum if node.kind == "ReduceSum" else np.mean
    return [context.builder.made(values.level, np.asarray(reduce(values.stack, axis=tuple(axes), keepdims=keep)))]


AFFINE: dict[str, Callable[[Node, Given, Context], list[Any]]] = {
    **dict.fromkeys(("Add", "Sub", "Sum", "Mean"), _sum),
    **dict.fromkeys(("Mul", "Div"), _product),
    **dict.fromkeys(("ReduceSum", "ReduceMean"), _reduce),
    "Neg": _negative,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "BatchNormalization": _batch_norm,
    "Scaler": _scaler,
    "LinearRegressor": _regressor,
    "Imputer": _imputer,
}

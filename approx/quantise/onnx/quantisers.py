"""Quantisers: QONNX's Quant, IntQuant and BipolarQuant, ONNX's QuantizeLinear and DequantizeLinear, as defined there.

A quantiser of an activation becomes neurons that round; one of the inputs becomes the converters' own codes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.onnx.file import TYPES, Node
from inkling.approx.quantise.onnx.values import Context, Given, computed, numbers
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import Floats, Rounding, moved, rounded
from inkling.train.networks.piecewise_linear import Values
from inkling.train.tables.quantiser import MOST_BITS, Quantiser

KINDS = ("Quant", "IntQuant", "BipolarQuant", "QuantizeLinear")
# QONNX's modes of values of any sign, and those that agree with one of them where no value is below 0.
_MODES: dict[str, Rounding] = {"ROUND": "half even", "HALF_EVEN": "half even", "FLOOR": "floor", "CEIL": "ceil"}
_UNSIGNED: dict[str, Rounding] = {"UP": "ceil", "DOWN": "floor", "HALF_UP": "half up", "HALF_DOWN": "half down"}


@dataclass(frozen=True, eq=False)
class Plan:
    """q = clip(rounded(x / scale + before), low, high); the result is (q - zero) * scale, or q + after itself.

    bipolar: q is 1 where x / scale + before >= 0, else -1. scale, zero: float64, to be broadcast to the values.
    """

    scale: Floats
    before: Floats
    zero: Floats
    low: Floats
    high: Floats
    rounding: Rounding
    bipolar: bool
    codes: bool

    def of(self, x: Floats) -> Floats:
        """The quantiser of constants."""
        u = x / self.scale + self.before
        if self.bipolar:
            return np.asarray((np.where(u >= 0, 1.0, -1.0) - self.zero) * self.scale)
        q = np.clip(rounded(u, self.rounding), self.low, self.high)
        return np.asarray(q + self.zero if self.codes else (q - self.zero) * self.scale)


def quantised(node: Node, given: Given) -> NDArray[Any]:
    """A quantiser of constants."""
    x = numbers(given[0], node)
    result = plan(node, given, x.ndim).of(x)
    if node.kind == "QuantizeLinear":
        return result.astype(_code_type(node, given))
    return result.astype(np.float32) if given[0].dtype != np.float64 else result


def dequantised(node: Node, given: Given) -> NDArray[Any]:
    """DequantizeLinear of constants."""
    x = numbers(given[0], node)
    scale, zero = _linear(node, given, x.ndim)
    return np.asarray((x - zero) * scale)


def quantise(node: Node, given: Given, context: Context) -> list[Any]:
    """A quantiser of computed values."""
    values = computed(given[0], node)
    made = plan(node, given, len(values.shape) + 1)
    scale, before, zero = (_row(part, values, node) for part in (made.scale, made.before, made.zero))
    stack = values.stack / scale
    stack[0] += np.broadcast_to(before, values.shape)
    if made.bipolar:
        stack[0] += 1
        steps = context.builder.clip(context.builder.made(values.level, stack), np.array(0.0), np.array(1.0), "floor")
        result = 2 * steps.stack
        result[0] -= 1
    else:
        low, high = (_row(part, values, node) for part in (made.low, made.high))
        steps = context.builder.clip(context.builder.made(values.level, stack), low, high, made.rounding)
        result = steps.stack.copy()
    result[0] += zero if made.codes else -zero
    return [context.builder.made(steps.level, result if made.codes else result * scale)]


def dequantise(node: Node, given: Given, context: Context) -> list[Any]:
    """DequantizeLinear of computed codes."""
    values = computed(given[0], node)
    scale, zero = (_row(part, values, node) for part in _linear(node, given, len(values.shape) + 1))
    stack = values.stack.copy()
    stack[0] -= zero
    return [context.builder.made(values.level, stack * scale)]


def of_inputs(node: Node, given: Given, values: Values, context: Context) -> list[Any] | None:
    """The quantiser of all inputs as the codes of their converters; None where it is not of that kind."""
    if node.kind == "BipolarQuant" or len(values.shape) != 1:
        return None
    made = plan(node, given, 2)
    scale, before, zero, low, high = (
        np.broadcast_to(_row(part, values, node), values.shape)
        for part in (made.scale, made.before, made.zero, made.low, made.high)
    )
    levels = {float(level) for level in high - low + 1}
    bits = int(np.log2(max(levels)))
    parities = {moved(made.rounding, round(float(start))) for start in low}
    if made.bipolar or levels != {2.0**bits} or not 1 <= bits <= MOST_BITS or len(parities) != 1:
        return None
    if made.rounding not in ("floor", "half even", "half up") or not all(float(b).is_integer() for b in before):
        return None
    half = 0.0 if made.rounding == "floor" else 0.5
    starts = (low - before - half) * scale
    ends = starts + scale * 2**bits
    if not (np.isfinite(starts).all() and np.isfinite(ends).all()):
        return None
    context.builder.codes = tuple(Quantiser(a, b, bits) for a, b in zip(starts.tolist(), ends.tolist(), strict=True))
    context.builder.input_rounding = parities.pop()
    stack = values.stack.copy()
    if made.rounding == "floor":  # a code stands for the value at the middle of its interval, half a step too high
        stack[0] -= scale / 2
    if made.codes:
        stack = stack / scale
        stack[0] += zero
    return [context.builder.made(0, stack)]


def plan(node: Node, given: Given, rank: int) -> Plan:
    """What the inputs and attributes of a quantiser say; rank: axes of its data with that of the rows."""
    if node.kind == "QuantizeLinear":
        scale, zero = _linear(node, given, rank)
        info = np.iinfo(_code_type(node, given))
        return Plan(scale, np.zeros(()), zero, info.min - zero, info.max - zero, "half even", False, True)
    scale = numbers(given[1], node)
    _check_scale(scale, node)
    if node.kind == "BipolarQuant":
        nought = np.zeros(())
        return Plan(scale, nought, nought, nought, nought, "floor", True, False)
    zero, bits = numbers(given[2], node), numbers(given[3], node)
    if bits.size != 1 or not 1 <= bits.reshape(-1)[0] <= 16 or not float(bits.reshape(-1)[0]).is_integer():
        raise InputError(f"{node.where} has {bits.reshape(-1)[:3].tolist()} bits: use one number of 1 to 16")
    width = int(bits.reshape(-1)[0])
    narrow, signed = bool(node.attributes.get("narrow", 0)), bool(node.attributes.get("signed", 1))
    low = -(2.0 ** (width - 1)) + narrow if signed else 0.0
    high = 2.0 ** (width - 1) - 1 if signed else 2.0**width - 1 - narrow
    mode = str(node.attributes.get("rounding_mode", "ROUND")).upper()
    rounding = _MODES.get(mode) or (_UNSIGNED.get(mode) if low >= 0 else None)
    if rounding is None:
        raise InputError(
            f"{node.where} rounds by {mode[:20]!r}"
            + (" values of both signs" if mode in _UNSIGNED else "")
            + ": use ROUND, FLOOR or CEIL"
        )
    return Plan(scale, zero, zero, np.array(low), np.array(high), rounding, signed and width == 1, False)


def _linear(node: Node, given: Given, rank: int) -> tuple[Floats, Floats]:
    """Scale and zero point of (De)QuantizeLinear along their axis, to be broadcast to data of this rank."""
    scale = numbers(given[1], node)
    zero = numbers(given[2], node) if len(given) > 2 and given[2] is not None else np.zeros_like(scale)
    _check_scale(scale, node)
    if node.attributes.get("block_size", 0) or scale.ndim > 1 or zero.size not in (1, scale.size):
        raise InputError(f"{node.where} quantises in blocks, which cannot be converted: use a scale for each channel")
    if scale.size == 1:
        return scale.reshape(()), zero.reshape(-1)[:1].reshape(())
    axis = int(node.attributes.get("axis", 1))
    shape = [1] * rank
    if not -rank <= axis < rank:
        raise InputError(f"{node.where} names axis {axis} of {rank}; export the model again")
    shape[axis] = scale.size
    return scale.reshape(shape), np.broadcast_to(zero, scale.shape).reshape(shape)


def _check_scale(scale: Floats, node: Node) -> None:
    if (scale <= 0).any() or not np.isfinite(scale).all():
        raise InputError(f"{node.where} has a scale that is not above 0: export the model again")


def _code_type(node: Node, given: Given) -> Any:
    if len(given) > 2 and given[2] is not None:
        kind: np.dtype[Any] = given[2].dtype
    else:
        kind = np.dtype(TYPES.get(int(node.attributes.get("output_dtype", 0)) or 2, "float32"))
    if kind.kind not in "iu" or kind.itemsize > 2:
        raise InputError(f"{node.where} makes codes of type {kind}: use 8 or 16 bits")
    return kind


def _row(part: Floats, values: Values, node: Node) -> Floats:
    """A parameter beside the values of one row."""
    rank = len(values.shape)
    if part.ndim > rank + 1 or (part.ndim == rank + 1 and part.shape[0] != 1):
        raise InputError(f"{node.where} has a scale for each row: use one for each channel")
    part = part[0] if part.ndim == rank + 1 else part
    if np.broadcast_shapes(part.shape, values.shape) != values.shape:
        raise InputError(f"{node.where} has {part.size} scales for values of shape {list(values.shape)}")
    return part

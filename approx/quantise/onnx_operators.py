"""What ONNX and QONNX operators do to constants and to the one chain of values from input to output.

Each operator is one function here; reading and bounding the file is `inkling.approx.quantise.from_onnx`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.networks.affine_model import Affine, Clip, Floats, Operation, relu
from inkling.train.tables.quantiser import MOST_BITS, Quantiser

Given: TypeAlias = Sequence[Any]
Attributes: TypeAlias = dict[str, Any]

KNOWN = (
    "Gemm, MatMul, Add, Sub, Mul, Div, Relu, Clip, BatchNormalization, Flatten, Reshape, Dropout, Identity, Cast, "
    "Quant, and at the end Softmax, Sigmoid or ArgMax"
)


@dataclass(frozen=True)
class Chain:
    """Values that were computed from the input: the operations so far, and how many values there are, if known."""

    operations: tuple[Operation, ...]
    width: int | None
    input_codes: tuple[Quantiser, ...] = ()

    @property
    def first_width(self) -> int | None:
        """Inputs of the first layer that tells how many it takes."""
        return next((o.weights.shape[-1] for o in self.operations if isinstance(o, Affine)), None)

    def then(self, operation: Operation) -> "Chain":
        width = len(operation.bias) if isinstance(operation, Affine) else self.width
        return replace(self, operations=(*self.operations, operation), width=width)


@dataclass(frozen=True)
class Ended:
    """Values after the decision (softmax, sigmoid, arg-max), which change nothing about which class wins."""

    chain: Chain
    classes: tuple[str, ...] = ()


# Which operators may follow the decision: those with which exporters turn it into labels and probabilities.
_AFTER = frozenset(
    [
        *("Softmax", "LogSoftmax", "Sigmoid", "ArgMax", "Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"),
        *("Flatten", "ZipMap", "ArrayFeatureExtractor", "Normalizer", "Concat", "Transpose", "Shape", "Gather"),
    ]
)


def apply(kind: str, given: Given, attributes: Attributes, where: str) -> Chain | Ended:
    """An operator on the chain. Raises InputError for what cannot be converted."""
    moving = [item for item in given if isinstance(item, Chain | Ended)]
    if any(isinstance(item, Ended) for item in moving):
        ended = next(item for item in moving if isinstance(item, Ended))
        # The other class's probability, 1 - p, is put beside p.
        other = kind == "Sub" and isinstance(given[0], np.ndarray) and ended.chain.width == 1
        if kind not in _AFTER and not other:
            raise InputError(f"{where} comes after the softmax, sigmoid or arg-max, which must be last")
        return replace(ended, classes=_labels(kind, given, attributes) or ended.classes)
    if kind in ("Softmax", "LogSoftmax", "Sigmoid", "ArgMax"):
        return Ended(_first(moving, where))
    if len(moving) > 1:
        raise InputError(f"{where} joins two computed values: export a plain chain of layers without branches")
    make = _OPERATORS.get(kind)
    if make is None:
        raise InputError(f"{where} cannot be converted: use {KNOWN}")
    return make(given, attributes, where)


def fold(kind: str, given: Given, attributes: Attributes, where: str) -> NDArray[Any]:
    """An operator on constants alone."""
    match kind:
        case "Constant":
            for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
                if name in attributes:
                    return np.asarray(attributes[name])
        case "Identity" | "Cast" | "Dropout":
            return np.asarray(given[0])
        case "Quant":
            values, scale, zero, bits = (_floats(item, where) for item in given[:4])
            low, high = _ends(float(bits.reshape(-1)[0]), attributes, where)
            rounding = _rounding(attributes, where)
            scaled = values / scale + zero
            whole = np.floor(scaled) if rounding == "floor" else np.rint(scaled)
            return np.asarray((np.clip(whole, low, high) - zero) * scale)
        case "Transpose":
            array = np.asarray(given[0])
            return array.transpose(attributes.get("perm") or None)
        case "Reshape":
            return np.asarray(given[0]).reshape([int(size) for size in np.asarray(given[1]).reshape(-1)])
        case "Unsqueeze" | "Squeeze" | "Flatten":
            return np.asarray(given[0]).reshape(-1)
        case "Add" | "Sub" | "Mul" | "Div":
            a, b = (_floats(item, where) for item in given)
            if max(a.size, 1) * max(b.size, 1) > 2**22 and a.shape != b.shape and 1 not in (a.size, b.size):
                raise InputError(f"{where} makes too many constants; export the model simplified")
            made = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}[kind](a, b)
            return np.asarray(made)
        case "Neg":
            return np.asarray(-_floats(given[0], where))
        case "Sqrt":
            return np.asarray(np.sqrt(_floats(given[0], where)))
    raise InputError(f"{where} of constants cannot be converted: export the model simplified")


def _gemm(given: Given, attributes: Attributes, where: str) -> Chain:
    chain, weights = _first(given, where), _matrix(given[1], where)
    if attributes.get("transA", 0):
        raise InputError(f"{where} transposes its input, which cannot be converted: export with transA=0")
    weights = weights if attributes.get("transB", 0) else weights.T
    bias = np.zeros(len(weights))
    if len(given) > 2 and given[2] is not None:
        bias = np.broadcast_to(_floats(given[2], where).reshape(-1), (len(weights),)).copy()
    return chain.then(Affine(float(attributes.get("alpha", 1)) * weights, float(attributes.get("beta", 1)) * bias))


def _matmul(given: Given, attributes: Attributes, where: str) -> Chain:
    weights = _matrix(given[1], where).T.copy()
    return _first(given, where).then(Affine(weights, np.zeros(len(weights))))


def _arithmetic(kind: str) -> Callable[[Given, Attributes, str], Chain]:
    def make(given: Given, attributes: Attributes, where: str) -> Chain:
        left = isinstance(given[0], Chain)
        chain: Chain = given[0] if left else given[1]
        constant = _floats(given[1] if left else given[0], where).reshape(-1)
        if kind == "Div" and not left:
            raise InputError(f"{where} divides a constant by a computed value, which cannot be converted")
        width = chain.width if chain.width is not None else len(constant)
        if constant.size not in (1, width):
            raise InputError(f"{where} combines {width} values with {constant.size} constants: give one, or {width}")
        c = np.broadcast_to(constant, (width,)).astype(np.float64)
        ones = np.ones(width)
        scale, shift = {
            "Add": (ones, c),
            "Sub": (ones, -c) if left else (-ones, c),
            "Mul": (c, 0 * c),
            "Div": (1 / c, 0 * c),
        }[kind]
        return chain.then(Affine(scale, shift))

    return make


def _relu(given: Given, attributes: Attributes, where: str) -> Chain:
    return _first(given, where).then(relu())


def _clip(given: Given, attributes: Attributes, where: str) -> Chain:
    ends = [attributes.get("min", -np.inf), attributes.get("max", np.inf)]
    for k in (1, 2):
        if len(given) > k and given[k] is not None:
            ends[k - 1] = _scalar(given[k], where)
    return _first(given, where).then(Clip(float(ends[0]), float(ends[1])))


def _batch_norm(given: Given, attributes: Attributes, where: str) -> Chain:
    scale, shift, mean, variance = (_floats(item, where).reshape(-1) for item in given[1:5])
    factor = scale / np.sqrt(variance + float(attributes.get("epsilon", 1e-5)))
    return _first(given, where).then(Affine(factor, shift - factor * mean))


def _scaler(given: Given, attributes: Attributes, where: str) -> Chain:
    chain = _first(given, where)
    offset, scale = (np.asarray(attributes[name], np.float64) for name in ("offset", "scale"))
    width = chain.width or max(len(offset), len(scale))
    scale = np.broadcast_to(scale, (width,)).copy()
    return chain.then(Affine(scale, -scale * offset))


def _as_is(given: Given, attributes: Attributes, where: str) -> Chain:
    return _first(given, where)


def _cast(given: Given, attributes: Attributes, where: str) -> Chain:
    if attributes.get("to", 1) not in (1, 10, 11):
        raise InputError(f"{where} turns computed values to integers, which cannot be converted: use Quant")
    return _first(given, where)


def _quant(given: Given, attributes: Attributes, where: str) -> Chain:
    """QONNX's quantiser with a fixed-point scale: of the input (then it is the converter's), or of an activation."""
    chain = _first(given, where)
    scale, zero, bits = (_floats(item, where).reshape(-1) for item in given[1:4])
    width = _scalar(bits, where)
    if (zero != 0).any():
        raise InputError(f"{where} has a zero point that is not 0: export symmetric quantisers")
    low, high = _ends(width, attributes, where)
    rounding = _rounding(attributes, where)
    if (scale <= 0).any() or not np.isfinite(scale).all():
        raise InputError(f"{where} has a scale that is not above 0: export the model again")
    if not chain.operations:
        if high - low + 1 != 2**width or width > MOST_BITS:
            raise InputError(f"{where} of the input needs 1 to {MOST_BITS} bits and must not be narrow")
        half = 0.0 if rounding == "floor" else 0.5
        codes = tuple(
            Quantiser(s * (low - half), s * (low - half) + s * 2**width, int(width)) for s in scale.tolist()
        )
        # A code stands for the value at the middle of its interval: with "floor" that is half a step too high.
        shifted = replace(chain, input_codes=codes)
        if rounding == "nearest":
            return shifted
        if chain.width is None and len(scale) == 1:
            raise InputError(f"{where}: the number of inputs cannot be told; export it with a fixed input shape")
        count = chain.width or len(scale)
        return shifted.then(Affine(np.ones(count), np.broadcast_to(-scale / 2, (count,)).copy()))
    if len(set(scale.tolist())) != 1:
        raise InputError(f"{where} has a scale for every channel of an activation: use one for all of them")
    step = float(scale[0])
    return chain.then(Clip(low * step, high * step, step, rounding))


def _ends(bits: float, attributes: Attributes, where: str) -> tuple[float, float]:
    """The least and the largest code of a Quant node."""
    if not 1 <= bits <= 16 or not float(bits).is_integer():
        raise InputError(f"{where} has {bits:g} bits: use 1 to 16")
    narrow = bool(attributes.get("narrow", 0))
    if attributes.get("signed", 1):
        return -(2.0 ** (bits - 1)) + narrow, 2.0 ** (bits - 1) - 1
    return 0.0, 2.0**bits - 1 - narrow


def _rounding(attributes: Attributes, where: str) -> Literal["nearest", "floor"]:
    mode = str(attributes.get("rounding_mode", "ROUND")).upper()
    if mode not in ("ROUND", "FLOOR"):
        raise InputError(f"{where} rounds by {mode[:20]!r}: use ROUND or FLOOR")
    return "floor" if mode == "FLOOR" else "nearest"


def _labels(kind: str, given: Given, attributes: Attributes) -> tuple[str, ...]:
    """Class labels, where an exporter of scikit-learn models has put them."""
    if kind == "ZipMap":
        return tuple(map(str, attributes.get("classlabels_strings") or attributes.get("classlabels_int64s") or ()))
    if kind == "ArrayFeatureExtractor" and isinstance(given[0], np.ndarray):
        return tuple(str(label) for label in given[0].reshape(-1).tolist()[:4096])
    return ()


def _first(given: Given, where: str) -> Chain:
    if not isinstance(given[0], Chain):
        raise InputError(f"{where} has a computed value where a constant is expected; export the model simplified")
    return given[0]


def _matrix(value: Any, where: str) -> Floats:
    matrix = _floats(value, where)
    if matrix.ndim != 2:
        raise InputError(f"{where} has weights of shape {list(matrix.shape)}: only a matrix can be converted")
    return matrix


def _scalar(value: Any, where: str) -> float:
    array = _floats(value, where)
    if array.size != 1:
        raise InputError(f"{where} has {array.size} values where one is expected")
    return float(array.reshape(-1)[0])


def _floats(value: Any, where: str) -> Floats:
    if not isinstance(value, np.ndarray) or value.dtype == object:
        raise InputError(f"{where} lacks a constant of numbers: export the model with its weights inside")
    return value.astype(np.float64)


_OPERATORS: dict[str, Callable[[Given, Attributes, str], Chain]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    **{kind: _arithmetic(kind) for kind in ("Add", "Sub", "Mul", "Div")},
    "Relu": _relu,
    "Clip": _clip,
    "BatchNormalization": _batch_norm,
    "Scaler": _scaler,
    "Cast": _cast,
    "Quant": _quant,
    **dict.fromkeys(("Flatten", "Reshape", "Dropout", "Identity", "Squeeze", "Unsqueeze"), _as_is),
}

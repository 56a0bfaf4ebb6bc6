"""A `FloatNetwork` as plain JSON data and back; numbers are written so that they are read again to the last bit.

Files come from outside: everything is bounded and checked. What a network means is in
`inkling.train.networks.float_network`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from inkling.train.errors import InputError
from inkling.train.networks.float_network import FloatNetwork, Floats

MOST_LAYERS = 16
MOST_WIDTH = 4096


def to_json(network: FloatNetwork) -> dict[str, Any]:
    """Plain data."""
    return {
        "kind": network.kind,
        "input_bits": list(network.input_bits),
        "clip": network.clip,
        "activation_bits": network.activation_bits,
        "bias_steps": None if network.bias_steps is None else list(network.bias_steps),
        "train_accuracy": network.train_accuracy,
        "validation_accuracy": network.validation_accuracy,
        "weights": [weights.tolist() for weights in network.weights],
        "biases": [bias.tolist() for bias in network.biases],
    }


def from_json(data: Mapping[str, Any], where: str) -> FloatNetwork:
    """Raises InputError, naming the place, for anything that `to_json` would not have written."""
    kind, bits = data.get("kind"), data.get("input_bits")
    if kind not in ("float", "power_of_two"):
        raise InputError(f"{where}: kind {str(kind)!r:.40} is neither 'float' nor 'power_of_two'; train it again")
    if not isinstance(bits, list) or not bits or not all(_whole(b, 1, 8) for b in bits) or len(bits) > MOST_WIDTH:
        raise InputError(f"{where}: input_bits is no list of numbers in 1..8; train it again")
    listed, biases = data.get("weights"), data.get("biases")
    if not isinstance(listed, list) or not isinstance(biases, list) or not 1 <= len(listed) <= MOST_LAYERS:
        raise InputError(f"{where}: weights and biases must be lists of 1 to {MOST_LAYERS} layers; train it again")
    if len(biases) != len(listed):
        raise InputError(f"{where}: has {len(listed)} layers of weights and {len(biases)} of biases; train it again")
    width, weights, offsets = len(bits), [], []
    for number, (matrix, bias) in enumerate(zip(listed, biases, strict=True)):
        offsets.append(_array(bias, (None,), f"{where}: biases of layer {number}"))
        weights.append(_array(matrix, (len(offsets[-1]), width), f"{where}: weights of layer {number}"))
        width = len(offsets[-1])
    steps, activation = data.get("bias_steps"), data.get("activation_bits")
    if activation is not None and not _whole(activation, 1, 16):
        raise InputError(f"{where}: activation_bits must be null or in 1..16; train it again")
    if kind == "power_of_two" and (steps is None or activation is None):
        raise InputError(f"{where}: a power-of-two network needs activation_bits and bias_steps; train it again")
    known = None if steps is None else _array(steps, (len(listed),), f"{where}: bias_steps")
    if known is not None and not (known > 0).all():
        raise InputError(f"{where}: bias_steps must be above 0; train it again")
    return FloatNetwork(
        tuple(weights),
        tuple(offsets),
        tuple(bits),
        kind,
        _number(data, "clip", 1e-12, 1e12, where),
        activation,
        None if known is None else tuple(known.tolist()),
        _number(data, "train_accuracy", 0, 1, where),
        _number(data, "validation_accuracy", 0, 1, where),
    )


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _number(data: Mapping[str, Any], key: str, low: float, high: float, where: str) -> float:
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{where}: {key} must be a number in {low:g}..{high:g}; train it again")
    return float(value)


def _array(value: object, shape: tuple[int | None, ...], where: str) -> Floats:
    """float64 of the shape, None being any length of 1 to MOST_WIDTH."""
    rows = value if isinstance(value, list) else []
    flat = rows if len(shape) == 1 else [item for row in rows if isinstance(row, list) for item in row]
    fine = 0 < len(rows) <= MOST_WIDTH and all(
        isinstance(item, int | float) and not isinstance(item, bool) and abs(item) < 1e12 for item in flat
    )
    fine = fine and (len(shape) == 1 or all(isinstance(row, list) and len(row) == shape[1] for row in rows))
    if not fine or (shape[0] is not None and len(rows) != shape[0]):
        raise InputError(f"{where} are no numbers of the shape that fits; train it again")
    found: Floats = np.array(value, np.float64)
    return found

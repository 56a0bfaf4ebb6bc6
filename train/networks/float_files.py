"""A `FloatNetwork` as plain JSON data and back; numbers are written so that they are read again to the last bit.

Files come from outside: everything is bounded and checked. What a network means is in
`inkling.train.networks.float_network`.
"""

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from inkling.train.files.checked_json import Fields, is_number
from inkling.train.networks.float_network import FloatNetwork, Floats, Kind

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
    fields = Fields(data, where, "train it again")
    kind: Kind = "float" if fields.choice("kind", get_args(Kind)) == "float" else "power_of_two"
    bits = fields.integers("input_bits", 1, 8, 1, MOST_WIDTH)
    listed = fields.items("weights", least=1, most=MOST_LAYERS)
    biases = fields.items("biases", least=len(listed), most=len(listed))
    width, weights, offsets = len(bits), [], []
    for number, (matrix, bias) in enumerate(zip(listed, biases, strict=True)):
        offsets.append(_array(fields, bias, (None,), f"biases of layer {number}"))
        weights.append(_array(fields, matrix, (len(offsets[-1]), width), f"weights of layer {number}"))
        width = len(offsets[-1])
    activation = fields.integer("activation_bits", low=1, high=16) if fields.has("activation_bits") else None
    steps = None
    if fields.has("bias_steps"):
        steps = _array(fields, data["bias_steps"], (len(listed),), "bias_steps")
        if not (steps > 0).all():
            raise fields.error("bias_steps must be above 0")
    if kind == "power_of_two" and (steps is None or activation is None):
        raise fields.error("a power-of-two network needs activation_bits and bias_steps")
    return FloatNetwork(
        tuple(weights),
        tuple(offsets),
        bits,
        kind,
        fields.number("clip", 1e-12, 1e12),
        activation,
        None if steps is None else tuple(steps.tolist()),
        fields.number("train_accuracy", 0, 1),
        fields.number("validation_accuracy", 0, 1),
    )


def _array(fields: Fields, value: object, shape: tuple[int | None, ...], name: str) -> Floats:
    """float64 of the shape, None being any length of 1 to MOST_WIDTH."""
    rows = value if isinstance(value, list) else []
    flat = rows if len(shape) == 1 else [item for row in rows if isinstance(row, list) for item in row]
    fine = 0 < len(rows) <= MOST_WIDTH and all(is_number(item) and abs(item) < 1e12 for item in flat)
    fine = fine and (len(shape) == 1 or all(isinstance(row, list) and len(row) == shape[1] for row in rows))
    if not fine or (shape[0] is not None and len(rows) != shape[0]):
        raise fields.error(f"{name} are no numbers of the shape that fits")
    numbers: Floats = np.array(value, np.float64)
    return numbers

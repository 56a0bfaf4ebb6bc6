"""Integer fields of random numbers, for checks of kernels and for measuring their speed.

They stand for no scene or picture; fields that do come from `inkling.approx.fields.quantise`.
"""

from collections.abc import Sequence

import numpy as np

from inkling.approx.reference.coding import Coding
from inkling.approx.reference.field import IntegerField, check_packed, layered
from inkling.approx.reference.operations import (
    ClippedReLU,
    CoordinateSum,
    Dense,
    GridRead,
    Operation,
    PeriodicQuadratic,
    Rescale,
)
from inkling.train.scenes.signals import Meaning

# About what a clipped ReLU gives on average.
MEAN = 70


def random_field(
    seed: int,
    *,
    levels: Sequence[tuple[int, int, int, int]] = ((32, 32, 4, 8), (48, 48, 4, 8)),
    hidden: Sequence[int] = (32, 32),
    outputs: int = 1,
    entries: int = 3,
    periodic: bool = False,
    coordinates: bool = False,
    meaning: Meaning = "visibility",
    shared: Sequence[int] = (),
) -> IntegerField:
    """A field whose values use their whole range.

    levels: height, width, features and bits of each; shared: levels of one entry; periodic: what activates.
    Raises InputError as `inkling.approx.reference.field.check_packed` does.
    """
    rng = np.random.default_rng(seed)
    reads = []
    for k, (height, width, features, bits) in enumerate(levels):
        limit = 2 ** (bits - 1)
        shape = (1 if k in shared else entries, height, width, features)
        reads.append(GridRead(rng.integers(-limit, limit, shape, dtype=np.int8), bits))
    extra = None
    if coordinates:
        extra = CoordinateSum(rng.integers(-30000, 30001, (hidden[0], 2)), int(rng.integers(6, 12)))
    layers: list[Operation] = []
    inputs = sum(level[2] for level in levels)
    for number, wide in enumerate((*hidden, outputs)):
        weights, bias = rng.integers(-127, 128, (wide, inputs)), rng.integers(-9000, 9001, wide)
        if number and not periodic:
            bias -= MEAN * weights.sum(1)  # so that about half of the neurons are at work
        layers.append(Dense(weights, bias))
        if number == len(hidden):
            layers.append(ClippedReLU(6, 8) if meaning == "picture" else Rescale(3))
        elif periodic:
            layers.append(PeriodicQuadratic(int(rng.integers(-4, 4))))
        else:
            layers.append(ClippedReLU(int(rng.integers(6, 10)), 8))
        inputs = wide
    positions = rng.random((entries if meaning == "visibility" else 0, 3)).astype(np.float32)
    coding = Coding((1.0,) * outputs, (0.0,) * outputs, 12, 5, 0, 2**29)
    field = IntegerField(layered(reads, extra, layers), meaning, coding, positions)
    check_packed(field)
    return field

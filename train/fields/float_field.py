"""`FloatField`: a trained neural field as plain frozen arrays, and its plain NumPy evaluation.

A field maps (entry, uv) to numbers: a position and a direction to a distance, or a place to a colour. Training
lives in `inkling.train.fields.training`, turning it to integers in `approx`.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.scenes.signals import MEANINGS, Meaning

F32: TypeAlias = NDArray[np.float32]
Activation: TypeAlias = Literal["relu", "periodic_quadratic", "sine"]

ACTIVATIONS = ("relu", "periodic_quadratic", "sine")
MOST_LEVELS = 16
MOST_LAYERS = 64


@dataclass(frozen=True, eq=False)
class Grid:
    """One level: table float32 [entries, height, width, features]; entries = positions (visibility) or 1."""

    table: F32


@dataclass(frozen=True, eq=False)
class Sight:
    """What turns answers of a visibility field into decisions: the constants of its distance code.

    low, high: the float bits of the squared distance (see `distance_code`) that answers 0 and 1 stand for; margin:
    added to the prediction before the comparison; positions: float32 [entries, 3], where each entry's rays start;
    stretch: uv = to_uv of the offset with z (up) multiplied by this, which gives the horizon, where agents look, more
    of the square.
    """

    low: float
    high: float
    margin: float
    positions: F32
    stretch: float = 1.0


@dataclass(frozen=True, eq=False)
class FloatField:
    """Grids read bilinearly, then a small multilayer perceptron whose last layer is linear.

    grids: uv in [0, 1]^2, u along the width; texel centres at the corners: x = u * (width - 1), y = v * (height - 1);
    the features of the levels are concatenated in order. coordinates: 2 * uv - 1 is appended (u, then v; a signal has
    v = 0). weights: per layer float32 [out, in]; biases: per layer float32 [out]. activation: of the hidden layers;
    first_activation: of the first hidden layer where it differs ("sine" makes that layer Fourier features).
    output_low, output_high: float32 [out], the range of the answers, for quantisation. sight: visibility only.
    """

    grids: tuple[Grid, ...]
    coordinates: bool
    weights: tuple[F32, ...]
    biases: tuple[F32, ...]
    activation: Activation
    output_low: F32
    output_high: F32
    meaning: Meaning
    first_activation: Activation | None = None
    sight: Sight | None = None

    @property
    def entries(self) -> int:
        """Number of entries; a level of one entry is shared by all."""
        return max((grid.table.shape[0] for grid in self.grids), default=1)

    @property
    def features(self) -> int:
        """Width of the vector that enters the first layer."""
        width: int = sum(grid.table.shape[3] for grid in self.grids) + 2 * self.coordinates
        return width

    @property
    def parameters(self) -> int:
        """Number of trained numbers, of all entries."""
        arrays = (*(grid.table for grid in self.grids), *self.weights, *self.biases)
        count: int = sum(array.size for array in arrays)
        return count


def check(field: FloatField) -> None:
    """Raise InputError, one line, unless the shapes fit each other and every number is finite."""
    if field.activation not in ACTIVATIONS or field.first_activation not in (*ACTIVATIONS, None):
        raise InputError(f"a field's activation is one of {', '.join(ACTIVATIONS)}, not {field.activation!r}")
    if field.meaning not in MEANINGS:
        raise InputError(f"a field's meaning is one of {', '.join(MEANINGS)}, not {field.meaning!r}")
    if len(field.grids) > MOST_LEVELS or not 1 <= len(field.weights) <= MOST_LAYERS:
        raise InputError(f"a field has at most {MOST_LEVELS} grids and 1 to {MOST_LAYERS} layers")
    for number, grid in enumerate(field.grids):
        if grid.table.ndim != 4 or 0 in grid.table.shape or grid.table.shape[0] not in (1, field.entries):
            raise InputError(
                f"grid {number} of the field has shape {grid.table.shape}, not [entries, h, w, features]"
            )
    if len(field.biases) != len(field.weights):
        raise InputError(f"the field has {len(field.weights)} weights and {len(field.biases)} biases")
    width = field.features
    for number, (weights, bias) in enumerate(zip(field.weights, field.biases, strict=True)):
        if weights.ndim != 2 or weights.shape[1] != width or bias.shape != weights.shape[:1] or not bias.size:
            raise InputError(f"layer {number} of the field has weights {weights.shape} and bias {bias.shape}")
        width = len(bias)
    if field.output_low.shape != (width,) or field.output_high.shape != (width,):
        raise InputError(f"the field answers {width} numbers but its output range has {field.output_low.shape}")
    arrays = [grid.table for grid in field.grids] + [*field.weights, *field.biases]
    arrays += [field.output_low, field.output_high]
    if field.sight is not None:
        arrays += [
            field.sight.positions,
            np.array([field.sight.low, field.sight.high, field.sight.margin], np.float32),
        ]
        sight = field.sight
        if (
            sight.positions.shape != (field.entries, 3)
            or not sight.low < sight.high
            or not 1e-3 < sight.stretch < 1e3
        ):
            raise InputError("the field's positions must be [entries, 3] and its distance codes a range")
    if any(array.dtype != np.float32 or not np.isfinite(array).all() for array in arrays):
        raise InputError("the field holds a number that is not a finite float32: train it again at a smaller rate")
    if (field.output_low > field.output_high).any():
        raise InputError("the field's output range is upside down")


def activate(kind: Activation, x: F32) -> F32:
    """relu: max(x, 0). sine: sin(2 pi x), so x counts turns. periodic_quadratic: 16 g (1/2 - |g|), a parabola arc for
    each half turn, where g = x - floor(x + 1/2) is x wrapped to [-1/2, 1/2): wrap and one multiply in integers."""
    if kind == "relu":
        return np.maximum(x, np.float32(0))
    if kind == "sine":
        turned: F32 = np.sin(np.float32(2 * np.pi) * (x - np.floor(x + np.float32(0.5))))
        return turned
    g = x - np.floor(x + np.float32(0.5))
    arcs: F32 = np.float32(16) * g * (np.float32(0.5) - np.abs(g))
    return arcs


def bilinear(grid: Grid, entry: NDArray[np.integer], uv: F32) -> F32:
    """The level's features at uv in [0, 1]^2: float32 [N, features]."""
    entries, height, width, _ = grid.table.shape
    table, e = grid.table, entry if entries > 1 else np.zeros(len(uv), np.int64)
    x, y = uv[:, 0] * np.float32(width - 1), uv[:, 1] * np.float32(height - 1)
    x0 = np.clip(np.floor(x).astype(np.int64), 0, max(width - 2, 0))
    y0 = np.clip(np.floor(y).astype(np.int64), 0, max(height - 2, 0))
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    fx, fy = (x - x0).astype(np.float32)[:, None], (y - y0).astype(np.float32)[:, None]
    top = table[e, y0, x0] * (1 - fx) + table[e, y0, x1] * fx
    bottom = table[e, y1, x0] * (1 - fx) + table[e, y1, x1] * fx
    blended: F32 = top * (1 - fy) + bottom * fy
    return blended


def evaluate(field: FloatField, entry: NDArray[np.integer], uv: NDArray[np.floating]) -> F32:
    """entry int [N], uv float [N, 2] -> float32 [N, out]."""
    place = np.clip(uv, 0, 1).astype(np.float32)
    parts = [bilinear(grid, entry, place) for grid in field.grids]
    if field.coordinates:
        parts.append(2 * place - 1)
    values = np.concatenate(parts, axis=1)
    for number, (weights, bias) in enumerate(zip(field.weights, field.biases, strict=True)):
        if number:
            first = field.first_activation if number == 1 else None
            values = activate(first or field.activation, values)
        values = (values @ weights.T + bias).astype(np.float32)
    return values


def distance_code(squared: NDArray[np.floating], low: float, high: float) -> F32:
    """Monotone code of squared distances, any shape: bits(float32) / 2**23 - 127, scaled so that low..high is 0..1.

    The bits of a float read as an integer are a piecewise linear log2, so the comparison of two distances is one
    of two integers. Codes are clipped to 0..1; squared distance 0 has code 0, infinity code 1.
    """
    bits = np.maximum(squared, 1e-30).astype(np.float32).view(np.int32)
    code = (bits.astype(np.float64) / 2**23 - 127 - low) / (high - low)
    clipped: F32 = np.clip(code, 0, 1).astype(np.float32)
    return clipped


def visible(field: FloatField, entry: NDArray[np.integer], targets: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether each target, float [N, 3] in the scene's units, is seen from its entry's position."""
    from inkling.train.scenes.octahedral import to_uv

    if field.sight is None:
        raise InputError("this field answers no visibility: it has no positions")
    offset = targets - field.sight.positions[entry]
    code = distance_code((offset.astype(np.float64) ** 2).sum(1), field.sight.low, field.sight.high)
    uv = to_uv(offset * np.array([1, 1, field.sight.stretch]))
    seen: NDArray[np.bool_] = code < evaluate(field, entry, uv)[:, 0] + np.float32(field.sight.margin)
    return seen

"""`AffineModel`: a trained network brought from elsewhere, as affine layers with clipped neurons between them.

Who reads which format lives in `inkling.approx.quantise.from_sklearn`, `inkling.approx.quantise.from_torch` and
`inkling.approx.quantise.from_onnx`; graphs with branches become layers in
`inkling.train.networks.piecewise_linear`, and layers become integers in `inkling.approx.quantise.models`.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.train.tables.quantiser import Quantiser

Floats: TypeAlias = NDArray[np.float64]
Task: TypeAlias = Literal["classification", "regression"]
# To whole numbers: down, up, or to the nearest, halves up, down, to the even or to the odd neighbour.
Rounding: TypeAlias = Literal["floor", "ceil", "half up", "half down", "half even", "half odd"]

MOST_VALUES = 2**22  # weights of all layers together
MOST_WIDTH = 4096
MOST_LAYERS = 64


def rounded(x: Floats, mode: Rounding) -> Floats:
    """Whole numbers, float64 of the same shape."""
    match mode:
        case "floor":
            return np.floor(x)
        case "ceil":
            return np.ceil(x)
        case "half up":
            return np.floor(x + 0.5)
        case "half down":
            return np.ceil(x - 0.5)
        case "half even":
            return np.rint(x)
        case "half odd":
            return np.rint(x - 1) + 1


def moved(mode: Rounding, by: int) -> Rounding:
    """The mode with which x - by is rounded as `mode` rounds x: another parity where `by` is odd."""
    if by % 2 and mode in ("half even", "half odd"):
        return "half odd" if mode == "half even" else "half even"
    return mode


@dataclass(frozen=True, eq=False)
class Affine:
    """y = weights @ x + bias, weights float64 [outputs, inputs]; or y = weights * x + bias, weights [outputs]."""

    weights: Floats
    bias: Floats

    def evaluate(self, x: Floats) -> Floats:
        """float64 [rows, inputs] -> float64 [rows, outputs]."""
        y: Floats = (x @ self.weights.T if self.weights.ndim == 2 else x * self.weights) + self.bias
        return y


@dataclass(frozen=True)
class Clip:
    """y = min(max(x, low), high), the ends finite or not."""

    low: float
    high: float


def relu(high: float = np.inf) -> Clip:
    """The rectifier, clipped above at `high`."""
    return Clip(0.0, high)


Operation: TypeAlias = Affine | Clip


@dataclass(frozen=True, eq=False)
class Activation:
    """y = clip(x, 0, tops) of every neuron, tops float64 [neurons], infinite or above 0.

    rounding: for each neuron how x is made whole before, or None where it is not; the top is then whole too.
    """

    tops: Floats
    rounding: tuple[Rounding | None, ...]

    def evaluate(self, x: Floats) -> Floats:
        """float64 [rows, neurons] to the same shape."""
        y = x.copy()
        for mode in {mode for mode in self.rounding if mode is not None}:
            chosen = np.array([other == mode for other in self.rounding])
            y[:, chosen] = rounded(y[:, chosen], mode)
        clipped: Floats = np.clip(y, 0, self.tops)
        return clipped

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Which neurons give whole numbers, bool [neurons]."""
        return np.array([mode is not None for mode in self.rounding], bool)


@dataclass(frozen=True, eq=False)
class AffineModel:
    """Affine, Activation, Affine, ..., Affine; every Affine has weights [outputs, inputs].

    classes: label texts in order of the outputs, of which the largest decides (among equals the first); empty where
    the model does not name them, and for a regression, whose outputs are its values; order: without names, the number
    of the class that each output stands for, empty where that is its own. input_codes: the quantisers of
    its inputs where the model brings them, else empty; input_rounding: how they round what lies between two steps
    ("half up" is what `Quantiser` does). source: what it was made from, for reports.
    """

    layers: tuple[Affine | Activation, ...]
    task: Task
    classes: tuple[str, ...] = ()
    input_codes: tuple[Quantiser, ...] = ()
    input_rounding: Rounding = "half up"
    source: str = ""
    order: tuple[int, ...] = ()

    @property
    def affine(self) -> tuple[Affine, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, Affine))

    @property
    def activations(self) -> tuple[Activation, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, Activation))

    @property
    def shape(self) -> tuple[int, ...]:
        """Inputs, neurons of each layer, outputs."""
        return (self.affine[0].weights.shape[1], *(len(layer.bias) for layer in self.affine))

    def evaluate(self, values: Floats) -> Floats:
        """float64 [rows, inputs], as the model was trained on, to outputs, float64 [rows, outputs]."""
        if self.input_codes:
            values = np.stack(
                [self._quantised(q, column) for q, column in zip(self.input_codes, values.T, strict=True)], axis=1
            )
        for layer in self.layers:
            values = layer.evaluate(values)
        return values

    def predict(self, values: Floats) -> NDArray[np.int64]:
        """The index of the largest output, int64 [rows]; among equals the lowest."""
        label: NDArray[np.int64] = self.evaluate(values).argmax(axis=1)
        return label

    def _quantised(self, quantiser: Quantiser, column: Floats) -> Floats:
        """What the model's own quantiser makes of values: the middle of the interval of their code."""
        step = (quantiser.high - quantiser.low) / 2**quantiser.bits
        half = 0.0 if self.input_rounding == "floor" else 0.5
        codes = rounded((column - quantiser.low) / step - half, self.input_rounding)
        values: Floats = quantiser.low + step * (np.clip(codes, 0, 2**quantiser.bits - 1) + 0.5)
        return values

"""`AffineModel`: a trained network brought from elsewhere, as affine layers with clips between them, in float64.

Who reads which format lives in `inkling.approx.quantise.from_sklearn`, `inkling.approx.quantise.from_torch` and
`inkling.approx.quantise.from_onnx`; how it becomes integers in `inkling.approx.quantise.models`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.tables.quantiser import Quantiser

Floats: TypeAlias = NDArray[np.float64]
Task: TypeAlias = Literal["classification", "regression"]

MOST_VALUES = 2**22  # weights of all layers together
MOST_WIDTH = 4096
MOST_LAYERS = 64


@dataclass(frozen=True, eq=False)
class Affine:
    """y = weights @ x + bias, weights float64 [outputs, inputs]; or y = weights * x + bias, weights [outputs]."""

    weights: Floats
    bias: Floats

    def evaluate(self, x: Floats) -> Floats:
        """float64 [rows, inputs] -> float64 [rows, outputs]."""
        y: Floats = (x @ self.weights.T if self.weights.ndim == 2 else x * self.weights) + self.bias
        return y

    def after(self, first: "Affine") -> "Affine":
        """This layer applied to what another one gives, as one layer."""
        inner, outer = first.weights, self.weights
        if outer.ndim == 1:
            return Affine(
                outer[:, None] * inner if inner.ndim == 2 else outer * inner, outer * first.bias + self.bias
            )
        return Affine(outer @ inner if inner.ndim == 2 else outer * inner, outer @ first.bias + self.bias)

    def full(self) -> "Affine":
        """The same with weights [outputs, inputs]."""
        return self if self.weights.ndim == 2 else Affine(np.diag(self.weights), self.bias)


@dataclass(frozen=True)
class Clip:
    """y = clip(x, low, high); with a step it is then rounded to low + k * step ("nearest": halves up, or "floor")."""

    low: float
    high: float
    step: float | None = None
    rounding: Literal["nearest", "floor"] = "nearest"

    def evaluate(self, x: Floats) -> Floats:
        """float64 of any shape to the same shape."""
        y: Floats = np.clip(x, self.low, self.high)
        if self.step is None:
            return y
        half = 0.5 if self.rounding == "nearest" else 0.0
        return np.clip(self.low + np.floor((y - self.low) / self.step + half) * self.step, self.low, self.high)

    def after(self, first: "Clip") -> "Clip":
        """This clip applied to what another one gives, as one clip. Raises InputError where there is no such one."""
        low, high = max(self.low, first.low), min(self.high, first.high)
        step = self.step if self.step is not None else first.step
        if low >= high or (self.step is not None and first.step is not None and self.step != first.step):
            raise InputError(f"two activations in a row, {first} and {self}, are no single one: remove one of them")
        return Clip(low, high, step, self.rounding if self.step is not None else first.rounding)


Operation: TypeAlias = Affine | Clip


@dataclass(frozen=True, eq=False)
class AffineModel:
    """Affine, Clip, Affine, ..., Affine; every Clip begins at 0, and every Affine has weights [outputs, inputs].

    classes: label texts in order of the outputs, of which the largest decides; empty where the model does not name
    them, and for a regression, whose outputs are its values. input_codes: the quantisers of its inputs where the
    model brings them, else empty. source: what it was made from, for reports.
    """

    layers: tuple[Operation, ...]
    task: Task
    classes: tuple[str, ...] = ()
    input_codes: tuple[Quantiser, ...] = ()
    source: str = ""

    @property
    def affine(self) -> tuple[Affine, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, Affine))

    @property
    def clips(self) -> tuple[Clip, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, Clip))

    @property
    def shape(self) -> tuple[int, ...]:
        """Inputs, neurons of each layer, outputs."""
        return (self.affine[0].weights.shape[1], *(len(layer.bias) for layer in self.affine))

    def evaluate(self, values: Floats) -> Floats:
        """float64 [rows, inputs], as the model was trained on, to outputs, float64 [rows, outputs]."""
        if self.input_codes:
            columns = zip(self.input_codes, values.T, strict=True)
            steps = [(q, (q.high - q.low) / 2**q.bits, column) for q, column in columns]
            values = np.stack([q.low + step * (q.codes(column) + 0.5) for q, step, column in steps], axis=1)
        for layer in self.layers:
            values = layer.evaluate(values)
        return values

    def predict(self, values: Floats) -> NDArray[np.int64]:
        """The index of the largest output, int64 [rows]; among equals the lowest."""
        label: NDArray[np.int64] = self.evaluate(values).argmax(axis=1)
        return label


def model(
    operations: Sequence[Operation],
    inputs: int,
    task: Task,
    *,
    classes: Sequence[str] = (),
    input_codes: Sequence[Quantiser] = (),
    source: str = "",
) -> AffineModel:
    """Bring any chain of operations into the form of `AffineModel`; of a classifier with one output (whose sign
    decides) it makes two. Raises InputError for what is too large, not finite or does not fit together.
    """
    if not 1 <= inputs <= MOST_WIDTH:
        raise InputError(f"{source}: {inputs} inputs, must be 1 to {MOST_WIDTH}")
    if len(operations) > 4 * MOST_LAYERS:
        raise InputError(f"{source}: {len(operations)} operations, at most {4 * MOST_LAYERS} can be converted")
    layers: list[Operation] = []
    waiting = Affine(np.ones(inputs), np.zeros(inputs))
    for operation in _merged(operations):
        if isinstance(operation, Affine):
            _check(operation, len(waiting.bias), source)
            waiting = operation.after(waiting)
        else:
            _check_clip(operation, source)
            layers += [replace(waiting, bias=waiting.bias - operation.low).full()]
            layers += [replace(operation, low=0.0, high=operation.high - operation.low)]
            waiting = Affine(np.ones(len(waiting.bias)), np.full(len(waiting.bias), operation.low))
        if max(sum(layer.weights.size for layer in layers if isinstance(layer, Affine)), 0) > MOST_VALUES:
            raise InputError(
                f"{source}: more than {MOST_VALUES} weights; a bespoke circuit takes far smaller networks"
            )
    last = waiting.full()
    if task == "classification" and len(last.bias) == 1:
        last = Affine(np.concatenate([0 * last.weights, last.weights]), np.append(0.0, last.bias))
    if len(layers) > 2 * MOST_LAYERS:
        raise InputError(f"{source}: more than {MOST_LAYERS} layers")
    if not all(
        np.isfinite(part.weights).all() and np.isfinite(part.bias).all()
        for part in (*layers, last)
        if isinstance(part, Affine)
    ):
        raise InputError(f"{source}: weights that are not finite numbers; train the model again")
    if task == "classification" and classes and len(classes) != len(last.bias):
        raise InputError(f"{source}: {len(last.bias)} outputs for {len(classes)} classes; they must be as many")
    return AffineModel((*layers, last), task, tuple(classes), tuple(input_codes), source)


def relu(high: float = np.inf) -> Clip:
    """The rectifier, clipped above at `high`."""
    return Clip(0.0, high)


def _merged(operations: Sequence[Operation]) -> list[Operation]:
    """The same with every run of clips made one, and clips that do nothing left out."""
    found: list[Operation] = []
    for operation in operations:
        if isinstance(operation, Clip) and found and isinstance(found[-1], Clip):
            found[-1] = operation.after(found[-1])
        elif operation != Clip(-np.inf, np.inf):
            found.append(operation)
    return found


def _check(layer: Affine, width: int, source: str) -> None:
    outputs, inputs = (layer.weights.shape * 2)[:2]
    if layer.weights.ndim not in (1, 2) or layer.bias.shape != (outputs,) or inputs != width:
        raise InputError(
            f"{source}: weights of shape {list(layer.weights.shape)} with a bias of {list(layer.bias.shape)} "
            f"do not fit {width} values"
        )
    if outputs > MOST_WIDTH or layer.weights.size > MOST_VALUES:
        raise InputError(f"{source}: a layer of {outputs} x {inputs} weights is too large for a bespoke circuit")


def _check_clip(clip: Clip, source: str) -> None:
    if not np.isfinite(clip.low) or not clip.low < clip.high:
        raise InputError(f"{source}: an activation from {clip.low:g} to {clip.high:g}: give it a finite lower end")
    if clip.step is None:
        return
    levels = (clip.high - clip.low) / clip.step if clip.step > 0 else np.inf
    if not (levels < 2**16 and abs(levels - round(levels)) < 1e-6 and _is_power(round(levels) + 1)):
        raise InputError(
            f"{source}: a quantiser of steps of {clip.step:g} from {clip.low:g} to {clip.high:g} has "
            "not 2, 4, 8, ... levels; use a quantiser that is not narrow, with a zero point of 0"
        )


def _is_power(number: int) -> bool:
    return 2 <= number <= 2**16 and number & number - 1 == 0

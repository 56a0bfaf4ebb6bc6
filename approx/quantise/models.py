"""From an `AffineModel` to an `IntegerNetwork`: ranges from given rows, bits and scales chosen by what they cost.

Reading models lives in `inkling.approx.quantise.from_sklearn`, `inkling.approx.quantise.from_torch` and
`inkling.approx.quantise.from_onnx`; the integers for given bits are made in `inkling.approx.quantise.integers`.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.integers import Bits, Integers, Output, integers_of, middles
from inkling.approx.reference.network import Input, IntegerNetwork, without_unused_inputs
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import Affine, AffineModel, Floats
from inkling.train.tables.quantiser import Quantiser, check_bits, fit

HIDDEN_BITS = (2, 3, 4, 5, 6, 7, 8)
INPUT_BITS = (1, 2, 3, 4, 5, 6, 7, 8)
WEIGHT_BITS = (2, 3, 4, 5, 6, 8, 10)
# Ends of hidden values and of the last layer's weights, as fractions of what was seen and of what fits.
ENDS = (1.0, 0.8, 0.6)
SCALES = (1.0, 0.85, 0.7)
# How much agreement with the float model fewer bits may cost where they are not given.
TOLERANCE = 0.005
MOST_ROWS = 2000  # that choose; all rows are measured


@dataclass(frozen=True)
class Agreement:
    """How near the integers come to the float model on some rows.

    same: share of rows with the same class, or of variance of the outputs that is explained (1 - error / variance);
    before, after: accuracy of the float model and of the integers (R2 of a regression), None without labels.
    """

    same: float
    before: float | None
    after: float | None

    def to_json(self) -> dict[str, float | None]:
        """Plain data, six decimals."""
        parts = {"agreement": self.same, "float": self.before, "integer": self.after}
        return {name: None if part is None else round(part, 6) for name, part in parts.items()}


@dataclass(frozen=True, eq=False)
class Conversion:
    """The network, the quantisers of all inputs of the model, what its scores mean, and what the conversion cost.

    found: on the rows that it was calibrated with; sweep: what other bits would give, one kind of bits changed at a
    time; scales: for each layer the real value of one unit of its sums; exact: the model's own fixed-point quantisers
    were taken over without a loss in weights.
    """

    network: IntegerNetwork
    quantisers: tuple[Quantiser, ...]
    outputs: tuple[Output, ...]
    bits: Bits
    found: Agreement
    sweep: tuple[tuple[str, int, Agreement], ...]
    scales: tuple[tuple[float, ...], ...]
    exact: bool
    rows: int
    notes: tuple[str, ...] = field(default=())

    def codes(self, values: Floats) -> NDArray[np.uint8]:
        """Values, float64 [rows, inputs], to codes, uint8 of the same shape."""
        return np.stack([q.codes(column) for q, column in zip(self.quantisers, values.T, strict=True)], axis=1)

    def outputs_of(self, values: Floats) -> Floats:
        """A regression's outputs, float64 [rows, outputs], for values, float64 [rows, inputs]."""
        scores = self.network.predict(self.codes(values))
        scale, offset = ([getattr(o, key) for o in self.outputs] for key in ("scale", "offset"))
        found: Floats = scores * np.array(scale) + np.array(offset)
        return found

    def to_json(self) -> dict[str, Any]:
        """conversion.json: plain data, the same bytes for the same model and rows."""
        return {
            "schema": "inkling.conversion/1",
            "rows": self.rows,
            "bits": {"inputs": self.bits.inputs, "weights": self.bits.weights, "hidden": self.bits.hidden},
            "exact": self.exact,
            "calibration": self.found.to_json(),
            "sweep": [{"of": of, "bits": bits} | found.to_json() for of, bits, found in self.sweep],
            "scales": [[float(f"{value:.9g}") for value in layer] for layer in self.scales],
            "outputs": [{"name": o.name, "scale": o.scale, "offset": o.offset} for o in self.outputs],
            "notes": list(self.notes),
        }


def convert(
    model: AffineModel,
    values: Floats,
    *,
    names: Sequence[str] = (),
    labels: NDArray[np.generic] | None = None,
    output_names: Sequence[str] = (),
    input_bits: int | None = None,
    weight_bits: int = 8,
    hidden_bits: int | None = None,
    sweep: bool = True,
) -> Conversion:
    """Calibrate on values, float64 [rows, inputs], as the model takes them, and turn the model to integers.

    labels: class indices, int64 [rows], or targets, float64 [rows] or [rows, outputs], for accuracies; they choose
    nothing. input_bits (1..8) and hidden_bits (1..16) None: the fewest that cost no more than TOLERANCE of agreement
    with the float model. A model that brings fixed-point quantisers keeps them. An input that is constant in the rows
    is folded into the bias. Raises InputError.
    """
    _check(model, values, names, weight_bits, hidden_bits)
    if input_bits is not None:
        check_bits(input_bits)
    few = values[:: max(1, -(-len(values) // MOST_ROWS))]
    trial = _Trials(model, values, few)
    given = max((q.bits for q in model.input_codes), default=None)
    input_options = (given,) if given else (input_bits,) if input_bits else INPUT_BITS[1:]
    hidden_options = (hidden_bits,) if hidden_bits else HIDDEN_BITS
    if all(activation.whole.all() for activation in model.activations):
        hidden_options = hidden_options[-1:]
    precise = hidden_options[-1]
    inputs = trial.fewest([Bits(i, weight_bits, precise) for i in input_options]).inputs
    bits = trial.fewest([Bits(inputs, weight_bits, h) for h in hidden_options])
    chosen = trial.best(bits)
    changed: list[tuple[str, int, Agreement]] = []
    if sweep:
        options = [("inputs", i, Bits(i, bits.weights, bits.hidden)) for i in INPUT_BITS if not given]
        options += [("weights", w, Bits(bits.inputs, w, bits.hidden)) for w in WEIGHT_BITS if not chosen.exact]
        if model.activations and not chosen.exact:
            options += [("hidden", h, Bits(bits.inputs, bits.weights, h)) for h in HIDDEN_BITS]
        changed = [(of, n, _measure(model, trial.best(option), values, labels)) for of, n, option in options]
    titles = names or tuple(f"x{k}" for k in range(values.shape[1]))
    inputs_of = tuple(
        Input(name, k, q.bits) for k, (name, q) in enumerate(zip(titles, chosen.quantisers, strict=True))
    )
    network = without_unused_inputs(IntegerNetwork(inputs_of, chosen.layers, model.shape[-1]))
    constant = [name for name, alike in zip(titles, trial.constant, strict=True) if alike]
    notes = (
        [f"constant in the calibration rows, so folded into the biases: {', '.join(constant)}"] if constant else []
    )
    if chosen.ties:
        notes.append(f"{chosen.ties} of its neurons round halves to even, the circuit rounds them up")
    if model.input_codes and model.input_rounding.startswith("half") and model.input_rounding != "half up":
        notes.append("the file rounds readings half way between two codes to the even one, the circuit up")
    return Conversion(
        network,
        chosen.quantisers,
        _named(chosen.outputs, output_names),
        bits,
        _measure(model, chosen, values, labels),
        tuple(changed),
        chosen.scales,
        chosen.exact,
        len(values),
        tuple(notes),
    )


class _Trials:
    """Integer versions of one model, made once for every combination of bits, and scored on a few rows."""

    def __init__(self, model: AffineModel, values: Floats, few: Floats) -> None:
        self.model, self.values, self.few = model, values, few
        self.constant = values.min(axis=0) == values.max(axis=0)
        if model.input_codes:
            self.constant = np.zeros(len(model.input_codes), bool)
        self.target = model.evaluate(few)
        self.made: dict[Bits, tuple[float, Integers]] = {}

    def scored(self, bits: Bits) -> tuple[float, Integers]:
        if bits not in self.made:
            quantisers = self._quantisers(bits.inputs)
            tops = self._tops(quantisers)
            found = []
            for end, scale in itertools.product(ENDS if self.model.activations else ENDS[:1], SCALES):
                integers = integers_of(self.model, quantisers, self._fixed(), tops, bits, end, scale)
                found.append((_same(self.model, self.target, integers, self.few), integers))
                if integers.exact:
                    break
            self.made[bits] = max(found, key=lambda item: item[0])
        return self.made[bits]

    def best(self, bits: Bits) -> Integers:
        return self.scored(bits)[1]

    def fewest(self, options: Sequence[Bits]) -> Bits:
        """The first of options, from few bits to many, that is within TOLERANCE of the best."""
        best = max(self.scored(bits)[0] for bits in options)
        return next(bits for bits in options if self.scored(bits)[0] >= best - TOLERANCE)

    def _fixed(self) -> Floats:
        """The value of every constant input, NaN elsewhere."""
        return np.where(self.constant, self.values[0], np.nan)

    def _quantisers(self, bits: int) -> tuple[Quantiser, ...]:
        if self.model.input_codes:
            return self.model.input_codes
        return tuple(
            Quantiser(float(c[0]) - 1, float(c[0]) + 1, bits) if alike else fit(c, bits)
            for c, alike in zip(self.values.T, self.constant, strict=True)
        )

    def _tops(self, quantisers: Sequence[Quantiser]) -> list[Floats]:
        """For every hidden layer the largest value of each neuron on the rows, as the quantisers show them."""
        seen = np.stack(
            [
                column if alike else middles(q)[0] + middles(q)[1] * q.codes(column)
                for q, column, alike in zip(quantisers, self.values.T, self.constant, strict=True)
            ],
            axis=1,
        )
        tops = []
        for layer in self.model.layers:
            seen = layer.evaluate(seen)
            if not isinstance(layer, Affine):
                tops.append(seen.max(axis=0))
        return tops


def _same(model: AffineModel, target: Floats, integers: Integers, values: Floats) -> float:
    found = integers.evaluate(values)
    if model.task == "classification":
        return float((found == target.argmax(axis=1)).mean())
    return explained(target, found * np.array([o.scale for o in integers.outputs]))


def explained(target: Floats, found: Floats) -> float:
    """One less the mean squared error over the variance, mean over the outputs; 1 where both are 0."""
    error, variance = ((target - found) ** 2).mean(axis=0), target.var(axis=0)
    share = np.divide(error, variance, out=(error > 0).astype(np.float64), where=variance > 0)
    return float(1 - share.mean())


def _measure(model: AffineModel, integers: Integers, values: Floats, labels: NDArray[np.generic] | None) -> Agreement:
    target = model.evaluate(values)
    same = _same(model, target, integers, values)
    if labels is None:
        return Agreement(same, None, None)
    found = integers.evaluate(values)
    if model.task == "classification":
        return Agreement(same, float((target.argmax(axis=1) == labels).mean()), float((found == labels).mean()))
    truth = np.asarray(labels, np.float64).reshape(len(values), -1)
    scaled = found * np.array([o.scale for o in integers.outputs])
    return Agreement(same, explained(truth, target), explained(truth, scaled))


def _named(outputs: tuple[Output, ...], names: Sequence[str]) -> tuple[Output, ...]:
    if not names:
        return outputs
    return tuple(Output(name, o.scale, o.offset) for name, o in zip(names, outputs, strict=True))


def _check(
    model: AffineModel, values: Floats, names: Sequence[str], weight_bits: int, hidden_bits: int | None
) -> None:
    if values.ndim != 2 or not len(values) or values.shape[1] != model.shape[0]:
        raise InputError(
            f"{model.source or 'the model'} takes {model.shape[0]} inputs, the rows have shape {list(values.shape)}: "
            "give rows with the columns that it was trained on, in their order"
        )
    if not np.isfinite(values).all():
        raise InputError("calibration rows hold values that are not finite: remove those rows")
    if names and len(names) != values.shape[1]:
        raise InputError(f"{len(names)} names for {values.shape[1]} inputs: give one for each")
    if not 2 <= weight_bits <= 16:
        raise InputError(f"{weight_bits} bits for a weight: give 2 to 16")
    if hidden_bits is not None and not 1 <= hidden_bits <= 16:
        raise InputError(f"{hidden_bits} bits for a hidden value: give 1 to 16")

"""An `AffineModel` as integer operations, for given bits, ranges and scales.

Which bits are chosen is `inkling.approx.quantise.models`. Scales are chosen as in Jacob et al., "Quantization and
Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference" (CVPR 2018), with a scale for every
neuron that leaves shifts as the only requantisation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense, Operation
from inkling.train.networks.affine_model import Activation, AffineModel, Floats, Rounding
from inkling.train.tables.quantiser import Quantiser

MOST_SHIFT = 24
MOST_EXACT_BITS = 16


@dataclass(frozen=True)
class Output:
    """What a score of a regression means: value = score * scale + offset."""

    name: str
    scale: float
    offset: float = 0.0


@dataclass(frozen=True)
class Bits:
    """Bits of every input, of a weight (signed; significant ones) and of a hidden value."""

    inputs: int
    weights: int
    hidden: int


@dataclass(frozen=True, eq=False)
class Integers:
    """Integer layers over all inputs of the model, with what is needed to feed and read them."""

    layers: tuple[Operation, ...]
    quantisers: tuple[Quantiser, ...]
    outputs: tuple[Output, ...]
    scales: tuple[tuple[float, ...], ...]
    exact: bool
    ties: int = 0

    def evaluate(self, values: Floats) -> NDArray[np.int64]:
        codes = np.stack([q.codes(c) for q, c in zip(self.quantisers, values.T, strict=True)], axis=1)
        found = codes.astype(np.int64)
        for layer in self.layers:
            found = layer.evaluate(found)
        return found


def middles(quantiser: Quantiser) -> tuple[float, float]:
    """The value that code 0 stands for, the middle of its interval, and the width of an interval."""
    step = (quantiser.high - quantiser.low) / 2**quantiser.bits
    return quantiser.low + step / 2, step


def integers_of(
    model: AffineModel,
    quantisers: tuple[Quantiser, ...],
    fixed: Floats,
    tops: Sequence[Floats],
    bits: Bits,
    end: float,
    scale: float,
) -> Integers:
    """All layers as integers; the real value of a unit is carried from layer to layer.

    fixed: the value of every input that is folded into the biases, NaN for the others; tops: of every hidden layer.
    """
    zero, unit = (np.array(part) for part in zip(*(middles(q) for q in quantisers), strict=True))
    zero, unit = np.where(np.isnan(fixed), zero, fixed), np.where(np.isnan(fixed), unit, 0.0)
    limit = 2 ** (bits.weights - 1) - 1
    layers: list[Operation] = []
    scales: list[tuple[float, ...]] = []
    exact = bool(model.activations or model.input_codes) and all(a.whole.all() for a in model.activations)
    affine = model.affine
    ties = 0
    for number, (layer, activation) in enumerate(zip(affine[:-1], model.activations, strict=True)):
        weights, bias = layer.weights * unit, layer.bias + layer.weights @ zero
        hidden = _hidden(weights, bias, activation, tops[number], bits, end)
        exact &= hidden.exact
        ties += hidden.ties
        layers += [
            Dense(hidden.weights, hidden.bias),
            ClippedReLU(_one_or_each(hidden.shift), _one_or_each(hidden.bits)),
        ]
        scales.append(tuple((hidden.value * 2.0 ** -hidden.shift.astype(np.float64)).tolist()))
        zero, unit = np.zeros(len(bias)), hidden.value
    weights, bias = affine[-1].weights * unit, affine[-1].bias + affine[-1].weights @ zero
    largest = np.abs(weights).max(axis=1, initial=0)
    if model.task == "classification":
        grain = np.full(len(bias), (float(largest.max(initial=0)) or 1.0) / (limit * scale))
    else:
        room = np.ones(len(bias))
        np.divide(float(limit), largest, out=room, where=largest > 0)
        grain = 2.0 ** -np.clip(np.floor(np.log2(room)), -40, 40)
    if exact:
        power, fits = exact_shifts(weights, bias)
        if model.task == "classification":  # one grain for all scores
            power = np.full_like(power, power.max())
        exact = bool(fits.all()) and float((largest * 2.0**power).max()) < 2.0**MOST_EXACT_BITS
        if exact:
            grain = 2.0 ** -power.astype(np.float64)
    layers.append(Dense(np.rint(weights / grain[:, None]).astype(np.int64), _bounded(np.rint(bias / grain))))
    scales.append(tuple(grain.tolist()))
    if model.task == "classification":
        layers.append(ArgMax())
        outputs: tuple[Output, ...] = ()
    else:
        outputs = tuple(Output(f"score_{k}", float(g)) for k, g in enumerate(grain))
    return Integers(tuple(layers), quantisers, outputs, tuple(scales), exact, ties)


@dataclass(frozen=True, eq=False)
class _Hidden:
    """A hidden layer in integers: sums, shifts and bits of its neurons, and the real value of a unit of each."""

    weights: NDArray[np.int64]
    bias: NDArray[np.int64]
    shift: NDArray[np.int64]
    bits: NDArray[np.int64]
    value: Floats
    exact: bool
    ties: int


def _hidden(weights: Floats, bias: Floats, activation: Activation, tops: Floats, bits: Bits, end: float) -> _Hidden:
    """weights [neurons, inputs] and bias of integers that enter; tops: the largest value that rows gave a neuron."""
    whole, limit = activation.whole, 2 ** (bits.weights - 1) - 1
    ends = np.where(whole, 1.0, activation.tops)
    top = np.minimum(tops, ends)
    floor = max(float(top[~whole].max(initial=0)), 1e-12) / 256  # a neuron that no row has woken
    # A clip that is reached keeps its end exactly; a range that was only seen may be cut.
    top = np.where(top >= ends, ends, np.maximum(top * end, floor))
    value = np.where(whole, 1.0, top / (2**bits.hidden - 1))
    counts = np.where(whole, np.rint(np.log2(np.where(whole, activation.tops, 1.0) + 1)), bits.hidden)
    largest = np.abs(weights).max(axis=1)
    room = np.full(len(bias), float(MOST_SHIFT))
    np.divide(limit * value, largest, out=room, where=largest > 0)
    power = np.floor(np.log2(np.clip(room, 2.0**-MOST_SHIFT, 2.0**MOST_SHIFT))).astype(np.int64)
    fixed, fits = exact_shifts(weights, bias)
    fixed, fits = np.where(whole & fits, fixed, 0), whole & fits
    shift = np.where(fits, fixed, np.maximum(power, 0))
    grain = value * 2.0 ** -np.where(fits, fixed, power).astype(np.float64)
    sums = np.rint(weights / grain[:, None]).astype(np.int64) << np.where(fits, 0, shift - power)[:, None]
    start = _bounded(np.floor(bias / (value * 2.0 ** -shift.astype(np.float64)) + 0.5))
    halves = [_towards(mode, int(k)) for mode, k in zip(activation.rounding, shift, strict=True)]
    start = start + np.array(halves, np.int64)
    ties = [
        mode in ("half even", "half odd") and _can_tie(row, int(b), int(k))
        for mode, row, b, k in zip(activation.rounding, sums, start, shift, strict=True)
    ]
    exact = bool(fits[whole].all()) and not any(ties)
    return _Hidden(sums, start, shift, counts.astype(np.int64), value, exact, sum(ties))


def _towards(mode: Rounding | None, shift: int) -> int:
    """What is added to a sum before its shift, which rounds down."""
    if shift == 0:
        return 0
    half = 1 << shift - 1
    return {"floor": 0, "ceil": 2 * half - 1, "half down": half - 1}.get(str(mode), half)


def _can_tie(weights: NDArray[np.int64], start: int, shift: int) -> bool:
    """Whether a sum of whole numbers with these weights, from `start`, can be a multiple of 2**shift.

    With the half that rounds added to the start these are the sums that lay half way between two codes.
    """
    step = int(np.gcd.reduce(np.append(weights, 2**shift)))  # 2**shift: what whole turns are worth
    return shift > 0 and start % step == 0


def exact_shifts(weights: Floats, bias: Floats) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For every neuron the fewest fraction bits in which its weights and bias are whole, and whether there are such.

    At most MOST_SHIFT bits, and weights of at most MOST_EXACT_BITS.
    """
    shift, fits = np.zeros(len(bias), np.int64), np.zeros(len(bias), bool)
    for k in range(MOST_SHIFT + 1):
        scaled = np.concatenate([weights, bias[:, None]], axis=1) * 2.0**k
        whole = np.rint(scaled)
        near = (np.abs(scaled - whole) <= 1e-7 * np.maximum(np.abs(scaled), 1)).all(axis=1)
        near &= np.abs(whole[:, :-1]).max(axis=1, initial=0) < 2.0**MOST_EXACT_BITS
        shift[near & ~fits] = k
        fits |= near
    return shift, fits


def _bounded(values: Floats) -> NDArray[np.int64]:
    """Whole numbers that leave room for sums; what is beyond saturates every activation anyhow."""
    return np.clip(values, -(2.0**50), 2.0**50).astype(np.int64)


def _one_or_each(shift: NDArray[np.int64]) -> int | tuple[int, ...]:
    return int(shift[0]) if len(set(shift.tolist())) == 1 else tuple(shift.tolist())

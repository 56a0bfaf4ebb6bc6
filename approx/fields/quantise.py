"""Turning a trained `FloatField` into an `IntegerField`: scales, shifts and biases, calibrated on sample inputs.

Scales of features and of neurons are free numbers, because the next layer's weights take them in; only shifts are
powers of two. The integer operations themselves are defined in `inkling.approx.reference.field`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.coding import Coding, coordinate_code, encode
from inkling.approx.reference.field import IntegerField, check_packed, layered
from inkling.approx.reference.operations import (
    ClippedReLU,
    CoordinateSum,
    Dense,
    GridRead,
    Ints,
    Operation,
    PeriodicQuadratic,
    Rescale,
)
from inkling.train.errors import InputError
from inkling.train.fields import float_field as floats

F64 = NDArray[np.float64]

MOST_WEIGHT = 127
MOST_COORDINATE_WEIGHT = 2**15 - 1
MOST_COORDINATE_SUM = 2**16 - 2
MOST_SAMPLES = 20_000
# Texels looked at when a scale is chosen.
MOST_TEXELS = 200_000
SHIFTS = range(13)
# Combinations of scalings that a judge chooses from.
TRIED = 16
# A neuron may reach this share of its largest calibrated value before it clips.
HEADROOM = 1.02


def quantise(
    field: floats.FloatField,
    entry: NDArray[np.integer],
    uv: NDArray[np.floating],
    *,
    grid_bits: int | Sequence[int] = 8,
    judge: Callable[[IntegerField], float] | None = None,
) -> IntegerField:
    """The integer field; entry int [rows] and uv float [rows, 2] are inputs like those it will meet.

    grid_bits: 8 or 4, one for all levels or one for each. judge: how good a field is on data that was held out; then
    the scalings of hidden ReLU layers that lose least locally are tried in TRIED combinations at most, and the field
    that it likes best is kept, the first of equals. Biases are corrected so that every layer's mean error on the
    samples is zero (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019).
    Raises InputError for sine, which has no integer form, and for a field that fails
    `inkling.train.fields.float_field.check`.
    """
    floats.check(field)
    if "sine" in (field.activation, field.first_activation):
        raise InputError("a field with sine activations cannot become integer: train it with periodic_quadratic")
    if len(entry) == 0 or uv.shape != (len(entry), 2):
        raise InputError(f"calibration needs samples: entry [rows] and uv [rows, 2], not {uv.shape}")
    bits = [grid_bits] * len(field.grids) if isinstance(grid_bits, int) else list(grid_bits)
    if len(bits) != len(field.grids) or any(b not in (4, 8) for b in bits):
        raise InputError(f"grid_bits must be 4 or 8 for each of {len(field.grids)} levels, not {grid_bits}")
    picked = np.linspace(0, len(entry) - 1, min(len(entry), MOST_SAMPLES)).astype(np.int64)
    e, place = entry[picked].astype(np.int64), uv[picked].astype(np.float32)
    u, v = (coordinate_code(place[:, k]).astype(np.int64) for k in (0, 1))

    reads, units = [], []
    for grid, b in zip(field.grids, bits, strict=True):
        read, unit = _read(grid.table, b)
        reads.append(read)
        units.append(unit)
    x = _Signal(
        np.concatenate([r.evaluate(e, u, v) for r in reads], 1) if reads else np.zeros((len(e), 0), np.int64),
        np.concatenate(units) if units else np.zeros(0),
    )
    centred = np.stack([u, v], 1) - 2**15
    target = [floats.bilinear(grid, e, place) for grid in field.grids]
    exact = np.concatenate(target + ([2 * place - 1] if field.coordinates else []), 1).astype(np.float64)

    positions = np.zeros((0, 3), np.float32) if field.sight is None else field.sight.positions
    ways = math.floor(TRIED ** (1 / (len(field.weights) - 1))) if judge and len(field.weights) > 1 else 1
    made = (
        IntegerField(layered(reads, extra, layers), field.meaning, coding, positions)
        for layers, extra, coding in _chains(field, exact, x, centred, ways)
    )
    found = max(made, key=judge) if judge else next(made)
    check_packed(found)
    return found


def decisions(
    entry: NDArray[np.integer], offset: NDArray[np.floating], visible: NDArray[np.bool_]
) -> Callable[[IntegerField], float]:
    """A judge of visibility: the share of right decisions about targets, offset [rows, 3] from positions [rows]."""

    def share(field: IntegerField) -> float:
        parts = (slice(k, k + 2**16) for k in range(0, len(entry), 2**16))
        right = (
            (field.visible(entry[part], *encode(offset[part], field.coding)) == visible[part]).sum() for part in parts
        )
        return float(sum(right)) / len(entry)

    return share


@dataclass(frozen=True)
class _Signal:
    """Integers int64 [samples, n] and what one of each stands for, [n]."""

    values: Ints
    unit: F64


@dataclass(frozen=True)
class _Layer:
    """A float layer, its exact sums on the samples, and the integers that reach it."""

    weights: F64
    bias: F64
    exact: F64
    x: _Signal
    centred: Ints | None

    @property
    def scaled(self) -> F64:
        """Weights per unit of the integer inputs, without the coordinates'."""
        inner: F64 = self.weights[:, : len(self.x.unit)] * self.x.unit
        return inner

    @property
    def limit(self) -> F64:
        """The largest multiplier of each neuron that its weights, and its coordinates' weights, allow; [outputs]."""
        biggest = np.abs(self.scaled).max(axis=1, initial=0)
        most = np.where(biggest > 0, MOST_WEIGHT / np.where(biggest > 0, biggest, 1), np.inf)
        if self.centred is not None:
            reach = np.abs(self.weights[:, -2:]).sum(1)
            most = np.minimum(most, np.where(reach > 0, 2.0**30 / np.where(reach > 0, reach, 1), np.inf))
        bound: F64 = np.where(np.isfinite(most), most, 1.0)
        return bound


@dataclass(frozen=True)
class _Made:
    dense: Dense
    activation: Operation
    extra: CoordinateSum | None
    signal: _Signal


def _chains(
    field: floats.FloatField, exact: F64, x: _Signal, centred: Ints, ways: int, number: int = 0
) -> Iterator[tuple[tuple[Operation, ...], CoordinateSum | None, Coding]]:
    """Integer layers from `number` on, given what enters exactly and in integers.

    The best `ways` of each hidden layer in every combination, the locally best first.
    """
    weights, bias = field.weights[number].astype(np.float64), field.biases[number].astype(np.float64)
    exact = exact @ weights.T + bias
    todo = _Layer(weights, bias, exact, x, centred if number == 0 and field.coordinates else None)
    if number == len(field.weights) - 1:
        last, coding = _last(field, todo)
        yield (last.dense, last.activation), last.extra, coding
        return
    kind = field.first_activation if number == 0 and field.first_activation else field.activation
    exact = floats.activate(kind, exact.astype(np.float32)).astype(np.float64)
    periodic = kind == "periodic_quadratic"
    for made in [_periodic(todo)] if periodic else _clipped(todo, exact, field.weights[number + 1], ways):
        for rest, _, coding in _chains(field, exact, made.signal, centred, ways, number + 1):
            yield (made.dense, made.activation, *rest), made.extra, coding


def _read(table: NDArray[np.float32], bits: int) -> tuple[GridRead, F64]:
    """The level in integers and what one unit of each of its features stands for."""
    for axis in (1, 2):
        if table.shape[axis] == 1:
            table = np.repeat(table, 2, axis)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    flat = table.reshape(-1, table.shape[3])
    flat = flat[:: max(1, len(flat) // MOST_TEXELS)].astype(np.float64)
    biggest = np.maximum(np.abs(table).max(axis=(0, 1, 2)).astype(np.float64), 1e-12)
    best, step = np.full(len(biggest), np.inf), biggest / high
    # Texels of quantisation-aware training are multiples of 2**(1 - bits): at this step they are exact, whatever the
    # largest is, and all features have one unit, so that weights on powers of two stay exact as well.
    powers = np.exp2(np.ceil(np.log2(step)))
    shares = np.linspace(0.4 if bits == 4 else 0.8, 1.0, 25)
    for tried in (np.full(len(step), 2.0 ** (1 - bits)), powers / 2, powers, *(step * share for share in shares)):
        error = ((np.clip(np.round(flat / tried), low, high) * tried - flat) ** 2).mean(0)
        step, best = np.where(error < best, tried, step), np.minimum(error, best)
    texels = np.clip(np.round(table / step.astype(np.float32)), low, high).astype(np.int8)
    return GridRead(texels, bits), step / 2 ** (8 - bits)


def _sums(layer: _Layer, multiplier: F64) -> tuple[Dense, CoordinateSum | None, Ints]:
    """The layer at `multiplier` integers for 1, [outputs], its bias corrected; and its sums, int64 [samples, out]."""
    weights = np.clip(np.round(layer.scaled * multiplier[:, None]), -MOST_WEIGHT, MOST_WEIGHT).astype(np.int64)
    sums = layer.x.values @ weights.T
    extra = None
    if layer.centred is not None:
        real = layer.weights[:, -2:] * multiplier[:, None] / 2**15
        room = min(
            MOST_COORDINATE_WEIGHT / max(np.abs(real).max(), 1e-9),
            MOST_COORDINATE_SUM / max(np.abs(real).sum(1).max(), 1e-9),
        )
        shift = int(np.clip(np.floor(np.log2(room)), 0, 31))
        whole = np.clip(np.round(real * 2**shift), -MOST_COORDINATE_WEIGHT, MOST_COORDINATE_WEIGHT)
        extra = CoordinateSum(whole.astype(np.int64), shift)
        sums = sums + (layer.centred @ extra.weights.T >> shift)
    wanted = layer.exact * multiplier
    bias = np.round((wanted - sums).mean(0)).astype(np.int64)
    return Dense(weights, bias), extra, sums + bias


def _clipped(layer: _Layer, exact: F64, after: NDArray[np.float32], ways: int) -> list[_Made]:
    """ReLU: the shifts and multipliers with which the next layer sees the smallest errors, best first."""
    most = np.maximum(np.abs(exact).max(0), 1e-9) * HEADROOM
    importance = np.maximum((after.astype(np.float64) ** 2).sum(0), 1e-12)
    found: list[tuple[float, _Made]] = []
    # Weights of quantisation-aware training are multiples of a power of two: one such multiplier keeps them exact.
    power = np.full(len(most), 2.0 ** np.floor(np.log2(layer.limit.min())))
    for shift, exactly in product(SHIFTS, (True, False)):
        multiplier = power if exactly else np.minimum(layer.limit, 255 * 2.0**shift / most)
        dense, extra, _ = _sums(layer, multiplier)
        half = (1 << shift) >> 1
        dense = Dense(dense.weights, dense.bias + half)
        activation = ClippedReLU(shift, 8)
        sums = dense.evaluate(layer.x.values)
        if extra is not None and layer.centred is not None:
            sums = sums + (layer.centred @ extra.weights.T >> extra.shift)
        signal = _Signal(activation.evaluate(sums), 2.0**shift / multiplier)
        error = float((((signal.values * signal.unit - exact) ** 2).mean(0) * importance).sum())
        found.append((error, _Made(dense, activation, extra, signal)))
    return [made for _, made in sorted(found, key=lambda item: item[0])[:ways]]


def _periodic(layer: _Layer) -> _Made:
    """A turn is 2**16 of phase, so the multiplier is one power of two for all neurons."""
    power = int(np.floor(np.log2(layer.limit.min())))
    shift = int(np.clip(power - 16, -15, 12))
    dense, extra, sums = _sums(layer, np.full(len(layer.bias), 2.0 ** (16 + shift)))
    activation = PeriodicQuadratic(shift)
    values = activation.evaluate(sums)
    return _Made(dense, activation, extra, _Signal(values, np.full(len(layer.bias), 1 / 128)))


def _last(field: floats.FloatField, layer: _Layer) -> tuple[_Made, Coding]:
    """The answers: bytes of a picture, codes of a squared distance, or plain numbers with a scale."""
    activation: Operation
    limit, low, high = layer.limit, field.output_low.astype(np.float64), field.output_high.astype(np.float64)
    margin, drop, low_code, high_code, stretch = 0, 0, 0, 2**30 - 1, 1.0
    if field.meaning == "picture":
        per_code = np.maximum(high - low, 1e-9) / 255
        shift = int(np.clip(np.floor(np.log2((limit * per_code).min())), 0, 16))
        multiplier = 2.0**shift / per_code
        offset, activation = low, ClippedReLU(shift, 8)
        half = (1 << shift) >> 1
    elif field.meaning == "visibility":
        if field.sight is None or len(layer.bias) != 1:
            raise InputError("a visibility field needs its distance codes (sight) and one answer")
        sight = field.sight
        octaves = sight.high - sight.low
        exponent = int(np.clip(np.floor(np.log2(limit.min() / octaves)), 0, 20))
        drop, shift, half, stretch = 23 - exponent, 0, 0, sight.stretch
        multiplier = np.array([octaves * 2.0**exponent])
        per_code = 1 / multiplier
        start = (sight.low + 127) * 2.0**exponent
        offset = -start * per_code
        margin = int(np.round(sight.margin * multiplier[0]))
        low_code, high_code = max(int(np.ceil(start)), 0), int(np.floor(start + multiplier[0]))
        activation = Rescale(0)
    else:
        multiplier, per_code, offset, half, shift = limit, 1 / limit, np.zeros(len(limit)), 0, 0
        activation = Rescale(0)
    dense, extra, _ = _sums(layer, multiplier)
    # An answer k stands for per_code * k + offset.
    bias = dense.bias - np.round(offset * multiplier).astype(np.int64) + half
    coding = Coding(
        tuple(map(float, per_code)), tuple(map(float, offset)), drop, margin, low_code, high_code, float(stretch)
    )
    made = _Made(Dense(dense.weights, bias), activation, extra, layer.x)
    return made, coding

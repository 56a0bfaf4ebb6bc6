"""Builds an `AffineModel` from values with branches: each is an affine function of one level of clipped neurons.

Level 0 holds the inputs; a clip or a quantiser makes neurons of the next level. Values of different levels are joined
by carrying the lower ones up, which loses nothing because a neuron is never negative. A clip of a clip becomes one
neuron where there is such a one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from inkling.train.errors import InputError
from inkling.train.networks.affine_model import (
    MOST_LAYERS,
    MOST_VALUES,
    MOST_WIDTH,
    Activation,
    Affine,
    AffineModel,
    Floats,
    Operation,
    Rounding,
    Task,
    moved,
    rounded,
)
from inkling.train.tables.quantiser import Quantiser

MOST_STACKED = 2**25  # coefficients of all values together
NEAR = 1e-9  # a quantiser's end that is so near to a whole number is one


@dataclass(frozen=True, eq=False)
class Values:
    """Values of any shape as affine functions of the neurons of a level.

    stack: float64 [1 + neurons, *shape], first the constants, then what a unit of each neuron adds. Neurons that came
    to the level later count as zeros.
    """

    level: int
    stack: Floats

    @property
    def shape(self) -> tuple[int, ...]:
        return self.stack.shape[1:]


@dataclass(frozen=True, eq=False)
class _Neuron:
    """clip(x, 0, top) of x = row[0] + row[1:] @ neurons below, made whole before where there is a rounding."""

    row: Floats
    top: float
    rounding: Rounding | None


@dataclass(eq=False)
class Builder:
    """Collects the neurons of all levels. codes: the quantisers of the inputs where the model brings them."""

    inputs: int
    codes: tuple[Quantiser, ...] = ()
    input_rounding: Rounding = "half up"
    _levels: list[list[_Neuron]] = field(default_factory=list)
    _carried: dict[tuple[int, int], tuple[list[int], Floats]] = field(default_factory=dict)
    _stacked: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.inputs <= MOST_WIDTH:
            raise InputError(f"{self.inputs} inputs, must be 1 to {MOST_WIDTH}")

    def start(self) -> Values:
        """The inputs, shape [inputs]."""
        return self.made(0, np.concatenate([np.zeros((1, self.inputs)), np.eye(self.inputs)]))

    def made(self, level: int, stack: Floats) -> Values:
        """Values of a stack. Raises InputError where it is too large."""
        self.count(stack.size)
        return Values(level, stack)

    def count(self, size: int) -> None:
        """Raise InputError if this many more coefficients are too many."""
        self._stacked += size
        if size > MOST_VALUES or self._stacked > MOST_STACKED:
            raise InputError("too many weights; a bespoke circuit takes far smaller networks")

    def width(self, level: int) -> int:
        return len(self._levels[level - 1]) if level else self.inputs

    def joined(self, parts: Sequence[Values]) -> list[Values]:
        """The same values, all of the highest level among them, with stacks of one height."""
        level = max(part.level for part in parts)
        parts = [self._carry(part, level) for part in parts]
        return [Values(level, self._padded(part)) for part in parts]

    def clip(self, values: Values, low: Floats, high: Floats, rounding: Rounding | None = None) -> Values:
        """min(max(x, low), high), the ends broadcast to the shape; x is made whole before where a rounding is given.

        Raises InputError for a quantiser whose ends are infinite or not whole.
        """
        shape = values.shape
        rows = self._padded(values).reshape(len(self._padded(values)), -1).T
        lows, highs = (np.broadcast_to(end, shape).reshape(-1).tolist() for end in (low, high))
        highs = [float(h) for h in highs]
        lows = [min(float(a), b) for a, b in zip(lows, highs, strict=True)]
        if rounding is not None and not all(float(e).is_integer() for e in (*lows, *highs)):
            raise InputError("a quantiser whose ends are no whole numbers of steps: use a whole zero point")
        items = list(zip(rows, lows, highs, strict=True))
        plans = [self._composed(values.level, row, a, b, rounding) for row, a, b in items]
        if any(plan is None for plan in plans):
            level = values.level + 1
            plans = [_plan(row, a, b, rounding) for row, a, b in items]
        else:
            level = values.level
        if level > MOST_LAYERS:
            raise InputError(f"more than {MOST_LAYERS} layers; a bespoke circuit takes far smaller networks")
        while len(self._levels) < level:
            self._levels.append([])
        places: list[int | None] = []
        for plan in plans:
            assert plan is not None
            if plan.neuron is None:
                places.append(None)
                continue
            places.append(len(self._levels[level - 1]))
            self._levels[level - 1].append(plan.neuron)
            self.count(plan.neuron.row.size)
        if level and len(self._levels[level - 1]) > MOST_WIDTH:
            raise InputError(f"a layer of more than {MOST_WIDTH} neurons is too large for a bespoke circuit")
        stack = np.zeros((1 + self.width(level), len(plans)))
        for e, (plan, place) in enumerate(zip(plans, places, strict=True)):
            assert plan is not None
            stack[0, e] = plan.offset
            if place is not None:
                stack[1 + place, e] = plan.scale
        return self.made(level, stack.reshape(-1, *shape))

    def finish(self, values: Values, task: Task, classes: Sequence[str] = (), source: str = "") -> AffineModel:
        """The model whose outputs are these values, shape [outputs]; neurons that nothing reads are left out.

        Raises InputError for weights that are not finite and for too many of them.
        """
        stack = self._padded(values).reshape(1 + self.width(values.level), -1)
        rows, kept_layers, total = stack.T, [], 0
        for level in range(values.level, 0, -1):
            neurons = self._levels[level - 1]
            used = np.flatnonzero((rows[:, 1:] != 0).any(axis=0))
            used = used if len(used) else np.array([0])
            kept = [neurons[k] for k in used]
            kept_layers += [Affine(rows[:, 1 + used], rows[:, 0].copy())]
            total += rows.shape[0] * len(used)
            kept_layers += [Activation(np.array([n.top for n in kept]), tuple(n.rounding for n in kept))]  # type: ignore[list-item]
            height = 1 + self.width(level - 1)
            rows = np.stack([np.pad(n.row, (0, height - len(n.row))) for n in kept])
        kept_layers += [Affine(rows[:, 1:].copy(), rows[:, 0].copy())]
        if total + rows.size > MOST_VALUES:
            raise InputError(f"more than {MOST_VALUES} weights; a bespoke circuit takes far smaller networks")
        layers = tuple(reversed(kept_layers))
        for layer in layers:
            if isinstance(layer, Affine) and not (np.isfinite(layer.weights).all() and np.isfinite(layer.bias).all()):
                raise InputError("weights that are not finite numbers; train the model again")
        if classes and len(classes) != stack.shape[1]:
            raise InputError(f"{stack.shape[1]} outputs for {len(classes)} classes; they must be as many")
        return AffineModel(layers, task, tuple(classes), self.codes, self.input_rounding, source)

    def _padded(self, values: Values) -> Floats:
        missing = 1 + self.width(values.level) - len(values.stack)
        return np.pad(values.stack, [(0, missing)] + [(0, 0)] * len(values.shape)) if missing else values.stack

    def _carry(self, values: Values, level: int) -> Values:
        while values.level < level:
            stack = self._padded(values)
            flat = stack.reshape(len(stack), -1)
            above = values.level + 1
            found = np.flatnonzero((flat[1:] != 0).any(axis=1)).tolist()
            plans = [self._carried_neuron(values.level, neuron) for neuron in found]
            made = np.zeros((1 + self.width(above), flat.shape[1]))
            made[0] = flat[0]
            for neuron, (places, factors) in zip(found, plans, strict=True):
                made[0] += factors[0] * flat[1 + neuron]
                for place, factor in zip(places, factors[1:], strict=True):
                    made[1 + place] += factor * flat[1 + neuron]
            values = self.made(above, made.reshape(-1, *values.shape))
        return values

    def _carried_neuron(self, level: int, neuron: int) -> tuple[list[int], Floats]:
        """Neurons of the next level that repeat one of this level, and its value: a constant, a factor for each."""
        if (level, neuron) in self._carried:
            return self._carried[level, neuron]
        while len(self._levels) <= level:
            self._levels.append([])
        above = self._levels[level]
        row = np.zeros(2 + neuron)
        if level:
            of = self._levels[level - 1][neuron]
            row[-1] = 1
            made, factors = [_Neuron(row, of.top, None if of.rounding is None else "floor")], [0.0, 1.0]
        elif self.codes:
            # The code of the input: exact, and one neuron.
            code = self.codes[neuron]
            step = (code.high - code.low) / 2**code.bits
            row[-1], row[0] = 1 / step, -code.low / step - 0.5
            middle = code.low + step / 2
            made, factors = [_Neuron(row, 2.0**code.bits - 1, "half up")], [middle, step]
        else:
            row[-1] = 1
            made, factors = [_Neuron(row, np.inf, None), _Neuron(-row, np.inf, None)], [0.0, 1.0, -1.0]
        places = list(range(len(above), len(above) + len(made)))
        above += made
        self._carried[level, neuron] = places, np.array(factors)
        return self._carried[level, neuron]

    def _composed(
        self, level: int, row: Floats, low: float, high: float, rounding: Rounding | None
    ) -> "_Plan | None":
        """A clip of one clipped neuron of this level as a neuron of the same level, None where it is not one."""
        weights = np.flatnonzero(row[1:])
        if not len(weights):
            return _plan(row, low, high, rounding)
        if len(weights) != 1 or not level:
            return None
        inner = self._levels[level - 1][weights[0]]
        a, b = float(row[1 + weights[0]]), float(row[0])
        if not (np.isfinite(a) and np.isfinite(b)):
            return None
        first, last = sorted((b, a * inner.top + b))
        if inner.rounding is None:
            if rounding is not None:
                first, last = (float(rounded(np.array(end), rounding)) for end in (first, last))
            below = a * inner.row
            below[0] += b
            low, high = max(low, min(first, high)), min(high, max(last, low))
            if rounding is not None and not _is_power(high - low + 1):
                return None
            return _plan(below, low, high, rounding)
        if rounding is not None and not (a == 1 and b.is_integer()):
            return None
        ends = [max((low - b) / a, 0.0), min((high - b) / a, inner.top)] if a > 0 else [0.5, 0.5]
        if not all(abs(end - round(end)) < NEAR for end in ends) or not _is_power(ends[1] - ends[0] + 1):
            return None
        start, end = (round(value) for value in ends)
        shifted = inner.row.copy()
        shifted[0] -= start
        return _Plan(_Neuron(shifted, float(end - start), moved(inner.rounding, start)), a, a * start + b)


@dataclass(frozen=True, eq=False)
class _Plan:
    """A value as scale * neuron + offset, or the offset alone."""

    neuron: _Neuron | None
    scale: float
    offset: float


def _plan(row: Floats, low: float, high: float, rounding: Rounding | None) -> _Plan:
    """clip(row, low, high) as a neuron of the level above the row's."""
    if not row[1:].any() or low == high:
        x = row[:1] if rounding is None else rounded(row[:1], rounding)
        return _Plan(None, 0.0, float(np.minimum(np.maximum(x, low), high)[0]) if low != high else high)
    if low == -np.inf:
        if high == np.inf:
            raise InputError("a clip without ends")
        mirrored = -row
        mirrored[0] += high
        return _Plan(_Neuron(mirrored, np.inf, None), -1.0, high)
    if rounding is not None and not _is_power(high - low + 1):
        raise InputError(
            f"a quantiser of {high - low + 1:g} levels, not 2, 4, 8, ...: use one that is not narrow, of 16 bits at "
            "most"
        )
    shifted = row.copy()
    shifted[0] -= low
    return _Plan(_Neuron(shifted, high - low, None if rounding is None else moved(rounding, int(low))), 1.0, low)


def _is_power(number: float) -> bool:
    return float(number).is_integer() and 2 <= number <= 2**16 and int(number) & int(number) - 1 == 0


def model(
    operations: Sequence[Operation], inputs: int, task: Task, *, classes: Sequence[str] = (), source: str = ""
) -> AffineModel:
    """The model of a chain of operations; of a classifier with one output (whose sign decides) it makes two.

    Raises InputError for what is too large, not finite or does not fit together.
    """
    try:
        builder = Builder(inputs)
        values = builder.start()
        for operation in operations:
            if isinstance(operation, Affine):
                values = affine(builder, values, operation)
            elif np.isnan(operation.low) or np.isnan(operation.high):
                raise InputError("an activation whose ends are no numbers; train the model again")
            elif (operation.low, operation.high) != (-np.inf, np.inf):
                values = builder.clip(values, np.array(operation.low), np.array(operation.high))
        if task == "classification" and values.shape == (1,):
            stack = builder.joined([values])[0].stack
            values = builder.made(values.level, np.concatenate([0 * stack, stack], axis=1))
        return builder.finish(values, task, classes, source)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def affine(builder: Builder, values: Values, layer: Affine) -> Values:
    """A layer on values of shape [inputs]."""
    outputs, inputs = (layer.weights.shape * 2)[:2]
    if layer.weights.ndim not in (1, 2) or layer.bias.shape != (outputs,) or (inputs,) != values.shape:
        raise InputError(
            f"weights of shape {list(layer.weights.shape)} with a bias of {list(layer.bias.shape)} do not fit "
            f"{' x '.join(map(str, values.shape))} values"
        )
    if outputs > MOST_WIDTH or layer.weights.size > MOST_VALUES:
        raise InputError(f"a layer of {outputs} x {inputs} weights is too large for a bespoke circuit")
    if not (np.isfinite(layer.weights).all() and np.isfinite(layer.bias).all()):
        raise InputError("weights that are not finite numbers; train the model again")
    stack = values.stack @ layer.weights.T if layer.weights.ndim == 2 else values.stack * layer.weights
    stack[0] += layer.bias
    return builder.made(values.level, stack)

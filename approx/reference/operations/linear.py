"""Sums of products, and what joins, adds and picks numbers of values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inkling.approx.reference.operations.definition import (
    MOST_LISTED,
    MOST_VALUE_BITS,
    Array,
    Bounds,
    Ints,
    Listed,
    check_magnitude,
    check_width,
    magnitudes,
    operation,
)
from inkling.train.errors import InputError


@operation("dense", Array("weights", ("outputs", "inputs")), Array("bias", ("outputs",)))
@dataclass(frozen=True, eq=False)
class Dense:
    """y[o] = bias[o] + sum over i of weights[o, i] * x[i]; weights int64 [outputs, inputs], bias int64 [outputs]."""

    weights: Ints
    bias: Ints

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, inputs] -> int64 [rows, outputs]."""
        scores: Ints = x @ self.weights.T + self.bias
        return scores

    def interval(self, x: Bounds) -> Bounds:
        """Exact bounds for inputs that range over a box."""
        low, high = x
        positive: Ints = np.maximum(self.weights, 0)
        negative: Ints = np.minimum(self.weights, 0)
        return (
            positive @ low + negative @ high + self.bias,
            positive @ high + negative @ low + self.bias,
        )

    def check(self, x: Bounds) -> None:
        if self.weights.ndim != 2 or self.bias.shape != self.weights.shape[:1] or not len(self.bias):
            raise InputError(f"weights {self.weights.shape} and bias {self.bias.shape} are no dense layer")
        check_width("inputs", x, self.weights.shape[1])
        totals = np.abs(self.weights.astype(object)) @ magnitudes(x) + np.abs(self.bias.astype(object))
        check_magnitude("weights", max(totals))


@operation(
    "masked_sum",
    *(Array(name, ("terms",)) for name in ("output", "source", "sign", "shift", "mask")),
    Array("bias", ("outputs",)),
)
@dataclass(frozen=True, eq=False)
class MaskedSum:
    """y[o] = bias[o] + sum over terms t with output[t] == o of sign[t] * ((x[source[t]] & mask[t]) << shift[t]).

    The approximate sum of products: a weight is as many terms as it has signed digits, and a term keeps only the
    bits of its mask. All int64 [terms], sign is 1 or -1, mask and shift are not negative; bias int64 [outputs].
    The inputs must not be negative.
    """

    output: Ints
    source: Ints
    sign: Ints
    shift: Ints
    mask: Ints
    bias: Ints

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, inputs] -> int64 [rows, outputs]."""
        sums = np.tile(self.bias, (len(x), 1))
        for t, o in enumerate(self.output):
            sums[:, o] += self.sign[t] * ((x[:, self.source[t]] & self.mask[t]) << self.shift[t])
        return sums

    def interval(self, x: Bounds) -> Bounds:
        """Bounds; exact where every input ranges over 0..2**bits - 1."""
        least, most = self.bias.copy(), self.bias.copy()
        for o, weights in enumerate(self.bit_weights([int(top).bit_length() for top in x[1]])):
            least[o] += sum(min(weight, 0) for weight in weights.values())
            most[o] += sum(max(weight, 0) for weight in weights.values())
        return least, most

    def check(self, x: Bounds) -> None:
        if x[0].min(initial=0) < 0:
            raise InputError("masked_sum must read numbers that are never negative: inputs, or a clipped_relu")
        for name, low, high in (
            ("output", 0, len(self.bias) - 1),
            ("source", 0, len(x[0]) - 1),
            ("sign", -1, 1),
            ("shift", 0, MOST_VALUE_BITS),
            ("mask", 0, 2**MOST_VALUE_BITS - 1),
        ):
            values = getattr(self, name)
            if ((values < low) | (values > high)).any():
                raise InputError(f"{name} must be in {low}..{high}")
        if (self.sign == 0).any():
            raise InputError("sign must be 1 or -1")
        totals: list[int] = [abs(bias) for bias in self.bias.tolist()]
        tops = [2 ** top.bit_length() - 1 for top in x[1].tolist()]
        terms = (self.output.tolist(), self.source.tolist(), self.mask.tolist(), self.shift.tolist())
        for output, source, mask, shift in zip(*terms, strict=True):
            totals[output] += (mask & tops[source]) << shift
        check_magnitude("shift", max(totals, default=0))

    def bit_weights(self, widths: Sequence[int]) -> tuple[dict[tuple[int, int], int], ...]:
        """For every output what each bit (input, bit) of inputs of these widths adds to the sum, zeros left out."""
        found: list[dict[tuple[int, int], int]] = [{} for _ in self.bias]
        terms = (self.output, self.source, self.sign, self.shift, self.mask)
        for o, i, sign, shift, mask in zip(*(part.tolist() for part in terms), strict=True):
            for bit in range(widths[i]):
                if mask >> bit & 1:
                    found[o][i, bit] = found[o].get((i, bit), 0) + (sign << shift + bit)
        return tuple({bit: weights[bit] for bit in sorted(weights) if weights[bit]} for weights in found)


@operation("add")
@dataclass(frozen=True)
class Add:
    """y[k] = the sum of number k of every value: a residual, or an ensemble of scores."""

    def evaluate(self, first: Ints, *others: Ints) -> Ints:
        """int64 [rows, width] each -> int64 [rows, width]."""
        total = first
        for value in others:
            total = total + value
        return total

    def interval(self, first: Bounds, *others: Bounds) -> Bounds:
        """Exact where the values do not depend on one another."""
        low, high = first
        for one, other in others:
            low, high = low + one, high + other
        return low, high

    def check(self, first: Bounds, *others: Bounds) -> None:
        for value in others:
            check_width("the width of what it adds", value, len(first[0]))
        totals = sum((magnitudes(value) for value in others), magnitudes(first))
        check_magnitude("add", max(totals, default=0))


@operation("concat")
@dataclass(frozen=True)
class Concat:
    """The numbers of all values side by side, in order."""

    def evaluate(self, *values: Ints) -> Ints:
        """int64 [rows, width] each -> int64 [rows, sum of widths]."""
        joined: Ints = np.concatenate(values, axis=1)
        return joined

    def interval(self, *bounds: Bounds) -> Bounds:
        """What the values have."""
        return np.concatenate([low for low, _ in bounds]), np.concatenate([high for _, high in bounds])

    def check(self, *bounds: Bounds) -> None:
        """Any values."""
        del bounds


@operation("select", Listed("places", 0, MOST_LISTED))
@dataclass(frozen=True)
class Select:
    """y[k] = x[places[k]]: some of a value's numbers, as the inputs of a branch."""

    places: tuple[int, ...]

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, width] -> int64 [rows, len(places)]."""
        picked: Ints = x.reshape(len(x), -1)[:, list(self.places)]
        return picked

    def interval(self, x: Bounds) -> Bounds:
        """What the numbers have."""
        places = np.array(self.places, np.int64)
        return x[0][places], x[1][places]

    def check(self, x: Bounds) -> None:
        if any(place >= len(x[0]) for place in self.places):
            raise InputError(f"places must be below {len(x[0])}, the width of what it reads")

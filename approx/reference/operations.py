"""Every operation once: what it computes on integers (`evaluate`) and the range of its results (`interval`).

The networks and fields that are made of operations live beside this module; how an operation is emitted lives in
`inkling.hdl`, one function for each language.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.coding import COORDINATE_BITS
from inkling.approx.reference.netlist import Netlist

Ints: TypeAlias = NDArray[np.int64]
I8: TypeAlias = NDArray[np.int8]

# Bits of the position between two texels. With 7, a row's blend fits int16 and the column's blend int32 exactly.
FRACTION_BITS = 7
PHASE_BITS = 16


@dataclass(frozen=True, eq=False)
class Dense:
    """y[o] = bias[o] + sum over i of weights[o, i] * x[i]; weights int64 [outputs, inputs], bias int64 [outputs]."""

    weights: Ints
    bias: Ints

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, inputs] -> int64 [rows, outputs]."""
        scores: Ints = x @ self.weights.T + self.bias
        return scores

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Exact bounds, int64 [outputs] each, for inputs that range over a box."""
        positive: Ints = np.maximum(self.weights, 0)
        negative: Ints = np.minimum(self.weights, 0)
        return (
            positive @ low + negative @ high + self.bias,
            positive @ high + negative @ low + self.bias,
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

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Bounds; exact where every input ranges over 0..2**bits - 1."""
        del low
        least, most = self.bias.copy(), self.bias.copy()
        for o, weights in enumerate(self.bit_weights([int(top).bit_length() for top in high])):
            least[o] += sum(min(weight, 0) for weight in weights.values())
            most[o] += sum(max(weight, 0) for weight in weights.values())
        return least, most

    def bit_weights(self, widths: Sequence[int]) -> tuple[dict[tuple[int, int], int], ...]:
        """For every output what each bit (input, bit) of inputs of these widths adds to the sum, zeros left out."""
        found: list[dict[tuple[int, int], int]] = [{} for _ in self.bias]
        terms = (self.output, self.source, self.sign, self.shift, self.mask)
        for o, i, sign, shift, mask in zip(*(part.tolist() for part in terms), strict=True):
            for bit in range(widths[i]):
                if mask >> bit & 1:
                    found[o][i, bit] = found[o].get((i, bit), 0) + (sign << shift + bit)
        return tuple({bit: weights[bit] for bit in sorted(weights) if weights[bit]} for weights in found)


@dataclass(frozen=True)
class ClippedReLU:
    """y = clip(x >> shift, 0, 2**bits - 1); the shift is arithmetic, so it truncates towards minus infinity.

    shift and bits are one number for all neurons or one for each; a neuron of no bits is always 0.
    """

    shift: int | tuple[int, ...]
    bits: int | tuple[int, ...]

    def evaluate(self, x: Ints) -> Ints:
        """int64 [..., neurons] -> int64 of the same shape."""
        tops = (np.int64(1) << np.array(self.bits, np.int64)) - 1
        clipped: Ints = np.clip(x >> np.array(self.shift, np.int64), 0, tops)
        return clipped

    def of_each(self, neurons: int) -> tuple[tuple[int, int], ...]:
        """Shift and bits of every neuron."""
        shifts = (self.shift,) * neurons if isinstance(self.shift, int) else self.shift
        bits = (self.bits,) * neurons if isinstance(self.bits, int) else self.bits
        return tuple(zip(shifts, bits, strict=True))

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Exact bounds: the operation is monotone."""
        return self.evaluate(low), self.evaluate(high)


@dataclass(frozen=True)
class ArgMax:
    """The index of the largest score; among equals the lowest index wins."""

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, scores] -> int64 [rows]."""
        label: Ints = x.argmax(axis=1)
        return label

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """The label ranges over all indices."""
        return np.zeros(1, np.int64), np.full(1, len(low) - 1, np.int64)


def knock_out(scores: int) -> tuple[tuple[int, int], ...]:
    """The matches of a tournament in which neighbours meet, so that an exact one gives ties to the lowest index."""
    matches: list[tuple[int, int]] = []
    left = list(range(scores))
    while len(left) > 1:
        pairs = [(left[k], left[k + 1]) for k in range(0, len(left) - 1, 2)]
        left = [scores + len(matches) + k for k in range(len(pairs))] + left[2 * len(pairs) :]
        matches += pairs
    return tuple(matches)


@dataclass(frozen=True)
class Tournament:
    """An approximate arg-max: a knock-out whose every match looks only at some bits of its two scores.

    Match m, (a, b) of `matches`, is between two contestants; contestant k is score k, and contestant scores + m the
    winner of match m. Every contestant but the last plays one match. The key of a score is score >> shift[m], wrapped
    to `width[m]` >= 1 bits of two's complement; b wins where its key is larger, else a.
    """

    matches: tuple[tuple[int, int], ...]
    shift: tuple[int, ...]
    width: tuple[int, ...]

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, scores] -> int64 [rows], the index of the winner's score."""
        values = list(x.T)
        labels = [np.full(len(x), k, np.int64) for k in range(x.shape[1])]
        for (a, b), shift, width in zip(self.matches, self.shift, self.width, strict=True):
            half = np.int64(1) << width - 1
            keys = [((values[k] >> shift) + half & 2 * half - 1) - half for k in (a, b)]
            wins = keys[1] > keys[0]
            values.append(np.where(wins, values[b], values[a]))
            labels.append(np.where(wins, labels[b], labels[a]))
        return labels[-1]

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """The label ranges over all indices."""
        return np.zeros(1, np.int64), np.full(1, len(low) - 1, np.int64)

    def keys(self, low: Ints, high: Ints) -> tuple[tuple[int, int], ...]:
        """Shift and width of every match, made as small as scores in low..high allow without changing a winner."""
        most = max(signed_width(min(int(low.min()), -1), int(high.max())), 1)
        shifts = [min(shift, most - 1) for shift in self.shift]
        return tuple((s, max(min(width, most - s), 1)) for s, width in zip(shifts, self.width, strict=True))


@dataclass(frozen=True, eq=False)
class DecisionTree:
    """A binary tree over the inputs: node n goes to left[n] where x[feature[n]] <= threshold[n], else to right[n].

    Children come after their parent. A leaf has feature -1 and its class in `label`. All int64 [nodes].
    """

    feature: Ints
    threshold: Ints
    left: Ints
    right: Ints
    label: Ints

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, inputs] -> int64 [rows]."""
        node = np.zeros(len(x), np.int64)
        rows = np.arange(len(x))
        while (inner := self.feature[node] >= 0).any():
            goes_left = x[rows, np.maximum(self.feature[node], 0)] <= self.threshold[node]
            node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
        return self.label[node]

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """The label ranges over the leaves' classes."""
        leaves = self.label[self.feature < 0]
        return leaves.min(keepdims=True), leaves.max(keepdims=True)


@dataclass(frozen=True, eq=False)
class Logic:
    """A gate netlist with one input port for every x[i] and one output port, read as an unsigned number."""

    netlist: Netlist

    def evaluate(self, x: Ints) -> Ints:
        """int64 [rows, ports] -> int64 [rows]; gate by gate, in plain NumPy."""
        netlist, rows = self.netlist, len(x)
        nodes = [np.zeros(rows, np.uint8), np.ones(rows, np.uint8)]
        for k, port in enumerate(netlist.inputs):
            nodes += [(x[:, k] >> bit & 1).astype(np.uint8) for bit in range(port.width)]
        for kind, sources in zip(netlist.kinds, netlist.sources, strict=True):
            cell = netlist.cell_types[kind]
            state = np.zeros(rows, np.uint8)  # of at most six inputs
            for pin in range(len(cell.inputs)):
                state |= nodes[sources[pin]] << pin
            column = [cell.table >> m & 1 for m in range(2 ** len(cell.inputs))]
            nodes.append(np.array(column, np.uint8)[state])
        label = np.zeros(rows, np.int64)
        for k, node in enumerate(netlist.output_nodes):
            label |= nodes[node].astype(np.int64) << k
        return label

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Any number of the port's width."""
        return np.zeros(1, np.int64), np.full(1, 2 ** len(self.netlist.output_nodes) - 1, np.int64)


Layer: TypeAlias = Dense | MaskedSum | ClippedReLU | ArgMax | Tournament | DecisionTree | Logic


def signed_width(low: int, high: int) -> int:
    """Bits of the smallest two's complement (low < 0) or unsigned number that holds low..high; at least 1."""
    if low < 0:
        return max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1
    return max(high.bit_length(), 1)


@dataclass(frozen=True, eq=False)
class GridRead:
    """Reads one level: table int8 [entries, height, width, features], height and width >= 2, texels of `bits` bits.

    With p = u * (width - 1), the columns are x = p >> 16 and x + 1, and the fraction fx = (p >> 9) & 127; the same
    for v and the rows. The four texels are blended exactly, sum = (128 - fy) * ((128 - fx) * t00 + fx * t01) +
    fy * ((128 - fx) * t10 + fx * t11), and rounded once to 8 bits: y = ((sum << 8 - bits) + 2**13) >> 14, which lies
    in -128..127. A level of one entry is shared by all entries.
    """

    table: I8
    bits: int = 8

    def evaluate(self, entry: Ints, u: Ints, v: Ints) -> Ints:
        """int64 [rows] each -> int64 [rows, features]."""
        entries, height, width, _ = self.table.shape
        e = entry if entries > 1 else np.zeros_like(entry)
        x, y = u * (width - 1), v * (height - 1)
        x0, y0 = x >> COORDINATE_BITS, y >> COORDINATE_BITS
        unit, below = 1 << FRACTION_BITS, COORDINATE_BITS - FRACTION_BITS
        fx, fy = (x >> below & unit - 1)[:, None], (y >> below & unit - 1)[:, None]
        top = (unit - fx) * self.table[e, y0, x0].astype(np.int64) + fx * self.table[e, y0, x0 + 1]
        bottom = (unit - fx) * self.table[e, y0 + 1, x0].astype(np.int64) + fx * self.table[e, y0 + 1, x0 + 1]
        blend = (unit - fy) * top + fy * bottom
        rounded: Ints = ((blend << 8 - self.bits) + (1 << 2 * FRACTION_BITS - 1)) >> 2 * FRACTION_BITS
        return rounded


@dataclass(frozen=True, eq=False)
class CoordinateSum:
    """y[o] = (weights[o, 0] * (u - 2**15) + weights[o, 1] * (v - 2**15)) >> shift, added to the first dense layer.

    weights int64 [outputs, 2] that fit int16; 0 <= shift <= 31.
    """

    weights: Ints
    shift: int

    def evaluate(self, u: Ints, v: Ints) -> Ints:
        """int64 [rows] each -> int64 [rows, outputs]."""
        half = 1 << COORDINATE_BITS - 1
        sums: Ints = (np.stack([u - half, v - half], axis=1) @ self.weights.T) >> self.shift
        return sums


@dataclass(frozen=True)
class PeriodicQuadratic:
    """A parabola arc for each half turn; a turn is 2**16 of phase, which is x << -shift or x >> shift, wrapped.

    With t the phase wrapped to -2**15..2**15 - 1: y = min((t * (2**15 - abs(t))) >> 21, 127), so 128 stands for 1.
    -16 < shift <= 16.
    """

    shift: int

    def evaluate(self, x: Ints) -> Ints:
        """int64 [..., neurons] -> int64 of the same shape, in -128..127."""
        half = np.int64(1) << PHASE_BITS - 1
        phase = x >> self.shift if self.shift >= 0 else x << -self.shift
        t = (phase + half & 2 * half - 1) - half
        arcs: Ints = np.minimum((t * (half - np.abs(t))) >> 2 * PHASE_BITS - 11, 127)
        return arcs

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """The arc's range, whatever the phases are."""
        return np.full_like(low, -128), np.full_like(high, 127)


@dataclass(frozen=True)
class Rescale:
    """y = x >> shift, arithmetic."""

    shift: int

    def evaluate(self, x: Ints) -> Ints:
        """int64 of any shape -> int64 of that shape."""
        shifted: Ints = x >> self.shift
        return shifted

    def interval(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Exact bounds: the operation is monotone."""
        return low >> self.shift, high >> self.shift


FieldLayer: TypeAlias = Dense | ClippedReLU | PeriodicQuadratic | Rescale

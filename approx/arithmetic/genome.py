"""Genomes of the arithmetic search: a network of masked sums as one flat int16 array, and back.

A genome holds, in order, the terms [neurons, slots, (source, sign, shift, mask)], of which sign 0 is an empty slot,
the biases [neurons], the clipped ReLUs' shifts and bits [hidden] each, and first bit and width [outputs - 1] each of
the matches of a tournament. What is computed is defined in `inkling.approx.reference.network`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkling.approx.arithmetic.kernel import Genome, Shape
from inkling.approx.matrices.compressor import canonical_signed_digits
from inkling.approx.reference.network import Input, IntegerNetwork, without_unused_inputs
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense, Ints, MaskedSum, Tournament, knock_out
from inkling.train.tables.dataset import Development


class Parts(NamedTuple):
    """Views of a genome."""

    terms: NDArray[np.int16]
    bias: NDArray[np.int16]
    shift: NDArray[np.int16]
    bits: NDArray[np.int16]
    key: NDArray[np.int16]
    width: NDArray[np.int16]


def parts(genome: Genome, shape: Shape) -> Parts:
    """The parts of a genome, as views that can be written to."""
    sizes = [4 * shape.slots * shape.neurons, shape.neurons, shape.hidden, shape.hidden, *[shape.outputs - 1] * 2]
    pieces = np.split(genome, np.cumsum(sizes)[:-1])
    return Parts(pieces[0].reshape(shape.neurons, shape.slots, 4), *pieces[1:])


def to_network(genome: Genome, shape: Shape, development: Development) -> IntegerNetwork:
    """The network that a genome stands for, without unread neurons, bits and inputs."""
    held = parts(genome, shape)
    first_terms, second_terms = held.terms[: shape.hidden], held.terms[shape.hidden :]
    read = np.zeros(shape.hidden, np.int64)
    for source, sign, _, mask in second_terms.reshape(-1, 4).tolist():
        if sign:
            read[source] |= mask & ((1 << int(held.bits[source])) - 1)
    kept = [h for h in range(shape.hidden) if read[h]] or [0]
    place = {h: k for k, h in enumerate(kept)}
    bits = tuple(int(held.bits[h]) for h in kept)
    used = _used_bits(first_terms[kept], development)
    drops = [(mask & -mask).bit_length() - 1 if mask else 0 for mask in used]
    inputs = tuple(
        Input(name, i, width - drop, drop)
        for i, (name, width, drop) in enumerate(zip(development.columns, development.input_bits, drops, strict=True))
    )
    rows = [(k, i, s, t, m) for k, h in enumerate(kept) for i, s, t, m in first_terms[h].tolist() if s]
    # An input without its low bits stands for a smaller number, which a larger shift makes good.
    rows = [(k, i, s, t + drops[i], (m & used[i]) >> drops[i]) for k, i, s, t, m in rows]
    first = _sum([row for row in rows if row[4]], held.bias[kept])
    rows = [
        (o, h, s, t, m & int(read[h])) for o in range(shape.outputs) for h, s, t, m in second_terms[o].tolist() if s
    ]
    second = _sum([(o, place[h], s, t, m) for o, h, s, t, m in rows if m], held.bias[shape.hidden :])
    relu = ClippedReLU(tuple(int(held.shift[h]) for h in kept), bits)
    matches = knock_out(shape.outputs)
    final = Tournament(matches, tuple(held.key.tolist()), tuple(held.width.tolist()))
    network = IntegerNetwork(inputs, (first, relu, second, final), shape.outputs)
    low, high = network.intervals()[-2]
    if all(s == 0 for s in final.shift) and all(w >= 16 or _covers(w, low, high) for w in final.width):
        network = IntegerNetwork(inputs, (first, relu, second, ArgMax()), shape.outputs)
    return without_unused_inputs(network)


def _covers(width: int, low: Ints, high: Ints) -> bool:
    return -(1 << width - 1) <= int(low.min()) and int(high.max()) < 1 << width - 1


def _used_bits(terms: NDArray[np.int16], development: Development) -> list[int]:
    used = [0] * len(development.columns)
    for source, sign, _, mask in terms.reshape(-1, 4).tolist():
        if sign:
            used[source] |= mask & ((1 << development.input_bits[source]) - 1)
    return used


def _sum(rows: list[tuple[int, int, int, int, int]], bias: NDArray[np.int16]) -> MaskedSum:
    output, source, sign, shift, mask = np.array(rows, np.int64).reshape(-1, 5).T.copy()
    return MaskedSum(output, source, sign, shift, mask, bias.astype(np.int64))


def from_layers(first: Dense, relu: ClippedReLU, second: Dense, digits: int, shape: Shape, tops: Ints) -> Genome:
    """The genome of a network with one hidden layer whose weights keep their `digits` largest signed digits.

    tops: the inputs' largest codes, int64 [inputs]. Raises ValueError where a neuron has more terms than slots or a
    sum may leave int16.
    """
    genome = np.zeros(shape.size, np.int16)
    held = parts(genome, shape)
    hidden = len(first.bias)
    held.bits[:] = 4
    for h, (shift, bits) in enumerate(relu.of_each(hidden)):
        held.shift[h], held.bits[h] = shift, bits
    limits = np.array([(1 << bits) - 1 for _, bits in relu.of_each(hidden)], np.int64)
    for dense, offset, top, bound in ((first, 0, tops, 2**15), (second, shape.hidden, limits, 2**14)):
        for n, (row, bias) in enumerate(zip(dense.weights.tolist(), dense.bias.tolist(), strict=True)):
            slot, most = 0, abs(bias)
            for i, weight in enumerate(row):
                for power, sign in sorted(canonical_signed_digits(weight), reverse=True)[:digits]:
                    if slot == shape.slots:
                        raise ValueError("more terms than slots")
                    held.terms[offset + n, slot] = i, sign, power, (1 << int(top[i]).bit_length()) - 1
                    most += int(top[i]) << power
                    slot += 1
            if most >= bound:
                raise ValueError("a sum may need more than 16 bits")
            held.bias[offset + n] = bias
    held.width[:] = 15
    return genome

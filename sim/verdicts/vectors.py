"""Stimuli for co-verification: corner cases, data rows, decision boundaries and random vectors, or all there are.

What is compared with what lives in the modules of the routes; here are only the values that enter and the
reference's answers to them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import Ints, Logic

EXHAUSTIVE_BITS = 20


@dataclass(frozen=True, eq=False)
class Stimuli:
    """Values that enter a network, uint8 [vectors, inputs]; exhaustive: the whole input space is among them."""

    values: NDArray[np.uint8]
    exhaustive: bool


def stimuli(
    network: IntegerNetwork,
    rows: NDArray[np.uint8] | None,
    *,
    count: int = 1_000_000,
    seed: int = 0,
    exhaustive_bits: int = EXHAUSTIVE_BITS,
) -> Stimuli:
    """Vectors for `network`, in this order: corner cases, `rows`, walking values, decision boundaries, random ones.

    rows: uint8 [n, inputs], data rows as values that enter (`network.select`), or None. Where the inputs have at
    most `exhaustive_bits` bits in total, every value follows the corner cases and the rows, whatever `count` is;
    otherwise there are at most `count` vectors, but never fewer than the corner cases and the rows. The same
    arguments give the same bytes. Raises ValueError for an input of more than 8 bits and for rows that do not fit
    the inputs.
    """
    top = _largest(network)
    given = np.zeros((0, len(top)), np.uint8) if rows is None else rows
    if given.dtype != np.uint8 or given.ndim != 2 or given.shape[1] != len(top):
        raise ValueError(f"rows must be uint8 [n, {len(top)}], not {given.dtype} {list(given.shape)}")
    if (given > top).any():
        row, column = (int(k) for k in np.argwhere(given > top)[0])
        raise ValueError(f"row {row}: input {network.inputs[column].name!r} holds more than its {top[column]}")
    first = [corner_cases(top), given]
    if sum(item.bits for item in network.inputs) <= exhaustive_bits:
        return Stimuli(np.concatenate([*first, every_value(network)]), exhaustive=True)
    generator = np.random.default_rng(seed)
    left = max(count - sum(len(part) for part in first), 0)
    walking = walking_values(top)[:left]
    left -= len(walking)
    boundary = boundary_cases(network, given, min(left // 10, 20_000), generator)
    left -= len(boundary)
    near = _near(given, top, left // 3 if len(given) else 0, generator)
    left -= len(near)
    return Stimuli(
        np.concatenate([*first, walking, boundary, near, _uniform(top, left, generator)]), exhaustive=False
    )


def corner_cases(top: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """All zero, all largest, alternating, one input largest, one input zero, one input 1: uint8 [n, inputs].

    top: the largest value of every input, uint8 [inputs].
    """
    one_hot = np.eye(len(top), dtype=np.uint8)
    even = (np.arange(len(top)) % 2 == 0).astype(np.uint8)
    bits = np.uint8(0x55) & top
    plain = np.stack([np.zeros_like(top), top, even * top, (1 - even) * top, bits, top - bits])
    return np.concatenate([plain, one_hot * top, (1 - one_hot) * top, one_hot])


def walking_values(top: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A single 1, and a single 0, walking through every bit of every input: uint8 [2 * bits, inputs]."""
    ones = [
        np.where(np.arange(len(top)) == column, 1 << bit, 0).astype(np.uint8)
        for column in range(len(top))
        for bit in range(int(top[column]).bit_length())
    ]
    walking = np.stack(ones)
    return np.concatenate([walking, top - walking])


def every_value(network: IntegerNetwork) -> NDArray[np.uint8]:
    """The whole input space, uint8 [2**bits, inputs]; the first input is the least significant."""
    widths = [item.bits for item in network.inputs]
    number = np.arange(2 ** sum(widths), dtype=np.int64)
    values = np.empty((len(number), len(widths)), np.uint8)
    shift = 0
    for column, width in enumerate(widths):
        values[:, column] = (number >> shift) & (2**width - 1)
        shift += width
    return values


def boundary_cases(
    network: IntegerNetwork, rows: NDArray[np.uint8], count: int, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """Neighbours on either side of a decision, at most `count`, found by bisection between differing vectors.

    Ties and off-by-one errors of a comparator show here and hardly anywhere else. Empty for a score network.
    """
    top = _largest(network)
    if not network.is_classifier or count < 2:
        return np.zeros((0, len(top)), np.uint8)
    pairs = count // 2
    ends = np.concatenate([_near(rows, top, pairs if len(rows) else 0, generator), _uniform(top, pairs, generator)])
    left, right = generator.choice(len(ends), pairs), generator.choice(len(ends), pairs)
    low, high = ends[left], ends[right]
    low_label = reference(network, low)
    differing = low_label != reference(network, high)
    low, high, low_label = low[differing], high[differing], low_label[differing]
    for _ in range(8):
        middle = ((low.astype(np.int16) + high) // 2).astype(np.uint8)
        same = reference(network, middle) == low_label
        low = np.where(same[:, None], middle, low)
        high = np.where(same[:, None], high, middle)
    return np.concatenate([low, high])


def reference(network: IntegerNetwork, values: NDArray[np.uint8]) -> Ints:
    """`network.evaluate` in pieces, so that a million wide vectors fit into memory: int64 labels or scores."""
    logic = [node.operation for node in network.graph.nodes if isinstance(node.operation, Logic)]
    gates = sum(len(item.netlist.kinds) for item in logic)
    step = max(2**22 // (len(network.inputs) + gates // 8 + 1), 1)
    parts = [network.evaluate(values[k : k + step]) for k in range(0, max(len(values), 1), step)]
    return np.concatenate(parts)


def _largest(network: IntegerNetwork) -> NDArray[np.uint8]:
    for item in network.inputs:
        if not 1 <= item.bits <= 8:
            raise ValueError(f"input {item.name!r} has {item.bits} bits; vectors hold 1 to 8")
    return np.array([2**item.bits - 1 for item in network.inputs], np.uint8)


def _uniform(top: NDArray[np.uint8], count: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    # The largest values are all 2**bits - 1, so masking a random byte is uniform.
    return generator.integers(0, 256, size=(count, len(top)), dtype=np.uint8) & top


def _near(
    rows: NDArray[np.uint8], top: NDArray[np.uint8], count: int, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """Data rows with every value moved by -1, 0 or 1 code."""
    if count == 0:
        return np.zeros((0, len(top)), np.uint8)
    picked = rows[generator.integers(0, len(rows), size=count)].astype(np.int16)
    picked += generator.integers(-1, 2, size=picked.shape, dtype=np.int16)
    return np.clip(picked, 0, top).astype(np.uint8)

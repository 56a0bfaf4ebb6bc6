"""Schedules of a folded classifier: how many accumulators, in which order the inputs are taken, at what latency.

The estimate of area that ranks schedules lives here; the circuit is `hdl.folded`, its real area `reports.sequential`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from approx.network import ArgMax, ClippedReLU, Dense, IntegerNetwork, label_bits, signed_width
from train.errors import InputError

# In NAND2 of the printed cells: a flip-flop with its load multiplexer, a full adder, a multiplexer.
FLIP_FLOP, FULL_ADDER, MULTIPLEXER = 9.0, 9.0, 3.0
Row: TypeAlias = tuple[int | None, ...]


@dataclass(frozen=True)
class Schedule:
    """lanes: hidden neurons summed at once; order: the inputs, by index, in the order in which they are read."""

    lanes: int
    order: tuple[int, ...]


def layers_of(network: IntegerNetwork) -> tuple[Dense, ClippedReLU, Dense]:
    """The two dense layers and the activation between them; InputError for a network of another shape."""
    match network.layers:
        case (Dense() as one, ClippedReLU() as relu, Dense() as two, ArgMax()):
            return one, relu, two
    kinds = ", ".join(type(layer).__name__ for layer in network.layers)
    raise InputError(f"a folded circuit needs the layers Dense, ClippedReLU, Dense, ArgMax; this network has {kinds}")


def latency(network: IntegerNetwork, schedule: Schedule) -> int:
    """Clocks from the one that sees `start` to the first that sees `done`."""
    one, _, two = layers_of(network)
    groups = -(-len(one.bias) // schedule.lanes)
    return groups * len(schedule.order) + two.weights.size + 1


def search(network: IntegerNetwork, *, most_clocks: int) -> Schedule:
    """The schedule of the least estimated area with at most `most_clocks` clocks; InputError where none has."""
    one, _, _ = layers_of(network)
    found: list[tuple[float, int, Schedule]] = []
    fastest = 0
    for lanes in range(1, len(one.bias) + 1):
        for order in orders(one):
            schedule = Schedule(lanes, order)
            clocks = latency(network, schedule)
            fastest = min(fastest or clocks, clocks)
            if clocks <= most_clocks:
                found.append((estimate(network, schedule), len(found), schedule))
    if not found:
        raise InputError(
            f"no schedule has at most {most_clocks} clocks; the fastest takes {fastest}: allow that many"
        )
    return min(found)[2]


def orders(one: Dense) -> list[tuple[int, ...]]:
    """Orders of the inputs that matter: as they are, sorted by weights, and by neuron of the largest weight."""
    used = [int(i) for i in np.flatnonzero((one.weights != 0).any(axis=0))] or [0]
    columns = {i: one.weights[:, i].tolist() for i in used}
    by_weights = sorted(used, key=lambda i: (columns[i], i))
    by_support = sorted(
        used, key=lambda i: ([w != 0 for w in columns[i]], [w < 0 for w in columns[i]], columns[i], i)
    )
    return list(dict.fromkeys((tuple(used), tuple(by_weights), tuple(by_support))))


def estimate(network: IntegerNetwork, schedule: Schedule) -> float:
    """Area in NAND2, for ranking: registers, adders, and multiplexers of the weights' decision diagrams."""
    one, relu, two = layers_of(network)
    hidden, lanes = len(one.bias), schedule.lanes
    ranges = network.intervals()
    width = _width(*ranges[1])
    score = _width(*ranges[3])
    stored = sum(bits for _, bits in relu.of_each(hidden)) if lanes < hidden else 0
    adders = lanes * width + (0 if stored else score)
    registers = adders + stored + score + 2 * label_bits(network) + len(schedule.order).bit_length() + 2
    rom = 0
    for lane in range(lanes):
        rows = first_weights(one, schedule, lane)
        for bit in range(int(np.abs(one.weights).max()).bit_length() + 1):
            rom += diagram_size(tuple(None if w is None else encoded(w) >> bit & 1 for w in rows))
    return FLIP_FLOP * registers + FULL_ADDER * adders + MULTIPLEXER * rom


def encoded(weight: int) -> int:
    """Magnitude above a sign bit."""
    return abs(weight) << 1 | (weight < 0)


def first_weights(one: Dense, schedule: Schedule, lane: int) -> Row:
    """Weights that a lane reads, by address: group above step, None where no clock ever looks."""
    steps = 1 << (max(len(schedule.order), 2) - 1).bit_length()
    groups = -(-len(one.bias) // schedule.lanes)
    rows: list[int | None] = []
    for group in range(1 << (groups - 1).bit_length()):
        neuron = group * schedule.lanes + lane
        known = neuron < len(one.bias)
        taken = [int(one.weights[neuron, i]) for i in schedule.order] if known else []
        rows += [*taken, *[None] * (steps - len(taken))]
    return tuple(rows)


def merged(low: Row, high: Row) -> Row | None:
    """Both halves as one where nothing that is looked at differs, else None."""
    together: list[int | None] = []
    for a, b in zip(low, high, strict=True):
        if a is not None and b is not None and a != b:
            return None
        together.append(b if a is None else a)
    return tuple(together)


def diagram_size(table: Row) -> int:
    """Nodes of the decision diagram of one bit over its address, top address bit first."""
    seen: set[Row] = set()

    def visit(part: Row) -> None:
        if part in seen or len({value for value in part if value is not None}) <= 1:
            return
        half = len(part) // 2
        both = merged(part[:half], part[half:])
        if both is not None:
            visit(both)
            return
        seen.add(part)
        visit(part[:half])
        visit(part[half:])

    visit(table)
    return len(seen)


def _width(low: Sequence[int] | np.ndarray, high: Sequence[int] | np.ndarray) -> int:
    return signed_width(min(int(min(low)), -1), int(max(high)))

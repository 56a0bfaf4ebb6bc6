"""Schedules of a folded classifier: how many neurons at once, how weights are taken, which input has which address.

The estimate of area that ranks schedules lives here; the circuit is `inkling.hdl.folded.circuit`, its real area
`inkling.hdl.mapping.sequential`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal, TypeAlias

import numpy as np

from inkling.approx.folding.plan import ONE, FoldPlan, constant, merged
from inkling.approx.reference.network import IntegerNetwork, label_bits
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense, signed_width
from inkling.train.errors import InputError

# In NAND2 of the printed cells, as mapping leaves them: a flip-flop that is cleared, one with a load multiplexer, a
# full adder, a multiplexer of two bits, a node of a decision diagram, an input bit that is selected among many.
FLIP_FLOP, LOADED, FULL_ADDER, MULTIPLEXER, NODE, SELECTED = 7.5, 8.7, 9.0, 3.0, 1.5, 2.45
Weights: TypeAlias = Literal["digits", "whole"]
Numbers: TypeAlias = list[int | None]


@dataclass(frozen=True)
class Schedule:
    """lanes: hidden neurons summed at once; weights: one signed digit a clock, or whole with a multiplier.

    digits: clocks of an address, a power of two; order: what is read at each address, an input by index or ONE.
    """

    lanes: int
    weights: Weights
    digits: int
    order: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One clock: the value that is read (index or ONE) and what it is multiplied by, for every row of the layer."""

    source: int
    weights: tuple[int, ...]


def layers_of(network: IntegerNetwork) -> tuple[Dense, ClippedReLU, Dense]:
    """The two dense layers and the activation between them; InputError for a network of another shape."""
    match network.layers:
        case (Dense() as one, ClippedReLU() as relu, Dense() as two, ArgMax()) if len(two.bias) > 1:
            return one, relu, two
    kinds = ", ".join(type(layer).__name__ for layer in network.layers)
    raise InputError(
        f"a folded circuit needs Dense, ClippedReLU, Dense, ArgMax and two classes; this network has {kinds}"
    )


def without_constant_neurons(network: IntegerNetwork) -> IntegerNetwork:
    """The same function without hidden neurons of one value, or that no class tells apart (one is kept at least)."""
    one, relu, two = layers_of(network)
    low, high = network.intervals()[2]
    same = (two.weights == two.weights[0]).all(axis=0)
    kept = np.flatnonzero((low != high) & ~same)
    kept = kept if len(kept) else np.array([0])
    gone = np.setdiff1d(np.arange(len(one.bias)), kept)
    shapes = relu.of_each(len(one.bias))
    layers = (
        Dense(one.weights[kept], one.bias[kept]),
        ClippedReLU(tuple(shapes[n][0] for n in kept), tuple(shapes[n][1] for n in kept)),
        Dense(two.weights[:, kept], two.bias + two.weights[:, gone] @ low[gone]),
        ArgMax(),
    )
    return IntegerNetwork(network.inputs, layers, network.classes)


def contests(two: Dense) -> Dense:
    """Row c - 1 is the score of class c - 1 less that of class c: what the running comparison adds for class c."""
    return Dense(two.weights[:-1] - two.weights[1:], two.bias[:-1] - two.bias[1:])


def signed_digits(number: int) -> list[int]:
    """The non-adjacent form as signed powers of two, largest first; Reitwiesner, "Binary Arithmetic" (1960)."""
    found = []
    power = 1
    while number:
        if number & 1:
            digit = 2 - (number & 3)
            found.append(digit * power)
            number -= digit
        number >>= 1
        power <<= 1
    return found[::-1]


def pieces(number: int, weights: Weights) -> list[int]:
    """The numbers that are added one after the other for a weight."""
    return signed_digits(number) if weights == "digits" else [number] if number else []


def digits_needed(layer: Dense, weights: Weights) -> int:
    """Clocks, a power of two, that every weight of the layer fits in."""
    return _power(max((len(pieces(int(w), weights)) for w in layer.weights.ravel()), default=1))


def first_steps(one: Dense, schedule: Schedule) -> list[Step]:
    """The steps of the first layer, `digits` for every address in the schedule's order.

    Addresses of ONE share the pieces of the biases out, in order.
    """
    found = []
    left = [pieces(int(b), schedule.weights) for b in one.bias]
    for source in schedule.order:
        rows = left if source == ONE else [pieces(int(w), schedule.weights) for w in one.weights[:, source]]
        for digit in range(schedule.digits):
            found.append(Step(source, tuple(row[digit] if digit < len(row) else 0 for row in rows)))
        if source == ONE:
            left = [row[schedule.digits :] for row in rows]
    if any(left):
        raise ValueError("the schedule has too few addresses for the biases")
    return found


def second_steps(two: Dense, weights: Weights) -> list[Step]:
    """The steps of the scores' differences; a hidden value is read as often as its largest row of digits asks."""
    layer = contests(two)
    found = []
    columns = [(j, layer.weights[:, j]) for j in range(layer.weights.shape[1])] + [(ONE, layer.bias)]
    for source, column in columns:
        rows = [pieces(int(w), weights) for w in column]
        for digit in range(max((len(row) for row in rows), default=0)):
            found.append(Step(source, tuple(row[digit] if digit < len(row) else 0 for row in rows)))
    return found or [Step(ONE, (0,) * len(layer.bias))]


def difference_range(network: IntegerNetwork) -> tuple[int, int]:
    """Bounds of the score of any class less that of a later one, and 0."""
    two = layers_of(network)[2]
    low, high = network.intervals()[2]
    least, most = 0, 0
    for c in range(1, len(two.bias)):
        gap = Dense(two.weights[:c] - two.weights[c], two.bias[:c] - two.bias[c])
        below, above = gap.interval((low, high))
        least, most = min(least, int(below.min())), max(most, int(above.max()))
    return least, most


def plan(network: IntegerNetwork, schedule: Schedule, names: Sequence[str]) -> FoldPlan:
    """What the circuit is made from; names: of the input ports."""
    one, relu, two = layers_of(network)
    neurons, lanes = len(one.bias), schedule.lanes
    passes = -(-neurons // lanes)
    first, second = first_steps(one, schedule), second_steps(two, schedule.weights)
    period, score_period = _power(len(first)), _power(len(second))
    low, high = network.intervals()[1]
    least, most = difference_range(network)
    return FoldPlan(
        inputs=tuple((name, item.bits) for name, item in zip(names, network.inputs, strict=True)),
        label_width=label_bits(network),
        classes=len(two.bias),
        order=schedule.order,
        digit_bits=_bits(schedule.digits),
        multiplier=schedule.weights == "whole",
        passes=passes,
        first_bits=_bits(period),
        second_bits=_bits(score_period),
        hidden=relu.of_each(neurons),
        stored=tuple(passes > 1 or n % lanes == 0 for n in range(neurons)),
        operands=tuple(step.source for step in second),
        width=signed_width(min(int(low.min()), -1), int(high.max())),
        score_width=signed_width(min(least, -1), most),
        lanes=tuple(
            code_tables(step_table(first, range(lane, neurons, lanes), period), schedule.weights)
            for lane in range(lanes)
        ),
        scores=code_tables(step_table(second, range(len(two.bias) - 1), score_period), schedule.weights),
    )


def step_table(steps: Sequence[Step], rows: Sequence[int], period: int) -> Numbers:
    """The numbers of some rows by address, row above step, None beyond the steps and beyond the rows."""
    found: Numbers = []
    for row in rows:
        found += [step.weights[row] for step in steps]
        found += [None] * (period - len(steps))
    return found + [None] * (period * _power(len(rows)) - len(found))


def code_tables(numbers: Numbers, weights: Weights) -> tuple[str, ...]:
    """The bits that tell a lane its numbers: sign, then size.

    "digits": the size is whether it is no zero, and its exponent. "whole": the magnitude. The sign and the exponent
    of a zero do not matter, nor does anything where nothing is read, which is 0.
    """
    sizes = [None if n is None else abs(n) for n in numbers]
    largest = max((size for size in sizes if size), default=0)

    def bit(values: Sequence[int | None], place: int) -> str:
        return "".join("-" if value is None else str(value >> place & 1) for value in values)

    sign = "".join(str(int(n < 0)) if n else "-" for n in numbers)
    if weights == "whole":
        return sign, *(bit(sizes, place) for place in range(largest.bit_length()))
    exponents = [size.bit_length() - 1 if size else None for size in sizes]
    nonzero = bit([None if size is None else int(size > 0) for size in sizes], 0)
    return sign, nonzero, *(bit(exponents, place) for place in range(max(largest.bit_length() - 1, 0).bit_length()))


def search(network: IntegerNetwork, *, most_clocks: int) -> list[Schedule]:
    """For every number of lanes and way to take weights the best order of inputs; least estimated area first.

    Only schedules of at most `most_clocks` clocks; InputError where there is none.
    """
    one = layers_of(network)[0]
    neurons = len(one.bias)
    names = [item.name for item in network.inputs]
    ways: tuple[Weights, ...] = ("digits", "whole") if digits_needed(one, "digits") > 1 else ("digits",)
    found: list[tuple[float, int, Schedule]] = []
    fastest = 0
    for weights in ways:
        for lanes in range(1, neurons + 1):
            if lanes > 1 and -(-neurons // lanes) == -(-neurons // (lanes - 1)):
                continue  # no pass less than with one lane less
            for digits, order in orders(one, weights):
                schedule = Schedule(lanes, weights, digits, order)
                made = plan(network, schedule, names)
                fastest = min(fastest or made.clocks, made.clocks)
                if made.clocks > most_clocks:
                    break
                found.append((estimate(made), len(found), schedule))
    if not found:
        raise InputError(
            f"no schedule has at most {most_clocks} clocks; the fastest takes {fastest}, allow that many"
        )
    best: dict[tuple[int, str], Schedule] = {}
    for *_, schedule in sorted(found):
        best.setdefault((schedule.lanes, schedule.weights), schedule)
    return list(best.values())


def orders(one: Dense, weights: Weights) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Digits, and orders of the inputs that matter: as they came, and sorted by the weights of the neurons in turn.

    Neighbours in a sorted order have equal weights where it can be, which leaves less to decode.
    """
    digits = digits_needed(one, weights)
    used = [int(i) for i in np.flatnonzero((one.weights != 0).any(axis=0))]
    most = max((len(pieces(int(b), weights)) for b in one.bias), default=0)
    ones = (ONE,) * -(-most // digits)
    if not used and not ones:
        ones = (ONE,)
    yield digits, (*used, *ones)
    neurons = list(range(len(one.bias)))
    # Neurons in the order of how few kinds of weights they have, then some others.
    by_kinds = sorted(neurons, key=lambda n: (len(np.unique(one.weights[n])), n))
    tried = [by_kinds, by_kinds[::-1]]
    if len(neurons) <= 5:
        others = [list(p) for p in permutations(neurons)]
        tried += others[:: max(1, len(others) // 12)]
    seen = set()
    for chosen in tried:
        for rank in (_by_size, _by_number):
            order = sorted(used, key=lambda i: ([rank(int(one.weights[n, i])) for n in chosen], i))
            if tuple(order) not in seen:
                seen.add(tuple(order))
                yield digits, (*order, *ones)


def _by_size(weight: int) -> tuple[int, int]:
    return abs(weight), int(weight < 0)


def _by_number(weight: int) -> tuple[int, int]:
    return weight, 0


def estimate(made: FoldPlan) -> float:
    """Area in NAND2, for ranking: registers, adders, selection of inputs, decision diagrams of the weights."""
    kept = sum(bits for (_, bits), stored in zip(made.hidden, made.stored, strict=True) if stored)
    lanes = len(made.lanes)
    sums = max(made.width, made.score_width) + (lanes - 1) * made.width
    counters = made.first_bits + max((made.passes - 1).bit_length(), made.label_width) + 3
    area = FLIP_FLOP * (sums + counters) + LOADED * (kept + made.label_width) + FULL_ADDER * sums + 6 * counters
    read = [made.inputs[i][1] for i in made.order if i != ONE]
    again = [bits for _, bits in made.hidden]
    area += SELECTED * (sum(read) + sum(again))
    for lane, tables in enumerate(made.lanes):
        operand = max([*read, *again] if lane == 0 else [*read, 1])
        size = len(tables) - (1 if made.multiplier else 2)
        if made.multiplier:
            area += (FULL_ADDER + 2) * size * operand + 5 * (operand + size)
        else:
            area += MULTIPLEXER * (size * operand + 2**size) + 5 * operand
        area += MULTIPLEXER * (made.width - made.hidden[lane][0])
    return area + NODE * sum(diagram_size(table) for tables in (*made.lanes, made.scores) for table in tables)


def diagram_size(table: str) -> int:
    """Nodes of the decision diagram of one bit over its address, top address bit first."""
    seen: set[str] = set()

    def visit(part: str) -> None:
        if part in seen or constant(part) is not None:
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


def _power(number: int) -> int:
    return 1 << (number - 1).bit_length() if number > 1 else 1


def _bits(power: int) -> int:
    return power.bit_length() - 1

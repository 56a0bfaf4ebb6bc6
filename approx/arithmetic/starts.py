"""Starts of the arithmetic search: hardware-aware trained networks and regressions as genomes of one shape.

Training itself lives in `inkling.train.networks.training`, turning floats to integers in
`inkling.approx.quantise.networks`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from inkling.approx.arithmetic.genome import from_layers
from inkling.approx.arithmetic.kernel import Genome, Shape
from inkling.approx.matrices.ranking import cheapest_same_ranking
from inkling.approx.quantise import networks as quantise
from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import ClippedReLU, Dense, Ints
from inkling.train.tables.dataset import Development

MOST_HIDDEN = 24
SPARE_SLOTS = 10


class Start(NamedTuple):
    """A network with one hidden layer over all columns of a table."""

    first: Dense
    relu: ClippedReLU
    second: Dense


def trained(
    development: Development,
    *,
    widths: Sequence[int],
    restarts: int,
    seed: int,
    epochs: int | None,
    time_limit_s: float | None = None,
) -> list[Start]:
    """Power-of-two and plain networks of several widths, the best of each, and logistic regressions.

    time_limit_s: for all trainings together; what they reach then depends on the machine.
    """
    from inkling.train.networks import training

    found: list[Start] = []
    share = None if time_limit_s is None else time_limit_s / (len(widths) + 1)
    for width in widths:
        networks = training.train(
            development,
            hidden=(width,),
            restarts=restarts,
            seed=seed + width,
            power_of_two=True,
            epochs=epochs,
            time_limit_s=share,
        )
        kept = networks[: max(restarts // 3, 2)]
        found += [_start(quantise.power_of_two(network, development), development) for network in kept]
    few = max(restarts // 3, 2)
    plain = training.train(
        development,
        hidden=tuple(widths),
        restarts=few,
        seed=seed,
        power_of_two=False,
        epochs=epochs,
        time_limit_s=share,
    )
    for width in widths:
        best = [network for network in plain if network.shape[1] == width][:2]
        for bits in (4, 5):
            found += [_start(quantise.exact(n, development, weight_bits=bits), development) for n in best]
    if len(development.columns) <= MOST_HIDDEN:
        for bits in (3, 5):
            found.append(_passed_through(quantise.logistic(development, weight_bits=bits, seed=seed), development))
    return found


def genomes(starts: Sequence[Start], development: Development, digits: Sequence[int]) -> tuple[Shape, list[Genome]]:
    """Every start with every number of digits to a weight, scaled down until its sums fit; equal ones once."""
    tops = 2 ** np.array(development.input_bits, np.int64) - 1
    hidden = max(len(start.first.bias) for start in starts)
    counts = [
        min(max(digits) * int((dense.weights != 0).sum(axis=1).max(initial=0)), 190 - SPARE_SLOTS)
        for start in starts
        for dense in (start.first, start.second)
    ]
    shape = Shape(len(development.columns), hidden, len(development.classes), max(counts) + SPARE_SLOTS)
    found: dict[bytes, Genome] = {}
    for start in starts:
        for count in digits:
            for step in range(8):
                try:
                    made = from_layers(*_halved(start, step), count, shape, tops)
                except ValueError:
                    continue
                found.setdefault(made.tobytes(), made)
                break
    return shape, list(found.values())


def _halved(start: Start, times: int) -> Start:
    """The start with all products scaled down by 2**times; a score's scale does not matter."""
    if not times:
        return start
    first, relu, second = start
    shifts = [shift for shift, _ in relu.of_each(len(first.bias))]
    down = min(times, *shifts)
    shift = tuple(s - down for s in shifts)
    bits = tuple(b for _, b in relu.of_each(len(first.bias)))
    return Start(
        Dense(_scaled(first.weights, down), _scaled(first.bias, down)),
        ClippedReLU(shift, bits),
        Dense(_scaled(second.weights, times), _scaled(second.bias, times)),
    )


def _scaled(values: Ints, down: int) -> Ints:
    """Rounded to the nearest, halves away from minus infinity."""
    return (values + (1 << down >> 1)) >> down


def _start(network: IntegerNetwork, development: Development) -> Start:
    first, relu, second = network.layers[:3]
    if not (isinstance(first, Dense) and isinstance(relu, ClippedReLU) and isinstance(second, Dense)):
        raise ValueError("a start has one hidden layer")
    weights = np.zeros((len(first.bias), len(development.columns)), np.int64)
    weights[:, [item.column for item in network.inputs]] = first.weights
    tops = [(1 << bits) - 1 for _, bits in relu.of_each(len(first.bias))]
    return Start(Dense(weights, first.bias), relu, _ranked(second, tops))


def _passed_through(network: IntegerNetwork, development: Development) -> Start:
    """A regression, each input through a hidden neuron that does nothing."""
    dense = network.layers[0]
    if not isinstance(dense, Dense):
        raise ValueError("a regression is one dense layer")
    columns = len(development.columns)
    weights = np.zeros((len(development.classes), columns), np.int64)
    weights[:, [item.column for item in network.inputs]] = dense.weights
    bits = tuple(development.input_bits)
    second = _ranked(Dense(weights, dense.bias), [(1 << b) - 1 for b in bits])
    identity = Dense(np.eye(columns, dtype=np.int64), np.zeros(columns, np.int64))
    return Start(identity, ClippedReLU((0,) * columns, bits), second)


def _ranked(second: Dense, tops: Sequence[int]) -> Dense:
    """The same winner from smaller scores; of two classes the second scores nothing, so the first's sign decides."""
    if len(second.bias) == 2:
        zero = np.zeros_like(second.weights[0])
        return Dense(
            np.array([second.weights[0] - second.weights[1], zero]), np.array([second.bias[0] - second.bias[1], 0])
        )
    rows = tuple(tuple(row) for row in second.weights.tolist())
    weights, bias = cheapest_same_ranking(rows, tuple(second.bias.tolist()), (0,) * len(tops), tuple(tops))
    return Dense(np.array(weights, np.int64), np.array(bias, np.int64))

"""Schedules: steps that add up to the layers, bounds of clocks, and what is left out of a network first."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkling.approx.folding import search
from inkling.approx.folding.plan import ONE, constant, merged
from inkling.approx.folding.search import Schedule
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense
from inkling.train.errors import InputError


def network_of(seed: int, inputs: int = 9, hidden: int = 3, classes: int = 4, most: int = 20) -> IntegerNetwork:
    rng = np.random.default_rng(seed)
    one = Dense(rng.integers(-most, most + 1, (hidden, inputs)), rng.integers(-40, 40, hidden))
    two = Dense(rng.integers(-most, most + 1, (classes, hidden)), rng.integers(-9, 9, classes))
    ports = tuple(Input(f"x{k}", k, int(rng.integers(1, 5))) for k in range(inputs))
    return IntegerNetwork(ports, (one, ClippedReLU(3, 4), two, ArgMax()), classes)


@given(st.integers(-(2**20), 2**20))
def test_signed_digits_are_sparse_powers_of_two_that_add_up(number: int) -> None:
    digits = search.signed_digits(number)
    assert sum(digits) == number
    places = [abs(digit).bit_length() - 1 for digit in digits]
    assert all(abs(digit) == 1 << place for digit, place in zip(digits, places, strict=True))
    assert all(a - b >= 2 for a, b in itertools.pairwise(places))


@given(st.integers(0, 200), st.sampled_from(["digits", "whole"]))
def test_the_steps_of_a_schedule_add_up_to_the_layers(seed: int, weights: search.Weights) -> None:
    network = network_of(seed)
    one, relu, two = search.layers_of(network)
    digits, order = list(search.orders(one, weights))[-1]
    x = np.random.default_rng(seed).integers(0, 2, len(network.inputs))
    sums = np.zeros(len(one.bias), np.int64)
    for step in search.first_steps(one, Schedule(1, weights, digits, order)):
        sums += np.array(step.weights) * (1 if step.source == ONE else x[step.source])
    assert (sums == one.evaluate(x[None])[0]).all()
    hidden = relu.evaluate(sums)
    differences = np.zeros(len(two.bias) - 1, np.int64)
    for step in search.second_steps(two, weights):
        differences += np.array(step.weights) * (1 if step.source == ONE else hidden[step.source])
    scores = two.evaluate(hidden[None])[0]
    assert (differences == scores[:-1] - scores[1:]).all()


@given(st.text("01-", min_size=4, max_size=4), st.text("01-", min_size=4, max_size=4))
def test_merged_halves_keep_what_matters(low: str, high: str) -> None:
    both = search.merged(low, high)
    clash = any(a != b and "-" not in (a, b) for a, b in zip(low, high, strict=True))
    assert (both is None) == clash
    if both is not None:
        assert all(part in ("-", c) for half in (low, high) for part, c in zip(half, both, strict=True))
    assert merged(low, low) == low
    assert constant(low) == (None if "0" in low and "1" in low else int("1" in low))


def test_constant_neurons_and_those_that_no_class_tells_apart_go() -> None:
    network = network_of(1)
    one, relu, two = search.layers_of(network)
    weights, second = one.weights.copy(), two.weights.copy()
    weights[0] = 0
    second[:, 2] = 3
    bias = one.bias.copy()
    bias[0] = 30
    layers = (Dense(weights, bias), relu, Dense(second, two.bias), ArgMax())
    network = IntegerNetwork(network.inputs, layers, network.classes)
    smaller = search.without_constant_neurons(network)
    assert len(search.layers_of(smaller)[0].bias) == 1
    top = np.array([2**item.bits for item in network.inputs])
    x = np.random.default_rng(0).integers(0, top, (3000, len(top)))
    assert (smaller.evaluate(x) == network.evaluate(x)).all()


def test_schedules_keep_the_bound_and_the_cheapest_comes_first() -> None:
    network = network_of(3)
    names = [item.name for item in network.inputs]
    everything = search.search(network, most_clocks=10**6)
    clocks = {s: search.plan(network, s, names).clocks for s in everything}
    assert len({s.lanes for s in everything}) > 1 and {s.weights for s in everything} == {"digits", "whole"}
    areas = [search.estimate(search.plan(network, s, names)) for s in everything]
    assert areas == sorted(areas)
    bound = sorted(clocks.values())[1]
    assert {clocks[s] for s in search.search(network, most_clocks=bound)} == {
        c for c in clocks.values() if c <= bound
    }
    with pytest.raises(InputError, match=f"the fastest takes {min(clocks.values())}"):
        search.search(network, most_clocks=3)


def test_a_network_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match="this network has Dense, ArgMax"):
        search.layers_of(IntegerNetwork((Input("a", 0, 4),), (Dense(np.ones((2, 1)), np.ones(2)), ArgMax()), 2))

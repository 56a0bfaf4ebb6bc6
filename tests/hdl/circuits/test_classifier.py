"""Amaranth components in Amaranth's own simulator against the reference."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, DecisionTree, Dense, Ints, Operation
from inkling.hdl.circuits.classifier import Classifier, design
from inkling.hdl.operations.amaranth.part import PartComponent


def simulated(network: IntegerNetwork, rows: Ints) -> Ints:
    """The component's outputs, int64 [rows] or [rows, outputs]."""
    from amaranth.sim import Simulator

    top = Classifier(network, sharing=0)
    simulator = Simulator(top)
    found: list[list[int]] = []

    async def bench(context: object) -> None:
        for row in rows:
            for name, value in zip(top.input_names, row, strict=True):
                context.set(getattr(top, name), int(value))  # type: ignore[attr-defined]
            found.append([context.get(getattr(top, name)) for name in top.output_names])  # type: ignore[attr-defined]

    simulator.add_testbench(bench)
    simulator.run()
    table = np.array(found, np.int64)
    return table[:, 0] if network.is_classifier else table


def network_of(bits: list[int], layers: list[Operation], classes: int) -> IntegerNetwork:
    return IntegerNetwork(tuple(Input(f"in {k}", k, b) for k, b in enumerate(bits)), tuple(layers), classes)


def rows_for(network: IntegerNetwork, count: int, seed: int = 0) -> Ints:
    """Random rows, and the two in which every input is at its least and at its most."""
    random = np.random.default_rng(seed)
    most = np.array([2**item.bits - 1 for item in network.inputs])
    return np.concatenate([0 * most[None], most[None], random.integers(0, most + 1, (count, len(most)))])


def dense(random: np.random.Generator, inputs: int, outputs: int, largest: int) -> Dense:
    weights = random.integers(-largest, largest + 1, (outputs, inputs))
    weights[random.random(weights.shape) < 0.2] = 0
    return Dense(weights, random.integers(-4 * largest, 4 * largest + 1, outputs))


@given(st.integers(0, 2**32), st.sampled_from([1, 2, 15, 127]), st.integers(1, 4), st.integers(1, 5))
@example(11024328, 15, 2, 2)  # a hidden value with a bit that is always 1 enters a shared sum
@settings(max_examples=25, deadline=None)
def test_random_networks(seed: int, largest: int, hidden: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    bits = [int(b) for b in random.integers(1, 5, random.integers(1, 5))]
    relu = ClippedReLU(int(random.integers(0, 7)), int(random.integers(1, 6)))
    layers: list[Operation] = [
        dense(random, len(bits), hidden, largest),
        relu,
        dense(random, hidden, classes, largest),
    ]
    network = network_of(bits, [*layers, ArgMax()], classes)
    rows = rows_for(network, 20, seed)
    np.testing.assert_array_equal(simulated(network, rows), network.evaluate(rows))
    scores = network_of(bits, layers, classes)
    np.testing.assert_array_equal(simulated(scores, rows), scores.evaluate(rows))


@st.composite
def trees(draw: st.DrawFn) -> DecisionTree:
    """Grown leaf by leaf, thresholds also outside the inputs' range."""
    feature, threshold, left, right, label = [-1], [0], [-1], [-1], [draw(st.integers(0, 4))]
    for _ in range(draw(st.integers(0, 8))):
        leaf = draw(st.sampled_from([n for n, f in enumerate(feature) if f < 0]))
        feature[leaf], threshold[leaf] = draw(st.integers(0, 2)), draw(st.integers(-1, 9))
        left[leaf], right[leaf] = len(feature), len(feature) + 1
        for _ in range(2):
            for column, value in ((feature, -1), (threshold, 0), (left, -1), (right, -1)):
                column.append(value)
            label.append(draw(st.integers(0, 4)))
    return DecisionTree(*(np.array(column, np.int64) for column in (feature, threshold, left, right, label)))


@given(trees())
@settings(max_examples=25, deadline=None)
def test_decision_trees(tree: DecisionTree) -> None:
    network = network_of([3, 1, 2], [tree], 5)
    rows = np.array([[a, b, c] for a in range(8) for b in range(2) for c in range(4)])
    np.testing.assert_array_equal(simulated(network, rows), network.evaluate(rows))


@pytest.mark.parametrize("classes", [1, 2, 3, 5, 8])
def test_the_lowest_index_wins_a_tie(classes: int) -> None:
    random = np.random.default_rng(classes)
    # Scores in -1..1 and equal ranges, so that ties are the rule.
    layer = Dense(random.integers(-1, 2, (classes, 3)), np.zeros(classes, np.int64))
    network = network_of([1, 1, 1], [layer, ArgMax()], classes)
    rows = np.array([[a, b, c] for a in range(2) for b in range(2) for c in range(2)])
    np.testing.assert_array_equal(simulated(network, rows), network.evaluate(rows))


def corner(weights: list[list[int]], bias: list[int], *after: Operation) -> IntegerNetwork:
    return network_of([4] * len(weights[0]), [Dense(np.array(weights), np.array(bias)), *after], len(bias))


@pytest.mark.parametrize(
    "network",
    [
        corner([[0, 0], [0, 0]], [3, -2]),
        corner([[0, 0], [0, 0]], [3, -2], ClippedReLU(1, 4), ArgMax()),
        corner([[-3, -7], [-1, -127]], [0, -1], ClippedReLU(0, 8)),
        corner([[-3, -7], [-1, -127]], [0, 900], ClippedReLU(2, 3)),
        corner([[-3, -7], [-1, -127]], [0, -1], ArgMax()),
        corner([[5, 1], [1, 2]], [-3, 0], ClippedReLU(0, 8)),
        corner([[5, 1], [1, -2]], [-3, 0], ClippedReLU(30, 8), ArgMax()),
        corner([[5, 1], [1, -2]], [500, 0], ClippedReLU(0, 2), ArgMax()),
        corner([[5, -1], [1, -2]], [0, 0], Dense(np.array([[1, -3], [2, 2]]), np.array([4, -5]))),
        corner([[5, -1], [1, -2]], [0, 0], ClippedReLU(1, 4), ClippedReLU(2, 2)),
        network_of([3, 2], [ClippedReLU(1, 1), ArgMax()], 2),
        network_of([1], [ArgMax()], 1),
    ],
)
def test_corners(network: IntegerNetwork) -> None:
    rows = rows_for(network, 40)
    np.testing.assert_array_equal(simulated(network, rows), network.evaluate(rows))


def test_a_planted_fault_is_seen() -> None:
    network = corner([[5, 1], [1, -2]], [-3, 0], ClippedReLU(1, 4))
    wrong = corner([[5, 1], [1, -2]], [-2, 0], ClippedReLU(1, 4))
    rows = np.array([[a, b] for a in range(16) for b in range(16)])
    assert (simulated(wrong, rows) != network.evaluate(rows)).any()


def test_a_part_is_a_component_of_its_own() -> None:
    from amaranth.sim import Simulator

    layer = design(corner([[5, 1], [1, -2]], [-3, 0])).parts[0]
    component = PartComponent(layer)
    assert list(component.signature.members) == ["x_0", "x_1", "y_0", "y_1"]
    simulator = Simulator(component)
    found = []

    async def bench(context: object) -> None:
        context.set(component.x_0, 7)  # type: ignore[attr-defined]
        context.set(component.x_1, 9)  # type: ignore[attr-defined]
        found.extend(context.get(port) for port in (component.y_0, component.y_1))  # type: ignore[attr-defined]

    simulator.add_testbench(bench)
    simulator.run()
    assert found == [5 * 7 + 9 - 3, 7 - 2 * 9]

"""The reference against a naive loop over Python's own integers, and its bounds against what really occurs."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.reference.network import Input, IntegerNetwork, label_bits, used_inputs, without_unused_inputs
from inkling.approx.reference.operations import ArgMax, ClippedReLU, DecisionTree, Dense, signed_width


def ints(low: int, high: int, *shape: int) -> st.SearchStrategy[np.ndarray]:
    size = int(np.prod(shape))
    return st.lists(st.integers(low, high), min_size=size, max_size=size).map(
        lambda values: np.array(values, np.int64).reshape(shape)
    )


@st.composite
def trees(draw: st.DrawFn, inputs: int, classes: int, high: int) -> DecisionTree:
    """A random tree: grow leaves one after the other, so children come after their parent."""
    nodes = [[-1, 0, -1, -1, draw(st.integers(0, classes - 1))]]
    for _ in range(draw(st.integers(0, 6))):
        leaf = draw(st.sampled_from([i for i, node in enumerate(nodes) if node[0] < 0]))
        nodes[leaf] = [
            draw(st.integers(0, inputs - 1)),
            draw(st.integers(-1, high)),
            len(nodes),
            len(nodes) + 1,
            0,
        ]
        nodes += [[-1, 0, -1, -1, draw(st.integers(0, classes - 1))] for _ in range(2)]
    return DecisionTree(*np.array(nodes, np.int64).T.copy())


@st.composite
def networks(draw: st.DrawFn) -> IntegerNetwork:
    """Random networks of every kind: trees, scores, one and two dense layers."""
    count, classes = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    inputs = tuple(
        Input(f"x{i}", draw(st.integers(0, 5)), draw(st.integers(1, 4)), draw(st.integers(0, 2)))
        for i in range(count)
    )
    kind = draw(st.sampled_from(["tree", "linear", "hidden", "scores"]))
    if kind == "tree":
        return IntegerNetwork(inputs, (draw(trees(count, classes, 15)),), classes)
    layers: list = []
    width = count
    if kind != "linear":
        hidden = draw(st.integers(1, 4))
        layers += [
            Dense(draw(ints(-20, 20, hidden, width)), draw(ints(-99, 99, hidden))),
            ClippedReLU(draw(st.integers(0, 5)), draw(st.integers(1, 5))),
        ]
        width = hidden
    layers.append(Dense(draw(ints(-9, 9, classes, width)), draw(ints(-30, 30, classes))))
    if kind != "scores":
        layers.append(ArgMax())
    return IntegerNetwork(inputs, tuple(layers), classes)


def naive(network: IntegerNetwork, values: list[int]) -> int | list[int]:
    """One row, with Python's own integers and no array operation."""
    for layer in network.layers:
        match layer:
            case Dense():
                values = [
                    int(bias) + sum(int(w) * v for w, v in zip(row, values, strict=True))
                    for row, bias in zip(layer.weights.tolist(), layer.bias.tolist(), strict=True)
                ]
            case ClippedReLU():
                values = [min(max(v // 2**layer.shift, 0), 2**layer.bits - 1) for v in values]
            case ArgMax():
                return values.index(max(values))
            case DecisionTree():
                node = 0
                while layer.feature[node] >= 0:
                    goes_left = values[layer.feature[node]] <= layer.threshold[node]
                    node = int(layer.left[node] if goes_left else layer.right[node])
                return int(layer.label[node])
    return values


def all_inputs(network: IntegerNetwork, limit: int = 200) -> np.ndarray:
    every = itertools.product(*(range(2**item.bits) for item in network.inputs))
    rows = np.array(list(every), np.int64)
    return rows if len(rows) <= limit else rows[np.random.default_rng(0).permutation(len(rows))[:limit]]


@settings(max_examples=150, deadline=None)
@given(networks())
def test_evaluate_is_the_naive_loop(network: IntegerNetwork) -> None:
    rows = all_inputs(network)
    assert network.evaluate(rows).tolist() == [naive(network, row) for row in rows.tolist()]


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(0, 2**32 - 1))
def test_predict_picks_columns_and_drops_bits(network: IntegerNetwork, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 256, (9, 6), dtype=np.uint8)
    expected = [naive(network, [int(row[item.column]) >> item.drop for item in network.inputs]) for row in codes]
    assert network.predict(codes).tolist() == expected


@settings(max_examples=100, deadline=None)
@given(networks())
def test_intervals_hold_every_value(network: IntegerNetwork) -> None:
    values = all_inputs(network)
    bounds = network.intervals()
    assert len(bounds) == len(network.layers) + 1
    for layer, (low, high) in zip((*network.layers, None), bounds, strict=True):
        assert (values >= low).all() and (values <= high).all()
        if layer is not None:
            values = layer.evaluate(values).reshape(len(values), -1)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.data())
def test_dense_interval_is_reached(inputs: int, outputs: int, data: st.DataObject) -> None:
    layer = Dense(data.draw(ints(-50, 50, outputs, inputs)), data.draw(ints(-50, 50, outputs)))
    low = data.draw(ints(-9, 9, inputs))
    high = low + data.draw(ints(0, 9, inputs))
    corners = np.array(list(itertools.product(*zip(low.tolist(), high.tolist(), strict=True))), np.int64)
    reached = layer.evaluate(corners)
    least, most = layer.interval((low, high))
    assert reached.min(0).tolist() == least.tolist() and reached.max(0).tolist() == most.tolist()


@settings(max_examples=150, deadline=None)
@given(networks())
def test_without_unused_inputs_is_the_same_function(network: IntegerNetwork) -> None:
    smaller = without_unused_inputs(network)
    kept = (
        [network.inputs.index(item) for item in smaller.inputs]
        if len(set(network.inputs)) == len(network.inputs)
        else None
    )
    if kept is None:
        return
    rows = all_inputs(network)
    assert network.evaluate(rows).tolist() == smaller.evaluate(rows[:, kept]).tolist()
    assert len(smaller.inputs) == max(1, len(used_inputs(network)))
    assert len(used_inputs(smaller)) in (len(smaller.inputs), 0)


def test_every_kind_of_unused_input() -> None:
    inputs = tuple(Input(n, i, 4) for i, n in enumerate("abc"))
    dense = IntegerNetwork(inputs, (Dense(np.array([[0, 3, 0], [0, -1, 0]]), np.array([0, 5])), ArgMax()), 2)
    assert [item.name for item in without_unused_inputs(dense).inputs] == ["b"]
    tree = DecisionTree(*(np.array(v) for v in ([2, -1, -1], [7, 0, 0], [1, -1, -1], [2, -1, -1], [0, 0, 1])))
    pruned = without_unused_inputs(IntegerNetwork(inputs, (tree,), 2))
    assert [item.name for item in pruned.inputs] == ["c"]
    assert pruned.evaluate(np.array([[7], [8]])).tolist() == [0, 1]
    constant = DecisionTree(*(np.array([v]) for v in (-1, 0, -1, -1, 1)))
    assert len(without_unused_inputs(IntegerNetwork(inputs, (constant,), 2)).inputs) == 1


def test_equal_scores_take_the_lowest_index() -> None:
    assert ArgMax().evaluate(np.array([[3, 5, 5], [1, 1, 1]])).tolist() == [1, 0]


def test_shift_truncates_towards_minus_infinity() -> None:
    assert ClippedReLU(2, 3).evaluate(np.array([-1, -4, 3, 4, 31, 99])).tolist() == [0, 0, 0, 1, 7, 7]


@given(st.integers(-(2**40), 2**40), st.integers(0, 2**40))
def test_signed_width_is_the_smallest_that_holds(low: int, span: int) -> None:
    high = low + span
    bits = signed_width(low, high)

    def holds(width: int) -> bool:
        if low < 0:
            return -(2 ** (width - 1)) <= low and high < 2 ** (width - 1)
        return high < 2**width

    assert holds(bits) and (bits == 1 or not holds(bits - 1))


@pytest.mark.parametrize(("classes", "bits"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (10, 4)])
def test_label_bits(classes: int, bits: int) -> None:
    tree = DecisionTree(*(np.array([v]) for v in (-1, 0, -1, -1, 0)))
    assert label_bits(IntegerNetwork((Input("a", 0, 1),), (tree,), classes)) == bits

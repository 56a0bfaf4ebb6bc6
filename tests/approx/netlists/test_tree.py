"""Decision trees as netlists, against the tree's own definition on the whole input space."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.netlists import tree as tree_netlist
from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, DecisionTree

INPUTS = (Input("a", 0, 3), Input("b", 1, 2, drop=1), Input("c", 2, 4))


def random_tree(seed: int, leaves: int, classes: int) -> IntegerNetwork:
    rng = np.random.default_rng(seed)
    feature, threshold, left, right = [-1], [0], [0], [0]
    for _ in range(leaves - 1):
        node = rng.choice([n for n, f in enumerate(feature) if f < 0])
        feature[node] = int(rng.integers(0, 3))
        threshold[node] = int(rng.integers(-1, 2 ** INPUTS[feature[node]].bits + 1))
        left[node], right[node] = len(feature), len(feature) + 1
        for column in (feature, threshold, left, right):
            column += [-1, -1] if column is feature else [0, 0]
    arrays = [np.array(column, np.int64) for column in (feature, threshold, left, right)]
    return IntegerNetwork(INPUTS, (DecisionTree(*arrays, rng.integers(0, classes, len(feature))),), classes)


def outputs(netlist: Netlist, values: np.ndarray) -> np.ndarray:
    """Every cell by its truth table, one row at a time."""
    found = []
    for row in values:
        signal = [0, 1]
        for value, port in zip(row, netlist.inputs, strict=True):
            signal += [int(value) >> k & 1 for k in range(port.width)]
        for kind, sources in zip(netlist.kinds, netlist.sources, strict=True):
            cell = netlist.cell_types[kind]
            signal.append(cell.table >> sum(signal[s] << k for k, s in enumerate(sources[: len(cell.inputs)])) & 1)
        found.append(sum(signal[node] << k for k, node in enumerate(netlist.output_nodes)))
    return np.array(found)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 9))
def test_the_netlist_is_the_tree(seed: int, leaves: int, classes: int) -> None:
    network = random_tree(seed, leaves, classes)
    netlist = tree_netlist.build(network)
    values = np.stack(np.meshgrid(np.arange(8), np.arange(4), np.arange(16), indexing="ij"), -1).reshape(-1, 3)
    assert np.array_equal(outputs(netlist, values), network.evaluate(values))
    assert (netlist.sources < (netlist.first_gate + np.arange(len(netlist.kinds)))[:, None]).all()
    assert [(port.name, port.width) for port in netlist.inputs] == [("a", 3), ("b", 2), ("c", 4)]


def test_a_threshold_is_shared() -> None:
    tree = random_tree(0, 1, 2).layers[0]
    assert isinstance(tree, DecisionTree)
    arrays = ([0, 1, 1, -1, -1, -1, -1], [4, 2, 2, 0, 0, 0, 0], [1, 3, 5, 0, 0, 0, 0], [2, 4, 6, 0, 0, 0, 0])
    labels = np.array([0, 0, 0, 0, 1, 1, 0])
    network = IntegerNetwork(INPUTS, (DecisionTree(*(np.array(a) for a in arrays), labels),), 2)
    # (a > 4) xor (b > 2): three gates for the first comparison, one for the second, few for the choice.
    assert len(tree_netlist.build(network).kinds) <= 10


def test_other_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="decision tree"):
        tree_netlist.build(IntegerNetwork(INPUTS, (ArgMax(),), 3))
    with pytest.raises(ValueError, match="INV"):
        tree_netlist.build(random_tree(0, 3, 2), tree_netlist.TWO_INPUT_CELLS[1:])

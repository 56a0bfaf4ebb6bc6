"""Graphs that branch: values in order, intervals that hold, nodes named in errors, files."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.reference import network_files
from inkling.approx.reference.graph import Graph, Node, chain
from inkling.approx.reference.network import Input, IntegerNetwork, check, without_unused_inputs
from inkling.approx.reference.operations import (
    Add,
    ArgMax,
    ClippedReLU,
    Concat,
    Dense,
    Operation,
    Rescale,
    Select,
    operation,
)
from inkling.train.errors import InputError

THREE = (Input("a", 0, 4), Input("b", 1, 4), Input("c", 2, 4))


def dense(rng: np.random.Generator, outputs: int, inputs: int) -> Dense:
    return Dense(rng.integers(-9, 10, (outputs, inputs)), rng.integers(-30, 31, outputs))


def residual(seed: int) -> IntegerNetwork:
    """A hidden layer whose values are added to what a second one makes of them, and an arg-max."""
    rng = np.random.default_rng(seed)
    nodes = (
        Node("hidden", dense(rng, 4, 3), ("inputs",)),
        Node("clipped", ClippedReLU(2, 5), ("hidden",)),
        Node("inner", dense(rng, 4, 4), ("clipped",)),
        Node("scaled", Rescale(3), ("inner",)),
        Node("sum", Add(), ("scaled", "clipped")),
        Node("scores", dense(rng, 3, 4), ("sum",)),
        Node("label", ArgMax(), ("scores",)),
    )
    return IntegerNetwork(THREE, Graph(("inputs",), nodes, ("label",)), 3)


def two_branches(seed: int) -> IntegerNetwork:
    """Branches over parts of the inputs, joined; what leaves are scores and one branch beside them."""
    rng = np.random.default_rng(seed)
    nodes = (
        Node("left", Select((0, 2)), ("inputs",)),
        Node("right", Select((3, 2)), ("inputs",)),
        Node("left_sums", dense(rng, 3, 2), ("left",)),
        Node("left_part", ClippedReLU((1, 2, 3), (4, 5, 3)), ("left_sums",)),
        Node("right_part", dense(rng, 2, 2), ("right",)),
        Node("joined", Concat(), ("left_part", "right_part", "left")),
        Node("scores", dense(rng, 2, 7), ("joined",)),
    )
    graph = Graph(("inputs",), nodes, ("scores", "left_part"))
    return IntegerNetwork(tuple(Input(n, k, 4) for k, n in enumerate("abcd")), graph, 5)


def rows_for(network: IntegerNetwork, rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 16, (rows, len(network.inputs)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_a_residual_is_what_its_parts_say(seed: int) -> None:
    network = residual(seed)
    check(network)
    x = rows_for(network, 30, seed)
    by_name = {node.name: node.operation for node in network.graph.nodes}
    clipped = by_name["clipped"].evaluate(by_name["hidden"].evaluate(x))
    inner = by_name["inner"].evaluate(clipped) >> 3
    assert (network.evaluate(x) == by_name["scores"].evaluate(inner + clipped).argmax(1)).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_intervals_hold_every_value_of_every_branch(seed: int) -> None:
    for network in (residual(seed), two_branches(seed)):
        x = rows_for(network, 200, seed)
        for name, (low, high) in network.graph.intervals(network.bounds).items():
            if name == "inputs":
                continue
            (values,) = Graph(("inputs",), network.graph.nodes, (name,)).evaluate(x)
            assert (values >= low).all() and (values <= high).all(), name
        low, high = network.output_bounds()
        answers = network.evaluate(x).reshape(len(x), -1)
        assert answers.shape[1] == len(low) and (answers >= low).all() and (answers <= high).all()


@pytest.mark.parametrize("make", [residual, two_branches])
def test_files_keep_a_graph(make: object, tmp_path: Path) -> None:
    network = make(5)  # type: ignore[operator]
    network_files.save(network, tmp_path)
    before = [(tmp_path / name).read_bytes() for name in ("network.json", "network.npz")]
    again = network_files.load(tmp_path)
    x = rows_for(network, 100, 1)
    assert (again.evaluate(x) == network.evaluate(x)).all()
    assert [node.name for node in again.graph.nodes] == [node.name for node in network.graph.nodes]
    network_files.save(again, tmp_path)
    assert before == [(tmp_path / name).read_bytes() for name in ("network.json", "network.npz")]


def test_unused_inputs_of_branches_go() -> None:
    network = two_branches(3)
    smaller = without_unused_inputs(network)
    assert [item.name for item in smaller.inputs] == ["a", "c", "d"]
    x = rows_for(network, 50, 0)
    assert (smaller.evaluate(x[:, [0, 2, 3]]) == network.evaluate(x)).all()


def test_what_only_knows_chains_names_the_node() -> None:
    with pytest.raises(InputError, match="branches at node sum"):
        _ = residual(0).layers
    assert len(IntegerNetwork(residual(0).inputs, (ArgMax(),), 3).layers) == 1


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((Node("x", Add(), ("inputs", "y")),), "node x: must read values that stand before it"),
        ((Node("x", Add(), ()),), "node x: must read values"),
        ((Node("x y", Add(), ("inputs",)),), "node 'x y': must be a new name"),
        ((Node("inputs", Add(), ("inputs",)),), "node 'inputs': must be a new name"),
        ((Node("x", ClippedReLU(0, 1), ("inputs", "inputs")),), "node x: clipped_relu does not read 2 values"),
        (
            (Node("s", Select((0,)), ("inputs",)), Node("x", Add(), ("s", "inputs"))),
            "node x: the width of what",
        ),
        ((Node("x", Select((3,)), ("inputs",)),), "node x: places must be below 3"),
    ],
)
def test_unsound_graphs_are_refused(nodes: tuple[Node, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check(IntegerNetwork(THREE, Graph(("inputs",), nodes, (nodes[-1].name,)), 3))


def test_values_are_let_go_when_nothing_reads_them() -> None:
    living: list[int] = []

    class Counted(np.ndarray):
        def __del__(self) -> None:
            if id(self) in living:
                living.remove(id(self))

    class Count:
        def evaluate(self, x: np.ndarray) -> np.ndarray:
            made = (np.zeros((2, 2), np.int64) + np.asarray(x)).view(Counted)
            living.append(id(made))
            assert len(living) <= 2
            return made

    nodes = tuple(Node(f"n{k}", Count(), (f"n{k - 1}" if k else "inputs",)) for k in range(6))  # type: ignore[arg-type]
    Graph(("inputs",), nodes, ("n5",)).evaluate(np.zeros((2, 2), np.int64))


def test_an_operation_has_one_definition() -> None:
    with pytest.raises(ValueError, match="'dense' already"):
        operation("dense")(Add)
    layers: tuple[Operation, ...] = (Dense(np.eye(2, dtype=np.int64), np.zeros(2, np.int64)), ArgMax())
    assert [node.name for node in chain(layers).nodes] == ["dense0", "arg_max0"]

"""Graphs that branch, in every language: random ones, a residual and two branches, against the definition."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.programs.process import ToolError
from inkling.approx.reference.graph import Graph, Node
from inkling.approx.reference.network import Input, IntegerNetwork, check
from inkling.approx.reference.operations import (
    Add,
    ArgMax,
    ClippedReLU,
    Concat,
    DecisionTree,
    Dense,
    Ints,
    Operation,
    PeriodicQuadratic,
    Rescale,
    Select,
)
from inkling.hdl.circuits import component_file, verilog
from inkling.hdl.circuits.classifier import Classifier, design
from inkling.hdl.kernels import c_kernel, numba_kernel
from inkling.hdl.operations.amaranth import table
from inkling.sim.benches.component import verify_component
from inkling.sim.kernels.children import verify_c, verify_numba
from inkling.sim.verilator import bulk
from inkling.train.errors import InputError

INPUTS = tuple(Input(name, k, 4) for k, name in enumerate("abcd"))


def dense(rng: np.random.Generator, outputs: int, inputs: int) -> Dense:
    return Dense(rng.integers(-9, 10, (outputs, inputs)), rng.integers(-30, 31, outputs))


def residual(seed: int) -> IntegerNetwork:
    rng = np.random.default_rng(seed)
    nodes = (
        Node("hidden", dense(rng, 4, 4), ("inputs",)),
        Node("clipped", ClippedReLU(2, 5), ("hidden",)),
        Node("inner", dense(rng, 4, 4), ("clipped",)),
        Node("scaled", Rescale(3), ("inner",)),
        Node("sum", Add(), ("scaled", "clipped")),
        Node("again", ClippedReLU(1, 5), ("sum",)),
        Node("scores", dense(rng, 3, 4), ("again",)),
        Node("label", ArgMax(), ("scores",)),
    )
    return IntegerNetwork(INPUTS, Graph(("inputs",), nodes, ("label",)), 3)


def two_branches(seed: int) -> IntegerNetwork:
    """A periodic branch, one with a tree's label among its numbers; scores and a branch's numbers leave."""
    rng = np.random.default_rng(seed)
    columns = ([1, -1, 0, -1, -1], [7, 0, 3, 0, 0], [1, -1, 3, -1, -1], [2, -1, 4, -1, -1], [0, 2, 0, 1, 0])
    nodes = (
        Node("left", Select((0, 2)), ("inputs",)),
        Node("right", Select((3, 2)), ("inputs",)),
        Node("waves", dense(rng, 3, 2), ("left",)),
        Node("arcs", PeriodicQuadratic(-7), ("waves",)),
        Node("sums", dense(rng, 2, 2), ("right",)),
        Node("part", ClippedReLU((1, 3), (4, 3)), ("sums",)),
        Node("leaf", DecisionTree(*(np.array(column, np.int64) for column in columns)), ("right",)),
        Node("joined", Concat(), ("arcs", "part", "leaf", "left")),
        Node("scores", dense(rng, 2, 8), ("joined",)),
    )
    return IntegerNetwork(INPUTS, Graph(("inputs",), nodes, ("scores", "part")), 4)


def random_graph(seed: int) -> IntegerNetwork:
    """Nodes that read any values before them; the last and one more leave."""
    rng = np.random.default_rng(seed)
    nodes: list[Node] = []
    network = IntegerNetwork(INPUTS, Graph(("inputs",), (), ("inputs",)), 4)
    for number in range(int(rng.integers(2, 8))):
        widths = {name: len(low) for name, (low, _) in network.graph.intervals(network.bounds).items()}
        names = list(widths)
        one, other = (names[int(k)] for k in rng.integers(0, len(names), 2))
        width, shift = widths[one], int(rng.integers(0, 5))
        choices: list[tuple[Operation, tuple[str, ...]]] = [
            (dense(rng, int(rng.integers(1, 4)), width), (one,)),
            (ClippedReLU(shift, int(rng.integers(1, 6))), (one,)),
            (Rescale(shift), (one,)),
            (Select(tuple(rng.integers(0, width, 2).tolist())), (one,)),
            (Concat(), (one, other)),
            (Add(), (one, one)),
            (PeriodicQuadratic(shift - 9), (one,)),
            (ArgMax(), (one,)),
        ]
        item, reads = choices[int(rng.integers(0, len(choices)))]
        nodes.append(Node(f"n{number}", item, reads))
        network = IntegerNetwork(INPUTS, Graph(("inputs",), tuple(nodes), (f"n{number}",)), 4)
    outputs = (nodes[-1].name, nodes[int(rng.integers(0, len(nodes)))].name)
    return IntegerNetwork(INPUTS, Graph(("inputs",), tuple(nodes), outputs), 4)


def rows_for(rows: int, seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 16, (rows, len(INPUTS)), dtype=np.uint8)


def simulated(network: IntegerNetwork, rows: Ints) -> Ints:
    from amaranth.sim import Simulator

    top = Classifier(network)
    simulator = Simulator(top)
    found: list[list[int]] = []

    async def bench(context: Any) -> None:
        for row in rows:
            for name, value in zip(top.input_names, row, strict=True):
                context.set(getattr(top, name), int(value))
            found.append([context.get(getattr(top, name)) for name in top.output_names])

    simulator.add_testbench(bench)
    simulator.run()
    return np.array(found, np.int64)


@pytest.mark.parametrize("make", [residual, two_branches])
def test_every_language_computes_it(make: Callable[[int], IntegerNetwork]) -> None:
    network, rows = make(3), rows_for(2000, 1)
    check(network)
    with pytest.raises(InputError, match="branches at node"):
        _ = network.layers
    source, header = c_kernel.emit(network)
    text = verilog.behavioural(network)
    for verdict in (
        verify_c(network, source, header, rows),
        verify_numba(network, numba_kernel.emit(network), rows),
        verify_component(network, component_file.emit(network), rows[:20], simulation_s=5),
        bulk.verify(text, network, rows),
    ):
        assert verdict.passed and verdict.vectors, verdict
    # What no language may miss: a weight of one branch.
    wrong = make(4)
    assert not verify_c(wrong, source, header, rows).passed
    try:
        caught = not bulk.verify(text, wrong, rows).passed
    except ToolError as error:  # other weights may need scores of another width
        caught = "ports" in str(error)
    assert caught


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_random_graphs_in_hardware(seed: int) -> None:
    network, rows = random_graph(seed), rows_for(12, seed)
    np.testing.assert_array_equal(simulated(network, rows.astype(np.int64)), network.evaluate(rows))


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32))
def test_random_graphs_in_c(seed: int) -> None:
    network, rows = random_graph(seed), rows_for(200, seed)
    verdict = verify_c(network, *c_kernel.emit(network), rows)
    assert verdict.passed, verdict


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32))
def test_random_graphs_in_python_that_numba_compiles(seed: int) -> None:
    network, rows = random_graph(seed), rows_for(130, seed)
    spaces: dict[str, Any] = {}
    text = numba_kernel.emit(network).replace("from numba import njit", "njit = lambda function: function")
    with np.errstate(over="ignore"):
        exec(compile(text, "kernel.py", "exec"), spaces)
        np.testing.assert_array_equal(spaces["scores"](rows), network.evaluate(rows).reshape(len(rows), -1))


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32))
def test_pairs_that_are_drawn_as_one_compute_what_their_parts_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = (dense(rng, 3, 4), ClippedReLU(2, 3), dense(rng, 3, 3), ArgMax())
    network, rows = IntegerNetwork(INPUTS, layers, 3), rows_for(20, seed).astype(np.int64)
    fused = simulated(network, rows)
    assert len(design(network).parts) == 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inkling.hdl.circuits.classifier.PAIRS", {})
        assert len(design(network).parts) == 4
        np.testing.assert_array_equal(simulated(network, rows), fused)
    np.testing.assert_array_equal(fused[:, 0], network.evaluate(rows))
    assert set(table.PAIRS) >= {(Dense, ClippedReLU), (Dense, ArgMax)}

"""Gate netlists as an operation of the network: reference, Amaranth, Verilog, C and numba agree."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.netlists.evaluate import labels
from inkling.approx.reference import network_files
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.network import Input, IntegerNetwork, used_inputs, without_unused_inputs
from inkling.approx.reference.operations import Logic
from inkling.hdl.circuits.classifier import Classifier
from inkling.hdl.kernels import c_kernel, numba_kernel
from inkling.hdl.names import port_names
from inkling.sim.kernels.children import verify_c, verify_numba
from inkling.train.errors import InputError

CELLS = (
    CellType("INV", ("a",), "y", 0b01),
    CellType("NAND2", ("a", "b"), "y", 0b0111),
    CellType("XOR2", ("a", "b"), "y", 0b0110),
    CellType("ANDN", ("a", "b"), "y", 0b0010),
    CellType("MUX", ("a", "b", "s"), "y", 0b11001010),
    CellType("TIE", (), "y", 1),
)


def random_network(seed: int, gates: int = 12, widths: tuple[int, ...] = (2, 1, 3), out: int = 3) -> IntegerNetwork:
    """A random netlist over ports of these widths as a one-layer network."""
    random = np.random.default_rng(seed)
    first = 2 + sum(widths)
    kinds = random.integers(0, len(CELLS), gates).astype(np.uint8)
    sources = np.zeros((gates, 3), np.int32)
    for gate, kind in enumerate(kinds):
        arity = len(CELLS[kind].inputs)
        sources[gate, :arity] = random.integers(0, first + gate, arity)
    netlist = Netlist(
        tuple(Port(name, width) for name, width in zip("pqr", widths, strict=True)),
        (Port("label", out),),
        CELLS,
        kinds,
        sources,
        random.integers(0, first + gates, out).astype(np.int32),
    )
    inputs = tuple(Input(name, k, width) for k, (name, width) in enumerate(zip("pqr", widths, strict=True)))
    return IntegerNetwork(inputs, (Logic(netlist),), 2**out)


def with_kind(network: IntegerNetwork, gate: int, kind: int) -> IntegerNetwork:
    """The network with one gate of another kind; all kinds read its first source at least."""
    (layer,) = network.layers
    assert isinstance(layer, Logic)
    kinds = layer.netlist.kinds.copy()
    kinds[gate] = kind
    return IntegerNetwork(network.inputs, (Logic(replace(layer.netlist, kinds=kinds)),), network.classes)


def every_value(network: IntegerNetwork) -> np.ndarray:
    """The whole input space, uint8 [rows, inputs]."""
    grid = np.meshgrid(*(np.arange(2**item.bits) for item in network.inputs), indexing="ij")
    return np.stack([axis.ravel() for axis in grid], axis=1).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_definition_agrees_with_word_parallel_evaluation(seed: int) -> None:
    network = random_network(seed)
    (layer,) = network.layers
    x = every_value(network)
    assert isinstance(layer, Logic)
    np.testing.assert_array_equal(network.evaluate(x), labels(layer.netlist, x))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_leaving_out_unused_ports_keeps_the_function(seed: int) -> None:
    network = random_network(seed, gates=4)
    smaller = without_unused_inputs(network)
    x = every_value(network)
    np.testing.assert_array_equal(smaller.predict(x), network.evaluate(x))
    assert len(smaller.inputs) == max(len(used_inputs(network)), 1)


@pytest.mark.parametrize("seed", range(6))
def test_amaranth_agrees_with_the_definition(seed: int) -> None:
    network = random_network(seed)
    top = Classifier(network)
    x = every_value(network)
    found: list[int] = []

    async def bench(ctx) -> None:
        for row in x:
            for name, value in zip(port_names([item.name for item in network.inputs]), row, strict=True):
                ctx.set(getattr(top, name), int(value))
            await ctx.delay(1e-9)
            found.append(ctx.get(top.label))

    simulator = Simulator(top)
    simulator.add_testbench(bench)
    simulator.run()
    np.testing.assert_array_equal(found, network.evaluate(x))


def test_kernels_agree_and_a_changed_gate_is_caught() -> None:
    network = random_network(3, gates=40, widths=(8, 4, 5))
    x = every_value(network)
    source, header = c_kernel.emit(network)
    text = numba_kernel.emit(network)
    assert verify_c(network, source, header, x).passed
    assert verify_numba(network, text, x).passed
    (layer,) = network.layers
    assert isinstance(layer, Logic)
    planted = next(
        changed
        for gate in range(len(layer.netlist.kinds))
        for kind in (1, 2, 3)
        if (changed := with_kind(network, gate, kind)).evaluate(x).tolist() != network.evaluate(x).tolist()
    )
    verdict = verify_c(planted, source, header, x)
    assert verdict.mismatches == int((planted.evaluate(x) != network.evaluate(x)).sum())
    assert not verify_numba(planted, text, x).passed


def test_files_of_gate_netlists_come_back_the_same(tmp_path: Path) -> None:
    network = without_unused_inputs(random_network(5, gates=30))
    network = replace(network, inputs=tuple(replace(item, name=f"<{item.name}>") for item in network.inputs))
    network_files.save(network, tmp_path)
    again = network_files.load(tmp_path)
    x = every_value(network)
    np.testing.assert_array_equal(again.evaluate(x), network.evaluate(x))
    assert again.inputs == network.inputs
    text = (tmp_path / "network.json").read_text()
    (tmp_path / "network.json").write_text(text.replace('"output_nodes": [', '"output_nodes": [99999, '))
    with pytest.raises(InputError, match="output_nodes"):
        network_files.load(tmp_path)

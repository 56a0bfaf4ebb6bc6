"""Masked sums, clipped ReLUs of their own for every neuron, and tournaments: every emitter against the definition."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inkling.approx.reference import network_files
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import (
    ArgMax,
    ClippedReLU,
    Dense,
    Ints,
    MaskedSum,
    Operation,
    Tournament,
    knock_out,
)
from inkling.hdl.circuits.classifier import Classifier, design
from inkling.hdl.kernels import c_kernel, numba_kernel
from inkling.sim.kernels.children import verify_c
from inkling.train.errors import InputError


def masked(random: np.random.Generator, inputs: int, outputs: int, terms: int, shift: int) -> MaskedSum:
    """Random terms, several of one input and of one bit among them."""
    return MaskedSum(
        output=random.integers(0, outputs, terms),
        source=random.integers(0, inputs, terms),
        sign=random.choice([-1, 1], terms),
        shift=random.integers(0, shift + 1, terms),
        mask=random.integers(0, 32, terms),
        bias=random.integers(-40, 41, outputs),
    )


def tournament(random: np.random.Generator, scores: int) -> Tournament:
    """A knock-out in a random order of scores, looking at random bits."""
    place = random.permutation(scores).tolist() + list(range(scores, 2 * scores))
    matches = tuple((place[a], place[b]) for a, b in knock_out(scores))
    return Tournament(
        matches,
        tuple(random.integers(0, 5, scores - 1).tolist()),
        tuple(random.integers(1, 8, scores - 1).tolist()),
    )


def random_network(seed: int) -> IntegerNetwork:
    random = np.random.default_rng(seed)
    bits = random.integers(1, 5, random.integers(1, 5)).tolist()
    hidden, classes = int(random.integers(1, 4)), int(random.integers(1, 6))
    relu = ClippedReLU(tuple(random.integers(0, 4, hidden).tolist()), tuple(random.integers(0, 5, hidden).tolist()))
    layers: list[Operation] = [
        masked(random, len(bits), hidden, int(random.integers(0, 12)), 3),
        relu,
        masked(random, hidden, classes, int(random.integers(0, 14)), 4),
        ArgMax() if random.integers(0, 4) == 0 else tournament(random, classes),
    ]
    return IntegerNetwork(tuple(Input(f"in{k}", k, b) for k, b in enumerate(bits)), tuple(layers), classes)


def rows_for(network: IntegerNetwork, count: int) -> Ints:
    most = np.array([2**item.bits - 1 for item in network.inputs])
    random = np.random.default_rng(0)
    return np.concatenate([0 * most[None], most[None], random.integers(0, most + 1, (count, len(most)))])


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


def naive(network: IntegerNetwork, values: list[int]) -> int:
    """One row, with Python's own integers."""
    for layer in network.layers:
        match layer:
            case MaskedSum():
                sums = layer.bias.tolist()
                for o, i, sign, shift, mask in zip(
                    layer.output, layer.source, layer.sign, layer.shift, layer.mask, strict=True
                ):
                    sums[o] += int(sign) * (values[i] & int(mask)) * 2 ** int(shift)
                values = sums
            case ClippedReLU():
                each = layer.of_each(len(values))
                values = [min(max(v // 2**s, 0), 2**b - 1) for v, (s, b) in zip(values, each, strict=True)]
            case Tournament():
                standing = [(value, k) for k, value in enumerate(values)]
                for (a, b), shift, width in zip(layer.matches, layer.shift, layer.width, strict=True):
                    key_a, key_b = ((standing[k][0] >> shift) % 2**width for k in (a, b))
                    key_a, key_b = (key - 2**width if key >= 2 ** (width - 1) else key for key in (key_a, key_b))
                    standing.append(standing[b] if key_b > key_a else standing[a])
                return standing[-1][1]
            case _:
                return values.index(max(values))
    raise AssertionError


@given(st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_definition(seed: int) -> None:
    network = random_network(seed)
    rows = rows_for(network, 40)
    assert network.evaluate(rows).tolist() == [naive(network, row) for row in rows.tolist()]
    values = rows
    for layer, (low, high) in zip(network.layers, network.intervals()[1:], strict=True):
        values = layer.evaluate(values).reshape(len(values), -1)
        assert (values >= low).all() and (values <= high).all()


@given(st.integers(1, 9), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_tournament_on_all_bits_is_the_arg_max(scores: int, seed: int) -> None:
    rows = np.random.default_rng(seed).integers(-3, 4, (50, scores))
    exact = Tournament(knock_out(scores), (0,) * (scores - 1), (3,) * (scores - 1))
    np.testing.assert_array_equal(exact.evaluate(rows), ArgMax().evaluate(rows))


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_smaller_keys_have_the_same_winner(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.integers(*np.sort(random.choice(np.arange(-40, 40), 2, replace=False)), (50, 4))
    wide = Tournament(
        knock_out(4), tuple(random.integers(0, 9, 3).tolist()), tuple(random.integers(1, 12, 3).tolist())
    )
    shift, width = zip(*wide.keys(rows.min(0), rows.max(0)), strict=True)
    np.testing.assert_array_equal(Tournament(wide.matches, shift, width).evaluate(rows), wide.evaluate(rows))


@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_hardware(seed: int) -> None:
    network = random_network(seed)
    rows = rows_for(network, 20)
    np.testing.assert_array_equal(simulated(network, rows)[:, 0], network.evaluate(rows))
    for depth in (1, 2, 3):
        part = IntegerNetwork(network.inputs, network.layers[:depth], 0)
        np.testing.assert_array_equal(simulated(part, rows), part.evaluate(rows))


def test_software() -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    names: dict[str, Any] = {}
    for seed in range(8):
        network = random_network(seed)
        rows = rows_for(network, 500).astype(np.uint8)
        verdict = verify_c(network, *c_kernel.emit(network), rows)
        assert verdict.passed, (seed, verdict)
        if seed < 3:
            exec(compile(numba_kernel.emit(network), "kernel.py", "exec"), names)
            np.testing.assert_array_equal(names["classify"](rows), network.evaluate(rows))


def test_c_text_is_strict(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    for seed in range(20):
        source, header = c_kernel.emit(random_network(seed))
        (tmp_path / "kernel.c").write_text(source)
        (tmp_path / "kernel.h").write_text(header)
        options = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-c", "kernel.c"]
        subprocess.run(["cc", *options], cwd=tmp_path, check=True)


def test_component_file(tmp_path: Path) -> None:
    from inkling.hdl.circuits import component_file

    names: dict[str, Any] = {"__name__": "component"}
    network = random_network(3)
    exec(compile(component_file.emit(network), "component.py", "exec"), names)
    assert [part.outputs() for part in names["PARTS"]] == [part.outputs() for part in design(network).parts]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_files(seed: int, tmp_path: Path) -> None:
    network = random_network(seed)
    network_files.save(network, tmp_path)
    found = network_files.load(tmp_path)
    rows = rows_for(network, 30)
    np.testing.assert_array_equal(found.evaluate(rows), network.evaluate(rows))
    assert found.layers[1] == network.layers[1] and found.layers[3] == network.layers[3]


@pytest.mark.parametrize(
    "wrong",
    [
        Tournament(((0, 1),), (0,), (3,)),
        Tournament(((0, 1), (0, 2)), (0, 0), (3, 3)),
        Tournament(((3, 1), (0, 2)), (0, 0), (3, 3)),
        Tournament(((0, 1), (3, 2)), (0,), (3, 3)),
    ],
)
def test_a_wrong_tournament_is_refused(wrong: Tournament, tmp_path: Path) -> None:
    scores = Dense(np.eye(3, dtype=np.int64), np.zeros(3, np.int64))
    inputs = tuple(Input(f"in{k}", k, 4) for k in range(3))
    network_files.save(IntegerNetwork(inputs, (scores, wrong), 3), tmp_path)
    with pytest.raises(InputError, match=r"tournament|matches|contestant"):
        network_files.load(tmp_path)


def test_a_relu_of_another_number_of_neurons_is_refused(tmp_path: Path) -> None:
    scores = Dense(np.eye(3, dtype=np.int64), np.zeros(3, np.int64))
    inputs = tuple(Input(f"in{k}", k, 4) for k in range(3))
    network_files.save(IntegerNetwork(inputs, (scores, ClippedReLU((1, 2), 3), ArgMax()), 3), tmp_path)
    with pytest.raises(InputError, match=r"shift must be one number or 3"):
        network_files.load(tmp_path)

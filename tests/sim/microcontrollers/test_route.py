"""Kernels in emulators: every form on every family gives the reference's labels, and a planted fault is seen."""

from dataclasses import replace

import numpy as np
import pytest

from inkling.approx.netlists import tree as trees
from inkling.approx.reference.network import Input, IntegerNetwork, Threshold
from inkling.approx.reference.operations import ArgMax, ClippedReLU, DecisionTree, Dense, Logic
from inkling.hdl.microcontrollers.kernel import Reading, columns_of, emit, forms
from inkling.hdl.microcontrollers.readings import Scale
from inkling.sim.microcontrollers.route import verify_mcu
from inkling.sim.microcontrollers.targets import TARGETS, target_of
from inkling.train.errors import InputError
from inkling.train.tables.quantiser import Quantiser

ROWS = 600
FAMILIES = ("cortex-m0", "cortex-m3", "avr", "rv32imc")


def dense_network(most: int, bits: int = 4) -> IntegerNetwork:
    generator = np.random.default_rng(most)
    first = Dense(generator.integers(-most, most + 1, (5, 6)), generator.integers(-50, 50, 5))
    second = Dense(generator.integers(-most, most + 1, (3, 5)), generator.integers(-50, 50, 3))
    inputs = tuple(Input(f"f{k}", 2 * k, bits) for k in range(6))
    return IntegerNetwork(inputs, (first, ClippedReLU(2, 6), second, ArgMax()), 3)


def tree_network() -> IntegerNetwork:
    nodes = ([0, 3, -1, -1, 5, -1, -1], [7, 3, 0, 0, 11, 0, 0], [1, 2, 0, 0, 5, 0, 0], [4, 3, 0, 0, 6, 0, 0])
    tree = DecisionTree(*(np.array(part) for part in nodes), np.array([0, 0, 1, 0, 0, 2, 1]))
    inputs = tuple(Input(f"f{k}", k, 4, drop=k % 2) for k in range(6))
    return IntegerNetwork(inputs, (tree,), 3)


def comparators() -> IntegerNetwork:
    """Gates behind thresholds of readings, two of each column."""
    tree = tree_network().layers[0]
    tree = replace(tree, threshold=np.zeros_like(tree.threshold))
    inputs = tuple(
        Input(f"c{k}", k // 2, 1, threshold=Threshold(level, 6)) for k, level in enumerate((5, 40, 1, 63, 9, 32))
    )
    return IntegerNetwork(inputs, (Logic(trees.build(IntegerNetwork(inputs, (tree,), 3))),), 3)


def big_tree() -> IntegerNetwork:
    """300 leaves, so that skips take two bytes."""
    generator = np.random.default_rng(3)
    feature, threshold, left, right = ([-1] for _ in range(4))
    leaves = [0]
    while len(leaves) < 300:
        node = leaves.pop(int(generator.integers(len(leaves))))
        feature[node], threshold[node] = int(generator.integers(6)), int(generator.integers(15))
        left[node], right[node] = len(feature), len(feature) + 1
        leaves += [left[node], right[node]]
        for part in (feature, threshold, left, right):
            part += [-1, -1]
    label = generator.integers(0, 3, len(feature))
    nodes = [np.maximum(np.array(part), 0) for part in (threshold, left, right)]
    return IntegerNetwork(tree_network().inputs, (DecisionTree(np.array(feature), *nodes, label),), 3)


def networks() -> dict[str, IntegerNetwork]:
    tree = tree_network()
    gates = IntegerNetwork(tree.inputs, (Logic(trees.build(tree)),), tree.classes)
    # The second needs sums of 32 bits, which an `int` of an AVR does not hold.
    return {
        "tree": tree,
        "big tree": big_tree(),
        "gates": gates,
        "comparators": comparators(),
        "small": dense_network(3),
        "wide": dense_network(900, 8),
    }


def readings(network: IntegerNetwork, bits: int) -> list[Reading]:
    """Every second column spans its converter's range, the others do not."""
    spans = [(-1.0, 1.0) if item.column % 2 == 0 else (-1.4, 0.9) for item in network.inputs]
    return [
        Reading(
            item.name,
            Quantiser(-1.0, 1.0, item.threshold.bits if item.threshold else item.bits + item.drop),
            Scale(bits, *span),
        )
        for item, span in zip(network.inputs, spans, strict=True)
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_form_gives_the_references_labels(family):
    if absent := TARGETS[family].missing():
        pytest.skip(absent)
    generator = np.random.default_rng(1)
    for name, network in networks().items():
        vectors = np.stack([generator.integers(0, 2**item.bits, ROWS) for item in network.inputs], 1).astype(np.uint8)
        given = readings(network, 10 if name == "small" else 12)
        columns = columns_of(network)
        counts = generator.integers(0, 2 ** given[0].scale.bits, (ROWS, len(columns))).astype(np.uint16)
        codes = [
            item.values(reading.scale.codes(reading.quantiser)[counts[:, columns.index(item.column)]])
            for item, reading in zip(network.inputs, given, strict=True)
        ]
        entering = np.stack(codes, axis=1).astype(np.uint8)
        for form in forms(network):
            source, header = emit(network, form=form, readings=given, labels=["a", "*/ evil", "c"])
            verdict, built = verify_mcu(network, source, header, TARGETS[family], vectors)
            assert verdict.passed and built is not None, (name, form, verdict)
            assert built.flash > 0 and built.ram == 0 and built.stack < 200 and verdict.extra["each"] > 0
            verdict, _ = verify_mcu(network, source, header, TARGETS[family], entering, counts=counts)
            assert verdict.passed, (name, form, verdict)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_planted_fault_a_crash_and_a_warning_are_failures(family):
    if absent := TARGETS[family].missing():
        pytest.skip(absent)
    network = dense_network(3)
    vectors = np.random.default_rng(2).integers(0, 16, (ROWS, 6)).astype(np.uint8)
    source, header = emit(network, form="tables")
    weights = source.index("{", source.index("weights1[")) + 1
    sign = "" if source[weights] == "-" else "-9"
    wrong = source[:weights] + sign + source[weights + (source[weights] == "-") :]
    verdict, _ = verify_mcu(network, wrong, header, TARGETS[family], vectors)
    assert verdict.failed and verdict.counter_example is not None
    careless = source.replace("(uint8_t)o;", "o + 1000;")
    verdict, _ = verify_mcu(network, careless, header, TARGETS[family], vectors)
    assert verdict.failed and "error" in verdict.detail


def test_networks_that_no_part_takes_are_refused():
    network = dense_network(3)
    scores = IntegerNetwork(network.inputs, network.layers[:-1], 3)
    with pytest.raises(InputError, match="label"):
        emit(scores)
    huge = Dense(network.layers[0].weights * 2**40, network.layers[0].bias)
    with pytest.raises(InputError, match="32 bits"):
        emit(IntegerNetwork(network.inputs, (huge, ArgMax()), 5))
    with pytest.raises(InputError, match="cortex-m0"):
        target_of("z80")

"""Thresholds as inputs: one bit each, on any grid, in files and trees alike."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from inkling.approx.gates.inputs import InputPrices
from inkling.approx.quantise import networks
from inkling.approx.quantise.teacher import WeightedRows
from inkling.approx.reference import network_files
from inkling.approx.reference.netlist import Netlist, Port
from inkling.approx.reference.network import Input, IntegerNetwork, Threshold
from inkling.approx.reference.operations import DecisionTree
from inkling.approx.thresholds.levels import all_levels, coarser, levels_of, on_finer
from inkling.approx.thresholds.tree import codesigned, on_thresholds, priced
from inkling.train.errors import InputError
from inkling.train.tables.dataset import Development, Rows


def development(bits: int = 6, rows: int = 400) -> Development:
    codes = np.random.default_rng(0).integers(0, 2**bits, (rows, 3)).astype(np.uint8)
    labels = (codes[:, 0] > 2**bits // 3).astype(np.int64) + (codes[:, 2] >= 2**bits // 2)
    part = Rows(codes, labels)
    return Development("table", ("glucose", "age", "mass"), ("a", "b", "c"), (bits,) * 3, part, part)


def ones(rows: Rows) -> WeightedRows:
    return WeightedRows(*rows, np.ones(len(rows.labels), np.int64))


def free(columns: np.ndarray, areas: np.ndarray, ladder: float) -> InputPrices:
    groups = int(columns.max()) + 1
    return InputPrices(columns, areas, np.zeros(len(columns)), np.full(groups, ladder), np.zeros(groups))


@given(st.integers(1, 8), st.data())
@settings(max_examples=30, deadline=None)
def test_a_threshold_is_one_where_the_code_reaches_its_level(bits: int, data: st.DataObject) -> None:
    level = data.draw(st.integers(1, 2**bits - 1)) if bits > 1 else 1
    codes = np.arange(2**bits, dtype=np.uint8)
    item = Input("x", 0, 1, 0, Threshold(level, bits))
    assert item.values(codes).tolist() == [int(code >= level) for code in range(2**bits)]
    assert item.threshold is not None and 0 < item.threshold.reference < 1


def test_levels_tell_all_training_rows_apart_and_stand_between_their_codes() -> None:
    table = development(5, 12)
    found = levels_of(table)
    bits = found.read(table.train.codes)
    assert len(np.unique(bits, axis=0)) == len(np.unique(table.train.codes, axis=0))
    for column, level in zip(found.column, found.level, strict=True):
        codes = table.train.codes[:, column]
        assert codes.min() < level <= codes.max()
    assert next(iter(found.inputs())).name == f"glucose ge {found.level[0]}"


def test_a_tree_on_codes_is_the_same_tree_on_thresholds_of_a_finer_grid() -> None:
    fine = development(6)
    coarse = coarser(fine, 4)
    tree = networks.tree(coarse, 12)
    lifted = on_finer(tree, coarse, fine)
    unary = on_thresholds(lifted, fine)
    codes = fine.train.codes
    assert np.array_equal(tree.predict(coarse.train.codes), lifted.predict(codes))
    assert np.array_equal(lifted.predict(codes), unary.predict(codes))
    assert all(item.threshold is not None and item.threshold.level % 4 == 0 for item in unary.inputs)


def test_a_network_of_thresholds_survives_its_files_and_hostile_ones_are_refused(tmp_path: Path) -> None:
    table = development()
    levels = levels_of(table)
    network = priced(levels, ones(table.train), 3, None, leaves=6, price=0.0)
    from inkling.approx.reference.network import without_unused_inputs

    small = without_unused_inputs(network)
    network_files.save(small, tmp_path)
    again = network_files.load(tmp_path)
    assert again.inputs == small.inputs
    assert np.array_equal(again.predict(table.train.codes), small.predict(table.train.codes))
    path = tmp_path / "network.json"
    document = json.loads(path.read_text())
    for change in ({"level": 0}, {"level": 64}, {"bits": 99}, {"level": True}, {"more": 1}):
        broken = json.loads(json.dumps(document))
        broken["inputs"][0]["threshold"] |= change
        path.write_text(json.dumps(broken))
        with pytest.raises(InputError, match=r"inputs\[0\]"):
            network_files.load(tmp_path)


def test_a_dear_comparator_is_not_read_where_a_cheap_one_tells_the_same() -> None:
    codes = np.repeat(np.arange(16, dtype=np.uint8), 8)
    rows = Rows(np.stack([codes, codes, codes], axis=1), (codes >= 8).astype(np.int64))
    table = Development("t", ("a", "b", "c"), ("0", "1"), (4, 4, 4), rows, rows)
    levels = levels_of(table)
    dear = np.where(levels.column == 1, 1.0, 1e6)
    network = priced(levels, ones(rows), 2, free(levels.column, dear, 10.0), leaves=4, price=1.0)
    tree = network.layers[0]
    assert isinstance(tree, DecisionTree)
    assert {network.inputs[f].column for f in tree.feature if f >= 0} == {1}
    assert (network.predict(rows.codes) == rows.labels).all()


def test_the_rival_takes_the_best_split_or_within_the_tolerance_the_lowest_level() -> None:
    table = development(4)
    levels = all_levels(table)
    prices = free(levels.column, np.ones(len(levels.column)), 1.0)

    def root(tolerance: float) -> tuple[int, int, IntegerNetwork]:
        network = codesigned(levels, ones(table.train), 3, prices, depth=4, tolerance=tolerance)
        tree = network.layers[0]
        assert isinstance(tree, DecisionTree)
        item = network.inputs[tree.feature[0]]
        assert item.threshold is not None
        return item.column, item.threshold.level, network

    column, level, network = root(0.0)
    assert (column, level) in ((0, 6), (2, 8))
    assert (network.predict(table.train.codes) == table.train.labels).mean() > 0.95
    assert root(0.9)[:2] == (0, 1)


def test_ports_of_nodes_are_written_and_read_whatever_columns_are_called(tmp_path: Path) -> None:
    table = replace(development(), columns=("glucose (mmol/l)", "3rd", "m\u00e4ss"))
    levels = levels_of(table)
    ports = tuple(Port(item.name, 1) for item in levels.inputs())
    nothing = Netlist(
        ports, (Port("label", 2),), (), np.zeros(0, np.uint8), np.zeros((0, 2), np.int32), np.array([2, 90], np.int32)
    )
    network = levels.network(nothing, 3)
    network_files.save(network, tmp_path)
    read = network_files.load(tmp_path)
    assert read.inputs == network.inputs and len(read.inputs) == 2
    assert np.array_equal(read.predict(table.train.codes), network.predict(table.train.codes))


def test_shifted_thresholds_are_right_on_average_and_exact_without_a_shift() -> None:
    table = development()
    levels = levels_of(table)
    codes = table.train.codes
    rng = np.random.default_rng(3)
    assert np.array_equal(levels.read_shifted(codes, 0.0, rng), levels.read(codes))
    shifted = np.mean([levels.read_shifted(codes, 5.0, rng) for _ in range(60)], axis=0)
    distance = (codes[:, levels.column] + 0.5) / 64 - levels.references()
    expected = ndtr(distance / 0.05)
    assert abs(shifted - expected).mean() < 0.04
    assert abs((shifted - expected).mean()) < 0.003

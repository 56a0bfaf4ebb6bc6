"""Nodes as print varies them: against a plain loop, against stuck nodes one by one, and where nothing varies."""

from dataclasses import replace

import numpy as np
import pytest

from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.network import Input, Threshold
from inkling.sim.faults.simulation import with_stuck_nodes
from inkling.sim.faults.variation import Areas, Variation, robustness

CELLS = (CellType("NAND2", ("A", "B"), "Y", 7), CellType("XOR2", ("A", "B"), "Y", 6))
AREAS = Areas({"NAND2": 0.01, "XOR2": 0.02}, 0.001, 0.003, {})
INPUTS = (
    Input("a ge 20", 0, 1, 0, Threshold(20, 6)),
    Input("a ge 40", 0, 1, 0, Threshold(40, 6)),
    Input("b ge 31", 1, 1, 0, Threshold(31, 6)),
)
NETLIST = Netlist(
    tuple(Port(f"x{k}", 1) for k in range(3)),
    (Port("label", 2),),
    CELLS,
    np.array([0, 1, 0], np.uint8),
    np.array([[2, 3], [5, 4], [6, 2]], np.int32),
    np.array([6, 7], np.int32),
)


def rows(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Codes, and the labels that the sound node gives, of which every tenth is wrong."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 64, (count, 2)).astype(np.uint8)
    bits = np.stack([codes[:, 0] >= 20, codes[:, 0] >= 40, codes[:, 1] >= 31])
    first = ~(bits[0] & bits[1])
    label = (first ^ bits[2]).astype(np.int64)
    label += 2 * (~((first ^ bits[2]) & bits[0])).astype(np.int64)
    label[::10] ^= 1
    return codes, label


def drawn(variation: Variation, **options: int):  # type: ignore[no-untyped-def]
    codes, labels = rows()
    return robustness(NETLIST, INPUTS, codes, (6, 6), labels, variation, AREAS, **options)


def test_nodes_that_do_not_vary_are_as_designed() -> None:
    found = drawn(Variation(0.0, 0.0), nodes=70)
    four = (found.nominal, found.mean, found.quantile_5, found.with_defects_mean)
    assert four == pytest.approx((0.9,) * 4)
    assert found.faultless == 1.0 and found.rows == 300 and found.nodes == 70


def test_shifted_thresholds_are_those_of_a_plain_loop() -> None:
    codes, labels = rows()
    found = drawn(Variation(8.0, 0.0), nodes=200, seed=5)
    rng = np.random.default_rng(5)
    readings = (codes + rng.random(codes.shape)) / 64
    own = rng.normal(0, 0.08 * np.sqrt(0.5), (200, 3))
    shared = rng.normal(0, 0.08 * np.sqrt(0.5), (200, 2))
    right = []
    for o, s in zip(own, shared, strict=True):
        a, b, c = (
            readings[:, item.column] >= item.threshold.reference + o[k] + s[item.column]  # type: ignore[union-attr]
            for k, item in enumerate(INPUTS)
        )
        right.append(_right(a, b, c, labels))
    assert found.mean == pytest.approx(np.mean(right), abs=1e-4)
    assert found.quantile_5 == pytest.approx(np.quantile(right, 0.05), abs=0.004)
    assert found.quantile_5 < found.mean < found.nominal


def _right(a: np.ndarray, b: np.ndarray, c: np.ndarray, labels: np.ndarray) -> float:
    low = ~(a & b) ^ c
    return float(((low.astype(int) + 2 * (~(low & a)).astype(int)) == labels).mean())


def test_defects_are_as_many_as_the_area_says_and_do_what_stuck_nodes_do() -> None:
    codes, labels = rows()
    area = 0.01 + 0.02 + 0.01 + 3 * 0.001 + 2 * 0.003
    found = drawn(Variation(0.0, 20.0), nodes=4000)
    assert found.faultless == pytest.approx(np.exp(-20 * area))
    assert found.with_defects_mean < found.mean == pytest.approx(found.nominal)
    # One defect at most: the mean over places by their area is what is expected of a rare one.
    values = np.stack([codes[:, i.column] >= i.threshold.level for i in INPUTS], axis=1).astype(int)  # type: ignore[union-attr]
    places = [([5], 0.01), ([6], 0.02), ([7], 0.01), ([2], 0.001), ([3], 0.001), ([4], 0.001)]
    places += [([2, 3], 0.003), ([4], 0.003)]
    stuck, weights = [], []
    for nodes, weight in places:
        for value in (0, 1):
            held = np.full(NETLIST.nodes, -1, np.int8)
            held[nodes] = value
            stuck.append(held)
            weights.append(weight)
    accuracy = with_stuck_nodes(NETLIST, values, labels, np.array(stuck))
    expected = np.average(accuracy, weights=weights)
    rare = drawn(Variation(0.0, 0.5), nodes=40_000)
    loss = (rare.nominal - rare.with_defects_mean) / (1 - rare.faultless)
    assert loss == pytest.approx(rare.nominal - expected, rel=0.1)


def test_a_binary_code_is_counted_by_its_comparators() -> None:
    port = replace(NETLIST, inputs=(Port("a", 2),), output_nodes=np.array([2, 3], np.int32),
                   kinds=np.zeros(0, np.uint8), sources=np.zeros((0, 2), np.int32))  # fmt: skip
    codes = np.arange(64, dtype=np.uint8)[:, None]
    found = robustness(port, (Input("a", 0, 2, 4),), codes, (6,), codes[:, 0].astype(np.int64) >> 4,
                       Variation(0.0, 0.0), AREAS, nodes=3)  # fmt: skip
    assert found.nominal == found.quantile_5 == 1.0
    moved = robustness(port, (Input("a", 0, 2, 4),), codes, (6,), codes[:, 0].astype(np.int64) >> 4,
                       Variation(3.0, 0.0), AREAS, nodes=50)  # fmt: skip
    assert 0.9 < moved.mean < 1.0


def test_what_no_node_can_be_is_refused() -> None:
    with pytest.raises(ValueError, match="sigma"):
        Variation(-1.0)

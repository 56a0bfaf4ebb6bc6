"""Prices of inputs in the gate search: a comparator enters with its first reader and leaves with its last."""

import numpy as np
import pytest

from inkling.approx.gates import pool as gate_pool
from inkling.approx.gates import state as gate_state
from inkling.approx.gates.inputs import InputPrices, InputSizes, read_bits
from inkling.approx.gates.kernel import MOVE_NAMES
from inkling.approx.gates.packing import Gates, library, pack
from inkling.approx.gates.physics import Tables
from inkling.approx.netlists import tree

AREAS = {"INV": 2.3e5, "NAND2": 2.5e5, "NOR2": 4e5, "AND2": 4.3e5, "OR2": 5.6e5, "XOR2": 1.0e6, "XNOR2": 1.3e6}
CELLS = library(tree.TWO_INPUT_CELLS, AREAS)
TABLES = [7, 1, 8, 14, 6, 9]
GROUP = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2])


def prices(rng: np.random.Generator) -> InputPrices:
    return InputPrices(GROUP, rng.random(9) * 3e4, rng.random(9) * 4e4, rng.random(3) * 1e5, np.zeros(3))


def by_hand(gates: Gates, sizes: InputSizes) -> float:
    """Gate by gate, reader by reader; nothing is shared with the kernel."""
    read = {int(s) - 2 for pair in gates.source for s in pair} | {int(o) - 2 for o in gates.outputs}
    used = sorted(k for k in read if 0 <= k < len(sizes.size))
    return (
        float(sum(CELLS.area[op] for op in gates.op))
        + sum(float(sizes.size[k]) for k in used)
        + sum(float(sizes.group_size[g]) for g in {int(sizes.group[k]) for k in used})
    )


def random_gates(rng: np.random.Generator, count: int) -> Gates:
    op = rng.choice([*TABLES, 5], count).astype(np.uint8)
    source = np.array([rng.integers(0, 11 + g, 2) for g in range(count)], np.int32).reshape(-1, 2)
    source[op == 5, 1] = source[op == 5, 0]
    return Gates(op, source, rng.integers(0, 11 + count, 3).astype(np.int32))


@pytest.mark.parametrize("seed", range(4))
def test_every_candidate_kept_or_undone_leaves_the_count_of_inputs_sound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bits = rng.random((1500, 9)) < 0.5
    labels = (bits[:, 0] + 2 * (bits[:, 1] & bits[:, 4]) + 4 * (bits[:, 5] ^ bits[:, 7])).astype(np.int64)
    rows = pack(bits, labels, 3, rng.integers(1, 4, len(labels)))
    sizes = prices(rng).sizes(1.0, 10.0)
    leak = rng.integers(0, 20_000_000, (16, 4))
    delay = None if seed % 2 else np.where(np.isfinite(CELLS.area), 1.0, 0)
    physics = Tables(leak, delay, 10.0, 1.0, 12.0)
    state = gate_state.State(random_gates(rng, 50), rows, CELLS.area, rng, physics, sizes)
    state.check()
    archive = gate_state.Archive(400, 1e5, 0.03)
    plan = gate_state.plan(seed, dict(gate_pool.SHARES), TABLES, 3.0)
    for step in range(25):
        price = 1e-5 if step % 10 == 0 else 1e-6
        state.anneal(archive, plan, moves=200, price=price, temperature=20.0 / (step + 1))
        state.check()
        assert state.area == pytest.approx(by_hand(state.gates(), sizes), rel=1e-9)
    counts = dict(zip(MOVE_NAMES, plan.tried, strict=True))
    assert counts["level"] > 0


def test_a_wrong_count_of_a_groups_readers_is_noticed() -> None:
    rng = np.random.default_rng(1)
    bits = rng.random((300, 9)) < 0.5
    rows = pack(bits, bits[:, 0].astype(np.int64), 3)
    state = gate_state.State(random_gates(rng, 20), rows, CELLS.area, rng, None, prices(rng).sizes(1.0, 0.0))
    state._arrays["group_readers"][0] += 1
    with pytest.raises(RuntimeError, match="readers of a group of inputs"):
        state.check()


def test_the_whole_cost_counts_a_ladder_once() -> None:
    some = InputPrices(GROUP, np.full(9, 3.0), np.arange(9.0), np.array([10.0, 20.0, 40.0]), np.zeros(3))
    gates = Gates(np.array([7], np.uint8), np.array([[2, 4]], np.int32), np.array([11, 9, 0], np.int32))
    read = read_bits(gates, 9)
    assert np.flatnonzero(read).tolist() == [0, 2, 7]
    assert some.cost(read) == (3 * 3.0 + 10.0 + 40.0, 0.0 + 2.0 + 7.0)

"""The gate-level search: incremental evaluation against whole evaluation, determinism, resuming, honest results."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.gates import pool as gate_pool
from inkling.approx.gates import search
from inkling.approx.gates import state as gate_state
from inkling.approx.gates.packing import Gates, PackedRows, apply, from_netlist, input_bits, library, pack, to_netlist
from inkling.approx.gates.physics import Physics, tables
from inkling.approx.netlists import tree
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.train.errors import InputError
from inkling.train.tables.dataset import Rows

AREAS = {
    "INV": 228420.0,
    "NAND2": 247860.0,
    "NOR2": 399500.0,
    "AND2": 433500.0,
    "OR2": 563530.0,
    "XOR2": 1042800.0,
    "XNOR2": 1347557.0,
}
CELLS = library(tree.TWO_INPUT_CELLS, AREAS)
TABLES = [7, 1, 8, 14, 6, 9]


def random_gates(rng: np.random.Generator, inputs: int, count: int, outputs: int) -> Gates:
    op = rng.choice([*TABLES, 5], count).astype(np.uint8)
    source = np.array([rng.integers(0, 2 + inputs + g, 2) for g in range(count)], np.int32).reshape(-1, 2)
    source[op == 5, 1] = source[op == 5, 0]
    return Gates(op, source, rng.integers(0, 2 + inputs + count, outputs).astype(np.int32))


def problem(seed: int, rows: int, inputs: int = 9, outputs: int = 3) -> tuple[PackedRows, np.random.Generator]:
    rng = np.random.default_rng(seed)
    bits = rng.random((rows, inputs)) < 0.5
    labels = (bits[:, 0] + 2 * (bits[:, 1] & bits[:, 2]) + 4 * (bits[:, 3] ^ bits[:, 4])).astype(np.int64)
    return pack(bits, labels, outputs, rng.integers(1, 4, rows)), rng


def weighted_errors(gates: Gates, rows: PackedRows) -> int:
    """Bit by bit, with Python integers: nothing is shared with the kernel."""
    total = 0
    for word in range(len(rows.valid)):
        for bit in range(64):
            if not int(rows.valid[word]) >> bit & 1:
                continue
            signal = [0, 1, *(int(plane[word]) >> bit & 1 for plane in rows.inputs)]
            for op, (a, b) in zip(gates.op.tolist(), gates.source.tolist(), strict=True):
                signal.append(op >> (signal[a] + 2 * signal[b]) & 1)
            wrong = any(
                signal[node] != int(plane[word]) >> bit & 1
                for node, plane in zip(gates.outputs.tolist(), rows.target, strict=True)
            )
            total += int(rows.weight[word]) * wrong
    return total


@pytest.mark.parametrize(("seed", "rows", "price"), [(0, 70, 0.0), (1, 700, 1e-6), (2, 20_000, 3e-6), (3, 5, 1e-9)])
def test_incremental_evaluation_is_whole_evaluation(seed: int, rows: int, price: float) -> None:
    packed, rng = problem(seed, rows)
    state = gate_state.State(random_gates(rng, 9, 60, 3), packed, CELLS.area, rng)
    archive = gate_state.Archive(50, 2e5, 0.2)
    plan = gate_state.plan(seed, search.SHARES, TABLES, 3.0)
    for _ in range(20):
        state.anneal(archive, plan, moves=500, price=price, temperature=float(rng.uniform(0, rows / 30)))
        state.check()
        assert state.area == pytest.approx(CELLS.area[state.gates().op].sum())
    assert sum(plan.kept) > 50
    if rows > 5:
        assert sum(k > 0 for k in plan.kept) >= 5, "most kinds of moves must have been kept at times"
    if rows <= 700:
        assert state.errors == weighted_errors(state.gates(), packed)


@pytest.mark.parametrize("fault", ["signal", "errors", "reference count", "area"])
def test_the_check_sees_a_planted_fault(fault: str) -> None:
    packed, rng = problem(5, 300)
    state = gate_state.State(random_gates(rng, 9, 60, 3), packed, CELLS.area, rng)
    state.check()
    gates = np.flatnonzero(state.nodes["role"] == gate_state.GATE)
    if fault == "signal":
        state.values[2 * gates[0] * 8 : 2 * (gates[0] + 1) * 8] ^= np.uint64(4)  # 300 rows: one block of 8 words
    elif fault == "errors":
        state._layout.wrong += 1
    elif fault == "reference count":
        state.nodes["refs"][gates[0]] += 1
    else:
        state._layout.total_area += 1000
    with pytest.raises(RuntimeError, match=fault):
        state.check()


def test_a_found_circuit_still_counts_what_the_archive_says() -> None:
    packed, rng = problem(7, 400)
    state = gate_state.State(random_gates(rng, 9, 80, 3), packed, CELLS.area, rng)
    archive = gate_state.Archive(50, 2e5, 0.2)
    state.anneal(archive, gate_state.plan(7, search.SHARES, TABLES, 3.0), moves=20_000, price=1e-6, temperature=3)
    filled = np.flatnonzero(np.isfinite(archive.size))
    assert len(filled) > 3
    for step in filled:
        gates = archive.circuit(int(step))
        assert weighted_errors(gates, packed) == archive.errors[step]
        assert CELLS.area[gates.op].sum() == pytest.approx(archive.size[step])


def test_reordering_keeps_the_function() -> None:
    packed, rng = problem(11, 200)
    gates = random_gates(rng, 9, 50, 3)
    for _ in range(5):
        other = gate_state.reorder(gates, 11, rng)
        assert (other.source < 11 + np.arange(50)[:, None]).all()
        assert weighted_errors(other, packed) == weighted_errors(gates, packed)


@pytest.mark.parametrize("table", range(16))
def test_truth_tables_on_words(table: int) -> None:
    a, b = np.array([0b1010], np.uint64), np.array([0b1100], np.uint64)
    assert int(apply(table, a, b)[0]) & 15 == table


def test_netlists_survive_the_conversion() -> None:
    rng = np.random.default_rng(3)
    swapped = (*tree.TWO_INPUT_CELLS, CellType("ANDN", ("A", "B"), "Y", 0b0100))
    cells = library(swapped, {**AREAS, "ANDN": 1.0})
    gates = random_gates(rng, 4, 30, 2)
    gates.op[3], gates.op[4] = 0b0010, 0b0100  # both orders of the one cell's pins
    netlist = to_netlist(gates, (Port("x", 4),), (Port("label", 2),), cells)
    back = from_netlist(netlist)
    bits = np.array(list(itertools.product([False, True], repeat=4)))
    rows = pack(bits, np.zeros(16, np.int64), 2)
    assert weighted_errors(gates, rows) == weighted_errors(back, rows)


def moons(seed: int, count: int) -> Rows:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 16, (count, 3)).astype(np.uint8)
    labels = (codes[:, 0].astype(int) + codes[:, 1] > 15).astype(np.int64) + (codes[:, 2] > 9)
    return Rows(codes, labels.astype(np.int64))


def start() -> Netlist:
    """Label 0 whatever comes in, made of a few gates."""
    cells, ports = tree.TWO_INPUT_CELLS, tuple(Port(name, 4) for name in "abc")
    return Netlist(
        ports,
        (Port("label", 2),),
        cells,
        np.array([1, 1, 4], np.uint8),
        np.array([[5, 9], [13, 12], [14, 15]], np.int32),
        np.array([15, 16], np.int32),
    )


def run(**options: object) -> tuple[search.Candidate, ...]:
    brief = search.with_settings(effort=1e7, temperatures=(3e-4, 3e-3))
    given = {"areas": AREAS, "moves": 600_000, "seed": 4, "settings": brief, **options}
    return search.search(start(), moons(0, 2000), moons(1, 500), **given)  # type: ignore[arg-type]


def describe(front: tuple[search.Candidate, ...]) -> list[tuple[object, ...]]:
    return [(c.area, c.validation, c.netlist.kinds.tolist(), c.netlist.sources.tolist()) for c in front]


def test_the_front_is_a_front_and_its_figures_are_true() -> None:
    front = run()
    assert len(front) > 5
    assert front[-1].validation > 0.7
    for smaller, larger in itertools.pairwise(front):
        assert smaller.area < larger.area
    validation = moons(1, 500)
    for candidate in front:
        names = [candidate.netlist.cell_types[kind].name for kind in candidate.netlist.kinds]
        assert candidate.area == pytest.approx(sum(AREAS[name] for name in names))
        rows = pack(input_bits(validation.codes, candidate.netlist.inputs), validation.labels, 2)
        assert candidate.validation == pytest.approx(1 - weighted_errors(from_netlist(candidate.netlist), rows) / 500)
        numbers = candidate.netlist.first_gate + np.arange(len(candidate.netlist.kinds))
        assert (candidate.netlist.sources < numbers[:, None]).all()


def test_a_seed_decides_the_result() -> None:
    assert describe(run()) == describe(run())
    assert describe(run()) != describe(run(seed=5))


def test_a_search_resumes_where_it_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "search.npz"
    run(moves=200_000, checkpoint=path)
    assert describe(run(checkpoint=path)) == describe(run())
    assert list(tmp_path.iterdir()) == [path]


def test_a_foreign_or_broken_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "search.npz"
    run(moves=1, checkpoint=path)
    with pytest.raises(InputError, match="another search"):
        run(moves=1, checkpoint=path, seed=5)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="not a readable checkpoint"):
        run(moves=1, checkpoint=path)


def test_a_killed_write_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "search.npz"
    run(moves=1, checkpoint=path)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        run(moves=100_000, checkpoint=path)
    assert path.read_bytes() == before


def test_an_interrupt_returns_what_was_found() -> None:
    calls = []

    def interrupt(line: str) -> None:
        calls.append(line)
        if len(calls) == 3:
            raise KeyboardInterrupt

    assert len(run(progress=interrupt, moves=10**12)) > 1
    assert len(calls) == 3


def test_wrong_calls_are_refused() -> None:
    with pytest.raises(ValueError, match="one of seconds"):
        run(seconds=1.0)
    with pytest.raises(ValueError, match="inverter"):
        run(areas={"NAND2": 1.0})
    wide = CellType("NAND3", ("A", "B", "C"), "Y", 0b01111111)
    with pytest.raises(ValueError, match="one or two inputs"):
        from_netlist(
            Netlist((Port("x", 3),), (Port("label", 1),), (wide,), np.zeros(1, np.uint8),
                    np.array([[2, 3, 4]], np.int32), np.array([5], np.int32))
        )  # fmt: skip


def pool_of(gates: Gates, physics: Physics | None = None) -> gate_pool.Pool:
    """A pool that holds one circuit, put there as another island's would be."""
    rows, _ = problem(0, 300)
    made = None if physics is None else tables(physics, CELLS)
    ports = (Port("x", 9),), (Port("label", 3),)
    pool = gate_pool.Pool(
        gate_pool.Problem(*ports, CELLS, made, rows, rows, rows, TABLES, 1, gate_pool.Settings()), [gates], (0,)
    )
    pool.admit(pool.entry(gates, weighted_errors(gates, rows)))
    return pool


def test_a_clean_up_between_rounds_takes_the_place_at_its_size_unless_it_is_too_slow() -> None:
    """AND as NAND and inverter, and as the one cell, which is smaller."""
    apart = Gates(np.array([7, 5], np.uint8), np.array([[2, 3], [11, 11]], np.int32), np.array([12, 0, 0], np.int32))
    one = Gates(np.array([8], np.uint8), np.array([[2, 3]], np.int32), np.array([11, 0, 0], np.int32))
    delays = {name: 3.0 if name == "AND2" else 1.0 for name in AREAS}
    for physics, expected in ((None, one), (Physics(delays=delays, delay_limit=2.5), apart)):
        pool = pool_of(apart, physics)
        assert len(pool.best) == 1
        pool.clean(np.random.default_rng(0), lambda netlist: netlist)
        assert len(pool.best) == 1
        pool.clean(np.random.default_rng(0), lambda _, pool=pool: pool.problem.netlist(one))  # type: ignore[misc]
        smallest = pool.best[min(pool.best)]
        assert smallest.gates.op.tolist() == expected.op.tolist()
        assert smallest.size == pytest.approx(CELLS.area[expected.op].sum())
        assert pool.archive.errors[min(pool.best)] == weighted_errors(one, pool.problem.scored)


def test_a_clean_up_is_called_every_so_many_rounds() -> None:
    seen: list[Netlist] = []

    def look(netlist: Netlist) -> Netlist:
        seen.append(netlist)
        return netlist

    often = search.with_settings(effort=1e7, temperatures=(3e-4, 3e-3), clean_every=3)
    rounds = {"moves": None, "rounds": 7}
    front = run(**rounds, settings=often, clean_up=look)
    assert len(seen) == 2 * 4 + len(front)  # four circuits of the front each time, and all at the end
    assert describe(front) == describe(run(**rounds))

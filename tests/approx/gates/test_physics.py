"""Static power and delay in the gate-level search: incremental against whole evaluation and against the reports."""

import numpy as np
import pytest
from numpy.typing import NDArray

from inkling.approx.gates import search
from inkling.approx.gates import state as gate_state
from inkling.approx.gates.packing import Gates, PackedRows, from_netlist, input_bits, library, pack, to_netlist
from inkling.approx.gates.physics import Physics, Tables, drain, row_count, slowest, tables
from inkling.approx.netlists import tree
from inkling.approx.quantise import teacher
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.hdl.cells import egfet
from inkling.hdl.cost.power import static_power_mw
from inkling.train.tables.dataset import Development, Rows

TECHNOLOGY = egfet.technology()
KINDS = tuple(cell.type for cell in TECHNOLOGY.cells if 1 <= len(cell.type.inputs) <= 2)
AREAS = {cell.type.name: cell.area_um2 for cell in TECHNOLOGY.cells}
LEAKAGE = {cell.type.name: cell.corners["0.6"].static_power for cell in TECHNOLOGY.cells}
DELAYS = {kind.name: 1.0 + index / 4 for index, kind in enumerate(KINDS)}
CELLS = library(KINDS, AREAS)
INPUTS = 9
MIXED = Physics(LEAKAGE, power_weight=80.0, delays=DELAYS, delay_limit=9.0)


def random_gates(rng: np.random.Generator, count: int = 60) -> Gates:
    op = rng.choice([7, 1, 8, 14, 6, 9, 5], count).astype(np.uint8)
    source = np.array([rng.integers(0, 2 + INPUTS + g, 2) for g in range(count)], np.int32).reshape(-1, 2)
    source[op == 5, 1] = source[op == 5, 0]
    return Gates(op, source, rng.integers(2 + INPUTS, 2 + INPUTS + count, 3).astype(np.int32))


def problem(seed: int, count: int) -> tuple[PackedRows, NDArray[np.bool_], np.random.Generator]:
    rng = np.random.default_rng(seed)
    bits = rng.random((count, INPUTS)) < 0.4
    labels = (bits[:, 0] + 2 * (bits[:, 1] & bits[:, 2]) + 4 * (bits[:, 3] ^ bits[:, 4])).astype(np.int64)
    return pack(bits, labels, 3, rng.integers(1, 4, count)), bits, rng


def reported_nw(gates: Gates, bits: NDArray[np.bool_]) -> float:
    """What inkling.hdl.cost.power says of the circuit on the same rows."""
    netlist = to_netlist(gates, (Port("x", INPUTS),), (Port("label", 3),), CELLS)
    codes = bits @ (1 << np.arange(INPUTS))
    return static_power_mw(netlist, TECHNOLOGY, codes[:, None])["0.6"] * 1e6


def searched(
    seed: int, count: int, physics: Physics
) -> tuple[gate_state.State, PackedRows, NDArray[np.bool_], Tables]:
    rows, bits, rng = problem(seed, count)
    made = tables(physics, CELLS)
    state = gate_state.State(random_gates(rng), rows, CELLS.area * physics.area_weight, rng, made)
    archive = gate_state.Archive(50, 2e5, 0.2)
    plan = gate_state.plan(seed, search.SHARES, [7, 1, 8, 14, 6, 9], 3.0)
    for _ in range(15):
        state.anneal(archive, plan, moves=500, price=1e-6 * count / 700, temperature=count / 30)
        state.check()
    assert sum(plan.kept) > 25
    return state, rows, bits, made


@pytest.mark.parametrize(("seed", "count"), [(0, 70), (1, 700), (2, 20_000), (3, 2_500)])
def test_incremental_power_is_what_the_report_says(seed: int, count: int) -> None:
    state, rows, bits, made = searched(seed, count, Physics(LEAKAGE, power_weight=80.0))
    gates = state.gates()
    assert made.leak is not None
    assert state.drain == drain(gates, rows, made.leak)
    assert made.power(state.drain, rows) == pytest.approx(reported_nw(gates, bits), rel=1e-6)
    assert row_count(rows) == count


def test_power_of_swapped_pins_is_that_of_the_cell_as_wired() -> None:
    """A cell whose pins are not alike, in functions that need it both ways round."""
    odd = CellType("ANDN", ("A", "B"), "Y", 0b0100)
    cells = library((*KINDS, odd), {**AREAS, "ANDN": 1.0})
    names = {kind.name for kind in cells.cells}
    leakage = {name: (1.0, 10.0) if name == "INVX1" else (1.0, 10.0, 100.0, 1000.0) for name in names}
    made = tables(Physics(leakage, 1.0), cells)
    assert made.leak is not None
    assert cells.swapped[0b0010] != cells.swapped[0b0100]
    assert made.leak[0b0100].tolist() == [1000, 10_000, 100_000, 1_000_000]
    assert made.leak[0b0010].tolist() == [1000, 100_000, 10_000, 1_000_000]


def test_no_kept_change_breaks_the_delay_limit_once_it_is_met() -> None:
    state, rows, _, made = searched(4, 700, MIXED)
    assert made.delay is not None
    first = 2 + len(rows.inputs)
    assert state.slowest == pytest.approx(slowest(state.gates(), first, made.delay))
    rng = np.random.default_rng(4)
    archive = gate_state.Archive(50, 2e5, 0.2)
    plan = gate_state.plan(5, search.SHARES, [7, 1, 8, 14, 6, 9], 3.0)
    for _ in range(40):
        before = state.slowest
        state.anneal(archive, plan, moves=100, price=0.0, temperature=float(rng.uniform(0, 100)))
        state.check()
        assert state.slowest <= max(9.0, before)
    found = np.flatnonzero(np.isfinite(archive.size))
    for step in found:
        assert slowest(archive.circuit(int(step)), first, made.delay) <= 9.0


@pytest.mark.parametrize("fault", ["static power", "delay"])
def test_the_check_sees_a_planted_fault(fault: str) -> None:
    rows, _, rng = problem(5, 300)
    state = gate_state.State(random_gates(rng), rows, CELLS.area, rng, tables(MIXED, CELLS))
    state.check()
    if fault == "static power":
        state._layout.total_drain += 1
    else:
        live = np.flatnonzero(state.nodes["role"] == gate_state.GATE)
        state._arrays["arrival"][live[0]] += 1
    with pytest.raises(RuntimeError, match=fault):
        state.check()


def table(seed: int, count: int) -> Rows:
    codes = np.random.default_rng(seed).integers(0, 16, (count, 3)).astype(np.uint8)
    labels = (codes[:, 0].astype(int) + codes[:, 1] > 15).astype(np.int64) + (codes[:, 2] > 9)
    return Rows(codes, labels.astype(np.int64))


def front(physics: Physics | None) -> tuple[search.Candidate, ...]:
    rows = table(0, 2000)
    development = Development("table", tuple("abc"), tuple("012"), (4, 4, 4), rows, table(1, 500))
    network = teacher.tree(teacher.WeightedRows(*rows, np.ones(2000, np.int64)), development, 40, seed=0)
    return search.search(
        tree.build(network, KINDS),
        rows,
        development.validation,
        areas=AREAS,
        rounds=10,
        settings=search.with_settings(effort=1e7, prices=(0.1, 5.0), sweep=5),
        physics=physics,
    )


def power_nw(netlist: Netlist) -> float:
    return static_power_mw(netlist, TECHNOLOGY, table(0, 2000).codes)["0.6"] * 1e6


def test_a_search_for_power_finds_cooler_circuits() -> None:
    by_area, by_power = front(None), front(Physics(LEAKAGE, power_weight=80.0, area_weight=0.1))
    for item in by_power:
        assert item.power == pytest.approx(power_nw(item.netlist), rel=1e-6)

    def coolest(found: tuple[search.Candidate, ...], accuracy: float) -> float:
        return min(power_nw(item.netlist) for item in found if item.scored >= accuracy)

    assert coolest(by_power, 0.94) < 0.9 * coolest(by_area, 0.94)


def test_a_search_within_a_delay_limit_hands_out_nothing_slower() -> None:
    limit = 10.0
    free, held = front(None), front(Physics(delays=DELAYS, delay_limit=limit))
    made = tables(Physics(delays=DELAYS), CELLS)
    assert made.delay is not None
    times = [[slowest(from_netlist(item.netlist), 14, made.delay) for item in found] for found in (free, held)]
    assert max(times[0]) > limit
    assert max(times[1]) <= limit
    assert len(held) > 3
    assert front(Physics(delays=DELAYS, delay_limit=-1.0)) == ()


def test_figures_that_are_missing_or_misshapen_are_refused() -> None:
    with pytest.raises(ValueError, match="no static power or delay of the cell INVX1"):
        tables(Physics({name: (1.0,) * 4 for name in LEAKAGE if name != "INVX1"}), CELLS)
    with pytest.raises(ValueError, match="one figure for each"):
        tables(Physics(dict.fromkeys(LEAKAGE, (1.0,))), CELLS)


def test_input_bits_are_those_of_the_ports() -> None:
    rows = table(0, 10)
    bits = input_bits(rows.codes, tuple(Port(name, 4) for name in "abc"))
    assert (bits[:, :4] @ (1 << np.arange(4)) == rows.codes[:, 0]).all()

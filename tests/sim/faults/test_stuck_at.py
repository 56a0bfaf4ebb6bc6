"""Stuck-at faults against a plain simulation that rewrites the netlist, and what is told of them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.netlists import evaluate
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.sim.faults import stuck_at

CELLS = (
    CellType("INV", ("A",), "Y", 0b01),
    CellType("NAND2", ("A", "B"), "Y", 0b0111),
    CellType("XOR2", ("A", "B"), "Y", 0b0110),
    CellType("MUX", ("A", "B", "S"), "Y", 0b11001010),
)


def random_netlist(seed: int, gates: int, widths: tuple[int, ...] = (2, 3), outputs: int = 2) -> Netlist:
    rng = np.random.default_rng(seed)
    ports = tuple(Port(f"x{k}", width) for k, width in enumerate(widths))
    first = 2 + sum(widths)
    kinds = rng.integers(0, len(CELLS), gates).astype(np.uint8)
    sources = np.zeros((gates, 3), np.int32)
    for g, kind in enumerate(kinds):
        pins = len(CELLS[kind].inputs)
        sources[g, :pins] = rng.integers(0, first + g, pins)
    last = rng.integers(max(0, first + gates - 6), first + gates, outputs).astype(np.int32)
    return Netlist(ports, (Port("label", outputs),), CELLS, kinds, sources, last)


def plainly(netlist: Netlist, codes: np.ndarray, node: int, gate: int, pin: int, value: int) -> np.ndarray:
    """Labels with one fault, by reading truth tables row by row."""
    found = []
    for row in codes:
        nodes = [0, 1]
        for port, code in zip(netlist.inputs, row, strict=True):
            nodes += [int(code) >> b & 1 for b in range(port.width)]
        if gate < 0 and node < len(nodes):
            nodes[node] = value
        for g, kind in enumerate(netlist.kinds):
            cell = netlist.cell_types[kind]
            pins = [nodes[s] for s in netlist.sources[g, : len(cell.inputs)]]
            if g == gate:
                pins[pin] = value
            out = cell.table >> sum(bit << k for k, bit in enumerate(pins)) & 1
            nodes.append(value if gate < 0 and node == len(nodes) else out)
        found.append(sum(nodes[n] << k for k, n in enumerate(netlist.output_nodes)))
    return np.array(found)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 130))
def test_every_fault_does_what_a_plain_simulation_says(seed: int, gates: int, rows: int) -> None:
    netlist = random_netlist(seed, gates)
    rng = np.random.default_rng(seed)
    codes = np.stack([rng.integers(0, 4, rows), rng.integers(0, 8, rows)], axis=1)
    labels = rng.integers(0, 4, rows)
    found = stuck_at.analyse(netlist, codes, labels)
    good = evaluate.labels(netlist, codes)
    assert found.sound == (good == labels).mean()
    every = found.faults
    for f in range(len(every)):
        bad = plainly(netlist, codes, every.node[f], every.gate[f], every.pin[f], every.value[f])
        assert found.detected[f] == (bad != good).sum()
        assert found.accuracy[f] == pytest.approx((bad == labels).mean())


def test_pins_of_nodes_with_one_reader_are_not_counted_twice() -> None:
    # label = not (a nand b): two inputs, two gates, no node with two readers.
    netlist = Netlist(
        (Port("a", 1), Port("b", 1)),
        (Port("label", 1),),
        CELLS,
        np.array([1, 0], np.uint8),
        np.array([[2, 3, 0], [4, 0, 0]], np.int32),
        np.array([5], np.int32),
    )
    assert len(stuck_at.stuck_at_faults(netlist)) == 8
    twice = replace(netlist, output_nodes=np.array([4], np.int32))
    assert len(stuck_at.stuck_at_faults(twice)) == 6  # the inverter is read by nothing


def test_the_test_set_shows_all_that_can_be_shown_and_misses_it_when_a_row_is_taken_away() -> None:
    netlist = random_netlist(3, 40, (4, 4))
    codes = np.stack(np.meshgrid(np.arange(16), np.arange(16)), axis=-1).reshape(-1, 2)
    labels = evaluate.labels(netlist, codes)
    whole = stuck_at.analyse(netlist, codes, labels)
    chosen = stuck_at.test_set(whole)
    assert len(chosen) < 40
    again = stuck_at.analyse(netlist, codes[chosen], labels[chosen])
    assert again.coverage == whole.coverage
    fewer = stuck_at.analyse(netlist, codes[chosen[1:]], labels[chosen[1:]])
    assert fewer.coverage < whole.coverage


def test_a_defect_rate_of_nothing_costs_nothing_and_a_high_one_much() -> None:
    netlist = random_netlist(5, 60, (4, 4))
    codes = np.stack(np.meshgrid(np.arange(16), np.arange(16)), axis=-1).reshape(-1, 2)
    labels = evaluate.labels(netlist, codes)
    sound = stuck_at.at_defect_rate(netlist, codes, labels, 0.0, draws=5)
    assert (sound.mean, sound.error, sound.usable) == (1.0, 0.0, 1.0)
    bad = stuck_at.at_defect_rate(netlist, codes, labels, 0.3, draws=200)
    assert bad.mean < 0.95 and bad.usable < 1
    assert bad == stuck_at.at_defect_rate(netlist, codes, labels, 0.3, draws=200)


def test_the_gate_before_the_only_output_is_the_most_critical() -> None:
    netlist = Netlist(
        (Port("a", 2),),
        (Port("label", 1),),
        CELLS,
        np.array([1, 0], np.uint8),
        np.array([[2, 3, 0], [4, 0, 0]], np.int32),
        np.array([5], np.int32),
    )
    codes = np.arange(4)[:, None]
    found = stuck_at.analyse(netlist, codes, evaluate.labels(netlist, codes))
    gates = stuck_at.critical_gates(netlist, found)
    assert {item["gate"] for item in gates} == {0, 1}
    assert gates[0]["accuracy"] == 0.25


def test_rows_without_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="rows with labels"):
        stuck_at.analyse(random_netlist(0, 3), np.zeros((0, 2), np.int64), np.zeros(0, np.int64))

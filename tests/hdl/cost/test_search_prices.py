"""What the gate-level search is told of a technology, against the reports' own figures."""

from dataclasses import replace

import numpy as np
import pytest

from inkling.approx.gates.packing import from_netlist, library
from inkling.approx.gates.physics import Physics, slowest, tables
from inkling.approx.quantise.networks import logistic
from inkling.approx.reference.netlist import Netlist, Port
from inkling.hdl.cells import egfet
from inkling.hdl.cost.search_prices import cell_delays_ms, in_time, physics, usable
from inkling.hdl.cost.timing import delay_ms
from inkling.hdl.mapping.starts import mapped, on_columns
from inkling.train.tables.dataset import Development
from inkling.train.tables.sources import load

TECHNOLOGY = egfet.technology()
CELLS = usable(TECHNOLOGY)
TYPES = tuple(cell.type for cell in CELLS)
AREAS = {cell.type.name: cell.area_um2 for cell in CELLS}


def chain(length: int, kind: str) -> Netlist:
    """Cells and inverters in turns, each fed by the one before on every pin."""
    types = tuple(cell.type for cell in CELLS if cell.type.name in (kind, "INVX1"))
    names = [one.name for one in types]
    kinds = [names.index(kind if k % 2 == 0 else "INVX1") for k in range(length)]
    sources = np.zeros((length, 2), np.int32)
    for k, one in enumerate(kinds):
        sources[k, : len(types[one].inputs)] = 2 + k
    ports = (Port("x", 1),), (Port("label", 1),)
    return Netlist(*ports, types, np.array(kinds, np.uint8), sources, np.array([2 + length], np.int32))


@pytest.mark.parametrize("kind", sorted(AREAS))
def test_cells_and_inverters_in_turns_are_no_slower_than_what_the_search_counts(kind: str) -> None:
    made = tables(Physics(delays=cell_delays_ms(TECHNOLOGY, CELLS)), library(TYPES, AREAS))
    assert made.delay is not None
    netlist = chain(12, kind)
    counted = slowest(from_netlist(netlist), 3, made.delay)
    assert max(delay_ms(netlist, TECHNOLOGY).values()) <= counted


def test_a_limit_holds_at_every_voltage() -> None:
    netlist = chain(20, "INVX1")
    delays = delay_ms(netlist, TECHNOLOGY)
    fast, slow = sorted(delays.values())
    assert fast < slow
    assert in_time(netlist, TECHNOLOGY, slow)
    assert not in_time(netlist, TECHNOLOGY, (fast + slow) / 2)
    assert in_time(netlist, TECHNOLOGY, 0)


def test_nothing_is_counted_where_nothing_is_asked_for_or_known() -> None:
    bare = replace(
        TECHNOLOGY,
        cells=tuple(
            replace(cell, corners={volts: replace(corner, arcs=()) for volts, corner in cell.corners.items()})
            for cell in TECHNOLOGY.cells
        ),
    )
    assert physics(TECHNOLOGY) is None
    assert physics(bare, delay_limit_ms=200) is None
    made = physics(bare, delay_limit_ms=200, power_weight=0.8)
    assert made is not None and made.delays is None and made.power_weight == pytest.approx(80)
    assert made.leakage == {cell.type.name: cell.corners["0.6"].static_power for cell in CELLS}


@pytest.fixture(scope="module")
def development() -> Development:
    return load("iris").development


def test_a_mapped_start_answers_as_its_network_on_the_tables_own_codes(development: Development) -> None:
    from inkling.approx.netlists.evaluate import labels

    network = logistic(development, weight_bits=2)
    # As networks that read leading bits alone, in another order than the table's.
    cut = tuple(replace(item, bits=item.bits - 1, drop=item.drop + 1) for item in reversed(network.inputs))
    narrow = replace(network, inputs=cut)
    for one in (network, narrow):
        start = mapped(one, development, TECHNOLOGY, TYPES)
        assert start.cell_types == TYPES
        assert [(port.name, port.width) for port in start.inputs] == list(
            zip(development.columns, development.input_bits, strict=True)
        )
        codes = development.train.codes
        assert np.array_equal(labels(start, codes), one.predict(codes))
        assert len(np.unique(one.predict(codes))) > 1


def test_a_cell_that_the_search_has_not_is_refused(development: Development) -> None:
    network = logistic(development, weight_bits=2)
    start = mapped(network, development, TECHNOLOGY, TYPES)
    with pytest.raises(ValueError, match="is not among those of the search"):
        on_columns(start, network, development, TYPES[:1])

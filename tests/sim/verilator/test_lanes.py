"""The verilated model in lanes: it is taken where it can be, says what the model says, and is checked against it."""

import sys
from pathlib import Path

import pytest

from inkling.approx.programs.process import ToolError
from inkling.hdl.circuits.verilog import behavioural
from inkling.sim.verdicts.vectors import reference, stimuli
from inkling.sim.verilator import bulk
from inkling.sim.verilator import lanes as verilator_lanes

sys.path.insert(0, str(Path(__file__).parents[1]))

from verilog_faults import mutants


@pytest.fixture(autouse=True)
def lanes_for_any_number(monkeypatch):
    monkeypatch.setattr(bulk, "LANES_FROM", 0)


def test_emitted_text_runs_in_lanes_and_rows_behind_the_last_whole_lane_count(network, tmp_path):
    values = stimuli(network, None, count=20_033).values
    assert len(values) % verilator_lanes.LANES
    assert bulk.verify(behavioural(network), network, values, keep=tmp_path).passed
    assert "namespace lanes" in (tmp_path / "lanes.h").read_text()


def test_a_changed_gate_shows_in_lanes_as_it_does_one_row_at_a_time(network, tmp_path):
    values = stimuli(network, None, count=40_000).values
    (faulty,) = mutants(behavioural(network), 1, seed=1)
    found = []
    for lanes in (True, False):
        place = tmp_path / str(lanes)
        place.mkdir()
        harness = bulk.build(faulty.text, network, place, time_limit_s=100, lanes=lanes)
        assert bool((place / "lanes.h").read_text()) == lanes
        found.append(bulk.drive(harness, network, values, time_limit_s=60)[0])
    # The first rows are done both ways by the harness itself.
    late = slice(20_000, None)
    assert (found[0] == found[1]).all() and (found[0][late, 0] != reference(network, values)[late]).any()


def test_lanes_that_differ_from_the_model_are_refused(network, tmp_path, monkeypatch):
    right = verilator_lanes.source

    def wrong(*arguments):
        text = right(*arguments)
        assert text is not None
        return text.replace("a.v | b.v", "a.v & b.v", 1)

    monkeypatch.setattr(verilator_lanes, "source", wrong)
    with pytest.raises(ToolError, match="lanes differs"):
        bulk.verify(behavioural(network), network, stimuli(network, None, count=5_000).values, keep=tmp_path)


def test_arithmetic_and_wide_wires_have_no_lanes(network, verilog, mapped, tmp_path):
    for number, text in enumerate((verilog, mapped)):
        place = tmp_path / str(number)
        assert bulk.verify(text, network, stimuli(network, None, count=1_000).values, keep=place).passed
        assert not (place / "lanes.h").read_text()

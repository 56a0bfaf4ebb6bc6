"""Mapping of clocked circuits: flip-flops are counted, cells compute the same, unknown registers are followed."""

from dataclasses import replace

import numpy as np
import pytest

import inkling.hdl.mapping.search
from inkling.approx.folding import search
from inkling.approx.programs.process import ToolError
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense
from inkling.designs.fold import check, fold, unknowns
from inkling.hdl.cells.egfet import technology
from inkling.hdl.folded.texts import folded_ports
from inkling.hdl.mapping.recipes import Plan, Recipe
from inkling.hdl.mapping.sequential import elaborate, emit, map_sequential
from inkling.train.errors import InputError

COUNTER = """
module top(input clk, input rst, input go, output [2:0] count);
  reg [2:0] q;
  always @(posedge clk) if (rst) q <= 0; else if (go) q <= q + 1;
  assign count = q;
endmodule
"""


def small() -> IntegerNetwork:
    rng = np.random.default_rng(2)
    one = Dense(rng.choice([0, 1, -1, 2, -4], (2, 6)), rng.integers(-9, 20, 2))
    two = Dense(rng.choice([0, 1, -2, 4], (3, 2)), rng.integers(-5, 6, 3))
    ports = tuple(Input(f"x{k}", k, 3) for k in range(6))
    return IntegerNetwork(ports, (one, ClippedReLU(1, 3), two, ArgMax()), 3)


@pytest.fixture(autouse=True)
def one_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """One short mapping run; which runs are worth making is tested with `inkling.hdl.mapping.search`."""
    once = Plan((Recipe("ifraig; dc2", ("amap -m",), 0),), (), 0, 0)
    monkeypatch.setattr(inkling.hdl.mapping.search, "plan", lambda gates, effort: once)


def test_flip_flops_are_counted_and_loads_and_resets_are_gates() -> None:
    logic, clock, count = elaborate(COUNTER)
    assert (clock, count) == ("clk", 3)
    assert [port.name for port in logic.inputs] == ["rst", "go", "state_q"]
    made = map_sequential(COUNTER, technology())
    cell = next(cell for cell in technology().other_cells if cell.name == "DFFX1")
    assert made.area_um2 == made.logic_um2 + 3 * cell.area_um2 and made.logic_um2 > 0
    text = emit(made)
    assert text.count("DFFX1 ff") == 3 and "module DFFX1" in text


def test_what_cannot_be_mapped_is_refused() -> None:
    with pytest.raises(InputError, match="0 clocks"):
        elaborate("module top(input a, output y); assign y = ~a; endmodule")
    latch = "module top(input clk, input d, output reg q); always @* if (clk) q = d; endmodule"
    with pytest.raises(ToolError, match="latches are not supported"):
        elaborate(latch)
    with pytest.raises(InputError, match="no storage cell 'DFF'"):
        map_sequential(COUNTER, technology(), flip_flop="DFF")


def test_a_folded_network_in_cells_passes_every_check_and_faults_do_not() -> None:
    network = small()
    made = fold(network, 10**4, technology(), candidates=2)
    assert made.best.mapped.area_um2 == min(one.mapped.area_um2 for one in made.tried) and len(made.tried) == 2
    vectors = np.random.default_rng(0).integers(0, 8, (1500, 6)).astype(np.uint8)
    verdicts = check(made.best, network, vectors, sample=5, mapped=1500)
    assert [verdict.route for verdict in verdicts] == [
        "verilator-folded",
        "verilator-folded-mapped",
        "amaranth-folded",
        "unknown-values",
    ]
    assert all(verdict.passed and verdict.vectors for verdict in verdicts), verdicts
    # A design whose reset does nothing: its outputs are unknown after it.
    logic = made.best.mapped.logic
    place = [port.name for port in logic.inputs].index("rst")
    rst = 2 + sum(port.width for port in logic.inputs[:place])
    sources = np.where(logic.sources == rst, 0, logic.sources)
    caught = unknowns(replace(logic, sources=sources), made.best.plan, network, vectors[:1])
    assert caught.mismatches and "before the reset" in caught.detail


def test_a_bound_that_no_schedule_keeps_is_told() -> None:
    with pytest.raises(InputError, match="the fastest takes"):
        fold(small(), 2, technology())


def test_names_of_the_control_are_never_inputs() -> None:
    network = small()
    inputs = tuple(
        replace(item, name=name)
        for item, name in zip(network.inputs, ["clk", "rst", "start", "done", "label", "x"], strict=True)
    )
    names = folded_ports(replace(network, inputs=inputs))
    assert names == ("col_clk", "col_rst", "col_start", "col_done", "col_label", "x")
    assert search.search(network, most_clocks=1000)

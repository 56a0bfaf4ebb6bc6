"""Mapped netlists compute what the Verilog says for every input; a changed gate and a wrong cell are seen."""

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.netlists import blif
from inkling.approx.netlists.evaluate import outputs
from inkling.approx.programs import process
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.hdl.cells.egfet import technology
from inkling.hdl.cells.liberty import load
from inkling.hdl.cells.verilog_writer import emit
from inkling.hdl.mapping import genlib
from inkling.hdl.mapping.abc_run import agree, map_once
from inkling.hdl.mapping.composites import expand
from inkling.hdl.mapping.elaboration import elaborate
from inkling.hdl.mapping.kept import Mapping
from inkling.hdl.mapping.recipes import Recipe, plan
from inkling.hdl.mapping.search import cheapest, map_netlist, map_verilog
from inkling.train.errors import InputError

EGFET = technology()

SUM = """
module top (a, unread, b, total, constant, copy);
  input [2:0] a;
  input [1:0] unread;
  input [2:0] b;
  output [3:0] total;
  output [1:0] constant;
  output copy;
  assign total = a + b;
  assign constant = 2'b10;
  assign copy = b[1];
endmodule
"""


@cache
def adder() -> Mapping:
    return map_verilog(SUM, EGFET)


def every(netlist: Netlist) -> np.ndarray:
    """All values of the input ports, int64 [2**bits, ports]."""
    axes = [np.arange(2**port.width) for port in netlist.inputs]
    return np.stack([grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")], axis=1)


def test_an_adder_for_every_input_with_every_port() -> None:
    mapping = adder()
    netlist = mapping.netlist
    assert netlist.inputs == (Port("a", 3), Port("unread", 2), Port("b", 3))
    assert netlist.outputs == (Port("total", 4), Port("constant", 2), Port("copy", 1))
    rows = every(netlist)
    found = outputs(netlist, rows)
    assert (found[:, 0] == rows[:, 0] + rows[:, 2]).all()
    assert (found[:, 1] == 2).all()
    assert (found[:, 2] == rows[:, 2] >> 1 & 1).all()
    # Two full adders of nine NAND2 and a half adder of four NAND2 and an inverter.
    assert mapping.area_um2 <= (2 * 9 + 4) * 247860 + 228420
    assert mapping.area_um2 <= min(mapping.areas)
    assert len(mapping.areas) == len(mapping.runs)
    names = [cell.type.name for cell in EGFET.cells]
    assert {kind.name for kind in netlist.cell_types} <= set(names)


def test_what_is_emitted_is_what_was_mapped() -> None:
    netlist = adder().netlist
    again = elaborate(emit(netlist))
    assert again.inputs == netlist.inputs
    assert (outputs(again, every(netlist)) == outputs(netlist, every(netlist))).all()


def test_the_same_seed_gives_the_same_text_whatever_the_processes() -> None:
    assert emit(map_netlist(elaborate(SUM), EGFET, processes=2).netlist) == emit(adder().netlist)


def test_power_as_the_objective_costs_less_power() -> None:
    figures = {}
    for objective, mapped in (("area", adder()), ("power", map_netlist(elaborate(SUM), EGFET, objective="power"))):
        kinds = mapped.netlist.kinds.tolist()
        mean = [EGFET.cell(k.name).corners["1.0"].mean_static_power for k in mapped.netlist.cell_types]
        figures[objective] = (sum(mean[kind] for kind in kinds), mapped.area_um2)
    assert figures["power"][0] <= figures["area"][0]
    assert figures["area"][1] <= figures["power"][1]


def test_a_library_of_nand_alone(tmp_path: Path) -> None:
    path = tmp_path / "nand.lib"
    path.write_text(
        "library (nand) { nom_voltage : 1;\n cell (ND2) { area : 1e6; pin (a) { direction : input; }\n"
        'pin (b) { direction : input; }\n pin (q) { direction : output; function : "(a b)\'"; } } \n'
        "cell (IV) { area : 8e5; pin (a) { direction : input; }\n"
        'pin (q) { direction : output; function : "!a"; } } }'
    )
    netlist = map_verilog(SUM, load(path)).netlist
    assert {kind.name for kind in netlist.cell_types} <= {"ND2", "IV"}
    rows = every(netlist)
    assert (outputs(netlist, rows)[:, 0] == rows[:, 0] + rows[:, 2]).all()


def test_a_circuit_of_wires_and_constants_needs_no_gate() -> None:
    mapping = map_verilog(
        "module top (input [1:0] x, output [2:0] y);\n assign y = {x[0], 1'b1, x[1]};\nendmodule", EGFET
    )
    assert (mapping.area_um2, len(mapping.netlist.kinds)) == (0, 0)
    assert outputs(mapping.netlist, np.array([[1], [2]])).tolist() == [[0b110], [0b011]]


def test_a_changed_gate_is_seen() -> None:
    netlist = adder().netlist
    assert agree(netlist, netlist, 0)
    for gate in range(len(netlist.kinds)):
        kind = netlist.cell_types[netlist.kinds[gate]]
        turned = replace(kind, name="TURNED", table=kind.table ^ (1 << 2 ** len(kind.inputs)) - 1)
        kinds = netlist.kinds.copy()
        kinds[gate] = len(netlist.cell_types)
        assert not agree(netlist, replace(netlist, kinds=kinds, cell_types=(*netlist.cell_types, turned)), 0)


def test_a_cell_that_lies_about_its_function_is_caught() -> None:
    prices = {cell.type.name: cell.area_um2 for cell in EGFET.cells}
    cells = cheapest(EGFET.cells, prices)
    # The mapper is told of a NAND where reading back knows an AND.
    library = genlib.write((cell, prices[cell.name]) for cell in cells)
    wrong = [replace(cell, table=0b1000) if cell.name == "NAND2X1" else cell for cell in cells]
    recipe = Recipe("dc2", ("amap -m",), 0)
    assert map_once(elaborate(SUM), recipe, cells, library, seed=0, time_limit_s=20)
    with pytest.raises(process.ToolError, match="changed the function"):
        map_once(elaborate(SUM), recipe, wrong, library, seed=0, time_limit_s=20)


def test_storage_is_refused() -> None:
    text = "module top (input clk, input d, output reg q);\n always @(posedge clk) q <= d;\nendmodule"
    with pytest.raises(InputError, match="without storage"):
        map_verilog(text, EGFET)


def test_text_that_is_no_verilog_is_a_failure_of_the_tool() -> None:
    with pytest.raises(process.ToolError):
        map_verilog("modul top; endmodule", EGFET)


def test_a_limit_that_is_too_short_is_said() -> None:
    with pytest.raises(process.ToolError) as caught:
        map_netlist(elaborate(SUM), EGFET, time_limit_s=1e-6)
    assert caught.value.timed_out


def test_the_cheapest_cell_of_each_function_is_offered() -> None:
    nand = EGFET.cell("NAND2X1")
    dear = replace(nand, type=replace(nand.type, name="NAND2X4"), area_um2=9e5)
    buffer = replace(nand, type=CellType("BUF", ("A",), "Y", 0b10), area_um2=1.0)
    cells = (dear, buffer, *EGFET.cells)
    offered = cheapest(cells, {cell.type.name: cell.area_um2 for cell in cells})
    assert sorted(kind.name for kind in offered) == sorted(cell.type.name for cell in EGFET.cells)


def test_adders_taken_apart_compute_what_their_cells_say() -> None:
    cells = [cell.type for cell in EGFET.cells]
    text = expand(".gate _full_adder_ a=i0 b=i1 c=i2 co=o1 s=o0\n.gate _half_adder_n_ a=i0 b=i1 n=o2", cells)
    netlist = blif.read(text, cells, [Port("x", 3)], [Port("y", 3)], "test")
    assert len(netlist.kinds) == 9 + 1  # of the half adder only the NAND2 is read
    found = outputs(netlist, np.arange(8)[:, None])[:, 0]
    for x in range(8):
        ones = (x & 1) + (x >> 1 & 1) + (x >> 2)
        assert found[x] & 3 == ones
        assert found[x] >> 2 == (x & 3 != 3)


def test_genlib_divides_areas_and_writes_functions() -> None:
    lines = genlib.write([(EGFET.cell("INVX1").type, 228420.0), (EGFET.cell("XOR2X1").type, 456840.0)]).splitlines()
    assert "GATE INVX1 1.000000 Y=(!A);" in lines
    assert "GATE XOR2X1 2.000000 Y=(A1*!A2)+(!A1*A2);" in lines


@pytest.mark.parametrize("gates", [10, 500, 3000, 30_000])
def test_more_effort_is_never_fewer_runs(gates: int) -> None:
    plans = [plan(gates, effort) for effort in ("quick", "standard", "thorough")]
    assert len({len(one.first) + len(one.again) * one.rounds for one in plans}) == 3
    for less, more in pairwise(plans):
        assert len(less.first) <= len(more.first)
        assert less.rounds <= more.rounds

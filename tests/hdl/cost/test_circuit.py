"""Area, power and delay of a circuit of three gates by hand; delays against OpenSTA where it is installed."""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.programs import process
from inkling.approx.reference.netlist import Netlist, Port
from inkling.hdl.cells import liberty_writer
from inkling.hdl.cells.egfet import technology
from inkling.hdl.cells.liberty import load
from inkling.hdl.cells.technology import Table
from inkling.hdl.cells.verilog_writer import emit
from inkling.hdl.cost.circuit import cost
from inkling.hdl.cost.power import state_shares
from inkling.hdl.cost.timing import delay_ms
from inkling.train.errors import InputError

EGFET = technology()
ROWS = np.array([[0, 0], [1, 1], [1, 0], [1, 1]], np.uint8)


def circuit(gates: list[tuple[str, int, int]], outputs: list[int], bits: int = 2) -> Netlist:
    """Inputs x0, x1, ... of one bit; nodes 2, 3, ... are the inputs, then the gates; the outputs are y0, y1, ..."""
    types = tuple(cell.type for cell in EGFET.cells)
    names = [kind.name for kind in types]
    return Netlist(
        tuple(Port(f"x{k}", 1) for k in range(bits)),
        tuple(Port(f"y{k}", 1) for k in range(len(outputs))),
        types,
        np.array([names.index(name) for name, *_ in gates], np.uint8),
        np.array([sources for _, *sources in gates], np.int32).reshape(-1, 2),
        np.array(outputs, np.int32),
    )


THREE = circuit([("NAND2X1", 2, 3), ("INVX1", 4, 0), ("NOR2X1", 5, 3)], [6])


def test_three_gates_by_hand() -> None:
    found = cost(THREE, EGFET, ROWS)
    assert found.cells == {"INVX1": 1, "NAND2X1": 1, "NOR2X1": 1}
    assert found.gates == 3
    assert found.area_cm2 == pytest.approx((247860 + 228420 + 399500) / 1e8)
    nand = (248.054 + 18569.1 + 391.073 + 18569.1) / 4
    inverter = (19283.8 + 491.103 + 19283.8 + 491.103) / 4
    nor = (958.699 + 19640.1 + 958.699 + 19640.1) / 4
    assert found.static_power_mw["1.0"] == pytest.approx((nand + inverter + nor) * 1e-6)
    assert found.static_power_mw["0.6"] < found.static_power_mw["1.0"]


def test_state_shares_do_not_count_rows_that_are_not_there() -> None:
    rows = np.ones((70, 2), np.uint8)
    for kind, shares in zip(THREE.cell_types, state_shares(THREE, rows), strict=True):
        assert shares.shape[1] == 2 ** len(kind.inputs)
        assert shares.sum(axis=1) == pytest.approx(np.ones(len(shares)))


def test_power_of_many_rows_is_that_of_one_repeated() -> None:
    many = np.repeat(ROWS, 20_000, axis=0)
    assert cost(THREE, EGFET, many).static_power_mw == pytest.approx(cost(THREE, EGFET, ROWS).static_power_mw)


def test_inverter_delay_by_hand() -> None:
    # Rise at slew 0 and load 0: first along the load in the two upper rows, then along the slew.
    upper = 932000 - 10000 * (1114120 - 932000) / 5000
    lower = 930197 - 10000 * (1112440 - 930197) / 5000
    assert delay_ms(circuit([("INVX1", 2, 0)], [4]), EGFET)["1.0"] == pytest.approx((upper - (lower - upper)) * 1e-6)


def test_load_and_depth_make_a_circuit_slower() -> None:
    one = delay_ms(circuit([("INVX1", 2, 0)], [4]), EGFET)
    loaded = delay_ms(circuit([("INVX1", 2, 0), ("INVX1", 4, 0)], [4]), EGFET)
    two = delay_ms(circuit([("INVX1", 2, 0), ("INVX1", 4, 0)], [5]), EGFET)
    for voltage in EGFET.voltages:
        assert one[voltage] < loaded[voltage] < two[voltage]


def test_a_circuit_without_gates_costs_nothing() -> None:
    found = cost(circuit([], [2, 1]), EGFET, ROWS)
    assert (found.area_cm2, found.gates, found.cells) == (0, 0, {})
    assert found.delay_ms == {"1.0": 0, "0.6": 0}


def test_an_unknown_cell_is_named() -> None:
    stranger = replace(THREE.cell_types[0], name="MAJ3")
    with pytest.raises(InputError, match="no cell 'MAJ3'"):
        cost(replace(THREE, cell_types=(stranger, *THREE.cell_types[1:])), EGFET, ROWS)


def test_look_up_meets_every_step_and_goes_on_in_straight_lines() -> None:
    table = Table((1.0, 2.0, 5.0), (10.0, 20.0), ((1.0, 2.0), (3.0, 5.0), (9.0, 14.0)))
    assert table.look_up(2, 20) == 5
    assert table.look_up(5, 10) == 9
    assert table.look_up(1.5, 15) == pytest.approx((1 + 2 + 3 + 5) / 4)
    assert table.look_up(8, 10) == pytest.approx(15)
    assert table.look_up(1, 0) == pytest.approx(0)
    assert Table((0.0,), (0.0,), ((7.0,),)).look_up(99, 99) == 7


def libraries(folder: Path) -> dict[str, Path]:
    """The published files where they are at hand, else what the project writes."""
    given = Path(os.environ.get("INKLING_EGFET", Path(__file__).parents[3] / ".." / "shared" / "egfet"))
    files = {voltage: given / f"egfet_{voltage}v.lib" for voltage in EGFET.voltages}
    if not all(path.is_file() for path in files.values()):
        for voltage in files:
            files[voltage] = folder / f"{voltage}.lib"
            files[voltage].write_text(liberty_writer.write(EGFET, voltage))
    return files


@pytest.mark.skipif(shutil.which("sta") is None, reason="OpenSTA is not installed")
def test_delays_are_those_of_opensta(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    names = [cell.type.name for cell in EGFET.cells]
    gates = [(names[rng.integers(7)], *rng.integers(max(2, k - 6), 6 + k, 2).tolist()) for k in range(60)]
    netlist = circuit(gates, list(range(60, 66)), bits=4)
    (tmp_path / "in.v").write_text(emit(netlist, models=False))
    found = delay_ms(netlist, EGFET)
    for voltage, library in libraries(tmp_path).items():
        (tmp_path / "commands.tcl").write_text(
            f"read_liberty {{{library.resolve()}}}\nread_verilog in.v\nlink_design top\n"
            "report_checks -unconstrained -path_delay max -digits 6\nexit\n"
        )
        text = process.run(["sta", "-exit", "-no_splash", "commands.tcl"], time_limit_s=60, cwd=tmp_path).stdout
        arrival = re.search(r"([0-9.]+)\s+data arrival time", text)
        assert arrival is not None, text
        assert found[voltage] == pytest.approx(float(arrival[1]) * 1e-6, rel=0.02)


@pytest.mark.parametrize("voltage", EGFET.voltages)
def test_written_liberty_reads_back(voltage: str, tmp_path: Path) -> None:
    path = tmp_path / "cells.lib"
    path.write_text(liberty_writer.write(EGFET, voltage))
    again = load(path)
    assert again.voltages == (voltage,)
    for cell in EGFET.cells:
        assert again.cell(cell.type.name).corners[voltage] == cell.corners[voltage]
        assert again.cell(cell.type.name).type == cell.type

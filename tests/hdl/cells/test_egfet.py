"""The built-in technology against the published Liberty files, and a wrong figure that must be seen."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from inkling.hdl.cells.egfet import technology
from inkling.hdl.cells.liberty import load
from inkling.hdl.cells.technology import Technology

FOLDER = Path(os.environ.get("INKLING_EGFET", Path(__file__).parents[3] / ".." / "shared" / "egfet"))
FILES = [FOLDER / f"egfet_{voltage}v.lib" for voltage in technology().voltages]
published = pytest.mark.skipif(not all(path.is_file() for path in FILES), reason="the Liberty files are not here")


def differences(table: Technology, files: Technology) -> list[str]:
    """Names of the cells of the table whose figures are not those of the files."""
    known = {cell.type.name: cell for cell in files.cells}
    wrong = [cell.type.name for cell in table.cells if known.get(cell.type.name) != cell]
    others = {cell.name: (cell.area_um2, cell.static_power_nw) for cell in files.other_cells}
    return wrong + [c.name for c in table.other_cells if others.get(c.name) != (c.area_um2, c.static_power_nw)]


@published
def test_every_figure_is_the_published_one() -> None:
    assert differences(technology(), load(*FILES)) == []
    assert len(technology().cells) == 7


@published
def test_a_wrong_figure_is_seen() -> None:
    table = technology()
    nand = table.cell("NAND2X1")
    corner = replace(nand.corners["0.6"], static_power=(89.4736, 125.429, 176.529, 5598.62))
    wrong = replace(nand, corners={**nand.corners, "0.6": corner})
    changed = replace(table, cells=tuple(wrong if cell is nand else cell for cell in table.cells))
    assert differences(changed, load(*FILES)) == ["NAND2X1"]


def test_functions_are_what_the_names_say() -> None:
    tables = {cell.type.name: cell.type.table for cell in technology().cells}
    assert tables == {
        "INVX1": 0b01,
        "NAND2X1": 0b0111,
        "NOR2X1": 0b0001,
        "AND2X1": 0b1000,
        "OR2X1": 0b1110,
        "XOR2X1": 0b0110,
        "XNOR2X1": 0b1001,
    }

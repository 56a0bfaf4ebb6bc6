"""A search for cells that was finished is read again for the same question, and for no other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import inkling.hdl.mapping.search
from inkling.approx.reference import netlist_files
from inkling.hdl.cells.egfet import technology
from inkling.hdl.mapping.elaboration import elaborate
from inkling.hdl.mapping.search import map_netlist

TEXT = "module top(input [2:0] a, input [2:0] b, output label); assign label = a < b; endmodule\n"


def test_what_is_kept_is_what_was_found_and_is_not_searched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    circuit, cells = elaborate(TEXT), technology()
    found = map_netlist(circuit, cells, effort="trial", kept=tmp_path / "kept")
    (path,) = (tmp_path / "kept").iterdir()

    def never(*_: object, **__: object) -> None:
        raise AssertionError("searched again")

    with monkeypatch.context() as patch:
        patch.setattr(inkling.hdl.mapping.search, "map_once", never)
        again = map_netlist(circuit, cells, effort="trial", kept=tmp_path / "kept")
        assert netlist_files.to_json(again.netlist) == netlist_files.to_json(found.netlist)
        assert (again.area_um2, again.areas, again.runs, again.late) == (
            found.area_um2, found.areas, found.runs, found.late
        )  # fmt: skip
        assert again.netlist.sources.dtype == found.netlist.sources.dtype
        assert np.array_equal(again.netlist.kinds, found.netlist.kinds)
        for other in ({"seed": 1}, {"objective": "power"}):
            with pytest.raises(AssertionError, match="searched again"):
                map_netlist(circuit, cells, effort="trial", kept=tmp_path / "kept", **other)  # type: ignore[arg-type]
        with pytest.raises(AssertionError, match="searched again"):
            map_netlist(circuit, replace(cells, cells=cells.cells[:-1]), effort="trial", kept=tmp_path / "kept")
    path.write_text(path.read_text()[:-40])  # cut short: searched again, no error
    assert map_netlist(circuit, cells, effort="trial", kept=tmp_path / "kept").area_um2 == found.area_um2

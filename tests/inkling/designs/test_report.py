"""`inkling report` from files alone, what pages carry, pages of fields and regressions, and tab completion."""

import dataclasses
import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkling.approx.fields.random_field import random_field
from inkling.approx.reference.coding import encode
from inkling.approx.reference.field import layered
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.operations import Dense
from inkling.cli.app import complete_effort, complete_table
from inkling.designs.report import rebuild
from inkling.fields.view import open_distance
from inkling.hdl.cells.egfet import technology
from inkling.reports.page import field as field_page
from inkling.reports.page.classifier import write
from inkling.reports.results.circuit import UsedInput, describe, parts
from inkling.reports.results.field import FieldReport
from inkling.reports.results.field import read as read_field
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report, read
from inkling.runs import regression
from inkling.runs.archive import archives
from inkling.train.errors import InputError

HOSTILE = "<script>alert(1)</script>\"'><img src=x>"
NAND, XOR = CellType("NAND2X1", ("A", "B"), "Y", 0b0111), CellType("XOR2X1", ("A", "B"), "Y", 0b0110)


def netlist() -> Netlist:
    """label = (a[1] nand b[0]) xor a[1]; a[0] is not read."""
    return Netlist(
        (Port("a", 2), Port("b", 1)),
        (Port("label", 1),),
        (NAND, XOR),
        np.array([0, 1], np.uint8),
        np.array([[3, 4], [5, 3]], np.int32),
        np.array([6], np.int32),
    )


def inputs() -> list[UsedInput]:
    return [UsedInput("column b", "b", 1, (), 0.0, 1.0), UsedInput("column a", "a", 2, (), -1.0, 3.5)]


def run_folder(folder: Path) -> Path:
    """A run of one design, as `inkling run` would have left it."""
    point = Point(
        "gates-1", "gate-level search", (5,), {"train": 0.9, "validation": 0.8, "test": 0.7}, 0.7, 0.02, 0.001,
        {"1.0": 0.05, "0.6": 0.02}, {"1.0": 1.0, "0.6": 4.0}, 2, 2, 3, True,
    )  # fmt: skip
    circuit = describe(netlist(), technology(), inputs(), {"1.0": 0.05, "0.6": 0.02}, "")
    verdict = {"route": "c", "subject": "kernel.c", "reference": "network", "vectors": 10, "mismatches": 0,
               "counter_example": None, "proven": False, "detail": ""}  # fmt: skip
    report = Report(
        "valves", {"train": 10, "validation": 5, "test": 5}, 0.5, (), (point,), technology="EGFET",
        verdicts={"gates-1": (verdict,)}, circuits={"gates-1": circuit}, classes=("x", "y"),
        bits={"column a": 2, "column b": 1},
    )  # fmt: skip
    design = folder / "designs" / "gates-1"
    design.mkdir(parents=True)
    (design / "top.v").write_text("module top; endmodule\n")
    (design / "verdict.json").write_text(json.dumps([verdict]))
    write(report, folder, archives(folder / "designs"))
    return folder


def test_what_a_netlist_is_made_of_is_told_by_port_names() -> None:
    found = describe(netlist(), technology(), inputs(), {"1.0": 1.0}, "")
    assert [(item.column, item.read) for item in found.inputs] == [("column a", (1,)), ("column b", (0,))]
    assert {cell.name: cell.count for cell in found.cells} == {"NAND2X1": 1, "XOR2X1": 1}
    areas = {cell.type.name: cell.area_um2 * 1e-8 for cell in technology().cells}
    assert sum(cell.area_cm2 for cell in found.cells) == pytest.approx(areas["NAND2X1"] + areas["XOR2X1"])
    assert found.schematic is not None and found.schematic.gates == (("NAND2X1", (3, 4)), ("XOR2X1", (5, 3)))


def test_area_is_shared_out_by_the_operators_of_each_part() -> None:
    text = (
        "  assign sharedlayer0_c1 = a[0] & (b | c);\n  assign sharedlayer0_c2 = a ^ b;\n"
        "  assign sharedlayer1_c1 = a & b;\n  assign argmax2_y = ~a;\n  assign label = argmax2_y & a;\n"
    )
    found = parts(text, 1.2)
    assert [(item.name, item.count) for item in found] == [("sums of layer 1", 3), ("sums of layer 2", 1)]
    assert [item.area_cm2 for item in found] == pytest.approx([1.2 * 5 / 6, 1.2 / 6])
    assert parts("  assign gates0_g1 = a & b;\n", 1.0) == ()


def test_a_run_is_told_again_with_what_came_since(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    before = (folder / "report.html").read_bytes(), (folder / "report.json").read_bytes()
    rebuild(folder)
    assert ((folder / "report.html").read_bytes(), (folder / "report.json").read_bytes()) == before
    design = folder / "designs" / "gates-1"
    faults = {"measure": "accuracy", "rows": 5, "faults": 4, "coverage": 0.75, "sound": 0.7,
              "mean_under_one_fault": 0.6, "worst_under_one_fault": 0.25, "more": "is ignored"}  # fmt: skip
    (design / "faults.json").write_text(json.dumps(faults))
    verdicts = json.loads((design / "verdict.json").read_text())
    (design / "verdict.json").write_text(json.dumps([{**verdicts[0], "mismatches": 3, "seconds": 0.5}]))
    table = {"schema": "inkling.converters/1", "technology": "T", "source": "a paper",
             "bits": {"1": {"area_cm2": 0.5, "power_mw": 1}, "2": {"area_cm2": 0.75, "power_mw": 2}}}  # fmt: skip
    (tmp_path / "adc.json").write_text(json.dumps(table))
    rebuild(folder, converters=tmp_path / "adc.json")
    report = read(folder / "report.json")
    (point,) = report.points
    assert (point.converters_area_cm2, point.converters_power_mw, point.verified) == (1.25, 3.0, False)
    assert report.circuits["gates-1"].faults is not None and report.circuits["gates-1"].faults.faults == 4
    assert report.verdicts["gates-1"][0]["mismatches"] == 3
    html = (folder / "report.html").read_text()
    assert "25.0\xa0%" in html and "a paper" in html and "3 wrong of 10" in html
    first = html
    rebuild(folder)
    assert (folder / "report.html").read_text() == first


FIELD = {"schema": "inkling.field/1", "name": "x", "meaning": "sdf", "model": "grid", "steps": 1, "stopped": False,
         "bytes": 1, "bytes_in_memory": 1, "bytes_per_entry": 1, "verdicts": []}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("designs/gates-1/faults.json", '{"measure": 3}'),
        ("designs/gates-1/faults.json", "{"),
        ("designs/gates-1/verdict.json", "7"),
        ("designs/gates-1/verdict.json", '[{"route": 1}]'),
        ("report.json", '{"schema": "inkling.unknown/1"}'),
        ("report.json", '{"schema": "inkling.regression/1"}'),
        ("report.json", '{"schema": "inkling.field/1", "name": 4}'),
        ("report.json", json.dumps({**FIELD, "note": [1]})),
        ("report.json", json.dumps({**FIELD, "psnr_integer_db": "31"})),
        ("report.json", json.dumps({**FIELD, "verdicts": [{"route": "c"}]})),
        ("report.json", "[]"),
        ("report.json", ""),
    ],
)
def test_a_spoiled_file_is_one_line_and_leaves_the_page(tmp_path: Path, name: str, text: str) -> None:
    folder = run_folder(tmp_path / "run")
    before = (folder / "report.html").read_bytes()
    (folder / name).write_text(text)
    with pytest.raises(InputError) as error:
        rebuild(folder)
    assert "\n" not in str(error.value) and (folder / "report.html").read_bytes() == before


def test_designs_are_packed_with_equal_bytes_and_links_are_left_out(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run") / "designs"
    (folder / "gates-1" / "secret").symlink_to("/etc/passwd")
    (folder / "vast").mkdir()
    (folder / "vast" / "noise").write_bytes(np.random.default_rng(0).bytes(500_000))
    found = archives(folder)
    assert set(found) == {"gates-1"} and archives(folder) == found
    names = zipfile.ZipFile(BytesIO(found["gates-1"])).namelist()
    assert names == ["gates-1/top.v", "gates-1/verdict.json"]
    assert archives(tmp_path / "none") == {}


def field_report(**changes: Any) -> FieldReport:
    verdict = {"route": HOSTILE, "subject": HOSTILE, "reference": HOSTILE, "vectors": 5, "mismatches": 0,
               "counter_example": None, "proven": False, "detail": HOSTILE}  # fmt: skip
    report = FieldReport(HOSTILE, HOSTILE, HOSTILE, 3, False, 900, 1000, 500.0, HOSTILE, {"psnr_integer_db": 31.25},
                         (verdict,), {"note": HOSTILE}, {"lanes": 3})  # fmt: skip
    return dataclasses.replace(report, **changes)


def test_a_fields_page_is_made_again_from_its_files(tmp_path: Path) -> None:
    pictures = [("the picture", b"PNG one"), ("the field", b"PNG two")]
    html = field_page.page(field_report(), pictures)
    assert "<script>alert" not in html and "<img src=x" not in html and "unsafe" not in html and "31.25" in html
    (tmp_path / "report.json").write_text(json.dumps(field_report().to_json()))
    assert read_field(tmp_path / "report.json") == field_report()
    field_page.keep(pictures, tmp_path)
    rebuild(tmp_path)
    assert (tmp_path / "report.html").read_text() == html and html.count("data:image/png;base64,") == 2
    bad = {**field_report().verdicts[0], "mismatches": 2}
    assert "Some route differs" in field_page.page(field_report(verdicts=(bad,)), [])


def test_what_a_view_calls_open_is_what_the_field_calls_visible() -> None:
    field = random_field(3, entries=2)
    last = field.dense[-1]
    # Answers that stand for metres.
    nearer = Dense(last.weights, np.full(1, 269_000 << 3))
    field = dataclasses.replace(
        field, graph=layered(field.reads, field.coordinates, (*field.layers[:-2], nearer, field.layers[-1]))
    )
    directions = np.random.default_rng(0).normal(size=(400, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    distance = open_distance(field, 1, directions)
    assert np.ptp(distance) > 1
    for factor, expected in ((0.99, True), (1.01, False)):
        u, v, code = encode(directions * distance[:, None] * factor, field.coding)
        seen = field.visible(np.full(400, 1), u, v, code)
        # The direction's code may move by one where an offset is scaled; few answers change by that.
        assert (seen == expected).mean() > 0.97


def test_errors_of_a_regression() -> None:
    truth = np.array([0.0, 1.0, 2.0, 3.0])
    found = regression.errors(truth, truth, truth + np.array([0.5, -0.5, 0.5, -0.5]))
    assert vars(found) == {"rmse_float": 0.0, "r2_float": 1.0, "rmse_integer": 0.5, "r2_integer": 0.8}


def test_completion_offers_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "irrigation.csv").write_text("")
    monkeypatch.chdir(tmp_path)
    assert complete_effort("s") == ["standard"]
    assert complete_table("ir") == ["iris", "irrigation.csv"]

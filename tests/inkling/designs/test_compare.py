"""Runs side by side with the cost of converters; tables that list things, as JSON too; what the doctor finds."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inkling.cli import doctor
from inkling.cli.listing import show_comparison, show_datasets, show_doctor, show_technologies
from inkling.designs.compare import compare, write_page
from inkling.reports.page.classifier import write
from inkling.reports.results.converters import read
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report
from inkling.reports.results.report import read as read_report
from inkling.train.errors import InputError

TABLE = {
    "schema": "inkling.converters/1",
    "technology": "an example",
    "source": "made up for this test",
    "bits": {"2": {"area_cm2": 0.25, "power_mw": 0.5}, "4": {"area_cm2": 1.0, "power_mw": 2.0}},
}


def point(name: str, area: float) -> Point:
    figures = {"1.0": 2.0, "0.6": 1.0}
    accuracy = {"train": 0.9, "validation": 0.8, "test": 0.85}
    return Point(name, "gates", (5,), accuracy, 0.8, area, 0.0, figures, figures, 9, 2, 6, True)


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Two runs of one point each, whose inputs have 2 and 4 bits, and 4 and 4 bits; the first has a rival."""
    found = []
    for name, area, bits in (("a", 2.0, (2, 4)), ("b", 1.0, (4, 4))):
        folder = tmp_path / name
        (folder / "designs" / "point").mkdir(parents=True)
        ports = [{"port": f"x{k}", "bits": b} for k, b in enumerate(bits)]
        (folder / "designs" / "point" / "design.json").write_text(json.dumps({"inputs": ports}))
        rivals = (point("tree", 3.0),) if name == "a" else ()
        rows = {"train": 3, "validation": 2, "test": 2}
        write(Report("iris", rows, 0.5, rivals, (point("point", area),), fingerprint=name), folder)
        found.append(folder)
    return found


def test_points_stand_by_area_with_what_their_converters_cost(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "adc.json").write_text(json.dumps(TABLE))
    lines, doubts = compare(runs, read(tmp_path / "adc.json"))
    assert [(Path(line.run).name, line.point.name) for line in lines] == [
        ("b", "point"),
        ("a", "point"),
        ("a", "tree"),
    ]
    costs = [None if line.converters is None else line.converters.area_cm2 for line in lines]
    assert costs == [2.0, 1.25, None]
    assert len(doubts) == 1
    assert "different test rows" in doubts[0]
    assert all(line.converters is None for line in compare(runs, None)[0])
    show_comparison(runs, tmp_path / "adc.json", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["points"][0]["converters_power_mw"] == 4.0
    assert data["converters"]["source"] == "made up for this test"
    show_comparison(runs, None)
    assert "converters" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"schema": "x"}, "schema"),
        ({"source": " "}, "source"),
        ({"bits": {}}, "empty"),
        ({"bits": {"9": {"area_cm2": 1, "power_mw": 1}}}, "1 to 8"),
        ({"bits": {"4": {"area_cm2": -1, "power_mw": 1}}}, "area_cm2"),
        ({"bits": {"4": {"area_cm2": 1, "power_mw": 1}}}, "lack one of 2 bits"),
    ],
)
def test_a_wrong_table_of_converters_is_named(runs: list[Path], tmp_path: Path, changed: Any, named: str) -> None:
    (tmp_path / "adc.json").write_text(json.dumps(TABLE | changed))
    with pytest.raises(InputError, match=named):
        compare(runs, read(tmp_path / "adc.json"))


def test_the_doctor_finds_what_is_there_and_tells_what_is_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert show_doctor(as_json=True)
    found = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert found["yosys-abc"]["found"]
    assert found["torch"]["version"]
    monkeypatch.setitem(doctor.PACKAGES, "no-such-package", "install it")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert not show_doctor()
    lacking = {item.name: item.cure for item in doctor.examine() if not item.found}
    assert lacking["no-such-package"] == "install it"
    assert "compiler" in lacking["c++"]


def test_lists_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    show_datasets(as_json=True)
    assert {"iris", "pendigits"} <= {item["name"] for item in json.loads(capsys.readouterr().out)}
    show_technologies([], as_json=True)
    (egfet,) = json.loads(capsys.readouterr().out)
    assert "NAND2X1" in egfet["cells"]
    bespoke, encoded = egfet["converters"]
    assert bespoke["name"] != encoded["name"]
    parts = " ".join(bespoke["parts"])
    assert all(words in parts for words in ("comparator, 0.032 mm2", "published", "presumed", "measured"))


def test_the_doctor_tells_what_extras_are_for_and_runs_need_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "missing", lambda name: ("no-such-package",) if name == "cluster" else ())
    monkeypatch.setattr(doctor, "advice", lambda name: "pip install no-such-package")
    assert show_doctor()
    text = capsys.readouterr().out
    assert "campaigns: `inkling explore`" in text and "; pip install no-such-package" in text


def test_whole_nodes_stand_by_their_area(
    runs: list[Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    figures = {"1.0": 3.0, "0.6": 2.0}
    for folder, converters in zip(runs, (0.5, 4.0), strict=True):
        report = read_report(folder / "report.json")
        counted = {"converters_area_cm2": converters, "converters_power_mw": 1.0, "node_power_mw": figures}
        points = tuple(replace(p, **counted, comparators=4, ladders=2) for p in report.points)
        rivals = tuple(replace(p, **counted, comparators=4, ladders=2) for p in report.rivals)
        write(replace(report, points=points, rivals=rivals), folder)
    lines, _ = compare(runs, None)
    assert [(Path(line.run).name, line.point.node_area_cm2) for line in lines] == [("a", 2.5), ("a", 3.5), ("b", 5.0)]
    show_comparison(runs, None)
    assert "node" in capsys.readouterr().out
    write_page(runs, tmp_path / "page.html")
    assert "whole nodes" in (tmp_path / "page.html").read_text()
    only = replace(read_report(runs[0] / "report.json"), points=(point("point", 2.0),), rivals=())
    write(only, runs[0])
    assert any("some of the runs only" in doubt for doubt in compare(runs, None)[1])

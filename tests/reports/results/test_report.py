import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkling.reports.page.classifier import write
from inkling.reports.results.conclusion import chosen, conclude, figures, power_source, times_smaller, wilson
from inkling.reports.results.published import PAPERS, published
from inkling.reports.results.report import read
from inkling.train.errors import InputError

CONTRACT = (
    *("name", "method", "levels", "accuracy", "balanced_accuracy", "area_cm2", "area_spread_cm2"),
    *("static_power_mw", "delay_ms", "gates", "inputs_used", "input_bits_used", "verified"),
)


def test_report_json_follows_the_contract(examples: SimpleNamespace, tmp_path: Path) -> None:
    json_path, html_path = write(examples.report(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]
    assert (json_path, html_path) == (tmp_path / "report.json", tmp_path / "report.html")
    data = json.loads(json_path.read_text())
    assert list(data)[:5] == ["dataset", "rows", "majority_rate", "rivals", "points"]
    assert data["rows"] == {"train": 500, "validation": 250, "test": 250}
    for item in (*data["rivals"], *data["points"]):
        assert tuple(item) == CONTRACT
        assert list(item["accuracy"]) == ["train", "validation", "test"]
        assert list(item["static_power_mw"]) == list(item["delay_ms"]) == ["1.0", "0.6"]
    assert data["points"][1]["area_cm2"] == 0.5


def test_what_is_written_is_read_again_and_equal_reports_give_equal_bytes(
    examples: SimpleNamespace, tmp_path: Path
) -> None:
    for report in (examples.report(), examples.hostile(), examples.report(points=(), rivals=(), verdicts={})):
        first = [path.read_bytes() for path in write(report, tmp_path)]
        again = read(tmp_path / "report.json")
        assert again == report
        assert [path.read_bytes() for path in write(again, tmp_path)] == first


def test_a_missing_supply_corner_is_null(examples: SimpleNamespace, tmp_path: Path) -> None:
    point = examples.point("a", 0.8, 0.1, static_power_mw={"1.0": 0.5}, delay_ms={})
    write(examples.report(points=(point,)), tmp_path)
    again = read(tmp_path / "report.json").points[0]
    assert again.static_power_mw == {"1.0": 0.5, "0.6": None}
    assert again.delay_ms == {"1.0": None, "0.6": None}


def test_figures_that_are_not_finite_are_not_written(examples: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write(examples.report(points=(replace(examples.point("a", 0.8, 0.1), area_cm2=math.inf),)), tmp_path)
    twice = examples.point("tree-4", 0.8, 0.1)
    with pytest.raises(ValueError, match="different names"):
        write(examples.report(points=(twice,)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def at(*path: Any, value: Any = None, drop: bool = False) -> Callable[[Any], None]:
    """A change of one place in the parsed report."""

    def change(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        if drop:
            del data[path[-1]]
        else:
            data[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (at("dataset", value=3), "dataset"),
        (at("dataset", value="x" * 30_000), "dataset"),
        (at("rows", "test", value=-1), "rows"),
        (at("rows", "test", value=True), "rows"),
        (at("majority_rate", value=1.5), "majority_rate"),
        (at("points", value={}), "points"),
        (at("points", 0, value=[]), "points"),
        (at("points", 1, "area_cm2", value="1"), "points 1"),
        (at("points", 1, "area_cm2", value=-1.0), "points 1"),
        (at("points", 1, "area_cm2", value=10**400), "points 1"),
        (at("points", 1, "accuracy", "test", drop=True), "points 1"),
        (at("points", 1, "levels", value=[7]), "points 1"),
        (at("points", 1, "levels", value=["1"]), "points 1"),
        (at("points", 1, "verified", value=1), "points 1"),
        (at("points", 1, "name", value="net-0"), "share a name"),
        (at("rivals", 0, "gates", value=1.5), "rivals 0"),
        (at("bits", value=[4]), "bits"),
        (at("classes", value=[1]), "classes"),
        (at("verdicts", "net-0", value=[3]), "verdicts"),
        (at("verdicts", "net-0", 0, "mismatches", value=None), "net-0 0"),
        (at("verdicts", "net-0", 0, "counter_example", value={"a": "b"}), "counter_example"),
    ],
)
def test_a_damaged_report_is_refused_with_its_place(
    examples: SimpleNamespace, tmp_path: Path, change: Callable[[Any], None], place: str
) -> None:
    data = json.loads(json.dumps(examples.report().to_json()))
    change(data)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=place) as caught:
        read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "null", "\x00", "[" * 100_000, '{"dataset": NaN}', '{"rows": ' + "9" * 5000 + "}"]
)
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(InputError):
        read(path)


def test_a_missing_or_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is missing"):
        read(tmp_path / "report.json")
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(64 * 2**20)
    with pytest.raises(InputError, match="larger than"):
        read(tmp_path / "large.json")


def test_the_headline_compares_with_the_smallest_tree_at_equal_accuracy(examples: SimpleNamespace) -> None:
    found = conclude(examples.report())
    assert found.design is not None and found.design.name == "net-2"
    assert "4 times smaller than the smallest decision tree of at least this accuracy (tree-64" in found.main
    assert any("not beaten: tree-64" in sentence for sentence in found.further)


def test_the_headline_says_when_the_tree_wins(examples: SimpleNamespace) -> None:
    lost = examples.report(points=(examples.point("net-0", 0.85, 3.0),))
    assert "but the tree wins" in conclude(lost).main and "3 times smaller" in conclude(lost).main
    equal = examples.report(points=(examples.point("net-0", 0.85, 1.0),))
    assert "as large as the smallest decision tree" in conclude(equal).main


def test_the_headline_uses_the_toughest_rival_even_if_it_is_no_tree(examples: SimpleNamespace) -> None:
    small = examples.point("linear", 0.95, 0.25, method="logistic regression")
    base = examples.report()
    found = conclude(examples.report(rivals=(*base.rivals, small), points=base.points[1:]))
    assert "but the rival wins" in found.main and "linear (logistic regression" in found.main


def test_the_headline_says_when_no_rival_reaches_it_and_who_matches_the_best(examples: SimpleNamespace) -> None:
    points = (examples.point("net-0", 0.92, 2.0), examples.point("net-1", 0.95, 8.0))
    found = conclude(examples.report(points=points))
    assert "no rival tried reaches" in found.main
    assert any("net-0 matches it in 2.00" in sentence and "2 times smaller" in sentence for sentence in found.further)


def test_validation_rows_choose_and_unverified_designs_never_win(examples: SimpleNamespace) -> None:
    lucky = replace(examples.point("lucky", 0.8, 0.1), accuracy={"train": 0.8, "validation": 0.7, "test": 0.99})
    wrong = examples.point("wrong", 0.99, 0.1, verified=False)
    plain = examples.point("plain", 0.8, 0.2)
    assert chosen(examples.report(points=(lucky, wrong, plain))) is plain
    none = conclude(examples.report(points=(wrong,)))
    assert none.design is None and "none of 1 designs is verified" in none.main
    assert "no design was produced" in conclude(examples.report(points=())).main


def test_the_tree_wins_only_where_no_design_beats_one(examples: SimpleNamespace) -> None:
    """The chosen design loses to tree-16, but net-0 is smaller than every tree of its accuracy."""
    points = (examples.point("net-0", 0.80, 0.125), examples.point("net-1", 0.85, 3.0))
    found = conclude(examples.report(points=points))
    assert found.design is points[1]
    assert "wins" not in found.main and "3 times smaller; net-0, 80.0" in found.main
    # A design that another tree undercuts is no such comfort.
    found = conclude(examples.report(points=(examples.point("net-0", 0.75, 0.5), points[1])))
    assert "but the tree wins" in found.main


def test_the_headline_names_the_majority_rate(examples: SimpleNamespace) -> None:
    assert "the majority class alone: 50.0" in conclude(examples.report()).main


def test_faultless_rows_still_have_an_error(examples: SimpleNamespace) -> None:
    """Of 20 rows without a mistake the binomial error is 0, and a design a tenth as large would be passed over."""
    rows = {"train": 40, "validation": 20, "test": 20}
    points = (examples.point("small", 0.96, 0.1), examples.point("large", 1.0, 1.0))
    assert chosen(examples.report(points=points, rows=rows)) is points[0]
    assert chosen(examples.report(points=points, rows={**rows, "validation": 2000})) is points[1]
    low, high = wilson(1.0, 20)
    assert 0.95 < low < 0.96 and high == pytest.approx(1.0)
    assert wilson(0.0, 0) == (0.0, pytest.approx(0.5))


def test_a_design_that_a_rival_undercuts_is_not_the_headline(examples: SimpleNamespace) -> None:
    """On the validation rows; where every design near the best is undercut, the smallest is told all the same."""
    points = (examples.point("net-0", 0.895, 0.5), examples.point("net-1", 0.90, 0.6))
    rivals = (examples.tree(9, 0.898, 0.4),)
    assert chosen(examples.report(points=points, rivals=rivals)) is points[1]
    both = (*rivals, examples.tree(10, 0.91, 0.5))
    assert chosen(examples.report(points=points, rivals=both)) is points[0]


def test_the_smallest_within_one_standard_error_of_the_best_is_chosen(examples: SimpleNamespace) -> None:
    # One standard error of 0.9 on 250 validation rows is 0.019; Wilson's interval ends at 0.879.
    points = (examples.point("best", 0.9, 1.0), examples.point("near", 0.880, 0.5), examples.point("far", 0.878, 0.1))
    assert chosen(examples.report(points=points)) is points[1]


def test_a_circuit_without_gates_is_infinitely_smaller(examples: SimpleNamespace) -> None:
    wire = examples.point("wire", 0.75, 0.0)
    assert times_smaller(wire, examples.report().rivals) == math.inf
    assert "without a single gate" in conclude(examples.report(points=(wire,))).main


@pytest.mark.parametrize(
    ("milliwatts", "source"),
    [(0.1, "harvester"), (0.11, "3 mW battery"), (15.0, "15 mW battery"), (30.1, "> 30 mW"), (None, "unknown")],
)
def test_power_sources(milliwatts: float | None, source: str) -> None:
    assert power_source(milliwatts) == source


@given(st.floats(1e-5, 1e5))
def test_figures_keep_three_digits_and_no_exponent(value: float) -> None:
    text = figures(value)
    assert "e" not in text and float(text) == pytest.approx(value, rel=0.006, abs=1e-7)


def test_published_designs_are_for_the_table_they_were_made_for() -> None:
    assert {item.source for item in published("cardio", 2126)} == {"ICCAD23", "DATE24", "TC23", "LES24", "exact"}
    assert published("penbased", 10992) == published("pendigits", 10900)
    # Another table of the same name: 569 rows of 30 features, where the papers used 683 of 9.
    assert published("breast_cancer", 569) == [] and published("breast-cancer", 683) != []
    assert published("valves", 1000) == []
    for name, rows in (("whitewine", 4898), ("redwine", 1599), ("seeds", 210)):
        for item in published(name, rows):
            assert item.source in PAPERS and 0 < item.accuracy < 1 and item.area_cm2 > 0

"""Copies, identifiers, clocks and impossible ranges are told; groups and given test rows are kept apart."""

from pathlib import Path

import numpy as np
import pytest

from inkling.train.errors import InputError
from inkling.train.tables import leaks
from inkling.train.tables.assemble import assemble
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load
from inkling.train.tables.split import divided
from inkling.train.tables.table import Column, Table, as_column


def table(**columns: Column) -> Table:
    return Table("t", tuple(columns), tuple(columns.values()))


def noted(data: Table, *words: str, reading: Reading = Reading("t", ranges="span")) -> bool:  # noqa: B008
    return any(all(word in note for word in words) for note in assemble(data, reading).notes)


LABELS = as_column(["a", "b", "c"] * 40)
NOISE = np.random.default_rng(5).normal(5, 1, 120)


def test_copied_rows_are_counted_with_their_share() -> None:
    """Thirty rows, four times each; and a table in which nothing is copied."""
    copied = table(v=np.tile(NOISE[:30], 4), w=np.tile(NOISE[30:60], 4), label=LABELS)
    dataset = assemble(copied, Reading("t", ranges="span"))
    tests = len(dataset.test.labels)
    known = {
        row.tobytes()
        for part in dataset.development.__dict__.values()
        if hasattr(part, "codes")
        for row in part.codes
    }
    expected = [row.tobytes() in known for row in dataset.test.codes]
    assert dataset.seen is not None and dataset.seen.tolist() == expected and sum(expected) > tests // 2
    assert noted(copied, f"of {tests} test rows", "copy a training or validation row, features and label")
    assert not noted(table(v=NOISE, w=NOISE[::-1] ** 2, label=LABELS), "copy a training")


def test_a_planted_copy_is_found_and_a_row_with_another_label_is_none() -> None:
    rows = np.arange(40.0).reshape(20, 2)
    equal = leaks.copies(rows[:15], np.array([[0.0, 1.0], [0.0, 2.0], [28.0, 29.0], [30.0, 31.0]]))
    assert equal.tolist() == [True, False, True, False]


def test_columns_that_tell_rows_apart_are_named() -> None:
    rows = np.arange(120.0)
    shuffled = np.random.default_rng(1).permutation(rows)
    data = table(
        index=rows, clock=rows * 7.3 + NOISE / 10, id=shuffled, stamp=1.7e9 + np.floor(60 * NOISE) * 997,
        v=NOISE, step=np.floor(rows / 40), label=LABELS,
    )  # fmt: skip
    assert noted(data, "'index', 'clock' rise or fall with the row number")
    assert noted(data, "'id' differ in every row")
    assert noted(data, "time stamps", "'stamp'")
    assert not any("'v'" in note or "'step'" in note for note in assemble(data, Reading("t", ranges="span")).notes)


def test_ranges_below_anything_that_was_read_are_named() -> None:
    """Lengths whose only threshold lies near the top: the fitted range mirrors it to below 0."""
    values = np.concatenate([np.linspace(0.1, 7, 60), np.linspace(7.5, 20, 60)])
    data = table(length=values, v=NOISE, label=as_column(["a"] * 60 + ["b"] * 60))
    fitted = assemble(data, Reading("t"))
    assert (fitted.quantisers[0].low < 0) == any("'length' begin below 0" in note for note in fitted.notes)
    assert fitted.quantisers[0].low < 0
    assert not noted(data, "begin below 0")


def test_no_group_is_on_two_sides_and_the_column_is_no_feature() -> None:
    people = as_column([f"p{k // 8}" for k in range(120)])
    data = table(v=NOISE, who=people, label=LABELS)
    reading = Reading("t", group="who", ranges="span")
    assert assemble(data, reading).columns == ("v",)
    groups = np.arange(120) // 8
    split, notes = divided(np.arange(120) % 3, ("a", "b", "c"), groups, 0, seed=3, test_part=0.3)
    parts = [set(groups[part]) for part in split]
    assert all(not one & other for k, one in enumerate(parts) for other in parts[k + 1 :])
    assert sorted(np.concatenate(split)) == list(range(120))
    assert 0.2 <= len(split.test) / 120 <= 0.4
    assert notes[0].startswith("rows of one group are on one side of the split; groups: ")
    for wrong, said in (
        (Reading("t", group="wo"), "no column 'wo'"),
        (Reading("t", group="label"), "is the target"),
    ):
        with pytest.raises(InputError, match=said):
            assemble(data, wrong)
    with pytest.raises(InputError, match="leaves 2 groups to divide"):
        assemble(table(v=NOISE, who=as_column(["p", "q"] * 60), label=LABELS), reading)


def test_given_test_rows_are_the_test_rows(tmp_path: Path) -> None:
    lines = [f"{v:.3f},{w:.3f},{label}" for v, w, label in zip(NOISE, NOISE[::-1], LABELS, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["v,w,label", *lines[:90]]))
    # Its columns stand in another order.
    turned = [",".join(line.split(",")[k] for k in (2, 0, 1)) for line in lines[90:]]
    (tmp_path / "new.csv").write_text("\n".join(["label,v,w", *turned]))
    reading = Reading(str(tmp_path / "t.csv"), "label", test_file=str(tmp_path / "new.csv"), ranges="span")
    dataset = load(reading)
    assert len(dataset.test.labels) == 30
    assert len(dataset.development.train.labels) + len(dataset.development.validation.labels) == 90
    codes = [q.codes(values) for q, values in zip(dataset.quantisers, (NOISE[90:], NOISE[::-1][90:]), strict=True)]
    assert np.abs(dataset.test.codes.astype(int) - np.stack(codes, axis=1)).max() <= 1  # three digits in the file
    assert [dataset.classes[k] for k in dataset.test.labels] == list(LABELS[90:])
    for content, said in (
        ("label,v\na,1\n", "lacks 'w'"),
        ("v,w,x,label\n1,2,3,a\n", "has 'x', which t has not"),
        ("v,w,label\n1,red,a\n", "column 'w' holds texts"),
        ("v,w,label\n1,2,new\n3,4,a\n", "class 'new' stands in the test rows alone"),
    ):
        (tmp_path / "new.csv").write_text(content)
        with pytest.raises(InputError, match=said):
            load(reading)


def test_options_that_read_a_table_are_part_of_the_command_and_of_files() -> None:
    reading = Reading(
        "a b.csv", decimal=",", units_row=True, drop=("x", "y z"), columns=("v",), group="who", test_file="/t/n.csv"
    )
    words = reading.words()
    assert words[-13:] == [
        *("--decimal", ",", "--units-row", "--columns", "v", "--drop", "x", "--drop", "y z", "--group", "who"),
        *("--test", "n.csv"),
    ]
    from inkling.train.files.checked_json import Fields

    assert Reading.from_json(Fields(reading.to_json(), "here")) == reading

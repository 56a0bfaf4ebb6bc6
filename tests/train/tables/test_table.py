import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkling.train.errors import InputError
from inkling.train.tables.table import Table, as_column, classes_of, missing, quoted, target_position, without_missing


def table(**columns: list[str]) -> Table:
    return Table("t", tuple(columns), tuple(as_column(texts) for texts in columns.values()))


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_numbers_survive_as_texts(values: list[float]) -> None:
    column = as_column([repr(value) for value in values])
    assert isinstance(column, np.ndarray) and column.tolist() == values


@pytest.mark.parametrize("text", ["", "NA", "na", "NaN", "nan", "?", "N/A", "null"])
def test_missing_markers(text: str) -> None:
    assert missing(as_column(["1", text])).tolist() == [False, True]
    assert missing(as_column(["x", text])).tolist() == [False, True]


def test_classes_are_sorted_as_numbers_or_as_texts() -> None:
    numbers = table(a=["0"] * 4, label=["10.0", "9", "-1", "9.0"])
    assert classes_of(numbers, 1)[0] == ("-1", "9", "10")
    assert classes_of(numbers, 1)[1].tolist() == [2, 1, 0, 1]
    texts = table(a=["0"] * 3, label=["10", "9", "x"])
    assert classes_of(texts, 1)[0] == ("10", "9", "x")
    assert classes_of(table(a=["0", "1"], label=["0.5", "1"]), 1)[0] == ("0.5", "1")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["1", "1.0", "1"], "one class only \\('1'\\)"),
        (["x", "x"], "one class only"),
        (["1", "inf"], "'label' is infinite in row 2"),
        ([f"{i / 7}" for i in range(1000)], "looks continuous \\(1000 different"),
        ([str(i) for i in range(257)], "257 classes, more than 256"),
        ([f"c{i}" for i in range(300)], "300 classes"),
    ],
)
def test_targets_that_are_none(labels: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        classes_of(table(a=["0"] * len(labels), label=labels), 1)


def test_256_classes_and_few_fractions_are_classes() -> None:
    assert len(classes_of(table(a=["0"] * 256, label=[str(i) for i in range(256)]), 1)[0]) == 256
    assert len(classes_of(table(a=["0"] * 20, label=[str(i / 2) for i in range(20)]), 1)[0]) == 20


def test_target_position() -> None:
    some = table(width=["1"], Species=["x"], height=["2"])
    assert target_position(some, None) == 2
    assert target_position(some, "Species") == 1
    with pytest.raises(
        InputError, match=r"no column 'specis' \(did you mean 'Species'\?\).*'width', 'Species', 'height'"
    ):
        target_position(some, "specis")
    with pytest.raises(InputError, match="one column"):
        target_position(table(a=["1"]), None)


def test_missing_values_are_named_or_dropped() -> None:
    gaps = Table(
        "t",
        ("a", "b", "label"),
        (np.array([1, np.nan, 3, np.nan, 5, 6]), ("x", "y", "", "y", "x", "y"), ("p", "q", "p", "q", "p", "q")),
        np.array([2, 3, 5, 6, 7, 8]),
    )
    with pytest.raises(InputError, match=r"'a' has no value in lines 3, 6, and 1 more columns.*--drop-missing"):
        without_missing(gaps, drop=False)
    kept, note = without_missing(gaps, drop=True)
    assert note == "3 of 6 rows lack a value and were dropped (in 'a', 'b')"
    assert kept.rows == 3 and kept.cells[1] == ("x", "x", "y") and kept.lines is not None
    assert kept.lines.tolist() == [2, 7, 8]
    empty = table(a=["", ""], label=["x", "y"])
    with pytest.raises(InputError, match="every row lacks a value"):
        without_missing(empty, drop=True)
    whole = table(a=["1"], label=["x"])
    assert without_missing(whole, drop=False) == (whole, None)


def test_a_user_s_text_stays_one_short_line() -> None:
    assert quoted("a\nb\x1b[31m") == r"'a\nb\x1b[31m'"
    assert len(quoted("x" * 10**6)) < 70

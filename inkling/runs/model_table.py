"""The table of an imported model as the model takes it: columns in the model's order, classes by the model's names.

Running the import is `inkling.runs.import_model`'s.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.from_onnx import OnnxModel
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import AffineModel
from inkling.train.tables.reading import Reading
from inkling.train.tables.split import VALIDATION_PART, Split, divided
from inkling.train.tables.table import (
    Table,
    check_finite,
    classes_of,
    classes_of_groups,
    joined,
    not_numeric,
    target_position,
    without_missing,
)

TEST_PART = 0.3
_TRUTH = {"false": "0", "true": "1"}


@dataclass(frozen=True, eq=False)
class ModelTable:
    """A table as the model takes it: features, float64 [rows, columns], and class indices or targets [rows]."""

    name: str
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    classes: tuple[str, ...]
    targets: NDArray[Any]
    split: Split
    notes: tuple[str, ...]


def model_table(
    table: Table, read: OnnxModel, path: Path, reading: Reading, note: str | None, tests: Table | None = None
) -> ModelTable:
    """The features in the model's order, the target, and the split of `inkling run`; tests: a table of test rows.

    Raises InputError.
    """
    model = read.model
    position = target_position(table, reading.target)
    table, dropped = without_missing(table, reading.drop_missing)
    given = 0
    if tests is not None:
        tests, _ = without_missing(tests, reading.drop_missing)
        given = tests.rows
        table = joined(table, tests)
    group = None if reading.group is None else target_position(table, reading.group)
    features = [k for k in range(len(table.columns)) if k not in (position, group)]
    features = _chosen(read.columns, [table.columns[k] for k in features], features)
    texts = [k for k in range(len(table.columns)) if not isinstance(table.cells[k], np.ndarray)]
    if wrong := [k for k in texts if k in features]:
        raise not_numeric(table, wrong)
    for k in features:
        check_finite(table, k)
    values = np.stack([np.asarray(table.cells[k], np.float64) for k in features], axis=1)
    if values.shape[1] != model.shape[0]:
        raise InputError(
            f"{path} takes {model.shape[0]} inputs, {table.name} has {values.shape[1]} features: give the "
            "table that it was trained on, with its columns in their order"
        )
    columns = tuple(table.columns[k] for k in features)
    notes = tuple(text for text in (note, dropped) if text)
    if model.task == "regression":
        if position in texts:
            raise not_numeric(table, [position])
        check_finite(table, position)
        if model.shape[-1] != 1:
            raise InputError(f"{path} has {model.shape[-1]} outputs, the table one target: convert it in Python")
        if group is not None:
            raise InputError("--group divides classes; leave it out with --regression")
        targets: NDArray[Any] = np.asarray(table.cells[position], np.float64)
        split = _plain_split(len(values), reading.seed, given)
        return ModelTable(table.name, columns, values, (), targets, split, notes)
    classes, labels = classes_of(table, position)
    named, renamed = _named(model, classes, path, table.name)
    order = np.array([named.index(text) for text in classes], np.int64)
    groups = None if group is None else classes_of_groups(table, group)
    split, rare = divided(labels, classes, groups, given, seed=reading.seed, test_part=TEST_PART)
    return ModelTable(table.name, columns, values, named, order[labels], split, (*notes, *renamed, *rare))


def _plain_split(rows: int, seed: int, given: int) -> Split:
    """A random split; given: so many rows at the end are the test rows."""
    if rows - given < 10:
        raise InputError(f"{rows - given} rows are too few to calibrate and to measure: give at least 10")
    if given:
        order = np.random.default_rng(seed).permutation(rows - given)
        chosen = int(VALIDATION_PART * (rows - given))
        return Split(np.sort(order[chosen:]), np.sort(order[:chosen]), np.arange(rows - given, rows))
    order = np.random.default_rng(seed).permutation(rows)
    tests, chosen = int(TEST_PART * rows), int(VALIDATION_PART * rows)
    return Split(np.sort(order[tests + chosen :]), np.sort(order[tests : tests + chosen]), np.sort(order[:tests]))


def _chosen(names: tuple[str, ...], columns: list[str], features: list[int]) -> list[int]:
    """The features that a model with an input for each column names, in its order; all where the names are others."""
    places = {_plain(column): k for column, k in zip(columns, features, strict=True)}
    wanted = [_plain(name) for name in names]
    if wanted and len(set(wanted)) == len(wanted) and all(name in places for name in wanted):
        return [places[name] for name in wanted]
    return features


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


def _named(
    model: AffineModel, classes: Sequence[str], path: Path, table: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The table's name of the class of each output, and notes where it is not the model's name."""
    count, named = model.shape[-1], model.classes
    if not named and len(classes) == count:
        return tuple(classes[k] for k in model.order or range(count)), ()
    if named and set(classes) <= set(named):
        return named, ()
    if named and len(classes) == len(named) == count:
        plain = {_TRUTH.get(text.strip().casefold(), text.strip().casefold()): text for text in classes}
        keys = [_TRUTH.get(text.strip().casefold(), text.strip().casefold()) for text in named]
        if set(plain) == set(keys):
            return tuple(plain[key] for key in keys), ()
        if sorted(named, key=len) == [str(k) for k in range(count)] or set(named) == {str(k) for k in range(count)}:
            found = tuple(classes[int(text)] for text in named)
            pairs = ", ".join(f"{text} is {name}" for text, name in zip(named, found, strict=True))
            return found, (f"the model numbers its classes, the table names them: taken in sorted order, {pairs}",)
    of_model = f"the classes {_listed(named)}" if named else f"{count} classes"
    raise InputError(
        f"{path} has {of_model}, the target of {table} has {_listed(classes)}: name the right column with --target, "
        "or write the table's labels as the model has them"
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"{name:.20}" for name in names[:6])
    return f"{shown}, ... ({len(names)})" if len(names) > 6 else shown

"""From a `Table` to a `Dataset`: target, missing values, split, feature columns, quantisers, codes, fingerprint.

Whatever is learned from values (ranges, one-hot values, constant columns) is learned from training rows only.
"""

import hashlib
import json

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.tables import leaks
from inkling.train.tables.dataset import Dataset, Development, Rows
from inkling.train.tables.quantiser import Quantiser, check_bits, fit
from inkling.train.tables.ranges import fit_ranges
from inkling.train.tables.readers import MOST_CELLS
from inkling.train.tables.reading import Reading
from inkling.train.tables.split import Split, divided
from inkling.train.tables.table import (
    Table,
    check_finite,
    classes_of,
    classes_of_groups,
    joined,
    listed,
    not_numeric,
    quoted,
    target_position,
    truths,
    without_missing,
)

MOST_VALUES = 64  # of one column under --one-hot
RANGES = ("fitted", "span")


def assemble(
    table: Table,
    reading: Reading,
    *,
    split: Split | None = None,
    test_part: float = 0.3,
    tests: Table | None = None,
) -> Dataset:
    """Split and quantise a table. A given `split` replaces the one that seed and test_part decide.

    tests: a table of test rows with the same columns; the first table's rows then all train and validate.

    Ranges, "fitted" ones (`inkling.train.tables.ranges`) too, are learned from training rows alone.

    Columns of texts are expanded to 0/1 columns `name=value` of one bit, one for each value in the training rows
    (a row with another value has 0 in all of them). Raises InputError for a table that cannot be learned from.
    """
    check_bits(reading.bits)
    if reading.ranges not in RANGES:
        raise InputError(f"--ranges {quoted(reading.ranges)} is not one of {', '.join(RANGES)}")
    position = target_position(table, reading.target)
    table, dropped = without_missing(table, reading.drop_missing)
    notes = [dropped] if dropped else []
    given = 0
    if tests is not None:
        tests, dropped = without_missing(tests, reading.drop_missing)
        notes += [dropped] if dropped else []
        given = tests.rows
        table = joined(table, tests)
    classes, labels = classes_of(table, position)
    group = None if reading.group is None else target_position(table, reading.group)
    if group == position:
        raise InputError(
            f"--group {quoted(table.columns[position])} is the target: name a column of persons or batches"
        )
    if split is None:
        groups = None if group is None else classes_of_groups(table, group)
        split, rare = divided(labels, classes, groups, given, seed=reading.seed, test_part=test_part)
        notes += rare
    features = [i for i in range(len(table.columns)) if i not in (position, group)]
    if not features:
        raise InputError(f"{table.name} has no column left to learn from: name fewer with --drop and --group")
    texts = [i for i in features if not isinstance(table.cells[i], np.ndarray) and truths(table.cells[i]) is None]
    if texts and not reading.one_hot:
        raise not_numeric(table, texts)
    columns: list[str] = []
    quantisers: list[Quantiser] = []
    readings: list[NDArray[np.float64]] = []
    constant: list[str] = []
    for i in features:
        check_finite(table, i)
        for name, values, width in _expanded(table, i, split, reading.bits):
            seen = values[split.train]
            if seen.min() == seen.max():
                constant.append(name)
                continue
            try:
                quantiser = fit(seen, width)
            except InputError as error:
                raise InputError(f"{table.name}: column {quoted(name)}: {error}") from error
            columns.append(name)
            quantisers.append(quantiser)
            readings.append(values)
            if len(columns) * table.rows > MOST_CELLS:
                raise InputError(
                    f"{table.name}: --one-hot gives more than {MOST_CELLS} values: remove columns of texts"
                )
    if not columns:
        raise InputError(
            f"{table.name}: every feature is constant in the training rows: there is nothing to learn from"
        )
    if len(set(columns)) < len(columns):
        twice = sorted({name for name in columns if columns.count(name) > 1})
        raise InputError(f"{table.name}: --one-hot gives {listed(twice)} more than once: rename a column")
    if constant:
        words = ("column is", "was") if len(constant) == 1 else ("columns are", "were")
        notes.append(
            f"{len(constant)} {words[0]} constant in the training rows and {words[1]} dropped: {listed(constant)}"
        )
    if texts:
        notes.append(f"expanded into 0/1 columns: {listed([table.columns[i] for i in texts])}")
    if reading.ranges == "fitted":
        seen = np.stack([values[split.train] for values in readings], axis=1)
        quantisers = list(fit_ranges(seen, labels[split.train], quantisers, seed=reading.seed))
    matrix = np.stack([q.codes(values) for q, values in zip(quantisers, readings, strict=True)], axis=1)
    values = np.stack(readings, axis=1)
    seen_before, copied = leaks.copied_rows(values, matrix, labels, split)
    ranges = leaks.impossible_ranges(columns, values[split.train], quantisers)
    notes += [note for note in (copied, *leaks.suspicious_columns(table, features), ranges) if note]
    parts = [Rows(matrix[rows], labels[rows]) for rows in split]
    development = Development(
        table.name, tuple(columns), classes, tuple(q.bits for q in quantisers), parts[0], parts[1]
    )
    return Dataset(
        columns=tuple(columns),
        classes=classes,
        quantisers=tuple(quantisers),
        development=development,
        test=parts[2],
        seed=reading.seed,
        fingerprint=fingerprint(tuple(columns), classes, matrix, labels, split),
        notes=tuple(notes),
        seen=seen_before,
    )


def fingerprint(
    columns: tuple[str, ...],
    classes: tuple[str, ...],
    codes: NDArray[np.uint8],
    labels: NDArray[np.int64],
    split: Split,
) -> str:
    """SHA-256, hexadecimal, over names, codes, uint8 [rows, columns], class indices, int64 [rows], and the split."""
    digest = hashlib.sha256()
    # Lengths come first, so that no two different contents run together into the same bytes.
    sizes = [*codes.shape, *(len(rows) for rows in split)]
    digest.update(json.dumps([columns, classes, sizes]).encode() + b"\n")
    digest.update(codes.tobytes())
    for integers in (labels, *split):
        digest.update(integers.astype("<i8").tobytes())
    return digest.hexdigest()


def _expanded(table: Table, position: int, split: Split, bits: int) -> list[tuple[str, NDArray[np.float64], int]]:
    """The feature columns of one column of the table: name, values, float64 [rows], and bits."""
    column, name = table.cells[position], table.columns[position]
    if isinstance(column, np.ndarray):
        return [(name, column, bits)]
    if (bit := truths(column)) is not None:
        return [(name, bit, 1)]
    values = sorted({column[i] for i in split.train})
    if len(values) > MOST_VALUES:
        raise InputError(
            f"{table.name}: column {quoted(name)} has {len(values)} different texts, more than the {MOST_VALUES} "
            "that --one-hot expands: remove it, or group its values"
        )
    if len(values) == 2 and len(set(column)) == 2:
        values = values[1:]  # its 0 is the other value: a second bit would tell nothing
    # Codes, not an array of texts, in which every row would be as long as the longest one.
    order = {value: k for k, value in enumerate(values)}
    found = np.array([order.get(text, -1) for text in column])
    return [(f"{name}={value}", (found == k).astype(np.float64), 1) for k, value in enumerate(values)]

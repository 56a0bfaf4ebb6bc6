"""Which rows train, which choose and which are sealed: the stratified, seeded split.

Nothing here sees feature values; quantisers and codes come after the split, in `inkling.train.tables.assemble`.
"""

import math
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.tables.table import listed

VALIDATION_PART = 0.2


class Split(NamedTuple):
    """Row numbers, int64 and ascending; every row is in exactly one of them."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def stratified(
    labels: NDArray[np.int64], classes: tuple[str, ...], *, seed: int, test_part: float = 0.3
) -> tuple[Split, tuple[str, ...]]:
    """Split rows by their class indices, int64 [rows]; returns the split and notes on rare classes.

    The test rows are those of scikit-learn's `train_test_split(test_size=test_part, stratify=labels,
    random_state=seed)`, at least as many as there are classes. Of the other rows a fifth validates, stratified in
    the same way over the classes that have two such rows or more; a class with one keeps it for training. So two
    rows of a class are enough as long as some class has three. Raises InputError otherwise.
    """
    from sklearn.model_selection import train_test_split

    if not 0.05 <= test_part <= 0.5:
        raise InputError(f"the test part is {test_part:g}: it must lie between 0.05 and 0.5")
    if not 0 <= seed < 2**32:
        raise InputError(f"--seed is {seed}: it must lie between 0 and {2**32 - 1}")
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < 2:
        alone = [text for text, count in zip(classes, counts, strict=True) if count < 2]
        raise InputError(
            f"class {listed(alone)} has {int(counts.min())} row: a class needs at least 2 (3 to be validated); "
            "add rows, merge it with another class, or remove it"
        )
    if counts.max() < 3:
        raise InputError(
            f"{len(labels)} rows in {len(classes)} classes are too few to train, validate and test: "
            "give at least 3 rows for each class"
        )
    # Capped at half, so that a class of two rows always leaves one to train with.
    tests = min(max(math.ceil(test_part * len(labels)), len(classes)), len(labels) // 2)
    rows = np.arange(len(labels))
    rest, test = train_test_split(rows, test_size=tests, stratify=labels, random_state=seed)
    split = _validated(labels, classes, rest, test, seed)
    return split, _notes(labels, classes, split)


def divided(
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
    groups: NDArray[np.int64] | None,
    given: int,
    *,
    seed: int,
    test_part: float,
) -> tuple[Split, tuple[str, ...]]:
    """Split rows by what is known of them; returns the split and notes.

    groups: int [rows], of which none is on two sides of the split, or None; given: how many rows, the last ones, are
    test rows that the user gave. Raises InputError where the rows do not allow it.
    """
    if groups is None and not given:
        return stratified(labels, classes, seed=seed, test_part=test_part)
    rows = np.arange(len(labels))
    rest, test = rows[: len(rows) - given], rows[len(rows) - given :]
    if given:
        lacking = [text for index, text in enumerate(classes) if index not in labels[rest]]
        if lacking:
            raise InputError(f"class {listed(lacking)} stands in the test rows alone: nothing can learn it")
    if groups is None:
        split = _validated(labels, classes, rest, test, seed)
        return split, _notes(labels, classes, split)
    if not given:
        rest, test = _by_groups(labels, groups, rows, test_part, seed)
    train, validation = _by_groups(labels, groups, rest, VALIDATION_PART, seed + 1)
    lacking = [text for index, text in enumerate(classes) if index not in labels[train]]
    if lacking:
        raise InputError(
            f"class {listed(lacking)} is in so few groups that none is left to train with: give rows of more groups"
        )
    split = Split(np.sort(train), np.sort(validation), np.sort(test))
    counts = ", ".join(f"{len(np.unique(groups[part]))} {name}" for name, part in split._asdict().items())
    shared = np.isin(groups[test], groups[rest]).sum()
    notes = [f"rows of one group are on one side of the split; groups: {counts}"]
    if shared:
        notes.append(f"{shared} of {len(test)} given test rows are of groups that train or validate")
    return split, (*notes, *_notes(labels, classes, split))


def _by_groups(
    labels: NDArray[np.int64], groups: NDArray[np.int64], rows: NDArray[np.int64], part: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows as two, the second about `part` of them, classes in both about as frequent, no group in both."""
    from sklearn.model_selection import StratifiedGroupKFold

    count = len(np.unique(groups[rows]))
    if count < 3:
        raise InputError(
            f"--group leaves {count} groups to divide: at least 3 are needed to train, validate and test"
        )
    folds = min(10, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class with fewer rows than folds is told in notes
        maker = StratifiedGroupKFold(folds, shuffle=True, random_state=seed % 2**32)
        try:
            parts = [rows[held] for _, held in maker.split(rows, labels[rows], groups[rows])]
        except ValueError as error:
            raise InputError(
                f"--group: the rows cannot be divided ({error}): give more rows of each class"
            ) from error
    chosen = np.concatenate(parts[: max(1, round(part * folds))])
    return np.setdiff1d(rows, chosen), chosen


def _validated(
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
    rest: NDArray[np.int64],
    test: NDArray[np.int64],
    seed: int,
) -> Split:
    """The split with a fifth of the rest for validation. Raises InputError."""
    from sklearn.model_selection import train_test_split

    left = np.bincount(labels[rest], minlength=len(classes))
    many = rest[left[labels[rest]] >= 2]
    groups = len(np.unique(labels[many]))
    if groups == 0:
        raise InputError(
            f"{len(labels)} rows in {len(classes)} classes are too few to train, validate and test: "
            "give at least 3 rows for each class"
        )
    chosen = max(math.ceil(VALIDATION_PART * len(many)), groups)
    if groups == 1:
        _, validation = train_test_split(many, test_size=chosen, random_state=seed)
    else:
        _, validation = train_test_split(many, test_size=chosen, stratify=labels[many], random_state=seed)
    train = np.setdiff1d(rest, validation)
    return Split(train, np.sort(validation), np.sort(test))


def _notes(labels: NDArray[np.int64], classes: tuple[str, ...], split: Split) -> tuple[str, ...]:
    found = []
    for part, rows in (("validation", split.validation), ("test", split.test)):
        lacking = [text for index, text in enumerate(classes) if index not in labels[rows]]
        if lacking:
            found.append(f"too rare to have {part} rows: class {listed(lacking)}")
    return tuple(found)

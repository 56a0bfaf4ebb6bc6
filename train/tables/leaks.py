"""What makes a table look easier than the world is: copied rows, identifiers, time stamps; and ranges of no sensor.

Each is told in a sentence; nothing is removed on the user's behalf. `--drop` leaves columns out, `--group` keeps rows
that belong together on one side of the split.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inkling.train.tables.quantiser import Quantiser
from inkling.train.tables.split import Split
from inkling.train.tables.table import Table, listed

FEW_ROWS = 20  # of fewer nothing is said of columns
STEADY = 0.98  # share of steps from row to row in one direction
DISTINCT = 0.5  # share of different values from which a rising column is more than a sorted class
# Seconds and milliseconds since 1970, from 2001 to 2033.
_EPOCHS = ((1e9, 2e9), (1e12, 2e12))


def copies(rows: NDArray[np.generic], test: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which of the test rows, [tests, columns], stand among the rows, [rows, columns]; bool [tests]."""
    known = {row.tobytes() for row in np.ascontiguousarray(rows)}
    return np.array([row.tobytes() in known for row in np.ascontiguousarray(test)], bool)


def copied_rows(
    readings: NDArray[np.float64], codes: NDArray[np.uint8], labels: NDArray[np.int64], split: Split
) -> tuple[NDArray[np.bool_], str | None]:
    """Whether each test row's codes are those of a training or validation row, bool [tests], and a sentence or None.

    readings: float64 [rows, features]; codes: uint8 of the same shape; the sentence tells of rows whose readings and
    label are copies. Test rows are compared here, and nothing is chosen by it.
    """
    known = np.concatenate([split.train, split.validation])
    seen = copies(codes[known], codes[split.test])
    # A zero has two signs, which are one value.
    whole = np.column_stack([readings + 0.0, labels.astype(np.float64)])
    equal = copies(whole[known], whole[split.test])
    if not equal.any():
        return seen, None
    count, tests = int(equal.sum()), len(equal)
    return seen, (
        f"{count} of {tests} test rows ({100 * count / tests:.1f} %) copy a training or validation row, features and "
        f"label; as codes {int(seen.sum())} ({100 * seen.mean():.1f} %) were seen before: accuracies on the others "
        "stand beside, and are what new rows will get"
    )


def suspicious_columns(table: Table, positions: Sequence[int]) -> list[str]:
    """Sentences on columns of numbers that tell rows apart rather than measure something."""
    rising, unique, stamps = [], [], []
    if table.rows < FEW_ROWS:
        return []
    for i in positions:
        values = table.cells[i]
        if not isinstance(values, np.ndarray):
            continue
        different = len(np.unique(values)) / table.rows
        steps = np.diff(values)
        steady = max(float((steps >= 0).mean()), float((steps <= 0).mean()))
        whole = bool((values == np.floor(values)).all())
        if (
            whole
            and different > DISTINCT
            and any(low <= values.min() and values.max() <= high for low, high in _EPOCHS)
        ):
            stamps.append(table.columns[i])
        elif steady >= STEADY and different > DISTINCT:
            rising.append(table.columns[i])
        elif whole and different == 1.0:
            unique.append(table.columns[i])
    found = []
    if stamps:
        found.append(f"time stamps are no readings, and tell rows apart: leave {listed(stamps)} out with --drop")
    if rising:
        verbs = "rises or falls" if len(rising) == 1 else "rise or fall"
        found.append(
            f"{listed(rising)} {verbs} with the row number, as a counter or a clock does: what is learned from "
            "that holds for no new row; leave out with --drop what is no reading"
        )
    if unique:
        found.append(
            f"{listed(unique)} differ in every row, as identifiers do: leave out with --drop what is no reading"
        )
    return found


def impossible_ranges(
    columns: Sequence[str], readings: NDArray[np.float64], quantisers: Sequence[Quantiser]
) -> str | None:
    """A sentence on ranges that reach below 0 where no reading, float64 [rows, columns], does; or None."""
    least = readings.min(axis=0)
    found = [
        name for name, low, quantiser in zip(columns, least, quantisers, strict=True) if low >= 0 > quantiser.low
    ]
    if not found:
        return None
    return (
        f"the fitted ranges of {listed(found)} begin below 0, where no reading lies: converters need a level there "
        "(--ranges span keeps to the readings)"
    )

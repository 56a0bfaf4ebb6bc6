"""`Table`: named columns of numbers or texts, as read, before anything is decided about them.

Reading files lives in `inkling.train.tables.readers`, the named data sets in `inkling.train.tables.sources`, codes
and rows in `inkling.train.tables.assemble`.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError

Column: TypeAlias = NDArray[np.float64] | tuple[str, ...]
"""Numbers, float64 [rows] with NaN where missing, or texts with "" where missing."""

MISSING = frozenset({"", "na", "n/a", "nan", "null", "?"})
"""Texts that mean "no value", compared without case."""

MOST_CLASSES = 256
MOST_CONTINUOUS = 20  # more distinct values with fractions than this are no classes


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length; `lines` holds each row's line in the file, int64 [rows], or None (rows from 1)."""

    name: str
    columns: tuple[str, ...]
    cells: tuple[Column, ...]
    lines: NDArray[np.int64] | None = None

    @property
    def rows(self) -> int:
        return len(self.cells[0])

    def places(self, mask: NDArray[np.bool_], most: int = 3) -> str:
        """Where the marked rows are, in words: "lines 3, 5, 9 and 4 more"."""
        found = np.flatnonzero(mask)
        numbers = found + 1 if self.lines is None else self.lines[found]
        word = ("row" if self.lines is None else "line") + ("s" if len(found) > 1 else "")
        more = f" and {len(found) - most} more" if len(found) > most else ""
        return f"{word} {', '.join(str(number) for number in numbers[:most])}{more}"

    def where(self, mask: NDArray[np.bool_]) -> "Table":
        """The table of the marked rows, bool [rows]."""
        lines = (np.arange(1, self.rows + 1) if self.lines is None else self.lines)[mask]
        kept = np.flatnonzero(mask)
        cells = tuple(c[mask] if isinstance(c, np.ndarray) else tuple(c[i] for i in kept) for c in self.cells)
        return replace(self, cells=cells, lines=None if self.lines is None else lines)


def quoted(text: str, most: int = 60) -> str:
    """A text of the user's for a one-line message: quoted, control characters escaped, not endless."""
    return repr(text if len(text) <= most else text[: most - 3] + "...")


def listed(texts: Sequence[str], most: int = 12) -> str:
    """Texts of the user's, quoted, for a one-line message."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(quoted(text) for text in texts[:most]) + more


def suggestion(text: str, known: Sequence[str]) -> str:
    """A "did you mean" clause with the nearest of the known texts, or nothing."""
    near = difflib.get_close_matches(text.lower(), [k.lower() for k in known[:5000]], n=1, cutoff=0.5)
    return f" (did you mean {quoted(next(k for k in known if k.lower() == near[0]))}?)" if near else ""


def as_column(texts: Sequence[str]) -> Column:
    """The column that stripped texts stand for: numbers if every value that is not missing is one, else texts."""
    try:
        return _numbers(texts)
    except ValueError:
        pass
    present = ["" if text.lower() in MISSING else text for text in texts]
    try:
        return _numbers([text or "nan" for text in present])
    except ValueError:
        return tuple(present)


def missing(column: Column) -> NDArray[np.bool_]:
    """Which rows have no value, bool [rows]."""
    return np.isnan(column) if isinstance(column, np.ndarray) else np.array([not text for text in column], bool)


def target_position(table: Table, target: str | None) -> int:
    """The position of the column to predict, the last without a `target`. Raises InputError for an unknown one."""
    if len(table.columns) < 2:
        raise InputError(f"{table.name} has one column: at least one feature and the target are needed")
    if target is None:
        return len(table.columns) - 1
    if target not in table.columns:
        raise InputError(
            f"{table.name} has no column {quoted(target)}{suggestion(target, table.columns)}; "
            f"choose --target from {listed(table.columns)}"
        )
    return table.columns.index(target)


def without_missing(table: Table, drop: bool) -> tuple[Table, str | None]:
    """The table without rows that lack a value, and a note; raises InputError if there are any and not `drop`."""
    gaps = [missing(column) for column in table.cells]
    names = [name for name, gap in zip(table.columns, gaps, strict=True) if gap.any()]
    if not names:
        return table, None
    if not drop:
        first = next(gap for gap in gaps if gap.any())
        others = f", and {len(names) - 1} more columns lack values" if len(names) > 1 else ""
        raise InputError(
            f"{table.name}: column {quoted(names[0])} has no value in {table.places(first)}{others}; "
            "fill them in, or leave such rows out with --drop-missing"
        )
    lacking = np.logical_or.reduce(gaps)
    if lacking.all():
        raise InputError(
            f"{table.name}: every row lacks a value, so --drop-missing leaves none; "
            f"remove columns that lack many (of {listed(names)})"
        )
    note = f"{int(lacking.sum())} of {table.rows} rows lack a value and were dropped (in {listed(names)})"
    return table.where(~lacking), note


def classes_of(table: Table, position: int) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Label texts, sorted as numbers if all are numbers and else as texts, and the class indices, int64 [rows].

    Raises InputError for infinite labels, one class only, too many classes and a continuous target.
    """
    column, name = table.cells[position], f"{table.name}: target {quoted(table.columns[position])}"
    if isinstance(column, np.ndarray):
        check_finite(table, position)
        values, indices = np.unique(column, return_inverse=True)
        fractional = bool((values != np.floor(values)).any())
        if fractional and len(values) > MOST_CONTINUOUS:
            raise InputError(
                f"{name} looks continuous ({len(values)} different values with fractions): "
                "cut it into classes, or choose another column with --target"
            )
        texts = [str(int(v)) if v == np.floor(v) else repr(float(v)) for v in values]
    else:
        texts = sorted(set(column))
        order = {text: index for index, text in enumerate(texts)}
        indices = np.array([order[text] for text in column], np.int64)
    if len(texts) > MOST_CLASSES:
        raise InputError(
            f"{name} has {len(texts)} classes, more than {MOST_CLASSES}: choose a column of classes with --target"
        )
    if len(texts) < 2:
        raise InputError(f"{name} has one class only ({quoted(texts[0])}): at least two are needed")
    return tuple(texts), indices.astype(np.int64)


def check_finite(table: Table, position: int) -> None:
    """Raise InputError if a column of numbers holds an infinity."""
    column = table.cells[position]
    if isinstance(column, np.ndarray) and (infinite := np.isinf(column)).any():
        raise InputError(
            f"{table.name}: column {quoted(table.columns[position])} is infinite in {table.places(infinite)}; "
            "give finite numbers, or leave the value empty and use --drop-missing"
        )


def not_numeric(table: Table, positions: Sequence[int]) -> InputError:
    """The error for columns of texts that are wanted as numbers; it shows the first value that is none."""
    column = table.cells[positions[0]]
    wrong = np.array([not _is_number(str(value)) for value in column])
    first = str(column[int(wrong.argmax())])
    others = f", and {len(positions) - 1} more columns hold texts" if len(positions) > 1 else ""
    advice = "remove it, or expand texts into 0/1 columns with --one-hot"
    if all(_is_number(str(value).replace(",", ".")) for value in column):
        advice = "write decimal points, not decimal commas"
    elif wrong.sum() < len(column) / 2:
        advice = "correct the values, or expand texts into 0/1 columns with --one-hot"
    return InputError(
        f"{table.name}: column {quoted(table.columns[positions[0]])} is not numeric: {quoted(first)} in "
        f"{table.places(wrong)}{others}; {advice}"
    )


def _numbers(texts: Sequence[str]) -> NDArray[np.float64]:
    numbers = np.array(list(map(float, texts)), np.float64)
    # Python reads 1_000 as a number; in a table it is an identifier.
    if "_" in "".join(texts):
        raise ValueError("underscore")
    return numbers


def _is_number(text: str) -> bool:
    try:
        _numbers([text or "nan"])
    except ValueError:
        return False
    return True

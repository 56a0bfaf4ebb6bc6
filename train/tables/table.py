"""`Table`: named columns of numbers or texts, as read, before anything is decided about them.

Reading files lives in `inkling.train.tables.readers`, the named data sets in `inkling.train.tables.sources`, codes
and rows in `inkling.train.tables.assemble`.
"""

import difflib
from collections import Counter
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
MOST_TEXT = 4096  # characters of one value
TRUTHS = {"false": 0.0, "true": 1.0}
"""Texts, compared without case, that are readings of one bit."""


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

    def choose(self, choice: "Choice") -> "Table":
        """The table of the wanted columns. Raises InputError."""
        positions = choice.positions(self.columns, self.name)
        columns = tuple(self.columns[i] for i in positions)
        return replace(self, columns=columns, cells=tuple(self.cells[i] for i in positions))


@dataclass(frozen=True)
class Choice:
    """Which columns of a table are read: all, or only some, without those to drop; kept: the target, where named."""

    only: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    group: tuple[str, ...] = ()

    def positions(self, columns: Sequence[str], name: str) -> list[int]:
        """The wanted columns' positions; name: of the table. The last one is kept where no target is named.

        Raises InputError for names that the table does not have, and for a target that is dropped.
        """
        for option, wanted in (("--columns", self.only), ("--drop", self.drop), ("--group", self.group)):
            for text in wanted:
                if text not in columns:
                    raise InputError(
                        f"{name} has no column {quoted(text)}{suggestion(text, columns)}; "
                        f"choose {option} from {listed(columns)}"
                    )
        if both := set(self.drop) & {*self.only, *self.kept, *self.group}:
            raise InputError(f"--drop {quoted(min(both))} names a column that is wanted: leave it out of one option")
        if not self.only:
            return [i for i, column in enumerate(columns) if column not in self.drop]
        # Without a name the last column is the target, and the target is never a matter of the features' list.
        last = columns[-1] if columns[-1] not in self.drop else None
        wanted_names = {*self.only, *self.group, *(self.kept or (last,))}
        return [i for i, column in enumerate(columns) if column in wanted_names]


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


def as_column(texts: Sequence[str], *, numbers: bool = True) -> Column:
    """The column that stripped texts stand for: numbers if every value that is not missing is one, else texts.

    numbers: whether numbers are looked for at all.
    """
    if numbers:
        try:
            return _numbers(texts)
        except ValueError:
            pass
    present = ["" if text.lower() in MISSING else text for text in texts]
    if numbers:
        try:
            return _numbers([text or "nan" for text in present])
        except ValueError:
            pass
    return tuple(present)


def truths(column: Column) -> NDArray[np.float64] | None:
    """0 and 1, float64 [rows], for a column of the texts True and False, in whatever case; None for any other."""
    if isinstance(column, np.ndarray) or not all(text.lower() in TRUTHS for text in set(column)):
        return None
    return np.array([TRUTHS[text.lower()] for text in column], np.float64)


def check_names(columns: Sequence[str], name: str) -> None:
    """Raise InputError unless these can be a table's column names; name: of the file, as it is to be printed."""
    if len(columns) < 2:
        raise InputError(
            f"{name}: one column found; separate columns with commas, semicolons or tabs (or give --separator), "
            "and give at least one feature and the target"
        )
    if "" in columns:
        raise InputError(f"{name}: column {columns.index('') + 1} has no name: name it in the header, or remove it")
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise InputError(f"{name}: the header names {listed(twice)} more than once: rename one")
    # Frames without names are written with 0, 1, 2, ... as header, which is one.
    counted = [str(i) for i in range(len(columns))] == list(columns)
    if not counted and isinstance(as_column(columns), np.ndarray):
        raise InputError(f"{name}: the first line holds numbers where column names should be: add a header line")


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


def classes_of_groups(table: Table, position: int) -> NDArray[np.int64]:
    """The number of each row's group, int64 [rows]: rows with equal values belong together."""
    column = table.cells[position]
    if isinstance(column, np.ndarray):
        return np.unique(column, return_inverse=True)[1].astype(np.int64)
    order = {text: index for index, text in enumerate(sorted(set(column)))}
    return np.array([order[text] for text in column], np.int64)


def joined(table: Table, more: Table) -> Table:
    """The rows of both tables; the second one's columns may come in another order. Raises InputError."""
    lacking = [name for name in table.columns if name not in more.columns]
    strange = [name for name in more.columns if name not in table.columns]
    if lacking or strange:
        found = f"lacks {listed(lacking)}" if lacking else f"has {listed(strange)}, which {table.name} has not"
        raise InputError(f"--test {more.name} {found}: give it the columns of {table.name}")
    cells: list[Column] = []
    for name, column in zip(table.columns, table.cells, strict=True):
        other = more.cells[more.columns.index(name)]
        if isinstance(column, np.ndarray) and isinstance(other, np.ndarray):
            cells.append(np.concatenate([column, other]))
        elif isinstance(column, tuple) and isinstance(other, tuple):
            cells.append((*column, *other))
        else:
            holds = "texts" if isinstance(other, tuple) else "numbers"
            raise InputError(f"--test {more.name}: column {quoted(name)} holds {holds}, unlike {table.name}'s")
    # Line numbers are of two files: rows are counted through.
    return Table(table.name, table.columns, tuple(cells))


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
    wrong = np.array([not is_number(str(value)) for value in column])
    first = str(column[int(wrong.argmax())])
    others = f", and {len(positions) - 1} more columns hold texts" if len(positions) > 1 else ""
    advice = "leave it out with --drop, or expand texts into 0/1 columns with --one-hot"
    if all(is_number(str(value).replace(",", ".")) for value in column):
        advice = "give --decimal , where commas stand before fractions"
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


def is_number(text: str) -> bool:
    """True for a text that reads as a number, or as no value."""
    try:
        _numbers([text or "nan"])
    except ValueError:
        return False
    return True

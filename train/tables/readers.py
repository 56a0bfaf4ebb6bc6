"""Reading CSV and Parquet files into a `Table`, with every size bounded before memory is spent.

Files are hostile until read: each defect ends in one InputError. What columns mean is decided in
`inkling.train.tables.assemble`.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from inkling.train.errors import InputError
from inkling.train.tables.table import Column, Table, as_column, listed, quoted

MOST_BYTES = 512 * 2**20
MOST_CELLS = 20_000_000
MOST_LINE = 2**20  # characters; a longer line is no row of a table
DELIMITERS = ",;\t"


def read(path: Path, *, most_bytes: int = MOST_BYTES, most_cells: int = MOST_CELLS) -> Table:
    """Read a .csv (comma, semicolon or tab, UTF-8, a header line) or .parquet file. Raises InputError."""
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise InputError(
            f"cannot read {quoted(path.name)}: give a table as .csv or .parquet, or the name of a data set"
        )
    try:
        if not path.exists():
            raise InputError(f"there is no file {quoted(str(path), 200)}")
        if not path.is_file():
            raise InputError(f"{quoted(str(path), 200)} is not a file")
        size = path.stat().st_size
        if size > most_bytes:
            raise InputError(
                f"{quoted(path.name)} has {size / 2**20:.1f} MiB, more than the limit of "
                f"{most_bytes / 2**20:.4g} MiB: give fewer rows"
            )
        if size == 0:
            raise InputError(f"{quoted(path.name)} is empty: give a header line and rows")
        return (_read_csv if path.suffix.lower() == ".csv" else _read_parquet)(path, most_cells)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read {quoted(str(path), 200)}: {error}") from error


def _read_csv(path: Path, most_cells: int) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _parse(file, path, most_cells)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{quoted(path.name)} is not UTF-8 text (byte {error.start}): save the table as CSV in UTF-8"
        ) from error


def _parse(file: TextIO, path: Path, most_cells: int) -> Table:
    name = quoted(path.name)
    lines = _lines(file, name)
    header, skipped = "", 0  # blank lines before the header; the CSV reader counts from the header on
    for line in lines:
        if line.strip():
            header = line
            break
        skipped += 1
    if not header:
        raise InputError(f"{name} is empty: give a header line and rows")

    def from_header() -> Iterator[str]:
        yield header
        yield from lines

    reader = csv.reader(from_header(), delimiter=_delimiter(header), strict=True)
    try:
        columns = tuple(text.strip() for text in next(reader))
        _check_names(columns, name)
        rows: list[list[str]] = []
        numbers: list[int] = []
        start = skipped + reader.line_num + 1
        for row in reader:
            if len(row) != len(columns):
                if not row:
                    start = skipped + reader.line_num + 1
                    continue  # a blank line
                raise InputError(
                    f"{name}, line {start}: {len(row)} fields where the header names {len(columns)} columns; "
                    "correct the line"
                )
            rows.append(row)
            numbers.append(start)
            start = skipped + reader.line_num + 1
            if len(rows) * len(columns) > most_cells:
                raise InputError(f"{name} has more than {most_cells} values: give fewer rows or columns")
    except csv.Error as error:
        raise InputError(
            f"{name}, line {skipped + reader.line_num}: {error}; is a quotation mark missing or too many?"
        ) from error
    if not rows:
        raise InputError(f"{name} has a header but no rows")
    cells = tuple(as_column([text.strip() for text in texts]) for texts in zip(*rows, strict=True))
    return Table(path.stem, columns, cells, np.array(numbers, np.int64))


def _lines(file: TextIO, name: str) -> Iterator[str]:
    while line := file.readline(MOST_LINE + 1):
        if "\0" in line:
            raise InputError(f"{name} is a binary file: save the table as CSV text in UTF-8")
        if len(line) > MOST_LINE:
            raise InputError(f"{name} has a line of more than {MOST_LINE} characters: is it a table?")
        yield line


def _delimiter(header: str) -> str:
    # Only what stands outside quotation marks separates columns.
    plain = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=plain.count)


def _check_names(columns: Sequence[str], name: str) -> None:
    if len(columns) < 2:
        raise InputError(
            f"{name}: one column found; separate columns with commas, semicolons or tabs, "
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


def _read_parquet(path: Path, most_cells: int) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = quoted(path.name)
    try:
        with pq.ParquetFile(path) as file:
            about = file.metadata
            columns = tuple(str(text) for text in file.schema_arrow.names)
            _check_names(columns, name)
            groups = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
            if about.num_rows * len(columns) > most_cells or groups > MOST_BYTES:
                raise InputError(f"{name} has more than {most_cells} values: give fewer rows or columns")
            if about.num_rows == 0:
                raise InputError(f"{name} has columns but no rows")
            cells = tuple(
                _parquet_column(values, column, name)
                for values, column in zip(file.read().itercolumns(), columns, strict=True)
            )
    except pa.ArrowException as error:
        raise InputError(f"{name} is not a readable Parquet file: {str(error)[:200]}") from error
    return Table(path.stem, columns, cells)


def _parquet_column(values: Any, column: str, name: str) -> Column:
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    kind = values.type
    if types.is_string(kind) or types.is_large_string(kind):
        return as_column([(text or "").strip() for text in values.to_pylist()])
    if not any(test(kind) for test in (types.is_integer, types.is_floating, types.is_decimal, types.is_null)):
        raise InputError(f"{name}: column {quoted(column)} is of type {kind}: give numbers or texts, or remove it")
    # Integers beyond 2**53 are rounded to the nearest float; as sensor readings they lose nothing.
    return np.array(values.cast(pa.float64(), safe=False).to_numpy(), np.float64)

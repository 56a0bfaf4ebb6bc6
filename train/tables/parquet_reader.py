"""Parquet files as a `Table`; texts stay dictionaries of shared strings, so that what they decode to is bounded too.

A file of kilobytes may stand for gigabytes: one long text that every row names again, or prefixes of prefixes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inkling.train.errors import InputError
from inkling.train.tables.table import MOST_TEXT, Choice, Column, Table, as_column, check_names, quoted

BATCH_ROWS = 1024
# Bytes that one batch may decode to where Arrow spells texts out before their lengths can be looked at.
MOST_BATCH_BYTES = 256 * 2**20


def read(path: Path, choice: Choice, most_cells: int, most_bytes: int) -> Table:
    """Read the chosen columns: at most most_cells values whose columns are at most most_bytes long, unpacked.

    Raises InputError and OSError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = quoted(path.name)
    try:
        with pq.ParquetFile(path) as file:
            about, schema = file.metadata, file.schema_arrow
            columns = tuple(str(text) for text in schema.names)
            check_names(columns, name)
            positions = choice.positions(columns, path.stem)
            kept = tuple(columns[i] for i in positions)
            if about.num_rows * len(kept) > most_cells:
                raise InputError(f"{name} has more than {most_cells} values: give fewer rows or columns")
            if about.num_rows == 0:
                raise InputError(f"{name} has columns but no rows")
            texts = [column for column in kept if _is_text(_check_kind(schema.field(column).type, column, name))]
            groups = [about.row_group(i) for i in range(about.num_row_groups)]
            if sum(group.total_byte_size for group in groups) > most_bytes:
                raise InputError(f"{name} has more than {most_bytes >> 20} MiB unpacked: give fewer rows")
            spelt, longest = _prefixed(groups, texts)
        # Arrow keeps a dictionary as one only where it is told to before it opens the file.
        with pq.ParquetFile(path, read_dictionary=[column for column in texts if column not in spelt]) as file:
            parts: dict[str, list[Any]] = {column: [] for column in kept}
            at_once = max(1, min(BATCH_ROWS, MOST_BATCH_BYTES // max(longest, 1)))
            for batch in file.iter_batches(batch_size=at_once, columns=list(kept), use_threads=False):
                for column in kept:
                    values = batch.column(column)
                    parts[column].append(
                        _texts(values, column, name) if column in texts else _numbers(values, column)
                    )
            cells = tuple(_whole(parts[column], column in texts) for column in kept)
    except pa.ArrowException as error:
        raise InputError(f"{name} is not a readable Parquet file: {str(error)[:200]}") from error
    return Table(path.stem, kept, cells)


def _check_kind(kind: Any, column: str, name: str) -> Any:
    """The type of a column's values, behind a dictionary. Raises InputError for what is neither number nor text."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    tests = (types.is_integer, types.is_floating, types.is_decimal, types.is_null, types.is_boolean, _is_text)
    if any(test(kind) for test in tests):
        return kind
    if types.is_temporal(kind):
        raise InputError(
            f"{name}: column {quoted(column)} holds times ({kind}), which are no readings: leave it out with --drop"
        )
    raise InputError(f"{name}: column {quoted(column)} is of type {kind}: give numbers or texts, or leave it out")


def _prefixed(groups: Sequence[Any], texts: Sequence[str]) -> tuple[set[str], int]:
    """Columns of texts that are coded as prefixes of the text before, and the most bytes that one of theirs has."""
    found: set[str] = set()
    longest = 0
    for group in groups:
        for k in range(group.num_columns):
            chunk = group.column(k)
            if chunk.path_in_schema in texts and "DELTA_BYTE_ARRAY" in chunk.encodings:
                found.add(chunk.path_in_schema)
                longest = max(longest, chunk.total_uncompressed_size)
    return found, longest


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _texts(values: Any, column: str, name: str) -> list[str]:
    """The stripped texts of a batch; equal ones are one object."""
    import pyarrow.compute as pc
    from pyarrow import types

    if not types.is_dictionary(values.type):
        values = values.dictionary_encode()
    longest = pc.max(pc.binary_length(values.dictionary)).as_py() or 0
    if longest > 4 * MOST_TEXT:  # bytes of UTF-8
        raise InputError(
            f"{name}: column {quoted(column)} holds a text of {longest} bytes, more than {MOST_TEXT} characters: "
            "leave the column out with --drop"
        )
    words = [(text or "").strip() for text in values.dictionary.to_pylist()]
    return ["" if k is None else words[k] for k in values.indices.to_pylist()]


def _numbers(values: Any, column: str) -> Any:
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if types.is_boolean(values.type):
        return ["" if value is None else str(value) for value in values.to_pylist()]
    # Integers beyond 2**53 are rounded to the nearest float; as sensor readings they lose nothing.
    return np.array(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)


def _whole(parts: Sequence[Any], text: bool) -> Column:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    joined = [value for part in parts for value in part]
    return as_column(joined) if text else tuple(joined)

"""Reading files into a `Table`: the door, with the size of a file bounded before it is opened.

Files are hostile until read: each defect ends in one InputError. Texts are read in `inkling.train.tables.csv_reader`,
Parquet in `inkling.train.tables.parquet_reader`; what columns mean is decided in `inkling.train.tables.assemble`.
"""

from pathlib import Path

from inkling.train.errors import InputError
from inkling.train.tables import csv_reader
from inkling.train.tables.csv_reader import Dialect
from inkling.train.tables.table import Choice, Table, quoted

MOST_BYTES = 512 * 2**20
MOST_CELLS = 20_000_000
TEXTS = (".csv", ".tsv", ".txt")
FORMATS = (*TEXTS, ".parquet")


def read(
    path: Path,
    *,
    dialect: Dialect | None = None,
    choice: Choice | None = None,
    most_bytes: int = MOST_BYTES,
    most_cells: int = MOST_CELLS,
) -> Table:
    """Read a table of text (a header line; UTF-8, or UTF-16 with its mark) or a .parquet file. Raises InputError.

    dialect: how a text is written, where it is not to be told from its header; choice: the columns that are wanted.
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise InputError(
            f"cannot read {quoted(path.name)}: give a table as {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, "
            "or the name of a data set"
        )
    if kind == ".parquet" and dialect not in (None, Dialect()):
        raise InputError(f"{quoted(path.name)}: a Parquet file has no separator, decimal comma or line of units")
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
        if kind == ".parquet":
            from inkling.train.tables import parquet_reader

            return parquet_reader.read(path, choice or Choice(), most_cells, most_bytes)
        return csv_reader.read(path, dialect or Dialect(), choice or Choice(), most_cells)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read {quoted(str(path), 200)}: {error}") from error

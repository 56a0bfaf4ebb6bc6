"""Tables of text: separators, decimal commas, encodings, and a line of units under the header.

What is ambiguous is refused with the option that decides it; nothing is guessed where two readings are possible.
"""

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from inkling.train.errors import InputError
from inkling.train.tables.table import (
    MISSING,
    MOST_TEXT,
    Choice,
    Column,
    Table,
    as_column,
    check_names,
    is_number,
    listed,
    quoted,
)

MOST_LINE = 2**20  # characters; a longer line is no row of a table
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " ", "pipe": "|"}
DECIMALS = (".", ",")
_SNIFFED = ",;\t"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


@dataclass(frozen=True)
class Dialect:
    """How a table of text is written.

    separator: one of ``SEPARATORS`` or their names, "" to tell it from the header (comma, semicolon or tab); decimal:
    the mark before a number's fraction, "." or ","; units_row: the first line after the header holds units and is no
    row.
    """

    separator: str = ""
    decimal: str = "."
    units_row: bool = False

    def __post_init__(self) -> None:
        if self.separator and self.character not in SEPARATORS.values():
            raise InputError(f"--separator {quoted(self.separator)} is not one of {', '.join(SEPARATORS)}")
        if self.decimal not in DECIMALS:
            raise InputError(f"--decimal {quoted(self.decimal)} is neither . nor ,")

    @property
    def character(self) -> str:
        """The character between fields, "" for one that the header tells."""
        return SEPARATORS.get(self.separator, self.separator)


def read(path: Path, dialect: Dialect, choice: Choice, most_cells: int) -> Table:
    """Read a text of at most most_cells values. Raises InputError and OSError."""
    with path.open("rb") as stream:
        mark = stream.read(4)
    encoding = "utf-16" if mark[:2] in _UTF_16 and mark not in _UTF_32 else "utf-8-sig"
    try:
        with path.open(encoding=encoding, newline="") as file:
            return _parse(file, path, dialect, choice, most_cells)
    except UnicodeError as error:
        place = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(
            f"{quoted(path.name)} is not {'UTF-16' if encoding == 'utf-16' else 'UTF-8'} text{place}: "
            "save the table as CSV in UTF-8"
        ) from error


def _parse(file: TextIO, path: Path, dialect: Dialect, choice: Choice, most_cells: int) -> Table:
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
    separator = dialect.character or _separator(header, path.suffix.lower(), dialect.decimal)

    def from_header() -> Iterator[str]:
        # Between fields that blanks separate stand any number of them, also at the ends of a line.
        blank = separator == " "
        yield header.strip() + "\n" if blank else header
        for line in lines:
            yield line.strip() + "\n" if blank else line

    reader = csv.reader(from_header(), delimiter=separator, strict=True, skipinitialspace=separator == " ")
    try:
        columns = tuple(text.strip() for text in next(reader))
        check_names(columns, name)
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
                    f"correct the line{_halves(row, columns, separator)}"
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
    if dialect.units_row:
        rows, numbers = rows[1:], numbers[1:]
    if not rows:
        raise InputError(f"{name} has a header but no rows")
    positions = choice.positions(columns, path.stem)
    texts = [[row[i].strip() for row in rows] for i in positions]
    if not dialect.units_row and (units := _units(texts, dialect.decimal)):
        raise InputError(
            f"{name}: line {numbers[0]} looks like a row of units ({listed(units, 4)}), not of readings: "
            "leave it out with --units-row, or remove it"
        )
    kept = tuple(columns[i] for i in positions)
    for column, values in zip(kept, texts, strict=True):
        if (longest := max(map(len, values))) > MOST_TEXT:
            raise InputError(
                f"{name}: column {quoted(column)} holds a text of {longest} characters, more than {MOST_TEXT}: "
                "leave the column out with --drop"
            )
    cells = tuple(_column(values, dialect.decimal) for values in texts)
    return Table(path.stem, kept, cells, np.array(numbers, np.int64))


def _lines(file: TextIO, name: str) -> Iterator[str]:
    while line := file.readline(MOST_LINE + 1):
        if "\0" in line:
            raise InputError(f"{name} is a binary file: save the table as CSV text in UTF-8")
        if len(line) > MOST_LINE:
            raise InputError(f"{name} has a line of more than {MOST_LINE} characters: is it a table?")
        yield line


def _separator(header: str, suffix: str, decimal: str) -> str:
    # Only what stands outside quotation marks separates columns.
    plain = "".join(header.split('"')[::2])
    # Of equally frequent ones: a .tsv says itself what separates, and decimal commas leave commas for names.
    order = "\t;," if suffix == ".tsv" or decimal == "," else _SNIFFED
    return max(order, key=plain.count)


def _halves(row: Sequence[str], columns: Sequence[str], separator: str) -> str:
    """Advice where commas separate both fields and fractions."""
    doubled = separator == "," and len(row) > len(columns) and all(part.strip().isdigit() for part in row[1:-1])
    return " (decimal commas? then separate fields with semicolons and give --decimal ,)" if doubled else ""


def _column(texts: list[str], decimal: str) -> Column:
    if decimal == ".":
        return as_column(texts)
    # A point would be one of thousands, or of another country: such a value is no number here.
    turned = as_column([text.replace(".", "\0").replace(",", ".") for text in texts])
    return turned if isinstance(turned, np.ndarray) else as_column(texts, numbers=False)


def _units(columns: Sequence[Sequence[str]], decimal: str) -> list[str]:
    """The texts of a first row that is one of units, else nothing.

    It is one if some columns hold numbers in all other rows, none of these has one in this row, some have a text
    there, and no column of texts has its text again.
    """
    found = []
    for texts in columns:
        first, rest = texts[0], texts[1:]
        if not rest:
            return []
        present = [text for text in rest if text.lower() not in MISSING]
        plain = [text.replace(",", ".") if decimal == "," else text for text in present]
        if present and all(map(is_number, plain)):
            unit = "" if first.lower() in MISSING else first
            if unit and is_number(unit.replace(",", ".") if decimal == "," else unit):
                return []
            found.append(unit)
        elif first in rest:
            return []
    return [texts[0] for texts in columns] if any(found) else []

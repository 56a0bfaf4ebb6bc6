"""Rows of a table as the codes that enter one design, by its design.json alone, and their labels.

Tables are read by `inkling.train.tables.sources`; nothing is fitted here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.network import Threshold
from inkling.sim.designs.folder import DesignFolder
from inkling.train.errors import InputError
from inkling.train.tables import sources
from inkling.train.tables.quantiser import Quantiser
from inkling.train.tables.table import Table, classes_of, listed, quoted, suggestion, target_position


def design_rows(
    design: DesignFolder, source: str, *, target: str | None = None, data_folder: Path | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """Codes, uint8 [rows, inputs], and output codes, int64 [rows]; None where the table has no column of labels.

    source: a file or a named data set; target: the column of labels, the last where not given, if its texts are
    classes of the design. Raises InputError where a column is missing or holds anything but finite numbers.
    """
    table, _ = sources.find_table(source, data_folder)
    if not table.rows:
        raise InputError(f"{table.name} has no rows; give a table with some")
    columns = [_column(table, reading.column, design.name) for reading in readings_of(design)]
    return design_codes(design, columns, table.name), _labels(table, target, design)


@dataclass(frozen=True)
class Reading:
    """What an input reads: a column of the table, and the converter that makes its code."""

    column: str
    quantiser: Quantiser
    threshold: Threshold | None = None


def readings_of(design: DesignFolder) -> tuple[Reading, ...]:
    """One for every input, by design.json. Raises InputError where it does not describe them all."""
    described = design.described.get("inputs")
    if not isinstance(described, list) or len(described) != len(design.network.inputs):
        raise InputError(f"design.json of {design.name} does not describe every input; make the run again")
    found = []
    for item, given in zip(described, design.network.inputs, strict=True):
        fields = item if isinstance(item, dict) else {}
        name, low, high = (fields.get(key) for key in ("column", "low", "high"))
        numbers = [value for value in (low, high) if isinstance(value, int | float) and abs(value) < 1e300]
        told = isinstance(name, str) and len(numbers) == 2 and numbers[0] < numbers[1]
        if not told or fields.get("bits") != given.bits:
            raise InputError(
                f"design.json of {design.name} does not tell column, low, high and bits of an input; run again"
            )
        threshold = given.threshold
        quantiser = Quantiser(numbers[0], numbers[1], given.bits if threshold is None else threshold.bits)
        if threshold is not None:
            _check_level(design.name, fields, threshold, quantiser)
        found.append(Reading(str(name), quantiser, threshold))
    return tuple(found)


def _check_level(design: str, fields: dict[str, Any], threshold: Threshold, quantiser: Quantiser) -> None:
    """Raise InputError where design.json gives a comparator another reference than network.json."""
    reading = quantiser.low + threshold.reference * (quantiser.high - quantiser.low)
    expected = {
        "level": threshold.level,
        "grid_bits": threshold.bits,
        "reference": threshold.reference,
        "threshold": reading,
    }
    for key, value in expected.items():
        given = fields.get(key)
        if not isinstance(given, int | float) or not np.isclose(given, value, rtol=1e-9, atol=0):
            raise InputError(
                f"design.json of {design}: {key} of port {fields.get('port')!s:.60} is {given!r:.40}, but "
                f"network.json says {value!r}; make the run again"
            )


def design_codes(
    design: DesignFolder, columns: Sequence[NDArray[np.float64]], where: str = "the readings"
) -> NDArray[np.uint8]:
    """Codes, uint8 [rows, inputs], of a column of readings for each input. Raises InputError."""
    found = []
    for reading, column in zip(readings_of(design), columns, strict=True):
        if column.ndim != 1 or len(column) != len(columns[0]) or not np.isfinite(column).all():
            raise InputError(f"{where}: column {quoted(reading.column)} holds something other than finite numbers")
        codes = reading.quantiser.codes(column)
        found.append(codes if reading.threshold is None else (codes >= reading.threshold.level).astype(np.uint8))
    return np.stack(found, axis=1)


def answers(design: DesignFolder, codes: NDArray[np.uint8]) -> NDArray[Any]:
    """The classes' texts [rows] of codes that enter, or of a network of scores these, int64 [rows, outputs].

    A code that no class has, which gates may give, is the text "?".
    """
    found = design.network.evaluate(codes.astype(np.int64))
    if not design.network.is_classifier:
        return found
    texts = np.array([*design.classes, "?"], dtype=object)
    named: NDArray[Any] = texts[np.minimum(found.reshape(-1), len(design.classes))]
    return named


def _column(table: Table, name: str, design: str) -> NDArray[np.float64]:
    if name not in table.columns:
        raise InputError(
            f"{table.name} has no column {quoted(name)}, which {design} reads{suggestion(name, table.columns)}; "
            f"it has {listed(table.columns)}"
        )
    column = table.cells[table.columns.index(name)]
    if not isinstance(column, np.ndarray):
        raise InputError(f"{table.name}: column {quoted(name)} holds something other than finite numbers")
    return column


def _labels(table: Table, target: str | None, design: DesignFolder) -> NDArray[np.int64] | None:
    if not design.classes:
        return None
    try:
        texts, indices = classes_of(table, target_position(table, target))
    except InputError:
        if target is not None:
            raise
        return None
    unknown = [text for text in texts if text not in design.classes]
    if unknown and target is not None:
        raise InputError(f"{table.name}: {quoted(unknown[0])} is no class of {design.name}: {listed(design.classes)}")
    if unknown:
        return None
    return np.array([design.classes.index(text) for text in texts], np.int64)[indices]

"""Rows of a table as the codes that enter one design, by its design.json alone, and their labels.

Tables are read by `inkling.train.tables.sources`; nothing is fitted here.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    described = design.described.get("inputs")
    if not isinstance(described, list) or len(described) != len(design.network.inputs):
        raise InputError(f"design.json of {design.name} does not describe every input; make the run again")
    if not table.rows:
        raise InputError(f"{table.name} has no rows; give a table with some")
    columns = [
        _codes(table, item, given.bits, design.name)
        for item, given in zip(described, design.network.inputs, strict=True)
    ]
    return np.stack(columns, axis=1), _labels(table, target, design)


def _codes(table: Table, described: Any, bits: int, design: str) -> NDArray[np.uint8]:
    fields = described if isinstance(described, dict) else {}
    name, low, high = (fields.get(key) for key in ("column", "low", "high"))
    numbers = [item for item in (low, high) if isinstance(item, int | float) and abs(item) < 1e300]
    if not isinstance(name, str) or len(numbers) != 2 or not numbers[0] < numbers[1] or fields.get("bits") != bits:
        raise InputError(f"design.json of {design} does not tell column, low, high and bits of an input; run again")
    if name not in table.columns:
        raise InputError(
            f"{table.name} has no column {quoted(name)}, which {design} reads{suggestion(name, table.columns)}; "
            f"it has {listed(table.columns)}"
        )
    column = table.cells[table.columns.index(name)]
    if not isinstance(column, np.ndarray) or not np.isfinite(column).all():
        raise InputError(f"{table.name}: column {quoted(name)} holds something other than finite numbers")
    return Quantiser(numbers[0], numbers[1], bits).codes(column)


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

"""`Origin`: which table a network in a file is of, so that the next step reads the same rows and codes.

Its JSON stands in the file of a float network and in step.json beside an integer one; steps are in
`inkling.runs.steps`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inkling.approx.reference.network import IntegerNetwork
from inkling.train.errors import InputError
from inkling.train.files.checked_json import Fields, load
from inkling.train.tables.dataset import Dataset
from inkling.train.tables.quantiser import Quantiser
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load as load_table

STEP_SCHEMA = "inkling.step/1"


@dataclass(frozen=True)
class Origin:
    """columns, classes and quantisers are those of the data set; reading is None where no table is known."""

    columns: tuple[str, ...]
    classes: tuple[str, ...]
    quantisers: tuple[Quantiser, ...]
    fingerprint: str
    reading: Reading | None
    method: str = ""
    levels: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": STEP_SCHEMA,
            "method": self.method,
            "levels": list(self.levels),
            "table": self.reading.to_json() if self.reading else None,
            "data_fingerprint": self.fingerprint,
            "columns": list(self.columns),
            "classes": list(self.classes),
            "quantisers": [vars(q) for q in self.quantisers],
        }

    def dataset(self, table: str | None, data: Path | None) -> Dataset:
        """The rows that the network was made from; table: where they are now, if not where they were.

        Raises InputError where they are other rows, or other codes.
        """
        if self.reading is None:
            raise InputError("the network's files do not tell of which table it is; run `inkling train` first")
        where = table or self.reading.source
        found = load_table(replace(self.reading, source=where), data)
        if found.fingerprint != self.fingerprint:
            raise InputError(
                f"{where} has not the rows that the network was trained on; name that table with --table"
            )
        return found


def of_dataset(dataset: Dataset, reading: Reading) -> Origin:
    return Origin(dataset.columns, dataset.classes, dataset.quantisers, dataset.fingerprint, reading)


def of_network(network: IntegerNetwork) -> Origin:
    """Where nothing is told: columns by the inputs' names, codes as they are, classes by number."""
    count = max(item.column for item in network.inputs) + 1
    names, quantisers = [f"column_{k}" for k in range(count)], [Quantiser(0.0, 2.0, 1)] * count
    for item in network.inputs:
        bits = item.bits + item.drop
        if bits > 8:
            raise InputError(f"input {item.name!r:.60} has {bits} bits; designs have converters of up to 8")
        names[item.column], quantisers[item.column] = item.name, Quantiser(0.0, float(2**bits), bits)
    classes = tuple(str(k) for k in range(network.classes)) if network.is_classifier else ()
    return Origin(tuple(names), classes, tuple(quantisers), "", None, "given network")


def read(path: Path) -> tuple[Origin, Fields]:
    """The origin in a JSON file, and the file's other fields. Raises InputError."""
    fields = load(path)
    if fields.text("schema", "") != STEP_SCHEMA:
        raise InputError(
            f"{path}: schema is not {STEP_SCHEMA!r}; make the file with `inkling train` or `approximate`"
        )
    columns, classes = fields.texts("columns"), fields.texts("classes")
    quantisers = tuple(_quantiser(item) for item in fields.objects("quantisers"))
    if len(quantisers) != len(columns):
        raise InputError(f"{path}: has {len(columns)} columns and {len(quantisers)} quantisers; make it again")
    levels = fields.items("levels")
    if not all(isinstance(level, int) and not isinstance(level, bool) and 1 <= level <= 6 for level in levels):
        raise InputError(f"{path}: levels must be in 1..6; make it again")
    reading = Reading.from_json(fields.inner("table")) if fields.has("table") else None
    text = fields.text("data_fingerprint", "")
    return Origin(columns, classes, quantisers, text, reading, fields.text("method", ""), tuple(levels)), fields


def _quantiser(fields: Fields) -> Quantiser:
    found = Quantiser(fields.number("low", -math.inf), fields.number("high", -math.inf), fields.integer("bits"))
    if not found.low < found.high or not 1 <= found.bits <= 8:
        raise InputError(f"{fields.where}: low must be below high and bits in 1..8; make it again")
    return found


def text(origin: Origin, more: Mapping[str, Any] | None = None) -> bytes:
    """The file's content."""
    return (json.dumps({**origin.to_json(), **(more or {})}, indent=1, ensure_ascii=False) + "\n").encode()

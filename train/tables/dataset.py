"""`Dataset`: a table as integer codes with fixed train, validation and test rows, and the sealed test rows.

Search, calibration and early stopping are handed a `Development`, which has no test rows at all; only the report
opens a `Dataset`. Reading tables lives in `inkling.train.tables.table`, fitting quantisers in
`inkling.train.tables.quantiser`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkling.train.tables.quantiser import Quantiser


class Rows(NamedTuple):
    """Feature codes, uint8 [rows, features], and class indices, int64 [rows]."""

    codes: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Development:
    """What training and search may see of a table: training and validation rows, never the test rows."""

    name: str
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    input_bits: tuple[int, ...]
    train: Rows
    validation: Rows


@dataclass(frozen=True)
class Dataset:
    """A quantised table with its split.

    columns: feature names as the user wrote them; classes: label texts in order of the class index;
    quantisers: one per column, fitted on training rows only; fingerprint: SHA-256 over codes, labels and split;
    notes: one line for every decision taken on the user's behalf (a constant column dropped, ...); seen: bool
    [tests], whether a test row's codes are those of a training or validation row, None where nobody looked.
    """

    columns: tuple[str, ...]
    classes: tuple[str, ...]
    quantisers: tuple[Quantiser, ...]
    development: Development
    test: Rows
    seed: int
    fingerprint: str
    notes: tuple[str, ...] = ()
    seen: NDArray[np.bool_] | None = None

    @property
    def name(self) -> str:
        return self.development.name


def majority_rate(rows: Rows) -> float:
    """The accuracy that the most frequent class of these rows has when it is always answered."""
    return float(np.bincount(rows.labels).max() / len(rows.labels))

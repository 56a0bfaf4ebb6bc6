"""How well a network classifies: the only place of Inkling that reads the test rows of a data set."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.network import IntegerNetwork
from inkling.train.tables.dataset import Dataset, Rows
from inkling.train.tables.score import accuracy, balanced_accuracy


@dataclass(frozen=True)
class Assessment:
    """Accuracy on each split and balanced accuracy on the test rows, all in 0..1; confusion of the test rows.

    new_rows: accuracy on the test rows whose codes no training or validation row has; None where there is none.
    confusion[t][a]: rows of class t that were answered a; where some answer is no class, a last column counts these.
    """

    accuracy: dict[str, float]
    balanced_accuracy: float
    confusion: tuple[tuple[int, ...], ...]
    new_rows: float | None = None


def assess(network: IntegerNetwork, dataset: Dataset) -> Assessment:
    """Score a finished network. Nothing may be chosen by what this returns; it goes to the report and ends there."""
    development = dataset.development
    splits: dict[str, Rows] = {
        "train": development.train,
        "validation": development.validation,
        "test": dataset.test,
    }
    predicted = {name: network.predict(rows.codes) for name, rows in splits.items()}
    new = np.zeros(0, bool) if dataset.seen is None else ~dataset.seen
    right = predicted["test"] == splits["test"].labels
    return Assessment(
        {name: accuracy(rows.labels, predicted[name]) for name, rows in splits.items()},
        balanced_accuracy(splits["test"].labels, predicted["test"]),
        confusion(splits["test"].labels, predicted["test"], len(dataset.classes)),
        float(right[new].mean()) if new.any() else None,
    )


def confusion(
    labels: NDArray[np.integer], predicted: NDArray[np.integer], classes: int
) -> tuple[tuple[int, ...], ...]:
    """Counts of (true, answered), int [rows] each, as `Assessment` describes them."""
    strange = bool((predicted >= classes).any())
    counts = np.zeros((classes, classes + strange), np.int64)
    np.add.at(counts, (labels, np.minimum(predicted, classes)), 1)
    return tuple(tuple(row) for row in counts.tolist())

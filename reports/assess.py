"""How well a network classifies: the only place of Inkling that reads the test rows of a data set."""

from dataclasses import dataclass

from approx.network import IntegerNetwork
from train.dataset import Dataset, Rows
from train.score import accuracy, balanced_accuracy


@dataclass(frozen=True)
class Assessment:
    """Accuracy on each split and balanced accuracy on the test rows, all in 0..1."""

    accuracy: dict[str, float]
    balanced_accuracy: float


def assess(network: IntegerNetwork, dataset: Dataset) -> Assessment:
    """Score a finished network. Nothing may be chosen by what this returns; it goes to the report and ends there."""
    development = dataset.development
    splits: dict[str, Rows] = {
        "train": development.train,
        "validation": development.validation,
        "test": dataset.test,
    }
    predicted = {name: network.predict(rows.codes) for name, rows in splits.items()}
    return Assessment(
        {name: accuracy(rows.labels, predicted[name]) for name, rows in splits.items()},
        balanced_accuracy(splits["test"].labels, predicted["test"]),
    )

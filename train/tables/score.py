"""Accuracy and balanced accuracy of predicted labels, in plain NumPy.

Which rows may be scored, and by whom, is the business of the callers.
"""

import numpy as np
from numpy.typing import NDArray


def accuracy(labels: NDArray[np.integer], predicted: NDArray[np.integer]) -> float:
    """The share of rows, int [rows] each, where the predicted class is the true one."""
    _check(labels, predicted)
    return float((labels == predicted).mean())


def balanced_accuracy(labels: NDArray[np.integer], predicted: NDArray[np.integer]) -> float:
    """The mean over the classes of the share of their rows, int [rows] each, that are predicted right.

    Classes without a row in `labels` are ignored, also where they are predicted.
    """
    _check(labels, predicted)
    classes, index = np.unique(labels, return_inverse=True)
    right = np.bincount(index, weights=labels == predicted, minlength=len(classes))
    return float((right / np.bincount(index)).mean())


def _check(labels: NDArray[np.integer], predicted: NDArray[np.integer]) -> None:
    # Broadcasting would turn a wrong shape into a plausible figure.
    if labels.ndim != 1 or labels.shape != predicted.shape or not len(labels):
        raise ValueError(
            f"labels {labels.shape} and predictions {predicted.shape} must be equally long and not empty"
        )

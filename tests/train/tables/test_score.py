import numpy as np
import pytest
from sklearn import metrics

from inkling.train.tables.score import accuracy, balanced_accuracy


def test_by_hand() -> None:
    labels, predicted = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 0, 1, 1, 0, 2])
    assert accuracy(labels, predicted) == pytest.approx(4 / 6)
    assert balanced_accuracy(labels, predicted) == pytest.approx((2 / 3 + 1 + 1 / 2) / 3)


def test_classes_without_rows_are_ignored() -> None:
    assert balanced_accuracy(np.array([3, 3, 7]), np.array([3, 5, 7])) == pytest.approx(0.75)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn(seed: int) -> None:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 6, 200)
    predicted = np.where(draw.random(200) < 0.6, labels, draw.choice(labels, 200))
    assert accuracy(labels, predicted) == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert balanced_accuracy(labels, predicted) == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))


def test_shapes_that_would_broadcast_are_refused() -> None:
    for wrong in (np.zeros((3, 1), int), np.zeros(1, int)):
        with pytest.raises(ValueError, match="equally long"):
            accuracy(np.zeros(3, int), wrong)
    with pytest.raises(ValueError, match="not empty"):
        balanced_accuracy(np.zeros(0, int), np.zeros(0, int))

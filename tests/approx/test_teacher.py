"""Teacher-labelled rows: what they may contain, what they must not, and trees fitted to them."""

import numpy as np
import pytest

from approx import teacher
from train.dataset import Development, Rows


def development() -> Development:
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    codes = np.clip((x - x.min(0)) / (x.max(0) - x.min(0)) * 16, 0, 15).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(y))
    train, validation = (Rows(codes[part], y[part].astype(np.int64)) for part in (order[:100], order[100:]))
    return Development("iris", ("a", "b", "c", "d"), ("0", "1", "2"), (4, 4, 4, 4), train, validation)


def test_rows_are_near_the_training_rows_and_in_range() -> None:
    made = development()
    codes = teacher.nearby(made.train, made.input_bits, 500, np.random.default_rng(0), jitter=1, mixing=0.0)
    assert codes.dtype == np.uint8
    assert codes.shape == (500, 4)
    assert codes.max() <= 15
    distance = np.abs(codes[:, None].astype(int) - made.train.codes[None].astype(int)).max(axis=2).min(axis=1)
    assert distance.max() == 1
    mixed = teacher.nearby(made.train, made.input_bits, 500, np.random.default_rng(0), jitter=1, mixing=1.0)
    assert np.abs(mixed[:, None].astype(int) - made.train.codes[None].astype(int)).max(axis=2).min(axis=1).max() > 1


def test_augmented_rows_are_deterministic_and_hold_the_real_ones() -> None:
    made = development()
    first, again = (teacher.augment(made, rows=300, seed=3) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(first.codes[:100], made.train.codes)
    assert np.array_equal(first.labels[:100], made.train.labels)
    assert first.weights.min() >= 1
    assert len(first.labels) == 400


def test_validation_rows_have_no_influence() -> None:
    made = development()
    empty = Rows(made.validation.codes[:0], made.validation.labels[:0])
    blind = Development(made.name, made.columns, made.classes, made.input_bits, made.train, empty)
    for a, b in zip(teacher.augment(made, rows=200, seed=1), teacher.augment(blind, rows=200, seed=1), strict=True):
        assert np.array_equal(a, b)


def test_a_tree_learns_the_teacher() -> None:
    made = development()
    rows = teacher.augment(made, rows=1000, seed=0)
    network = teacher.tree(rows, made, 8, seed=0)
    assert (network.predict(made.validation.codes) == made.validation.labels).mean() > 0.85
    assert (network.predict(rows.codes) == rows.labels).mean() > 0.9


def test_a_class_without_training_rows_is_never_predicted() -> None:
    made = development()
    some = made.train.labels != 1
    rows = Rows(made.train.codes[some], made.train.labels[some])
    fitted = teacher.fit(rows, 3, seed=0, kinds=("forest", "network"))
    found = fitted.probabilities(made.train.codes)
    assert found.shape == (100, 3)
    assert (found[:, 1] == 0).all()
    assert found.sum(axis=1) == pytest.approx(1)


def test_an_unknown_teacher_is_refused() -> None:
    with pytest.raises(ValueError, match="no teacher"):
        teacher.fit(development().train, 3, seed=0, kinds=("oracle",))

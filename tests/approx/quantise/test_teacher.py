"""Teacher-labelled rows: what they may contain, what they must not, and trees fitted to them."""

import numpy as np
import pytest

from inkling.approx.quantise import teacher
from inkling.train.tables.dataset import Development, Rows


def development() -> Development:
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    codes = np.clip((x - x.min(0)) / (x.max(0) - x.min(0)) * 16, 0, 15).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(y))
    train, validation = (Rows(codes[part], y[part].astype(np.int64)) for part in (order[:100], order[100:]))
    return Development("iris", ("a", "b", "c", "d"), ("0", "1", "2"), (4, 4, 4, 4), train, validation)


def test_rows_are_near_the_training_rows_and_hold_codes_that_occur() -> None:
    made = development()
    occurring = [np.unique(column) for column in made.train.codes.T]

    def steps(codes: np.ndarray) -> np.ndarray:
        """The place of every code among those that occur in its column."""
        for values, column in zip(occurring, codes.T, strict=True):
            assert np.isin(column, values).all()
        return np.stack([np.searchsorted(v, c) for v, c in zip(occurring, codes.T, strict=True)], axis=1)

    def farthest(codes: np.ndarray) -> int:
        return int(np.abs(steps(codes)[:, None] - steps(made.train.codes)[None]).max(axis=2).min(axis=1).max())

    codes = teacher.nearby(made.train, 500, np.random.default_rng(0), jitter=1, mixing=0.0)
    assert codes.dtype == np.uint8
    assert codes.shape == (500, 4)
    assert farthest(codes) == 1
    assert farthest(teacher.nearby(made.train, 500, np.random.default_rng(0), jitter=1, mixing=1.0)) > 1


def test_a_column_of_few_values_moves_from_one_to_the_next() -> None:
    made = development()
    sparse = Rows((made.train.codes // 8 * 15).astype(np.uint8), made.train.labels)
    codes = teacher.nearby(sparse, 500, np.random.default_rng(0))
    assert set(np.unique(codes)) == {0, 15}


def test_a_refitted_teacher_has_seen_the_validation_rows() -> None:
    made = development()
    joined = teacher.joined(made)
    assert np.array_equal(joined.train.codes, np.concatenate([made.train.codes, made.validation.codes]))
    assert joined.validation is made.validation
    wrong = Rows(made.validation.codes, (made.validation.labels + 1) % 3)
    odd = Development(made.name, made.columns, made.classes, made.input_bits, made.train, wrong)
    first, refitted = (teacher.choose(odd, seed=0, refit=refit) for refit in (False, True))
    right = [(t.probabilities(wrong.codes).argmax(axis=1) == wrong.labels).mean() for t in (first, refitted)]
    assert right[1] > right[0]


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


def test_noise_adds_shaken_rows_with_their_own_labels() -> None:
    made = development()
    plain, noisy = (teacher.augment(made, rows=50, seed=1, kinds=("forest",), noise=noise) for noise in (0, 3))
    for before, after in zip(plain, noisy, strict=True):
        assert np.array_equal(after[: len(before)], before)
    added = noisy.codes[len(plain.codes) :].astype(int).reshape(3, -1, 4)
    moved = added - made.train.codes
    assert np.array_equal(noisy.labels[len(plain.labels) :], np.tile(made.train.labels, 3))
    assert set(np.unique(moved)) == {-1, 0, 1}
    assert added.min() == 0 and added.max() == 15  # within four bits
    assert 0.28 < (moved == 0).mean() < 0.42


def test_balanced_weights_make_the_weighted_error_the_balanced_error() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(4, 3000, p=[0.7, 0.2, 0.1, 0.0]).astype(np.int64)
    predicted = rng.choice(3, 3000)
    weights = teacher.balanced(labels, steps=1000)
    share = (weights * (predicted == labels)).sum() / weights.sum()
    recalls = [(predicted == labels)[labels == k].mean() for k in range(3)]
    assert share == pytest.approx(np.mean(recalls), abs=1e-3)
    given = rng.integers(0, 5, 3000)
    totals = np.bincount(labels, weights=teacher.balanced(labels, given, steps=1000))
    assert totals[:3] == pytest.approx(np.full(3, totals[0]), rel=1e-2)
    assert ((teacher.balanced(labels, given) > 0) == (given > 0)).all()

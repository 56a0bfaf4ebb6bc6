import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from inkling.train.errors import InputError
from inkling.train.tables.split import stratified


def names(count: int) -> tuple[str, ...]:
    return tuple(f"c{i}" for i in range(count))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(2, 30), min_size=2, max_size=12).filter(lambda counts: max(counts) >= 3),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.05, 0.2, 0.3, 0.5]),
)
def test_a_partition_in_which_every_class_trains(counts: list[int], seed: int, test_part: float) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    split, notes = stratified(labels, names(len(counts)), seed=seed, test_part=test_part)
    assert np.array_equal(np.sort(np.concatenate(split)), np.arange(len(labels)))
    assert all((np.diff(rows) > 0).all() for rows in split)
    assert set(labels[split.train]) == set(range(len(counts)))
    assert len(split.validation) and len(split.test)
    again, _ = stratified(labels, names(len(counts)), seed=seed, test_part=test_part)
    assert all(np.array_equal(a, b) for a, b in zip(split, again, strict=True))
    for part, rows in (("validation", split.validation), ("test", split.test)):
        lacking = {f"'c{i}'" for i in range(len(counts))} - {f"'c{i}'" for i in labels[rows]}
        said = [note for note in notes if f"have {part} rows" in note]
        assert bool(lacking) == bool(said)
        assert all(text in said[0] for text in lacking)


def test_test_rows_are_those_of_scikit_learn() -> None:
    labels = np.random.default_rng(1).integers(0, 4, 333)
    split, notes = stratified(labels, names(4), seed=7)
    _, test = train_test_split(np.arange(333), test_size=0.3, stratify=labels, random_state=7)
    assert np.array_equal(split.test, np.sort(test))
    assert notes == ()
    assert not np.array_equal(split.test, stratified(labels, names(4), seed=8)[0].test)


def test_every_part_has_the_table_s_class_shares() -> None:
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    split, _ = stratified(labels, names(3), seed=42)
    assert [len(rows) for rows in split] == [560, 140, 300]
    for rows in split:
        assert np.bincount(labels[rows]) / len(rows) == pytest.approx([0.6, 0.3, 0.1])


def test_three_rows_of_each_class_are_enough() -> None:
    split, notes = stratified(np.repeat(np.arange(11), 3), names(11), seed=42)
    assert [len(rows) for rows in split] == [11, 11, 11]
    assert notes == ()


def test_a_class_of_two_rows_is_not_validated_and_that_is_said() -> None:
    labels = np.repeat([0, 1], [20, 2])
    split, notes = stratified(labels, ("common", "rare"), seed=42)
    assert 1 in labels[split.train] and 1 not in labels[split.validation]
    assert any("validation" in note and "'rare'" in note for note in notes)


@pytest.mark.parametrize(
    ("counts", "said"),
    [([20, 1], "class 'c1' has 1 row.*at least 2"), ([2, 2], "4 rows in 2 classes are too few")],
)
def test_too_few_rows(counts: list[int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        stratified(np.repeat(np.arange(len(counts)), counts), names(len(counts)), seed=42)


@pytest.mark.parametrize(
    ("seed", "test_part", "said"), [(-1, 0.3, "--seed"), (2**32, 0.3, "--seed"), (1, 0.0, "part")]
)
def test_arguments_out_of_range(seed: int, test_part: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        stratified(np.repeat([0, 1], 10), names(2), seed=seed, test_part=test_part)
    with pytest.raises(InputError, match="test part"):
        stratified(np.repeat([0, 1], 10), names(2), seed=1, test_part=float("nan"))

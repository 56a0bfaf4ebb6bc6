"""Stimuli: order, ranges, determinism, and that every value is there where that is promised."""

import numpy as np
import pytest

from inkling.sim.verdicts.vectors import EXHAUSTIVE_BITS, boundary_cases, every_value, reference, stimuli


def test_few_bits_are_exhaustive(networks):
    small = networks((3, 2, 2), bits=4)
    found = stimuli(small, None, count=10)
    assert found.exhaustive
    assert len(np.unique(found.values, axis=0)) == 2**12
    assert len(np.unique(every_value(small), axis=0)) == 2**12


def test_many_bits_are_not(network):
    assert sum(item.bits for item in network.inputs) > EXHAUSTIVE_BITS
    rows = np.random.default_rng(5).integers(0, 16, size=(50, 6), dtype=np.uint8)
    found = stimuli(network, rows, count=5000, seed=1)
    assert not found.exhaustive and found.values.shape == (5000, 6) and found.values.dtype == np.uint8
    assert found.values.max() == 15
    again = stimuli(network, rows, count=5000, seed=1)
    assert again.values.tobytes() == found.values.tobytes()
    assert stimuli(network, rows, count=5000, seed=2).values.tobytes() != found.values.tobytes()
    present = {row.tobytes() for row in found.values[:200]}
    assert all(row.tobytes() in present for row in rows)
    for corner in (np.zeros(6), np.full(6, 15), np.eye(6)[2] * 15, np.eye(6)[2], (1 - np.eye(6)[4]) * 15):
        assert corner.astype(np.uint8).tobytes() in present


def test_boundary_cases_are_neighbours_with_different_labels(network):
    rows = np.zeros((0, 6), np.uint8)
    cases = boundary_cases(network, rows, 200, np.random.default_rng(0))
    low, high = np.split(cases.astype(np.int64), 2)
    assert len(low) > 10
    assert (np.abs(low - high).max(axis=1) == 1).all()
    assert (network.evaluate(low) != network.evaluate(high)).all()


def test_reference_in_pieces_is_the_reference(network):
    values = stimuli(network, None, count=3000).values
    assert (reference(network, values) == network.evaluate(values)).all()


@pytest.mark.parametrize("rows", [np.full((1, 6), 16, np.uint8), np.zeros((1, 5), np.uint8), np.zeros((1, 6))])
def test_rows_that_do_not_fit_are_refused(network, rows):
    with pytest.raises(ValueError, match="row"):
        stimuli(network, rows)

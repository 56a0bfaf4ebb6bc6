"""The cheaper layer ranks its scores as the given one does."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.matrices.ranking import cheapest_same_ranking


@given(st.integers(0, 2**32), st.sampled_from([1, 7, 127, 5000]), st.integers(1, 6), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_the_arg_max_is_the_same(seed: int, largest: int, classes: int, inputs: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.integers(-largest, largest + 1, (classes, inputs))
    bias = random.integers(-3 * largest, 3 * largest + 1, classes)
    rows = tuple(tuple(int(w) for w in row) for row in weights)
    new, new_bias = cheapest_same_ranking(rows, tuple(int(b) for b in bias), (0,) * inputs, (7,) * inputs)
    x = random.integers(0, 8, (200, inputs))
    scores, new_scores = x @ weights.T + bias, x @ np.array(new).T + np.array(new_bias)
    # Every difference of two scores is kept, so ties are too.
    np.testing.assert_array_equal(scores - scores[:, :1], new_scores - new_scores[:, :1])


def test_what_all_scores_share_is_dropped() -> None:
    new, bias = cheapest_same_ranking(((100, 3), (101, 3)), (9, 9), (0, 0), (15, 15))
    assert sorted(abs(w) for row in new for w in row) == [0, 0, 0, 1]
    assert bias == (0, 0)

"""Ranges fitted to thresholds: the weightiest threshold is the first bit, the next one a quarter."""

import numpy as np
import pytest

from inkling.train.tables.quantiser import Quantiser, fit
from inkling.train.tables.ranges import fit_ranges


def table() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    values = np.stack([rng.uniform(0, 100, 2000), rng.uniform(-1, 1, 2000)], axis=1)
    return values, ((values[:, 0] > 30).astype(np.int64) + (values[:, 0] > 40))


def spans(values: np.ndarray, bits: int) -> list[Quantiser]:
    return [fit(column, bits) for column in values.T]


def test_the_weightiest_threshold_is_the_first_bit_and_the_next_a_quarter() -> None:
    values, labels = table()
    quantiser, unused = fit_ranges(values, labels, spans(values, 4))
    codes = quantiser.codes(values[:, 0])
    split = {float(np.mean((codes >= 8) == (values[:, 0] > t))) for t in (30, 40)}
    assert max(split) > 0.995
    assert min(float(np.mean((codes >= c) != (values[:, 0] > t))) for t in (30, 40) for c in (4, 12)) < 0.005
    assert unused == fit(values[:, 1], 4)


def test_one_threshold_covers_the_values() -> None:
    values, labels = table()
    (quantiser, _) = fit_ranges(values, (labels > 0).astype(np.int64), spans(values, 3), leaves=2)
    assert (quantiser.low + quantiser.high) / 2 == pytest.approx(30, abs=0.2)
    assert quantiser.high > 95
    assert quantiser.bits == 3


def test_a_seed_decides() -> None:
    values, labels = table()
    assert fit_ranges(values, labels, spans(values, 4), seed=1) == fit_ranges(
        values, labels, spans(values, 4), seed=1
    )


def test_columns_of_few_values_keep_their_span() -> None:
    values, labels = table()
    values = np.floor(values / 13)  # 8 values, which half of 16 codes tell apart
    assert fit_ranges(values, labels, spans(values, 4)) == tuple(spans(values, 4))
    assert fit_ranges(values, labels, spans(values, 3)) != tuple(spans(values, 3))

"""The optimised depth map makes no fewer right decisions than any other thresholds, and fills what it never saw."""

import numpy as np
import pytest

from inkling.approx.fields.depth_map import LEVELS, DepthMap, fit
from inkling.train.errors import InputError


def test_thresholds_are_the_best_on_the_queries() -> None:
    rng = np.random.default_rng(0)
    n = 4000
    entry, u, v = rng.integers(0, 2, n), rng.integers(0, 2**16, n), rng.integers(0, 2**16, n)
    code = rng.integers(1000, 9000, n)
    surface = 3000 + u // 16 + 500 * entry
    visible = (code < surface) ^ (rng.random(n) < 0.05)
    made = fit(entry, u, v, code, visible, entries=2, size=4)
    right = (made.visible(entry, u, v, code) == visible).mean()
    assert right > 0.9
    best = 0
    level, texel = made.levels(code), made.texels(u, v)
    for cell in range(32):
        own = entry * 16 + texel == cell
        best += max(((level[own] < t) == visible[own]).sum() for t in range(LEVELS))
    assert round(right * n) == best
    worse = DepthMap(np.roll(made.thresholds, 1, axis=2), made.low, made.scale)
    assert (worse.visible(entry, u, v, code) == visible).mean() < right


def test_texels_without_queries_follow_their_neighbours() -> None:
    entry = np.zeros(2, int)
    made = fit(
        entry,
        np.array([100, 200]),
        np.array([100, 200]),
        np.array([0, 100]),
        np.array([True, False]),
        entries=2,
        size=3,
    )
    assert len(np.unique(made.thresholds[0])) == 1 and 0 < made.thresholds[0, 0, 0] < 255
    assert (made.thresholds[1] == 255).all()
    with pytest.raises(InputError, match="queries"):
        fit(entry[:0], entry[:0], entry[:0], entry[:0], np.zeros(0, bool), entries=1, size=2)

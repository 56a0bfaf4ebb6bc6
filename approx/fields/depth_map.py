"""The rival of a visibility field: an octahedral map of distance thresholds, one byte a texel, nearest texel.

Thresholds are chosen on queries so that as many decisions as possible are right, which beats any stored depth. It is
no network; fields are in `inkling.approx.reference.field`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.coding import COORDINATE_BITS
from inkling.train.errors import InputError

LEVELS = 256


@dataclass(frozen=True, eq=False)
class DepthMap:
    """thresholds uint8 [entries, size, size]: a target is seen where its level is less than the texel.

    The level of a distance code is clip((code - low) * scale >> 16, 0, 254), so 0 hides all and 255 shows all.
    """

    thresholds: NDArray[np.uint8]
    low: int
    scale: int

    def levels(self, code: NDArray[np.integer]) -> NDArray[np.int64]:
        """Distance codes, any integers [rows] -> 0..254."""
        level: NDArray[np.int64] = np.clip((code.astype(np.int64) - self.low) * self.scale >> 16, 0, LEVELS - 2)
        return level

    def texels(self, u: NDArray[np.integer], v: NDArray[np.integer]) -> NDArray[np.int64]:
        """Coordinate codes [rows] -> row * size + column of the nearest texel."""
        return _texels(u, v, self.thresholds.shape[1])

    def visible(
        self, entry: NDArray[np.integer], u: NDArray[np.integer], v: NDArray[np.integer], code: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """Integers [rows] each -> bool [rows]."""
        flat = self.thresholds.reshape(len(self.thresholds), -1)
        seen: NDArray[np.bool_] = self.levels(code) < flat[entry.astype(np.int64), self.texels(u, v)]
        return seen


def _texels(u: NDArray[np.integer], v: NDArray[np.integer], size: int) -> NDArray[np.int64]:
    x, y = (part.astype(np.int64) * size >> COORDINATE_BITS for part in (u, v))
    return y * size + x


def fit(
    entry: NDArray[np.integer],
    u: NDArray[np.integer],
    v: NDArray[np.integer],
    code: NDArray[np.integer],
    visible: NDArray[np.bool_],
    *,
    entries: int,
    size: int,
) -> DepthMap:
    """Choose each texel's threshold to make the most decisions on these queries, [rows] each, right.

    Of equal thresholds the middle one is taken; a texel without queries gets the mean of its nearest neighbours.
    Raises InputError for no queries.
    """
    if not len(code):
        raise InputError("a depth map needs queries to choose its thresholds by")
    low, high = int(code.min()), int(code.max())
    empty = DepthMap(np.zeros((entries, size, size), np.uint8), low, ((LEVELS - 1) << 16) // max(high - low, 1))
    cell = entry.astype(np.int64) * size * size + _texels(u, v, size)
    thresholds = np.full(entries * size * size, -1.0)
    order = np.argsort(cell, kind="stable")
    cells, starts = np.unique(cell[order], return_index=True)
    level, gain = empty.levels(code)[order], np.where(visible[order], 1, -1)
    # A piece of texels at a time: right(t) = right(0) + the gains of all levels below t.
    for first in range(0, len(cells), 1 << 14):
        part = slice(starts[first], starts[first + (1 << 14)] if first + (1 << 14) < len(cells) else len(order))
        count = min(1 << 14, len(cells) - first)
        own = np.searchsorted(cells[first : first + count], cell[order[part]])
        gains = np.bincount(own * LEVELS + level[part] + 1, gain[part], count * LEVELS).reshape(count, LEVELS)
        right = np.cumsum(gains, axis=1)
        best = right == right.max(axis=1, keepdims=True)
        start = best.argmax(axis=1)
        # The run of equal thresholds that starts there, and its middle.
        ends = np.where(best, LEVELS, np.arange(LEVELS)) + np.where(np.arange(LEVELS) < start[:, None], LEVELS, 0)
        thresholds[cells[first : first + count]] = (start + np.minimum(ends.min(axis=1), LEVELS) - 1) // 2
    filled = _filled(thresholds.reshape(entries, size, size))
    return DepthMap(np.round(filled).astype(np.uint8), empty.low, empty.scale)


def _filled(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread known texels into unknown ones (negative), ring by ring."""
    for _ in range(2 * maps.shape[1]):
        unknown = maps < 0
        if not unknown.any() or unknown.all():
            break
        padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), constant_values=-1.0)
        total, count = np.zeros_like(maps), np.zeros_like(maps)
        for y, x in ((0, 1), (2, 1), (1, 0), (1, 2)):
            near = padded[:, y : y + maps.shape[1], x : x + maps.shape[2]]
            total, count = total + np.where(near >= 0, near, 0), count + (near >= 0)
        ready = unknown & (count > 0)
        if not ready.any():
            break
        maps = np.where(ready, total / np.maximum(count, 1), maps)
    return np.where(maps < 0, LEVELS - 1, maps)

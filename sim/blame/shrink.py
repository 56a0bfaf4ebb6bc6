"""Shrinking a failing vector: as many inputs as possible at 0 or at the usual value, the rest as small as possible.

Delta debugging in rounds (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE
28(2), 2002): every round asks about all of its candidates at once. What fails is the caller's to say.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

MOST_ROUNDS = 40
MOST_CANDIDATES = 256


def shrink(
    vector: NDArray[np.uint8],
    fails: Callable[[NDArray[np.uint8]], NDArray[np.bool_]],
    usual: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """A vector that still fails, uint8 [inputs], and none of whose inputs can be made simpler alone.

    fails: uint8 [n, inputs] -> bool [n], deterministic. usual: for every input the value that says least beside 0.
    Raises ValueError where `vector` itself does not fail.
    """
    plain = np.zeros_like(vector) if usual is None else usual
    if not fails(vector[None])[0]:
        raise ValueError("the vector does not fail, so there is nothing to shrink")
    current, size = vector.copy(), max(len(vector), 1)
    for _ in range(MOST_ROUNDS):
        candidates = _candidates(current, plain, size)[:MOST_CANDIDATES]
        chosen = None
        if len(candidates):
            failing = candidates[fails(candidates)]
            chosen = min(failing, key=lambda row: _cost(row, plain), default=None)
        if chosen is not None:
            current = chosen
        elif size > 1:
            size = -(-size // 2)
        else:
            break
    return current


def _candidates(current: NDArray[np.uint8], plain: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Simpler vectors: `size` neighbouring inputs at 0 or as usual; a single one also with bits taken away."""
    found: dict[bytes, NDArray[np.uint8]] = {}
    before = _cost(current, plain)

    def add(start: int, stop: int, values: NDArray[np.uint8]) -> None:
        changed = current.copy()
        changed[start:stop] = values
        if _cost(changed, plain) < before:
            found.setdefault(changed.tobytes(), changed)

    for start in range(0, len(current), size):
        part = slice(start, start + size)
        add(start, start + size, np.zeros_like(current[part]))
        add(start, start + size, plain[part])
        if size == 1:
            value = int(current[start])
            for simpler in sorted({value & ~(1 << bit) for bit in range(8)} | {value >> 1, value - 1} - {-1}):
                add(start, start + 1, np.array([simpler], np.uint8))
    rows = sorted(found.values(), key=lambda row: _cost(row, plain))
    return np.array(rows, np.uint8).reshape(-1, len(current))


def _cost(vector: NDArray[np.uint8], plain: NDArray[np.uint8]) -> tuple[int, int, int]:
    """Inputs that are neither 0 nor usual, inputs that are not 0, and the sum of the values."""
    special = (vector != 0) & (vector != plain)
    return int(special.sum()), int((vector != 0).sum()), int(vector.astype(np.int64).sum())

"""The octahedral map between directions and the unit square (Meyer et al., "On Floating-Point Normal Vectors", 2010).

Definitions only, in floats, for NumPy; how they are rounded to 16-bit codes is the business of `approx`.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

F32: TypeAlias = NDArray[np.float32]


def to_uv(direction: NDArray[np.floating]) -> F32:
    """Directions, float [N, 3] of any length but 0, z up -> uv, float32 [N, 2] in [0, 1].

    With n = direction / (|x| + |y| + |z|): (p, q) = (n.x, n.y) where n.z >= 0, else
    ((1 - |n.y|) * sign(n.x), (1 - |n.x|) * sign(n.y)) with sign(0) = 1; uv = (p + 1, q + 1) / 2. Up is the
    middle of the square, down its four corners. The zero vector goes to the middle.
    """
    d = np.asarray(direction, np.float64)
    total = np.abs(d).sum(axis=1, keepdims=True)
    n = d / np.where(total > 0, total, 1)
    p = n[:, :2]
    folded = (1 - np.abs(p[:, ::-1])) * np.where(p >= 0, 1.0, -1.0)
    square = np.where(n[:, 2:] >= 0, p, folded)
    return ((square + 1) / 2).astype(np.float32)

"""What the integers around a field mean: 16-bit coordinates, distance codes, and what answers stand for.

The operations between them are in `inkling.approx.reference.field`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A coordinate u in [0, 1] is the code min(floor(u * 2**16), 2**16 - 1).
COORDINATE_BITS = 16


@dataclass(frozen=True)
class Coding:
    """What the integers of an answer mean.

    Answer k stands for the float scale[k] * answer + offset[k]. For visibility the answer is the float bits of the
    squared distance >> drop, a piecewise linear log2, and a target is visible where its own code is less than the
    answer + margin; `stretch` multiplies the up component of an offset before it is mapped to the square. Codes of
    targets are clipped to low_code..high_code first.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    drop: int = 0
    margin: int = 0
    low_code: int = 0
    high_code: int = 2**30 - 1
    stretch: float = 1.0


def coordinate_code(u: NDArray[np.floating]) -> NDArray[np.uint16]:
    """The code of coordinates in [0, 1], any shape."""
    codes = np.clip(np.floor(np.asarray(u, np.float64) * 2**COORDINATE_BITS), 0, 2**COORDINATE_BITS - 1)
    whole: NDArray[np.uint16] = codes.astype(np.uint16)
    return whole


def distance_code(squared: NDArray[np.floating], drop: int) -> NDArray[np.int32]:
    """The integer code of squared distances: the bits of the float32 >> drop."""
    bits: NDArray[np.int32] = np.asarray(squared, np.float32).view(np.int32) >> np.int32(drop)
    return bits


def encode(
    offsets: NDArray[np.floating], coding: Coding
) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.int32]]:
    """Coordinates and distance codes, [rows] each, of targets' offsets from the entry's position, float [rows, 3].

    `inkling.train.scenes.octahedral.to_uv` of the offset with its up component stretched, in float32 and in this
    order of operations, so that kernels give the same bits; all float32, none fused.
    """
    x, y, z = np.ascontiguousarray(np.asarray(offsets, np.float32).reshape(-1, 3).T)
    one, up = np.float32(1), z * np.float32(coding.stretch)
    total = (np.abs(x) + np.abs(y)) + np.abs(up)
    with np.errstate(divide="ignore"):
        scale = np.where(total > 0, one / total, np.float32(0))
    p, q = x * scale, y * scale
    folded = np.copysign(one - np.abs(q), p), np.copysign(one - np.abs(p), q)
    u, v = (
        np.minimum((np.where(up >= 0, flat, fold) + one) * np.float32(32768), np.float32(65535)).astype(np.uint16)
        for flat, fold in zip((p, q), folded, strict=True)
    )
    return u, v, distance_code(x * x + y * y + z * z, coding.drop)


def pixel_codes(size: int) -> NDArray[np.uint16]:
    """Codes of the pixels of a row or column, corner to corner: min(k * 2**16 // (size - 1), 2**16 - 1)."""
    codes = np.arange(size, dtype=np.int64) * 2**COORDINATE_BITS // max(size - 1, 1)
    clipped: NDArray[np.uint16] = np.minimum(codes, 2**COORDINATE_BITS - 1).astype(np.uint16)
    return clipped

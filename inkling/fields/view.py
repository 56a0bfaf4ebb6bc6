"""What a visibility field sees from one place, beside the truth: how far each direction is open, and where it errs.

Panoramas of 360 by 120 degrees; the truth is Embree's, the field's is that of its integers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.coding import encode
from inkling.approx.reference.field import IntegerField
from inkling.train.scenes.rays import F32, Caster

WIDTH, HEIGHT = 480, 160
NEAREST, FARTHEST = 0.5, 60.0  # metres that the shades span
WRONG = 1.25  # a factor between open distances from which a direction is marked

Picture = NDArray[np.uint8]


def panoramas(
    casting: Caster, place: F32, field: IntegerField, entry: int, size: tuple[int, int] = (HEIGHT, WIDTH)
) -> tuple[tuple[str, Picture], ...]:
    """Three pictures with labels, uint8 [height, width, 3], from `place`, float [3], the field's `entry`.

    Of the third, a pixel is orange where the field calls something visible that is hidden, and blue the other way.
    """
    height, width = size
    directions = _directions(height, width)
    truth = casting.hits(np.broadcast_to(place, directions.shape), directions).astype(np.float64)
    found = open_distance(field, entry, directions)
    seen, told = (np.clip(d, NEAREST, FARTHEST) for d in (truth, found))
    marked = np.repeat(_shades(seen)[:, None], 3, axis=1).astype(np.float64) * 0.55 + 100
    ratio = told / seen
    marked[ratio > WRONG] = (230, 110, 20)
    marked[ratio < 1 / WRONG] = (40, 110, 220)
    wrong = float((np.maximum(ratio, 1 / ratio) > WRONG).mean())
    shaped: list[tuple[str, Any]] = [
        ("truth: how far each direction is open", np.repeat(_shades(seen)[:, None], 3, axis=1)),
        ("the integer field", np.repeat(_shades(told)[:, None], 3, axis=1)),
        (
            f"off by more than a quarter in {100 * wrong:.1f} % of directions: too far (orange), too near (blue)",
            marked,
        ),
    ]
    return tuple((label, np.round(pixels).astype(np.uint8).reshape(height, width, 3)) for label, pixels in shaped)


def open_distance(field: IntegerField, entry: int, directions: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far along unit directions, float [N, 3], targets are called visible, in metres, float64 [N].

    A target is visible while its code is less than the answer + margin, and a code is a float's bits >> drop.
    """
    coding = field.coding
    u, v, _ = encode(directions, coding)
    entries = np.full(len(directions), entry, np.int32)
    parts = [slice(k, k + 2**14) for k in range(0, len(directions), 2**14)]
    answers = np.concatenate([field.evaluate(entries[p], u[p], v[p])[:, 0] for p in parts])
    limit = np.clip(answers + coding.margin, 0, 0x7F000000 >> coding.drop)
    squared = (limit.astype(np.int64) << coding.drop).astype(np.int32).view(np.float32)
    distance: NDArray[np.float64] = np.sqrt(squared.astype(np.float64))
    return distance


def _directions(height: int, width: int) -> NDArray[np.float64]:
    """Unit directions of the pixels' middles, from the left round to the right and from 60 degrees up to 60 down."""
    turn = (np.arange(width) + 0.5) / width * 2 * np.pi
    rise = np.deg2rad(60) * (1 - 2 * (np.arange(height) + 0.5) / height)
    flat = np.cos(rise)[:, None]
    whole = np.stack(
        [flat * np.cos(turn), flat * np.sin(turn), np.broadcast_to(np.sin(rise)[:, None], (height, width))], axis=2
    )
    return whole.reshape(-1, 3)


def _shades(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """White near, dark far, by the logarithm."""
    shades: NDArray[np.float64] = 245 - 215 * np.log(distance / NEAREST) / np.log(FARTHEST / NEAREST)
    return shades

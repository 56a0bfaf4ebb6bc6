"""Where a field is: how its metres come from a scene's own coordinates, its bounds, its places or its slices.

A scene's own coordinates are those of its file, with its axes and its unit; a field's are metres, z up, near the
origin, so that float32 holds them. What is written of it for C is `inkling.fields.world_header`'s.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.train.files.checked_json import Fields

Up: TypeAlias = Literal["y", "z"]
F64: TypeAlias = NDArray[np.float64]
Triple: TypeAlias = tuple[float, float, float]
SCHEMA = "inkling.world/1"
# Metres per unit by name.
UNITS = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001, "km": 1000.0, "in": 0.0254, "ft": 0.3048}
# Scenes whose middle is farther away, in metres, are moved: there float32 steps by a tenth of a millimetre and more.
FAR = 1000.0


@dataclass(frozen=True)
class Frame:
    """up: the upward axis of the scene's own coordinates; unit_m: metres per unit; origin_m: what is subtracted."""

    up: Up = "z"
    unit_m: float = 1.0
    origin_m: Triple = (0.0, 0.0, 0.0)

    def to_metres(self, places: NDArray[np.floating]) -> F64:
        """The scene's own coordinates, float [N, 3], in the field's."""
        metres: F64 = self.turned(places) * self.unit_m - np.array(self.origin_m)
        return metres

    def turned(self, vectors: NDArray[np.floating]) -> F64:
        """Vectors [N, 3] with z up: (x, y, z) of a scene with y up is (x, -z, y)."""
        x, y, z = np.asarray(vectors, np.float64).reshape(-1, 3).T
        return np.stack([x, -z, y] if self.up == "y" else [x, y, z], axis=1)

    def to_own(self, places: NDArray[np.floating]) -> F64:
        """The inverse of `to_metres`."""
        metres = np.asarray(places, np.float64).reshape(-1, 3)
        x, y, z = ((metres + np.array(self.origin_m)) / self.unit_m).T
        return np.stack([x, z, -y] if self.up == "y" else [x, y, z], axis=1)


def moved(frame: Frame, vertices: NDArray[np.floating]) -> Frame:
    """The frame whose origin is in the middle of what is far away, in whole metres; near scenes stay."""
    metres = frame.to_metres(vertices)
    if not len(metres) or not np.isfinite(metres).all():
        return frame
    middle = metres.min(axis=0) / 2 + metres.max(axis=0) / 2
    if np.abs(middle).max() <= FAR:
        return frame
    # Axes that are near stay, so that a level far away keeps its heights.
    shift = np.where(np.abs(middle) > FAR, np.round(middle), 0.0)
    return Frame(frame.up, frame.unit_m, triple(shift + np.array(frame.origin_m)))


@dataclass(frozen=True)
class World:
    """low and high: the corners of the field's box in its metres; places: of visibility, in metres, one an entry.

    slices: how many horizontal slices at even heights the entries of a signed distance are, the first half a step
    above the box's floor; 0 for visibility.
    """

    frame: Frame
    low: Triple
    high: Triple
    places: tuple[Triple, ...] = field(default=(), repr=False)
    slices: int = 0

    @property
    def heights(self) -> list[float]:
        """Heights of the slices, in the scene's own unit and along its upward axis."""
        step = (self.high[2] - self.low[2]) / max(self.slices, 1)
        metres = [self.low[2] + step * (k + 0.5) + self.frame.origin_m[2] for k in range(self.slices)]
        return [_short(value / self.frame.unit_m, self.frame.unit_m) for value in metres]

    def to_json(self) -> dict[str, Any]:
        """Plain data; all coordinates are the scene's own, but for origin_m and box_m."""
        corners = self.frame.to_own(np.array([self.low, self.high]))
        data: dict[str, Any] = {
            "schema": SCHEMA,
            "up": self.frame.up,
            "unit_m": self.frame.unit_m,
            "origin_m": list(self.frame.origin_m),
            "axes": "a place (x, y, z) of the scene is "
            + ("(x, -z, y)" if self.frame.up == "y" else "(x, y, z)")
            + " times unit_m less origin_m in metres, z up",
            "box_m": [list(self.low), list(self.high)],
            "bounds": [
                [_short(x, self.frame.unit_m) for x in corner]
                for corner in (corners.min(axis=0), corners.max(axis=0))
            ],
        }
        if self.places:
            own = self.frame.to_own(np.array(self.places))
            data["places"] = [[_short(x, self.frame.unit_m) for x in place] for place in own]
        if self.slices:
            data["slice_heights"] = self.heights
        return data


def from_fields(fields: Fields) -> World:
    """Read what `World.to_json` writes. Raises InputError on anything else."""
    if fields.text("schema") != SCHEMA or fields.text("up") not in ("y", "z"):
        raise fields.fail("up", f"y or z, in an object of schema {SCHEMA}")
    up: Up = "y" if fields.text("up") == "y" else "z"
    frame = Frame(up, fields.number("unit_m", 1e-6, 1e6), _triple(fields, "origin_m", fields.items("origin_m")))
    box = fields.items("box_m")
    if len(box) != 2:
        raise fields.fail("box_m", "two corners")
    own = [_triple(fields, "places", place) for place in fields.items("places", optional=True)]
    metres = frame.to_metres(np.array(own)) if own else np.zeros((0, 3))
    places = tuple((float(x), float(y), float(z)) for x, y, z in metres)
    low, high = (_triple(fields, "box_m", corner) for corner in box)
    return World(frame, low, high, places, len(fields.items("slice_heights", optional=True)))


def _triple(fields: Fields, key: str, value: Any) -> Triple:
    fine = isinstance(value, list) and len(value) == 3 and all(type(x) in (int, float) for x in value)
    if not fine or not all(math.isfinite(x) and abs(x) < 1e12 for x in value):
        raise fields.fail(key, "three coordinates")
    return float(value[0]), float(value[1]), float(value[2])


def triple(values: NDArray[np.floating]) -> Triple:
    """Three coordinates as plain floats."""
    x, y, z = (float(value) for value in values)
    return x, y, z


def _short(value: float, unit_m: float) -> float:
    """To a hundredth of a millimetre, and never minus nothing."""
    return round(float(value), max(0, 5 + round(math.log10(unit_m)))) + 0.0

"""A procedural town by seed: buildings of several floors with openings, stairs and furniture, trees, rocks, fences.

Only geometry lives here; it is a polygon soup in metres, z up, as game levels are.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.scenes.mesh import Mesh, mesh

Array = NDArray[np.float64]
LOT = 26.0
STOREY = 3.0
WALL = 0.25
# Corners of a box as bits x, y, z, and its twelve outward triangles.
CORNERS = np.array([[c & 1, c >> 1 & 1, c >> 2 & 1] for c in range(8)], np.float64)
FACES = np.array(
    [
        *[(0, 2, 3), (0, 3, 1), (4, 5, 7), (4, 7, 6), (0, 1, 5), (0, 5, 4)],
        *[(2, 6, 7), (2, 7, 3), (0, 4, 6), (0, 6, 2), (1, 3, 7), (1, 7, 5)],
    ],
    np.int64,
)


@dataclass
class Builder:
    """Collects boxes and triangles; everything is placed by turning about z and moving by `place`."""

    vertices: list[Array] = field(default_factory=list)
    triangles: list[NDArray[np.int64]] = field(default_factory=list)
    count: int = 0
    turn: float = 0.0
    place: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def add(self, vertices: Array, triangles: NDArray[np.int64]) -> None:
        c, s = np.cos(self.turn), np.sin(self.turn)
        self.vertices.append(vertices @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]]) + np.array(self.place))
        self.triangles.append(triangles + self.count)
        self.count += len(vertices)

    def box(self, low: tuple[float, float, float], high: tuple[float, float, float]) -> None:
        lo, hi = np.minimum(low, high), np.maximum(low, high)
        if (hi - lo).min() > 1e-3:
            self.add(lo + CORNERS * (hi - lo), FACES)


def town(seed: int = 0, lots: int = 5) -> Mesh:
    """A town of lots x lots lots of 26 m, about 17,000 triangles a lot (5: some 430,000). The seed decides all."""
    if not 1 <= lots <= 20:
        raise InputError(f"a town of {lots} x {lots} lots: give 1 to 20")
    rng = np.random.default_rng(seed)
    builder = Builder()
    size = lots * LOT + 20
    phases = rng.uniform(0, 2 * np.pi, 4)

    def height(x: Array | float, y: Array | float) -> Array:
        hills = np.sin(x / 23 + phases[0]) * np.cos(y / 31 + phases[1]) + 0.5 * np.sin(x / 11 + y / 13 + phases[2])
        return np.asarray(hills + 0.1 * np.sin(x / 2.7 + phases[3]) * np.sin(y / 3.1), np.float64)

    _terrain(builder, size, height)
    for i in range(lots):
        for j in range(lots):
            x, y = (i + 0.5 - lots / 2) * LOT, (j + 0.5 - lots / 2) * LOT
            builder.place, builder.turn = (x, y, float(height(x, y)) + 0.6), rng.integers(4) * np.pi / 2
            builder.turn += rng.normal(0, 0.05)
            if rng.random() < 0.15 and lots > 1:
                kinds: tuple[str, ...] = ("tree",) * 10 + ("rock",) * 8
            else:
                _building(builder, rng)
                kinds = ("tree",) * int(rng.integers(2, 6)) + ("rock",) * int(rng.integers(1, 5))
                if rng.random() < 0.6:
                    builder.place = (x, y, float(height(x, y)))
                    _fence(builder, rng)
            for kind in kinds:
                side = rng.uniform(0.36 if len(kinds) < 12 else 0.0, 0.49) * LOT * rng.choice([-1, 1])
                along = rng.uniform(-0.49, 0.49) * LOT
                px, py = (x + side, y + along) if rng.random() < 0.5 else (x + along, y + side)
                builder.place, builder.turn = (px, py, float(height(px, py))), rng.uniform(0, 2 * np.pi)
                (_tree if kind == "tree" else _rock)(builder, rng)
    return mesh(f"town{seed}", np.concatenate(builder.vertices), np.concatenate(builder.triangles))


def _terrain(b: Builder, size: float, height: object) -> None:
    n = max(int(size / 1.25), 8)
    line = np.linspace(-size / 2, size / 2, n)
    x, y = (part.ravel() for part in np.meshgrid(line, line, indexing="ij"))
    corner = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    lower, upper = (corner, corner + n, corner + n + 1), (corner, corner + n + 1, corner + 1)
    faces = np.concatenate([np.stack(lower, 1), np.stack(upper, 1)])
    b.add(np.stack([x, y, height(x, y)], 1), faces)  # type: ignore[operator]


def _wall(b: Builder, rng: np.random.Generator, start: Array, end: Array, base: float, kind: str) -> None:
    """A wall of bays about two metres wide along one axis; outside walls have windows, inside walls one door."""
    length = float(np.abs(end - start).max())
    bays = max(int(length / 2.0), 1)
    door = int(rng.integers(bays)) if kind != "upper" else -1
    axis = int(np.abs(end - start).argmax())
    thick = WALL if kind != "inside" else 0.12

    def part(t0: float, t1: float, z0: float, z1: float, depth: float = 1.0) -> None:
        low, high = start.copy(), start.copy()
        low[axis], high[axis] = start[axis] + t0, start[axis] + t1
        low[1 - axis] -= thick / 2 * depth
        high[1 - axis] += thick / 2 * depth
        b.box((low[0], low[1], base + z0), (high[0], high[1], base + z1))

    top = STOREY - 0.2
    for bay in range(bays):
        t0, t1 = bay * length / bays, (bay + 1) * length / bays
        if bay == door:
            half = min(0.5, (t1 - t0) / 2 - 0.1)
            middle = (t0 + t1) / 2
            part(t0, middle - half, 0, top)
            part(middle + half, t1, 0, top)
            part(middle - half, middle + half, 2.1, top)
        elif kind == "inside" or rng.random() < 0.3:
            part(t0, t1, 0, top)
        else:
            left, right = t0 + 0.4, t1 - 0.4
            part(t0, left, 0, top)
            part(right, t1, 0, top)
            part(left, right, 0, 0.9)
            part(left, right, 2.2, top)
            middle = (left + right) / 2
            part(middle - 0.03, middle + 0.03, 0.9, 2.2, 0.3)
            part(left, right, 1.52, 1.58, 0.3)


def _building(b: Builder, rng: np.random.Generator) -> None:
    w, d = rng.uniform(9, 17, 2)
    floors = int(rng.integers(1, 6))
    xs, ys = (-w / 2, rng.uniform(-0.15, 0.15) * w, w / 2), (-d / 2, rng.uniform(-0.15, 0.15) * d, d / 2)
    b.box((-w / 2 - 0.3, -d / 2 - 0.3, -2.5), (w / 2 + 0.3, d / 2 + 0.3, 0))
    for floor in range(floors):
        z = floor * STOREY
        kind = "upper" if floor else "ground"
        for y in (ys[0], ys[2]):
            _wall(b, rng, np.array([xs[0], y]), np.array([xs[2], y]), z, kind)
        for x in (xs[0], xs[2]):
            _wall(b, rng, np.array([x, ys[0]]), np.array([x, ys[2]]), z, kind)
        for y0, y1 in ((ys[0], ys[1]), (ys[1], ys[2])):
            _wall(b, rng, np.array([xs[1], y0]), np.array([xs[1], y1]), z, "inside")
        for x0, x1 in ((xs[0], xs[1]), (xs[1], xs[2])):
            _wall(b, rng, np.array([x0, ys[1]]), np.array([x1, ys[1]]), z, "inside")
        # The slab above has a hole for the stairs at its lowest corner, but for the roof.
        hole = (xs[0] + 1.4, ys[0] + 4.2) if floor < floors - 1 else (xs[0], ys[0])
        slab = z + STOREY - 0.2
        b.box((hole[0], ys[0], slab), (xs[2], ys[2], slab + 0.2))
        b.box((xs[0], hole[1], slab), (hole[0], ys[2], slab + 0.2))
        if floor < floors - 1:
            for step in range(15):
                y = ys[0] + 0.3 + 0.26 * step
                b.box((xs[0] + 0.2, y, z + 0.2 * step), (xs[0] + 1.3, y + 0.28, z + 0.2 * (step + 1)))
        for x0, x1 in ((xs[0], xs[1]), (xs[1], xs[2])):
            for y0, y1 in ((ys[0], ys[1]), (ys[1], ys[2])):
                for _ in range(int(rng.integers(3, 8))):
                    at = (rng.uniform(x0 + 1.6, x1 - 0.8), rng.uniform(y0 + 0.8, y1 - 0.8), z)
                    _furniture(b, rng, at)
    _roof(b, rng, w, d, floors * STOREY)


def _roof(b: Builder, rng: np.random.Generator, w: float, d: float, z: float) -> None:
    if rng.random() < 0.5:
        for x in (-w / 2, w / 2):
            b.box((x - 0.1, -d / 2, z), (x + 0.1, d / 2, z + 0.9))
        for y in (-d / 2, d / 2):
            b.box((-w / 2, y - 0.1, z), (w / 2, y + 0.1, z + 0.9))
        for _ in range(4):
            x, y = rng.uniform(-0.4, 0.4, 2) * (w, d)
            b.box((x - 0.4, y - 0.4, z), (x + 0.4, y + 0.4, z + rng.uniform(0.5, 1.5)))
        return
    x, y, top = w / 2 + 0.4, d / 2 + 0.4, z + w * 0.3
    corners = np.array([[-x, -y, z], [x, -y, z], [x, y, z], [-x, y, z], [0, -y, top], [0, y, top]])
    faces = [(0, 1, 4), (2, 3, 5), (1, 2, 5), (1, 5, 4), (3, 0, 4), (3, 4, 5), (0, 3, 2), (0, 2, 1)]
    b.add(corners, np.array(faces))


def _furniture(b: Builder, rng: np.random.Generator, at: tuple[float, float, float]) -> None:
    x, y, z = at
    w, d = rng.uniform(0.35, 0.8, 2)

    def part(x0: float, y0: float, z0: float, x1: float, y1: float, z1: float) -> None:
        b.box((x + x0, y + y0, z + z0), (x + x1, y + y1, z + z1))

    kind = rng.integers(4)
    if kind == 0 or kind == 1:  # a table, or a chair with a back
        h, w, d = (0.75, w, d) if kind == 0 else (0.45, 0.22, 0.22)
        part(-w, -d, h - 0.04, w, d, h)
        for sx in (-w, w - 0.05):
            for sy in (-d, d - 0.05):
                part(sx, sy, 0, sx + 0.05, sy + 0.05, h - 0.04)
        if kind == 1:
            part(-w, -d, h, w, -d + 0.04, 0.95)
    elif kind == 2:  # shelves
        h = rng.uniform(1.4, 2.2)
        part(-w, -0.2, 0, -w + 0.03, 0.2, h)
        part(w - 0.03, -0.2, 0, w, 0.2, h)
        part(-w, 0.17, 0, w, 0.2, h)
        for shelf in np.linspace(0.05, h - 0.05, 5):
            part(-w, -0.2, shelf, w, 0.17, shelf + 0.03)
            book = rng.uniform(-w + 0.1, w - 0.2)
            part(book, -0.1, shelf + 0.03, book + rng.uniform(0.1, 0.4), 0.1, shelf + 0.25)
    else:  # a bed or a chest
        part(-w, -1.2 * d, 0.1, w, 1.2 * d, rng.uniform(0.4, 0.9))
        part(-w, -1.2 * d - 0.05, 0, w, -1.2 * d, 1.0)


def _ball(rng: np.random.Generator, rings: int, sides: int, rough: float) -> tuple[Array, NDArray[np.int64]]:
    """A rough unit ball of 2 * sides * (rings - 1) triangles, closed."""
    polar = np.pi * np.arange(1, rings) / rings
    around = 2 * np.pi * np.arange(sides) / sides
    p, a = (part.ravel() for part in np.meshgrid(polar, around, indexing="ij"))
    points = np.stack([np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)], 1)
    points = np.concatenate([points, [[0, 0, 1.0], [0, 0, -1.0]]])
    points *= 1 + rough * rng.uniform(-1, 1, (len(points), 1))
    top, bottom = len(points) - 2, len(points) - 1
    faces = []
    for s in range(sides):
        t = (s + 1) % sides
        faces += [(top, s, t), (bottom, (rings - 2) * sides + t, (rings - 2) * sides + s)]
        for r in range(rings - 2):
            lower, upper = (r + 1) * sides, r * sides
            faces += [(upper + s, lower + s, lower + t), (upper + s, lower + t, upper + t)]
    return points, np.array(faces)


def _tree(b: Builder, rng: np.random.Generator) -> None:
    h = rng.uniform(1.5, 4)
    trunk, faces = _ball(rng, 6, 8, 0.05)
    b.add(trunk * [0.25, 0.25, h * 0.75] + [0, 0, h * 0.5], faces)
    for _ in range(int(rng.integers(3, 6))):
        points, faces = _ball(rng, 8, 10, 0.25)
        crown = points * rng.uniform(0.6, 1.5, 3) + [*rng.normal(0, 0.8, 2), h + rng.uniform(0, 1.8)]
        b.add(crown, faces)
        n = 60  # leaves on the crown
        centre = crown[rng.integers(len(crown), size=n), None] + rng.normal(0, 0.05, (n, 1, 3))
        b.add((centre + rng.normal(0, 0.12, (n, 3, 3))).reshape(-1, 3), np.arange(3 * n).reshape(n, 3))


def _rock(b: Builder, rng: np.random.Generator) -> None:
    points, faces = _ball(rng, 10, 14, 0.15)
    b.add(points * rng.uniform(0.3, 1.4, 3), faces)


def _fence(b: Builder, rng: np.random.Generator) -> None:
    half, gap = LOT * 0.47, rng.uniform(-0.3, 0.3) * LOT
    for side in range(4):
        b.turn += np.pi / 2
        for x in np.arange(-half, half, 0.9):
            if side == 0 and abs(x - gap) < 2:
                continue
            b.box((x, half, -1), (x + 0.1, half + 0.1, 1.2))
            for rail in (0.4, 0.9):
                b.box((x, half + 0.03, rail), (x + 0.9, half + 0.07, rail + 0.12))

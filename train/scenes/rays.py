"""Distances to the first hit by Embree, positions where agents stand, and rays towards targets as agents meet them.

Embree (Wald et al., 2014) is called through embreex, one ray packet per call. What is trained on the rays is decided
in `inkling.train.fields.visibility`.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.extras import advice
from inkling.train.scenes.mesh import Mesh

F32: TypeAlias = NDArray[np.float32]
Kind: TypeAlias = Literal["agents", "uniform", "sphere"]

EYE = 1.65
HEADROOM = 1.9
STEEPEST = 0.7  # cosine of the steepest ground that can be stood on
NEAREST = 0.05
MAX_ENTRIES = 2**20


class Rays(NamedTuple):
    """entry int32 [N]; offset float32 [N, 3] from the entry's position to the target; hit float32 [N]: how far along
    the offset's direction the first surface is, in metres, inf where there is none. The target is visible where
    the offset is shorter than the hit."""

    entry: NDArray[np.int32]
    offset: F32
    hit: F32

    @property
    def visible(self) -> NDArray[np.bool_]:
        seen: NDArray[np.bool_] = np.linalg.norm(self.offset.astype(np.float64), axis=1) < self.hit
        return seen


@dataclass(frozen=True, eq=False)
class Caster:
    """A mesh in Embree. Make one with `caster`."""

    mesh: Mesh
    scene: object

    def hits(self, origin: NDArray[np.floating], direction: NDArray[np.floating]) -> F32:
        """Distances along unit directions, float [N, 3] both, to the first triangle: float32 [N], inf for none."""
        if len(origin) == 0:
            return np.zeros(0, np.float32)
        found = self.scene.run(  # type: ignore[attr-defined]
            np.ascontiguousarray(origin, np.float32), np.ascontiguousarray(direction, np.float32), query="DISTANCE"
        )
        return np.where(found > 1e30, np.float32(np.inf), found).astype(np.float32)

    def first(self, origin: NDArray[np.floating], direction: NDArray[np.floating]) -> NDArray[np.int32]:
        """Index of the first triangle that each ray meets, int32 [N], -1 for none."""
        found: NDArray[np.int32] = self.scene.run(  # type: ignore[attr-defined]
            np.ascontiguousarray(origin, np.float32), np.ascontiguousarray(direction, np.float32), query="INTERSECT"
        )
        return found


def caster(mesh: Mesh) -> Caster:
    """Build Embree's structure over a mesh. Raises InputError when embreex is not installed."""
    try:
        from embreex import rtcore_scene
        from embreex.mesh_construction import TriangleMesh
    except ImportError as error:
        raise InputError(f"rays need embreex: {advice('fields', 'embreex')}") from error
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, mesh.vertices[mesh.triangles])
    built = Caster(mesh, scene)
    built.hits(np.zeros((1, 3)), np.array([[0, 0, 1.0]]))  # the first call builds the tree; threads must not
    return built


def standing(casting: Caster, count: int, rng: np.random.Generator, eye: float = EYE) -> F32:
    """Eyes of agents that stand on the ground or on any floor with room above: float32 [count, 3].

    Raises InputError when almost nothing can be stood on.
    """
    low, high = casting.mesh.bounds
    found: list[F32] = []
    total = 0
    for _ in range(200):
        start = rng.uniform(low, high + np.array([0, 0, 0.5]), (max(4 * count, 64), 3))
        down = np.tile([0, 0, -1.0], (len(start), 1))
        triangle = casting.first(start, down)
        distance = casting.hits(start, down)
        corners = casting.mesh.vertices[casting.mesh.triangles[triangle]].astype(np.float64)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.maximum(np.linalg.norm(normal, axis=1), 1e-30)
        good = (triangle >= 0) & (np.abs(normal[:, 2]) > STEEPEST * length)
        ground = start[good] + down[good] * distance[good, None]
        room = casting.hits(ground + np.array([0, 0, NEAREST]), -down[good]) > HEADROOM
        eyes = ground[room] + np.array([0, 0, eye])
        kept = eyes[_clear(casting, eyes)].astype(np.float32)
        found.append(kept)
        total += len(kept)
        if total >= count:
            return np.concatenate(found)[:count]
    raise InputError(f"{casting.mesh.name}: found only {total} places to stand on; is z up and the unit a metre?")


def _clear(casting: Caster, places: NDArray[np.float64], room: float = 0.2) -> NDArray[np.bool_]:
    """Whether nothing is near in six directions."""
    clear = np.ones(len(places), bool)
    for axis in range(3):
        for sign in (-1.0, 1.0):
            clear &= casting.hits(places, np.tile(sign * np.eye(3)[axis], (len(places), 1))) > room
    return clear


def shoot(casting: Caster, positions: F32, entry: NDArray[np.integer], offset: NDArray[np.floating]) -> Rays:
    """Cast from positions[entry] towards each offset, float [N, 3] (not 0)."""
    length = np.maximum(np.linalg.norm(offset.astype(np.float64), axis=1, keepdims=True), 1e-9)
    hit = casting.hits(positions[entry], offset / length)
    return Rays(entry.astype(np.int32), offset.astype(np.float32), hit)


@dataclass(frozen=True, eq=False)
class Targets:
    """Where queries point: eyes, float32 [n, 3], of a crowd of agents, and the scene's box, float64 [2, 3]."""

    crowd: F32
    bounds: NDArray[np.float64]
    reach: float


def targets(casting: Caster, rng: np.random.Generator, crowd: int = 20000, reach: float = 40.0) -> Targets:
    """A crowd that stands all over the scene; agents are asked about up to `reach` metres away."""
    return Targets(standing(casting, crowd, rng), casting.mesh.bounds, reach)


def offsets(
    aims: Targets, positions: F32, entry: NDArray[np.integer], kind: Kind, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Offsets from positions[entry] to targets, float32 [N, 3].

    agents: a standing agent within reach (the crowd is searched 16 times, then any agent does), from foot to head;
    uniform: a place in the scene's box; sphere: a direction uniform over the sphere and a log-uniform distance.
    """
    origin, n = positions[entry], len(entry)
    if kind == "uniform":
        places = rng.uniform(aims.bounds[0], aims.bounds[1], (n, 3))
        return np.asarray(places - origin, np.float32)
    if kind == "sphere":
        direction = rng.normal(size=(n, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        return np.asarray(direction * np.exp(rng.uniform(np.log(0.5), np.log(aims.reach), (n, 1))), np.float32)
    offset = aims.crowd[rng.integers(len(aims.crowd), size=n)] - origin
    for _ in range(16):
        far = np.flatnonzero((offset**2).sum(1) > aims.reach**2)
        offset[far] = aims.crowd[rng.integers(len(aims.crowd), size=len(far))] - origin[far]
    offset[:, 2] += rng.uniform(-EYE + 0.1, 0.2, n)
    near = (offset**2).sum(1) < 0.3**2
    offset[near] += np.array([1.0, 0, 0])
    return np.asarray(offset, np.float32)


def mixed(
    casting: Caster,
    aims: Targets,
    positions: F32,
    count: int,
    rng: np.random.Generator,
    shares: tuple[float, float, float] = (0.5, 0.5, 0.0),
) -> Rays:
    """`count` rays from random entries: shares for agents, uniform and sphere; their order is agents first."""
    if not len(positions) or len(positions) > MAX_ENTRIES:
        raise InputError(f"{len(positions)} positions: give 1 to {MAX_ENTRIES}")
    counts = [int(count * share / sum(shares)) for share in shares]
    counts[int(np.argmax(shares))] += count - sum(counts)
    entry = rng.integers(len(positions), size=count)
    ends = np.cumsum(counts)
    kinds: tuple[Kind, ...] = ("agents", "uniform", "sphere")
    parts = [
        offsets(aims, positions, entry[end - n : end], kind, rng)
        for kind, n, end in zip(kinds, counts, ends, strict=True)
    ]
    return shoot(casting, positions, entry, np.concatenate(parts))

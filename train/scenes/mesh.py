"""`Mesh`: triangles in metres, z up; from a mesh file, from the game level inside the pybullet wheel, or a town.

The town is laid out in `inkling.train.scenes.town`; rays through a mesh are in `inkling.train.scenes.rays`, signed
distances in `inkling.train.scenes.signals`.
"""

import io
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.extras import advice
from inkling.train.scenes.mesh_files import checked
from inkling.train.scenes.world import Frame, moved

MESH_FORMATS = (".obj", ".ply", ".stl", ".off", ".glb")
# Named where one is given: they hold scenes, but are not read.
OTHER_FORMATS = (".gltf", ".fbx", ".dae", ".blend", ".3ds", ".max", ".usd", ".usda", ".usdc", ".usdz", ".3mf", ".x3d")
MAX_FILE_BYTES = 2**30
MAX_TRIANGLES = 20_000_000
MAX_COORDINATE = 1e6
SMALLEST_AREA = 1e-12


@dataclass(frozen=True, eq=False)
class Mesh:
    """vertices float32 [n, 3], triangles int32 [m, 3] (indices of vertices, counter-clockwise from outside).

    frame: how the vertices come from the scene's own coordinates.
    """

    name: str
    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]
    frame: Frame = field(default_factory=Frame)

    @property
    def bounds(self) -> NDArray[np.float64]:
        """float64 [2, 3]: the lowest and the highest corner of what the triangles use."""
        used = self.vertices[np.unique(self.triangles)].astype(np.float64)
        return np.stack([used.min(axis=0), used.max(axis=0)])


def mesh(name: str, vertices: NDArray[np.floating], triangles: NDArray[np.integer]) -> Mesh:
    """Check and build a `Mesh`. Raises InputError for empty, huge, flat, non-finite or badly indexed triangles."""
    if vertices.ndim != 2 or vertices.shape[1] != 3 or triangles.ndim != 2 or triangles.shape[1] != 3:
        raise InputError(f"{name}: a mesh needs vertices [n, 3] and triangles [m, 3]")
    if not len(triangles) or not len(vertices):
        raise InputError(f"{name}: the mesh is empty; give one with triangles")
    if len(triangles) > MAX_TRIANGLES or len(vertices) > 3 * MAX_TRIANGLES:
        raise InputError(f"{name}: {len(triangles)} triangles are more than {MAX_TRIANGLES}; simplify the mesh")
    if triangles.min() < 0 or triangles.max() >= len(vertices):
        raise InputError(f"{name}: a triangle names a vertex that does not exist; repair the mesh")
    if not np.isfinite(vertices).all():
        raise InputError(f"{name}: a vertex is not finite; repair the mesh")
    if np.abs(vertices).max() > MAX_COORDINATE:
        raise InputError(f"{name}: a vertex is farther than {MAX_COORDINATE:g} m from the origin; is the unit right?")
    corners = vertices.astype(np.float64)[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    kept = area > SMALLEST_AREA
    if not kept.any():
        raise InputError(f"{name}: no triangle has an area; is the mesh scaled to nothing?")
    return Mesh(name, vertices.astype(np.float32), triangles[kept].astype(np.int32))


def load(path: str | Path, up: str | None = None, unit_m: float = 1.0) -> Mesh:
    """Read a mesh file; scenes far from the origin are moved to it. Raises InputError for what cannot be used.

    up: the file's upward axis, "y" or "z"; None: y for .glb, as glTF's standard has it, z for the others. unit_m:
    metres per unit of the file.
    """
    import trimesh

    path = Path(path)
    if path.suffix.lower() in OTHER_FORMATS:
        raise InputError(f"{path}: {path.suffix} is not read; export the scene as one of {', '.join(MESH_FORMATS)}")
    if path.suffix.lower() not in MESH_FORMATS:
        raise InputError(f"{path}: not a mesh format that can be read; give one of {', '.join(MESH_FORMATS)}")
    if up not in ("y", "z", None):
        raise InputError(f"up must be y or z, not {up!r}")
    if not 1e-6 <= unit_m <= 1e6:
        raise InputError(f"a unit of {unit_m:g} metres is outside 0.000001..1000000")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InputError(f"{path}: is larger than {MAX_FILE_BYTES} bytes; simplify the mesh")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    try:
        kind = path.suffix.lower()[1:]
        content = io.BytesIO(checked(path.read_bytes(), kind, str(path), MAX_TRIANGLES))
        loaded: Any = trimesh.load(content, file_type=kind, force="mesh", process=False, skip_materials=True)
        vertices, triangles = np.asarray(loaded.vertices), np.asarray(loaded.faces)
    except InputError:
        raise
    except Exception as error:  # the readers raise anything at all on hostile bytes
        reason = f"{type(error).__name__}: {error}"[:200]
        raise InputError(f"{path}: cannot be read as a {path.suffix[1:]} mesh ({reason})") from error
    frame = Frame("y" if up == "y" or (up is None and path.suffix.lower() == ".glb") else "z", unit_m)
    if vertices.ndim == 2 and vertices.shape[1] == 3:
        frame = moved(frame, vertices)
        vertices = frame.to_metres(vertices)
    return replace(mesh(path.stem, vertices, triangles), frame=frame)


def game_level() -> Mesh:
    """The monastery of 124,789 triangles inside the pybullet wheel. Raises InputError when it is not installed."""
    found = find_spec("pybullet_data")
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / "samurai_monastry.obj"
        if path.is_file():
            return load(path, up="y")
    raise InputError(f"the game level is part of pybullet: {advice('fields', 'pybullet')}")


def open_edges(scene: Mesh) -> int:
    """Number of edges that do not join exactly two triangles of one orientation (corners at equal places are one)."""
    _, same = np.unique(scene.vertices, axis=0, return_inverse=True)
    triangles = same.reshape(-1)[scene.triangles].astype(np.int64)
    starts, ends = triangles.reshape(-1), np.roll(triangles, -1, axis=1).reshape(-1)
    forward = starts * len(scene.vertices) + ends
    backward = ends * len(scene.vertices) + starts
    names, counts = np.unique(forward, return_counts=True)
    place = np.minimum(np.searchsorted(names, backward), len(names) - 1)
    sound = (names[place] == backward) & (counts[place] == 1)
    own = counts[np.searchsorted(names, forward)] == 1
    return int((~(sound & own)).sum())


def require_closed(scene: Mesh) -> None:
    """Raise InputError unless the surface is closed and oriented, so that inside and outside have a meaning."""
    wrong = open_edges(scene)
    if wrong:
        raise InputError(
            f"{scene.name}: {wrong} edges do not join two triangles; close the mesh (it must be manifold)"
        )
    corners = scene.vertices.astype(np.float64)[scene.triangles]
    volume = np.einsum("ni,ni->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    if volume <= 0:
        raise InputError(f"{scene.name}: the triangles face inwards; flip the mesh")

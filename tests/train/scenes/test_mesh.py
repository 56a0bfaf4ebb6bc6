"""Meshes, the town, rays through them and signals: geometry against exact answers, and input that must be refused."""

from pathlib import Path

import numpy as np
import pytest

from inkling.train.errors import InputError
from inkling.train.scenes import mesh as scenes
from inkling.train.scenes import rays, signals
from inkling.train.scenes.mesh import Mesh, mesh, open_edges, require_closed
from inkling.train.scenes.town import CORNERS, FACES, town

BOX = mesh("box", CORNERS, FACES)
NAN = float("nan")


def test_the_town_is_large_sound_and_decided_by_its_seed() -> None:
    first, again, other = town(3, lots=2), town(3, lots=2), town(4, lots=2)
    assert 40_000 < len(first.triangles) < 150_000
    assert np.array_equal(first.vertices, again.vertices) and np.array_equal(first.triangles, again.triangles)
    assert len(first.vertices) != len(other.vertices)
    with pytest.raises(InputError, match="lots"):
        town(0, lots=0)


@pytest.mark.parametrize(
    ("vertices", "triangles", "word"),
    [
        (np.zeros((0, 3)), np.zeros((0, 3), int), "empty"),
        (CORNERS, np.zeros((0, 3), int), "empty"),
        (CORNERS * NAN, FACES, "finite"),
        (CORNERS * 1e9, FACES, "origin"),
        (CORNERS, FACES + 1, "vertex"),
        (CORNERS * 0, FACES, "area"),
        (CORNERS[:, :2], FACES, "vertices"),
    ],
)
def test_a_mesh_that_cannot_be_used_is_refused(vertices: np.ndarray, triangles: np.ndarray, word: str) -> None:
    with pytest.raises(InputError, match=word):
        mesh("bad", vertices, triangles)


def test_open_and_inverted_meshes_are_told() -> None:
    require_closed(BOX)
    with pytest.raises(InputError, match="manifold"):
        require_closed(Mesh("open", BOX.vertices, BOX.triangles[1:]))
    assert open_edges(Mesh("open", BOX.vertices, BOX.triangles[1:])) == 3
    with pytest.raises(InputError, match="inwards"):
        require_closed(Mesh("inside out", BOX.vertices, BOX.triangles[:, ::-1].copy()))
    doubled = np.concatenate([BOX.triangles, BOX.triangles[:1]])
    with pytest.raises(InputError, match="manifold"):
        require_closed(Mesh("doubled", BOX.vertices, doubled))


def test_mesh_files_are_read_and_bad_ones_refused(tmp_path: Path) -> None:
    pytest.importorskip("trimesh")
    lines = [f"v {x} {y} {z}" for x, y, z in BOX.vertices] + [
        f"f {a + 1} {b + 1} {c + 1}" for a, b, c in BOX.triangles
    ]
    path = tmp_path / "box.obj"
    path.write_text("\n".join(lines))
    loaded = scenes.load(path)
    assert len(loaded.triangles) == 12 and loaded.bounds.tolist() == [[0, 0, 0], [1, 1, 1]]
    require_closed(scenes.load(path, up="y"))
    for name, content in (("a.ply", b"ply\nnonsense"), ("a.stl", b"x" * 100), ("a.obj", b""), ("a.xyz", b"1 2 3")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as error:
            scenes.load(tmp_path / name)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="no such file"):
        scenes.load(tmp_path / "none.obj")


def test_the_game_level_is_found_in_its_wheel() -> None:
    pytest.importorskip("trimesh")
    pytest.importorskip("pybullet_data")
    assert len(scenes.game_level().triangles) > 120_000


def test_rays_meet_a_box_where_they_should() -> None:
    pytest.importorskip("embreex")
    casting = rays.caster(BOX)
    rng = np.random.default_rng(0)
    origin = rng.uniform(0.1, 0.9, (200, 3)) - [3, 0, 0]
    along = np.tile([1.0, 0, 0], (200, 1))
    assert np.allclose(casting.hits(origin, along), -origin[:, 0], atol=1e-5)
    assert np.isinf(casting.hits(origin, -along)).all()
    aim = rng.uniform(0.2, 0.8, (200, 3))
    found = rays.shoot(casting, origin[:1].astype(np.float32), np.zeros(200, int), aim - origin[:1])
    assert not found.visible.any()
    short = rays.shoot(casting, origin[:1].astype(np.float32), np.zeros(200, int), (aim - origin[:1]) / 2)
    assert short.visible.all()


def test_agents_stand_on_floors_and_see_each_other_sometimes() -> None:
    pytest.importorskip("embreex")
    casting = rays.caster(town(0, lots=1))
    rng = np.random.default_rng(1)
    eyes = rays.standing(casting, 30, rng)
    below = casting.hits(eyes, np.tile([0, 0, -1.0], (30, 1)))
    assert np.allclose(below, rays.EYE, atol=0.02)
    aims = rays.targets(casting, rng, crowd=500, reach=20)
    found = rays.mixed(casting, aims, eyes, 3000, rng, (0.5, 0.3, 0.2))
    assert len(found.hit) == 3000 and 0.05 < found.visible.mean() < 0.95
    again = rays.mixed(casting, aims, eyes, 3000, np.random.default_rng(5))
    assert np.array_equal(again.hit, rays.mixed(casting, aims, eyes, 3000, np.random.default_rng(5)).hit)
    with pytest.raises(InputError, match="stand"):
        rays.standing(rays.caster(mesh("wall", CORNERS * [1, 0, 1], FACES)), 5, rng)


def test_signed_distances_of_a_box_are_exact() -> None:
    places = np.random.default_rng(0).uniform(-0.5, 1.5, (500, 3))
    outside = np.maximum(np.maximum(-places, places - 1), 0)
    inside = np.minimum(places, 1 - places).min(1)
    expected = np.where(inside > 0, -inside, np.linalg.norm(outside, axis=1))
    assert np.allclose(signals.signed_distance(BOX, places), expected, atol=1e-6)
    with pytest.raises(InputError, match="manifold"):
        signals.signed_distance(Mesh("open", BOX.vertices, BOX.triangles[1:]), places)
    solid = signals.shape(BOX, 16, 4, occupancy=True)
    assert solid.entries == 4 and set(np.unique(solid.values)) == {0.0, 1.0}


def test_pictures_are_bounded_and_checked(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
    image.fromarray(pixels).save(tmp_path / "a.png")
    signal = signals.load_picture(tmp_path / "a.png")
    assert signal.shape == (7, 9) and np.array_equal(np.round(signal.values * 255).reshape(7, 9, 3), pixels)
    assert signal.uv[8].tolist() == [1, 0] and signal.uv[-1].tolist() == [1, 1]
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    for wrong in (tmp_path / "b.png", tmp_path / "none.png"):
        with pytest.raises(InputError):
            signals.load_picture(wrong)
    with pytest.raises(InputError, match="finite"):
        signals.picture("x", np.full((2, 2), np.nan))


def test_series_are_checked() -> None:
    signal = signals.one_dimensional("sine", np.sin(np.arange(100)))
    assert signal.values.min() == 0 and signal.values.max() == 1 and (signal.uv[:, 1] == 0).all()
    with pytest.raises(InputError, match="sample 3"):
        signals.one_dimensional("bad", np.array([1, 2, 3, NAN]))
    with pytest.raises(InputError, match="samples"):
        signals.one_dimensional("short", np.array([1.0]))

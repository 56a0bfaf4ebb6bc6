"""Mesh files whose meaning readers get wrong, and small files that claim to be large."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkling.train.errors import InputError
from inkling.train.scenes.mesh import load

SQUARE = "v 0 0 0\nv 9 0 0\nv 9 9 0\nv 0 9 0\n"
TRIANGLE = "v 0 0 5\nv 1 0 5\nv 0 1 5\n"


@pytest.mark.parametrize(
    "text",
    [
        SQUARE + "f -4 -3 -2 -1\n" + TRIANGLE + "f 5 6 7\n",
        SQUARE + "f 1 -3 3 -1 # -9\n" + TRIANGLE + "f -3 -2 -1\n",
        SQUARE
        + "vt 0 0\nvn 0 0 1\nf -4/-1/-1 -3/-1/-1 -2/-1/-1 -1/1/1\n"
        + TRIANGLE
        + "vn 0 1 0\nf 5//1 -2//-1 7//2\n",
        SQUARE + "f -4 -3 \\\n-2 -1\n" + TRIANGLE + "f 5 6 7\n",
    ],
)
def test_negative_indices_count_from_the_last_vertex_so_far(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.obj").write_text(text)
    found = load(tmp_path / "a.obj")
    corners = found.vertices[found.triangles]
    low, high = corners[..., 2] == 0, corners[..., 2] == 5
    assert low.all(axis=1).sum() == 2 and high.all(axis=1).sum() == 1
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    assert area.sum() == pytest.approx(81.5)


def test_an_index_before_the_first_vertex_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text(SQUARE + "f -1 -2 -5\n")
    with pytest.raises(InputError, match="line 5: index -5 counts back beyond the first of 4"):
        load(tmp_path / "a.obj")


def glb(folder: Path, **changes: Any) -> Path:
    """A triangle, with parts of its description replaced."""
    corners = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)
    about = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": len(corners)}],
        "buffers": [{"byteLength": len(corners)}],
        **changes,
    }
    text = json.dumps(about).encode()
    text += b" " * (-len(text) % 4)
    content = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(corners))
    content += struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(corners), b"BIN\0") + corners
    (folder / "a.glb").write_bytes(content)
    return folder / "a.glb"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"accessors": [{"componentType": 5126, "count": 700_000_000, "type": "VEC3"}]}, "accessor 0 has no values"),
        (
            {"accessors": [{"bufferView": 0, "componentType": 5126, "count": 700_000_000, "type": "VEC3"}]},
            "claim 8400000000 bytes in a file of",
        ),
        ({"accessors": [{"componentType": 5126, "count": "3", "type": "VEC3"}]}, "accessor 0 has no count"),
        (
            {"accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "sparse": {}}]},
            "sparse meshes are not read",
        ),
        ({"nodes": [{"mesh": 0}] * 100_000}, "shows 100000 triangles, more than 1000"),
    ],
)
def test_a_scene_that_decodes_to_more_than_its_file_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(load(glb(tmp_path)).triangles) == 1
    monkeypatch.setattr("inkling.train.scenes.mesh.MAX_TRIANGLES", 1000)
    with pytest.raises(InputError, match=said):
        load(glb(tmp_path, **changes))


def test_a_text_is_no_glb(tmp_path: Path) -> None:
    (tmp_path / "a.glb").write_bytes(b"glTF but not really, or not for long")
    with pytest.raises(InputError, match="is no binary glTF file"):
        load(tmp_path / "a.glb")

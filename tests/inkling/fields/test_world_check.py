"""Changes planted in world.json and world.h of a visibility field and of a shape are caught and named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkling.approx.fields.random_field import random_field
from inkling.approx.reference import field_files
from inkling.fields.world_check import check_world
from inkling.fields.world_header import header
from inkling.train.scenes.world import Frame, World, triple


def made(folder: Path, meaning: Any) -> Path:
    """A field of a scene in feet, y up, far from the origin, as `inkling field` writes it, without its kernels."""
    field = random_field(3, levels=((3, 3, 2, 4),), hidden=(3,), meaning=meaning)
    field_files.save(field, folder)
    frame = Frame("y", 0.3048, (5000.0, 0.0, -200.0))
    places = tuple(map(triple, field.positions))
    slices = field.entries if meaning == "sdf" else 0
    world = World(frame, (-2.0, -3.0, -4.5), (7.25, 8.0, 9.125), places, slices)
    (folder / "world.json").write_text(json.dumps(world.to_json(), indent=1, sort_keys=True) + "\n")
    (folder / "world.h").write_text(header(world))
    (folder / "report.json").write_text(json.dumps({"world": world.to_json()}))
    return folder


def moved(key: str, *path: int) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        at = data[key]
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] += 0.001

    return change


def put(key: str, value: object) -> Callable[[Any], None]:
    return lambda data: data.__setitem__(key, value)


BOTH: dict[str, Callable[[Any], None]] = {
    "up": put("up", "z"),
    "unit": put("unit_m", 1.0),
    "origin": moved("origin_m", 2),
    "box": moved("box_m", 1, 0),
    "box turned round": lambda data: data["box_m"].reverse(),
    "bounds": moved("bounds", 0, 1),
    "axes": put("axes", "as they come"),
    "schema": put("schema", "inkling.world/7"),
    "a key more": put("scale", 2),
    "no bounds": lambda data: data.pop("bounds"),
    "unit is a text": put("unit_m", "ft"),
}
PLACES: dict[str, Callable[[Any], None]] = {
    "a place": moved("places", 1, 2),
    "places exchanged": lambda data: data["places"].insert(0, data["places"].pop()),
    "a place missing": lambda data: data["places"].pop(),
}
SLICES: dict[str, Callable[[Any], None]] = {
    "a height": moved("slice_heights", 0),
    "a height missing": lambda data: data["slice_heights"].pop(),
}
CASES = [
    *(("visibility", name, change) for name, change in (BOTH | PLACES).items()),
    *(("sdf", name, change) for name, change in (BOTH | SLICES).items()),
]


def failing(folder: Path) -> dict[str, str]:
    return {verdict.subject: verdict.detail for verdict in check_world(folder) if verdict.failed}


@pytest.mark.parametrize("meaning", ["visibility", "sdf"])
def test_files_as_they_were_made_pass_and_harmless_changes_too(meaning: str, tmp_path: Path) -> None:
    folder = made(tmp_path, meaning)
    assert [verdict.passed for verdict in check_world(folder)] == [True, True]
    data = json.loads((folder / "world.json").read_text())
    (folder / "world.json").write_text(json.dumps(dict(reversed(data.items())), indent=2).replace("\n", "\r\n"))
    (folder / "world.h").write_bytes((folder / "world.h").read_bytes().replace(b"\n", b"\r\n"))
    assert failing(folder) == {}
    field = random_field(3, levels=((3, 3, 2, 4),), hidden=(3,), meaning="signal")
    for path in folder.iterdir():
        path.unlink()
    field_files.save(field, folder)
    assert check_world(folder) == []


@pytest.mark.parametrize(("meaning", "name", "change"), CASES)
def test_a_change_of_world_json_is_named(
    meaning: str, name: str, change: Callable[[Any], None], tmp_path: Path
) -> None:
    folder = made(tmp_path, meaning)
    data = json.loads((folder / "world.json").read_text())
    change(data)
    (folder / "world.json").write_text(json.dumps(data))
    assert "world.json" in failing(folder), name


@pytest.mark.parametrize("meaning", ["visibility", "sdf"])
def test_world_h_is_what_world_json_gives_and_both_are_there(meaning: str, tmp_path: Path) -> None:
    folder = made(tmp_path, meaning)
    text = (folder / "world.h").read_text()
    number = next(k for k, line in enumerate(text.split("\n"), 1) if "m[0] =" in line)
    for changed in (text.replace("m[0] = (float)(", "m[0] = (float)(1.0 + ", 1), text[: len(text) // 2], ""):
        (folder / "world.h").write_text(changed)
        assert "world.h" in failing(folder)
    (folder / "world.h").write_text(text.replace("m[0] = (float)(", "m[0] = (float)(1.0 + ", 1))
    assert failing(folder)["world.h"].startswith(f"line {number} ")
    for name in ("world.h", "world.json"):
        folder = made(tmp_path, meaning)
        (folder / name).unlink()
        assert failing(folder) == {name: f"{name} is missing; make the run again"}


def test_places_are_those_of_the_field_whatever_the_report_says(tmp_path: Path) -> None:
    """world.json, world.h and the report changed alike: field.npz knows where the field was learnt."""
    folder = made(tmp_path, "visibility")
    field = field_files.load(folder)
    other = World(Frame(), (-1.0,) * 3, (1.0,) * 3, tuple(map(triple, field.positions + np.float32(0.01))))
    (folder / "world.json").write_text(json.dumps(other.to_json()))
    (folder / "world.h").write_text(header(other))
    (folder / "report.json").write_text(json.dumps({"world": other.to_json()}))
    assert "from that of field.npz" in failing(folder)["world.json"]

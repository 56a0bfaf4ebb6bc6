"""world.json and world.h of a scene's field, checked again: against field.json, the report, and what is emitted.

Where a signed distance's box stands is said in world.json alone; that it is the box of the run is the manifest's to
tell.
"""

from pathlib import Path
from typing import Any

import numpy as np

from inkling.approx.reference import field_files
from inkling.approx.reference.field import IntegerField
from inkling.fields.world_header import header
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.errors import InputError
from inkling.train.files.checked_json import Fields, document
from inkling.train.files.text import text
from inkling.train.scenes.world import World, from_fields

# world.json holds places to a hundredth of a millimetre, field.npz in float32.
TOLERANCE_M = 2e-5
FILES = ("world.json", "world.h")


def check_world(folder: Path) -> list[Verdict]:
    """Verdicts on both files; none for a field of no scene. Raises InputError where field.json is malformed."""
    told = document(folder / "report.json").get("world") if (folder / "report.json").is_file() else None
    there = [name for name in FILES if (folder / name).is_file()]
    if not there and told is None:
        return []
    if len(there) < len(FILES):
        lacking = next(name for name in FILES if name not in there)
        return [_verdict(lacking, 1, [f"{lacking} is missing; make the run again"])]
    field = field_files.load(folder)
    data = document(folder / "world.json")
    try:
        world = from_fields(Fields(data, str(folder / "world.json")))
    except InputError as error:
        return [_verdict("world.json", 1, [str(error)])]
    wrong = _differences(field, world, data, told)
    return [
        _verdict("world.json", len(data) + len(field.positions), wrong),
        _header(folder, world),
    ]


def _differences(field: IntegerField, world: World, data: dict[str, Any], told: object) -> list[str]:
    """What world.json says and does not follow from itself, from field.json or from the report."""
    expected = world.to_json()
    # Keys as the file has them: one too many or too few, and figures that do not follow from the others.
    wrong = [f"{key} is not known" for key in data if key not in expected]
    wrong += [f"{key} is missing" for key in expected if key not in data]
    wrong += [
        f"{key} does not follow from the rest" for key in expected if key in data and data[key] != expected[key]
    ]
    if not all(low < high for low, high in zip(world.low, world.high, strict=True)):
        wrong.append("box_m has no inside")
    if field.meaning == "sdf":
        if world.slices != field.entries:
            wrong.append(f"slice_heights are {world.slices}, field.json has {field.entries} entries")
    elif len(world.places) != len(field.positions):
        wrong.append(f"places are {len(world.places)}, field.json has {len(field.positions)} positions")
    elif len(world.places):
        off = np.abs(np.array(world.places) - field.positions)
        allowed = TOLERANCE_M + 2e-7 * np.abs(field.positions)
        for entry in np.flatnonzero((off > allowed).any(axis=1))[:3].tolist():
            wrong.append(f"place {entry} is {off[entry].max():.3g} m from that of field.npz")
    if told is not None and told != data:
        wrong.append("report.json says another world")
    return wrong


def _header(folder: Path, world: World) -> Verdict:
    given, expected = (
        of.rstrip("\n").split("\n") for of in (text(folder / "world.h").replace("\r\n", "\n"), header(world))
    )
    pairs = enumerate(zip(given, expected, strict=False), 1)
    at = next((number for number, (one, other) in pairs if one != other), min(len(given), len(expected)) + 1)
    wrong = [f"line {at} is not what world.json gives"] if given != expected else []
    return _verdict("world.h", len(expected), wrong)


def _verdict(name: str, count: int, wrong: list[str]) -> Verdict:
    said = "; ".join(wrong) or "as field.json, world.json and the report have it"
    return Verdict("world", name, "field.json", count, len(wrong), 0.0, detail=said, unit="figures")

"""`FieldReport`: what came out of `inkling field`, written as report.json. Reading checks every field.

Its page is `inkling.reports.page.field`; reports of classifiers are `inkling.reports.results.report`'s.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inkling.reports.results.report import read_verdict
from inkling.sim.verdicts.files import from_fields
from inkling.sim.verdicts.verdict import Outcome, overall
from inkling.train.files.checked_json import MAX_TEXT, Fields, load
from inkling.train.scenes.world import World
from inkling.train.scenes.world import from_fields as world_from_fields

SCHEMA = "inkling.field/1"
# What may be measured of a field: key in report.json, name, unit.
FIGURES = (
    ("psnr_integer_db", "PSNR, integers", "dB"),
    ("psnr_float_db", "PSNR, floats", "dB"),
    ("psnr_jpeg_db", "PSNR, JPEG of no more bytes", "dB"),
    ("correct_integer_percent", "right answers, integers", "%"),
    ("correct_float_percent", "right answers, floats", "%"),
    ("majority_percent", "right by one answer for all", "%"),
    ("correct_depth_map_percent", "right, depth map of as many bytes", "%"),
    ("wrongly_visible_percent", "wrongly visible, of all", "%"),
    ("wrongly_hidden_percent", "wrongly hidden, of all", "%"),
    ("recall_of_visible_percent", "visible targets found", "%"),
    ("error_integer_m", "error, integers", "m"),
    ("error_float_m", "error, floats", "m"),
    ("error_between_slices_m", "error, anywhere in the box", "m"),
    ("bits_per_pixel", "bits per pixel", ""),
)
_SIZES = ("bytes", "bytes_in_memory", "bytes_per_entry")
_STRUCTURE = {
    "schema",
    "name",
    "meaning",
    "model",
    "steps",
    "stopped",
    *_SIZES,
    "path",
    "outcome",
    "verdicts",
    "engine",
    "world",
}
Scalar = str | bool | int | float


@dataclass(frozen=True)
class FieldReport:
    """One field. name: of its source; meaning: what its answers are; model: its notation; stopped: before its steps.

    bytes: of all that is carried along (a picture's is packed); bytes_in_memory: of what answers read;
    bytes_per_entry: of the tables of one place; path: the instructions that the C kernel used; figures: what was
    measured, keys with units in their names; facts: what else is told, one value each;
    engine: its engine.json, {} without one;
    world: where a scene's field is.
    """

    name: str
    meaning: str
    model: str
    steps: int
    stopped: bool
    bytes: int
    bytes_in_memory: int
    bytes_per_entry: float
    path: str | None
    figures: Mapping[str, float]
    verdicts: tuple[Mapping[str, Any], ...]
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    engine: Mapping[str, Scalar] = field(default_factory=dict)
    world: World | None = None

    @property
    def outcome(self) -> Outcome:
        """Of all verdicts."""
        return overall(from_fields(Fields(verdict, "verdicts")) for verdict in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """Plain data, figures and facts at the top level."""
        data: dict[str, Any] = {
            "schema": SCHEMA,
            "name": self.name,
            "meaning": self.meaning,
            "model": self.model,
            "steps": self.steps,
            "stopped": self.stopped,
            "bytes": self.bytes,
            "bytes_in_memory": self.bytes_in_memory,
            "bytes_per_entry": self.bytes_per_entry,
            "path": self.path,
            **self.facts,
            **self.figures,
            "verdicts": [dict(verdict) for verdict in self.verdicts],
        }
        if self.outcome is Outcome.UNDECIDED:
            data["outcome"] = str(self.outcome)
        if self.engine:
            data["engine"] = dict(self.engine)
        if self.world is not None:
            data["world"] = self.world.to_json()
        return data


def read(path: Path) -> FieldReport:
    """Read report.json of a field. Raises InputError, with the place, on anything else."""
    fields = load(path)
    if fields.text("schema", "") != SCHEMA:
        raise fields.fail("schema", repr(SCHEMA))
    known = {key for key, _, _ in FIGURES}
    others = {key: _scalar(fields, key) for key in fields.data if key not in _STRUCTURE and fields.has(key)}
    engine = fields.inner("engine", optional=True)
    return FieldReport(
        name=fields.text("name"),
        meaning=fields.text("meaning"),
        model=fields.text("model"),
        steps=fields.integer("steps"),
        stopped=fields.flag("stopped"),
        bytes=fields.integer("bytes"),
        bytes_in_memory=fields.integer("bytes_in_memory"),
        bytes_per_entry=fields.number("bytes_per_entry"),
        path=fields.text("path") if fields.has("path") else None,
        figures={key: fields.number(key, -1e12) for key in others if key in known},
        verdicts=tuple(read_verdict(item) for item in fields.objects("verdicts")),
        facts={key: value for key, value in others.items() if key not in known},
        engine={key: _scalar(engine, key) for key in engine.data},
        world=world_from_fields(fields.inner("world")) if fields.has("world") else None,
    )


def _scalar(fields: Fields, key: str) -> Scalar:
    value = fields.data[key]
    if isinstance(value, str) and len(value) <= MAX_TEXT:
        return value
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise fields.fail(key, "one text, number or truth value")

"""verdict.json and timings.json: how the verdicts on a folder are kept, and read back with every field checked.

A verdict holds the SHA-256 of the files that it is about, so that a reader can tell whether it still speaks of them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inkling.sim.verdicts.verdict import Verdict
from inkling.train.errors import InputError
from inkling.train.files import atomic
from inkling.train.files.checked_json import MAX_BYTES, Fields

VERDICTS, TIMINGS = "verdict.json", "timings.json"


def write(folder: Path, verdicts: Sequence[Verdict], timings: Mapping[str, Any] | None = None) -> None:
    """Write verdict.json, and into timings.json the seconds of every route with what else was measured by a clock.

    Equal checks give a byte-identical verdict.json; timings.json is the one file that differs. Raises InputError
    where the folder cannot be written.
    """
    seconds: dict[str, float] = {}
    for verdict in verdicts:
        seconds[verdict.route] = round(seconds.get(verdict.route, 0.0) + verdict.seconds, 3)
    times = {"schema": "inkling.timings/1", "seconds": seconds, **(timings or {})}
    try:
        atomic.write(folder / VERDICTS, text(verdicts).encode())
        atomic.write(folder / TIMINGS, (json.dumps(times, indent=1, sort_keys=True) + "\n").encode())
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); give a folder of your own") from error


def text(verdicts: Iterable[Verdict]) -> str:
    """The text of verdict.json: a list."""
    return json.dumps([verdict.to_json() for verdict in verdicts], indent=1, ensure_ascii=False) + "\n"


def read(path: Path) -> tuple[Verdict, ...]:
    """The verdicts of a verdict.json, without times. Raises InputError."""
    try:
        listed = json.loads(path.read_bytes()) if path.stat().st_size <= MAX_BYTES else None
    except (OSError, ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list):
        raise InputError(f"{path}: no list of verdicts; run `inkling verify` again")
    return tuple(from_fields(item) for item in Fields({"verdicts": listed}, str(path)).objects("verdicts"))


def from_fields(fields: Fields) -> Verdict:
    """One verdict as `Verdict.to_json` writes it; its outcome is worked out, never believed. Raises InputError."""
    example = fields.inner("counter_example") if fields.has("counter_example") else None
    files = fields.inner("files", optional=True)
    return Verdict(
        route=fields.text("route"),
        subject=fields.text("subject"),
        reference=fields.text("reference"),
        vectors=fields.integer("vectors"),
        mismatches=fields.integer("mismatches"),
        seconds=0.0,
        counter_example={port: example.integer(port) for port in example.data} if example else None,
        proven=fields.flag("proven", False),
        detail=fields.text("detail", ""),
        certificate=dict(fields.inner("certificate").data) if fields.has("certificate") else None,
        coverage=dict(fields.inner("coverage").data) if fields.has("coverage") else None,
        files={name: files.text(name) for name in files.data},
        unit=fields.text("unit", "vectors"),
    )


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def stale(verdict: Verdict, folder: Path) -> str:
    """The first file that is no longer the one that a verdict is about, "" where all are, as they are read now."""
    for name, expected in verdict.files.items():
        try:
            content = (folder / name).read_bytes() if Path(name).name == name else b""
        except OSError:
            return name
        if sha256(content) != expected:
            return name
    return ""

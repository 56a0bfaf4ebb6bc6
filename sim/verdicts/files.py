"""verdict.json and timings.json: how the verdicts on a folder are kept, and read back with every field checked.

A verdict holds a digest of the files that it is about, so that a reader can tell whether it still speaks of them.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from inkling.sim.verdicts.verdict import Verdict
from inkling.train.errors import InputError
from inkling.train.files import atomic
from inkling.train.files.checked_json import MAX_BYTES, Fields, value_of
from inkling.train.files.text import text as read_text

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
    remedy = "run `inkling verify` again"
    listed = value_of(read_text(path, remedy, MAX_BYTES), str(path), remedy)
    if not isinstance(listed, list):
        raise InputError(f"{path}: no list of verdicts; {remedy}")
    return tuple(from_fields(item) for item in Fields({"verdicts": listed}, str(path), remedy).objects("verdicts"))


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


def digest(name: str, content: bytes) -> str:
    """SHA-256 of what a file says: of JSON without the order of keys, of texts without the kind of line ends.

    Verilog is taken word by word, so that blanks do not count; everything else byte for byte.
    """
    suffix = Path(name).suffix
    if suffix == ".json":
        with contextlib.suppress(ValueError, RecursionError):
            data = json.loads(content, object_pairs_hook=_unique)
            content = json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
    elif suffix in (".c", ".h", ".py", ".csv"):
        content = content.replace(b"\r\n", b"\n").rstrip(b"\n")
    elif suffix == ".v":
        content = b" ".join(content.split())
    return hashlib.sha256(content).hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ in which of two equal keys they take, so such a text is none that can be told by its meaning."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def bound(verdicts: Iterable[Verdict], folder: Path, about: Mapping[str, Sequence[str]]) -> list[Verdict]:
    """Verdicts with the digests of the files that they are about; about: by subject, the subject not among them."""
    known: dict[str, str] = {}
    found = []
    for verdict in verdicts:
        files = {}
        for name in (verdict.subject, *about.get(verdict.subject, ())):
            if name not in known and (folder / name).is_file():
                known[name] = digest(name, (folder / name).read_bytes())
            if name in known:
                files[name] = known[name]
        found.append(replace(verdict, files=files))
    return found


def stale(verdict: Verdict, folder: Path) -> str:
    """The first file that is no longer the one that a verdict is about, "" where all are, as they are read now."""
    for name, expected in verdict.files.items():
        try:
            content = (folder / name).read_bytes() if Path(name).name == name else b""
        except OSError:
            return name
        if digest(name, content) != expected:
            return name
    return ""

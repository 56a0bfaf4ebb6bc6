"""manifest.json: a digest of every file of a folder, and what each was made from.

It tells whether a file is still the one that was made. Whoever can write all files of a folder can write this one
too: it is no seal, and what a file computes is the business of the routes that run it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkling.sim.verdicts.files import TIMINGS, VERDICTS, digest
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.errors import InputError
from inkling.train.files import atomic
from inkling.train.files.checked_json import load

MANIFEST = "manifest.json"
SCHEMA = "inkling.manifest/1"
# What is written into a folder after it was made, and tells of it.
LATER = (MANIFEST, VERDICTS, TIMINGS, "faults.json", "test_set.csv")
_NETWORK = ("network.json", "network.npz")
_FIELD = ("field.json", "field.npz")
# What the files of each kind of folder are made from; those not named are made from the outside.
MADE_FROM: dict[str, dict[str, tuple[str, ...]]] = {
    "classifier": {
        "top.v": _NETWORK,
        "component.py": (*_NETWORK, "design.json"),
        "kernel.c": (*_NETWORK, "design.json"),
        "kernel.h": (*_NETWORK, "design.json"),
        "kernel.py": (*_NETWORK, "design.json"),
        "netlist.json": ("top.v",),
        "mapped.v": ("netlist.json",),
        "cost.json": ("netlist.json",),
        "readings.json": (*_NETWORK, "design.json"),
    },
    "field": {
        "kernel.c": _FIELD,
        "kernel.h": _FIELD,
        "kernel.py": _FIELD,
        "tables.bin": _FIELD,
        "packed.bin": _FIELD,
        "unpack.c": _FIELD,
        "unpack.h": _FIELD,
        "engine.v": (*_FIELD, "engine.json"),
    },
    "folded": {
        "top.v": (*_NETWORK, "folded.json"),
        "component.py": (*_NETWORK, "folded.json", "design.json"),
        "netlist.json": ("top.v",),
        "mapped.v": ("netlist.json", "folded.json"),
    },
    "run": {"report.html": ("report.json",), "report.json": ("run.json",)},
}


@dataclass(frozen=True)
class Change:
    """A file that is not as it was made: missing, or changed."""

    name: str
    what: str


def kind(folder: Path) -> str:
    """What a folder holds: a key of MADE_FROM."""
    for name, mark in (("folded", "folded.json"), ("field", "field.json"), ("classifier", "network.json")):
        if (folder / mark).is_file():
            return name
    return "run"


def write(folder: Path) -> None:
    """Write the manifest of what is in a folder now, a field's pictures too, and designs by their manifests."""
    made = MADE_FROM[kind(folder)] | MADE_FROM["run"]
    # Names with a dot in front are the run's own marks, such as its lock, and go or change with it.
    own = (path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    names = sorted(name for name in own if name not in LATER)
    files: dict[str, Any] = {}
    for name in names:
        files[name] = {"sha256": digest(name, (folder / name).read_bytes())}
        if of := [part for part in made.get(name, ()) if part in names]:
            files[name]["made_from"] = of
    for path in sorted(path for path in folder.glob("pictures/*") if path.is_file()):
        files[str(path.relative_to(folder))] = {"sha256": digest(path.name, path.read_bytes())}
    for path in sorted(folder.glob(f"designs/*/{MANIFEST}")):
        files[str(path.relative_to(folder))] = {"sha256": digest(MANIFEST, path.read_bytes())}
    document = {"schema": SCHEMA, "files": files}
    atomic.write(folder / MANIFEST, (json.dumps(document, indent=1) + "\n").encode())


def changes(folder: Path) -> list[Change]:
    """What is not as it was made, in the order of the manifest. Raises InputError where that is malformed."""
    fields = load(folder / MANIFEST)
    if fields.text("schema", "") != SCHEMA:
        raise InputError(f"{folder / MANIFEST}: schema is not {SCHEMA}; make the run again")
    files = fields.inner("files")
    found = []
    for name in files.data:
        expected = files.inner(name).text("sha256")
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(
                f"{folder / MANIFEST}: names a file outside the folder, {name[:80]!r}; make the run again"
            )
        if not path.is_file():
            found.append(Change(name, "is missing"))
        elif digest(path.name, path.read_bytes()) != expected:
            found.append(Change(name, "is not the file that was made"))
    if not files.data:
        raise InputError(f"{folder / MANIFEST}: names no file; make the run again")
    return found


def verdict(folder: Path, *, required: bool = True, trusted: bool = False) -> Verdict:
    """Whether every file is as it was made.

    required: a folder without a manifest fails, else it is undecided; trusted: texts that the caller vouches for may
    differ.
    """
    if not (folder / MANIFEST).is_file():
        told = "there is no manifest.json, so nothing tells whether the files are those that were made"
        return Verdict("manifest", MANIFEST, "the files", 0, int(required), 0.0, detail=told, unit="files")
    found = [
        item for item in changes(folder) if not (trusted and Path(item.name).suffix in (".c", ".h", ".py", ".v"))
    ]
    count = len(load(folder / MANIFEST).inner("files").data)
    told = "; ".join(f"{item.name} {item.what}" for item in found[:4]) + (" ..." if len(found) > 4 else "")
    said = told or "every file is as it was made"
    return Verdict("manifest", MANIFEST, "the files", count, len(found), 0.0, detail=said, unit="files")

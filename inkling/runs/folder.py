"""Run folders: written beside their place and renamed when whole, so that nothing half-written is ever found."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inkling.sim.designs import manifest
from inkling.train.errors import InputError

_KINDS = {"run.json": "run folder", "step.json": "folder of a network", "design.json": "design folder"}


@contextmanager
def run_folder(out: Path, marks: str = "run.json", schema: str = "inkling.run/") -> Iterator[Path]:
    """Give a fresh folder beside `out`; when the block ends well it takes the place of `out`.

    An earlier run folder at `out`, known by the schema in the file `marks`, is replaced; anything else there is left
    alone. Raises InputError.
    """
    try:
        place = out.resolve()
        fresh, old = (place.with_name(f"{place.name}.{kind}-{os.getpid()}") for kind in ("partial", "old"))
        if place.exists() and not _is_ours(place, marks, schema):
            raise InputError(f"--out {out} exists and is not a {_KINDS[marks]}; name another folder or remove it")
        if place == Path.cwd() or place.is_mount():
            raise InputError(f"--out {out} cannot be replaced as a whole; name a folder inside it")
        fresh.mkdir(parents=True)
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links is a RuntimeError, "/" has no name
        if isinstance(error, InputError):
            raise
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is no name of a folder"
        raise InputError(f"--out {out} cannot be made ({reason}); name another folder") from error
    try:
        yield fresh
        if any((fresh / name).is_file() for name in ("run.json", "design.json")):
            manifest.write(fresh)
        if place.exists():
            place.rename(old)
        try:
            fresh.rename(place)
        except OSError:
            if old.exists():
                old.rename(place)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _is_ours(folder: Path, marks: str, schema: str) -> bool:
    """True for an empty folder and for one that an earlier command of this kind left."""
    if not folder.is_dir():
        return False
    if not any(folder.iterdir()):
        return True
    try:
        return str(json.loads((folder / marks).read_text("utf-8")).get("schema", "")).startswith(schema)
    except (OSError, ValueError, AttributeError):
        return False

"""Run folders: written beside their place and renamed when whole, so that nothing half-written is ever found."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from train.errors import InputError


@contextmanager
def run_folder(out: Path) -> Iterator[Path]:
    """Give a fresh folder beside `out`; when the block ends well it takes the place of `out`.

    An earlier run folder at `out` is replaced; anything else there is left alone. Raises InputError.
    """
    if out.exists() and not _is_run(out):
        raise InputError(f"--out {out} exists and is not a run folder; name another folder or remove it")
    fresh = out.with_name(f"{out.name}.partial-{os.getpid()}")
    try:
        fresh.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"--out {out} cannot be made: {error.strerror}") from error
    try:
        yield fresh
        old = out.with_name(f"{out.name}.old-{os.getpid()}")
        if out.exists():
            out.rename(old)
        fresh.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _is_run(folder: Path) -> bool:
    """True for an empty folder and for one that an earlier run left."""
    if not folder.is_dir():
        return False
    if not any(folder.iterdir()):
        return True
    try:
        return str(json.loads((folder / "run.json").read_text("utf-8")).get("schema", "")).startswith("inkling.run/")
    except (OSError, ValueError, AttributeError):
        return False

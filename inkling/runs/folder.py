"""Run folders: written beside their place and renamed when whole, so that nothing half-written is ever found.

A run that is stopped or killed leaves its folder beside its place, with what is finished in ``unfinished``; the same
command takes it up. What a run consists of is `inkling.runs.outcome`'s, what is
unfinished `inkling.runs.checkpoint`'s.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inkling.runs.scratch import LOCK, hold, left_behind
from inkling.sim.designs import manifest
from inkling.train.errors import InputError

UNFINISHED = "unfinished"
KEY = "key"
FILES = ".files.json"

_KINDS = {"run.json": "run folder", "step.json": "folder of a network", "design.json": "design folder",
          "folded.json": "folded design"}  # fmt: skip
# What systems and interpreters leave anywhere, nobody's work.
_LITTER = {"__pycache__", ".DS_Store", "Thumbs.db", LOCK, FILES, UNFINISHED}


@contextmanager
def run_folder(
    out: Path,
    marks: str = "run.json",
    schema: str = "inkling.run/",
    *,
    key: str = "",
    overwrite: bool | None = None,
) -> Iterator[Path]:
    """Give a folder beside `out`; when the block ends well it takes the place of `out`.

    An earlier run folder at `out`, known by the schema in the file `marks`, is replaced; anything else there is left
    alone, and files that were put into an earlier run are refused where not overwrite (None: the command has no such
    option). key: what decides the run's result; what an equal one left unfinished is in the folder, and is kept where
    the block does not end well. Raises InputError.
    """
    try:
        place = out.resolve()
        fresh, old = (place.with_name(f"{place.name}.{kind}-{os.getpid()}") for kind in ("partial", "old"))
        _put_back(place)
        if place.exists() and not _is_ours(place, marks, schema):
            raise InputError(f"--out {out} exists and is not a {_KINDS[marks]}; name another folder or remove it")
        if place == Path.cwd() or place.is_mount():
            raise InputError(f"--out {out} cannot be replaced as a whole; name a folder inside it")
        if not overwrite and (foreign := _foreign(place)):
            more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
            advice = "name another folder" if overwrite is None else "give --overwrite to lose them"
            raise InputError(
                f"--out {out} holds files that the earlier run did not write ({foreign[0]!r}{more}); move them, or "
                f"{advice}"
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        _take_up(place, fresh, key)
        lock = hold(fresh)
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links is a RuntimeError, "/" has no name
        if isinstance(error, InputError):
            raise
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is no name of a folder"
        raise InputError(f"--out {out} cannot be made ({reason}); name another folder") from error
    whole = False
    try:
        yield fresh
        if any((fresh / name).is_file() for name in ("run.json", "design.json", "folded.json")):
            manifest.write(fresh)
        (fresh / FILES).write_text(json.dumps(_files(fresh), indent=1) + "\n", encoding="utf-8")
        if place.exists():
            place.rename(old)
        try:
            fresh.rename(place)
        except OSError:
            if old.exists():
                old.rename(place)
            raise
        whole = True
        (place / LOCK).unlink(missing_ok=True)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        if whole or not _worth_keeping(fresh):
            shutil.rmtree(fresh, ignore_errors=True)
        os.close(lock)


def _take_up(place: Path, fresh: Path, key: str) -> None:
    """Make the folder, of what an equal run left where there is one, and remove what no living process holds."""
    for folder in sorted(place.parent.glob(f"{_literal(place.name)}.partial-*")):
        if folder.is_symlink() or not folder.is_dir() or not _abandoned(folder):
            continue
        if key and (folder == fresh or not fresh.exists()) and _key_of(folder) == key:
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                folder.rename(fresh)
            continue
        shutil.rmtree(folder, ignore_errors=True)
    if fresh.exists():
        return
    fresh.mkdir(parents=True)
    if key and _key_of(place) == key:
        for name in (UNFINISHED, "designs"):
            if (place / name).is_dir():
                shutil.copytree(place / name, fresh / name)


def unfinished(out: Path) -> Path | None:
    """A folder beside `out` that holds what is finished of it."""
    found = sorted(out.parent.glob(f"{_literal(out.name)}.partial-*/{UNFINISHED}"))
    return found[0].parent if found else None


def _literal(name: str) -> str:
    """A name as a pattern that only it matches."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)


def _abandoned(folder: Path) -> bool:
    """True where nobody holds the folder: by its lock, or by the process in its name where it has none."""
    if (folder / LOCK).exists():
        return left_behind(folder)
    number = folder.name.rpartition("-")[2]
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (ValueError, OverflowError, PermissionError):
        return False
    return False


def _put_back(place: Path) -> None:
    """Finish the exchange of two folders in whose middle a run was killed: the earlier one is there again."""
    for folder in sorted(place.parent.glob(f"{_literal(place.name)}.old-*")):
        if folder.is_dir() and not folder.is_symlink() and _abandoned(folder):
            if place.exists():
                shutil.rmtree(folder, ignore_errors=True)
            else:
                folder.rename(place)


def _key_of(folder: Path) -> str:
    try:
        return (folder / UNFINISHED / KEY).read_text("utf-8")[:1000].strip()
    except (OSError, ValueError):
        return ""


def _worth_keeping(folder: Path) -> bool:
    """True where something was finished: the key is written first, so it alone is nothing."""
    unfinished = folder / UNFINISHED
    return unfinished.is_dir() and any(path.name != KEY for path in unfinished.iterdir())


def _files(folder: Path) -> list[str]:
    """All files of a folder but litter, by their paths in it."""
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if not _LITTER.intersection(parts) and (path.is_symlink() or not path.is_dir()):
            found.append("/".join(parts))
    return found


def _foreign(place: Path) -> list[str]:
    """Files that were put into an earlier run; nothing where it has no list of its own."""
    try:
        listed = json.loads((place / FILES).read_text("utf-8"))
        return [name for name in _files(place) if name not in set(listed)]
    except (OSError, ValueError, TypeError):
        return []


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

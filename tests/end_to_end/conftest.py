"""Whole runs with small budgets, each made once for all test processes, in folders full of hostile modules."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("tiny_run.py")

# Our packages and modules, the standard library, and what we import, as a user's files might be called.
HOSTILE = (
    *("train.py", "approx.py", "hdl.py", "sim/__init__.py", "reports.py", "inkling/__init__.py", "bench.py"),
    *("random.py", "socket.py", "signal.py", "tempfile.py", "sitecustomize.py", "usercustomize.py"),
    *("numpy.py", "torch.py", "amaranth/__init__.py", "cocotb.py", "run_bench.py", "kernel.py", "typer.py"),
)


@dataclass(frozen=True)
class Ended:
    """How a run ended and where; `folder` is its run folder."""

    folder: Path
    code: int
    out: str
    err: str


def make_hostile(folder: Path) -> None:
    """Fill a folder with modules that end whoever imports them, and leave a trace."""
    for name in HOSTILE:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        trace = str(folder / "imported.txt")
        path.write_text(f"open({trace!r}, 'a').write(__file__ + chr(10))\nraise SystemExit('a hostile module')\n")


def start(folder: Path, rehearsal: str, *arguments: str) -> subprocess.Popen[str]:
    """Start the program in a folder of its own, in a process group of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), "run", "iris", "--effort", "trial", *arguments],
        cwd=folder,
        env={**os.environ, "REHEARSAL": rehearsal, "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs tests in the background has them ignore interrupts, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Ended]:
    """A function from a rehearsal of `tiny_run.py` ("" for a plain run) to the run, made at the first call."""
    base = tmp_path_factory.getbasetemp()
    # Each test process has its base folder in one that all share.
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "whole-runs"
    shared.mkdir(exist_ok=True)

    def run(rehearsal: str) -> Ended:
        folder = shared / (rehearsal or "plain")
        ended = folder / "ended"
        with (shared / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not ended.exists():
                folder.mkdir()
                make_hostile(folder)
                process = start(folder, rehearsal, "--out", "result")
                out, err = process.communicate(timeout=400)
                ended.write_text("\0".join([str(process.returncode), out, err]))
        code, out, err = ended.read_text().split("\0")
        return Ended(folder / "result", int(code), out, err)

    return run


@pytest.fixture
def start_run() -> Callable[..., subprocess.Popen[str]]:
    """`start`: folder, rehearsal and arguments to a running program."""
    return start

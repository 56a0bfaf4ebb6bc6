"""Python texts in forks of a process that has imported what they need: hundreds of short ones then cost no imports.

The texts are trusted with its memory: this is for measuring verifiers on many planted faults.
"""

import contextlib
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from inkling.approx.programs import process
from inkling.approx.programs.process import Completed, ToolError


@contextlib.contextmanager
def forks() -> Iterator[None]:
    """Within it `process.python` forks instead of starting interpreters; for a process of one thread."""
    fresh = process.run

    def run(
        command: Sequence[str | Path], *, time_limit_s: float, cwd: Path | None = None, **others: Any
    ) -> Completed:
        if list(command[:4]) == [sys.executable, "-P", "-B", "-c"]:
            script, *arguments = map(str, command[4:])
            return _forked(script, arguments, time_limit_s, cwd)
        return fresh(command, time_limit_s=time_limit_s, cwd=cwd, **others)

    process.run = run
    try:
        yield
    finally:
        process.run = fresh


def _forked(script: str, arguments: list[str], time_limit_s: float, cwd: Path | None) -> Completed:
    """`python` in a fork, with its output in files."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.setsid()
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                os.chdir(cwd or Path.cwd())
                sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
                sys.argv = ["-c", *arguments]
                exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})
                status = 0
            except SystemExit as error:
                status = 0 if error.code in (None, 0) else 1
                if isinstance(error.code, str):
                    print(error.code, file=sys.stderr)
            except BaseException:
                traceback.print_exc()
            finally:
                with contextlib.suppress(Exception):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(status)
        deadline = time.monotonic() + time_limit_s
        pause = 0.0005
        done, status = os.waitpid(child, os.WNOHANG)
        while not done and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 1.5, 0.02)
            done, status = os.waitpid(child, os.WNOHANG)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        if not done:
            os.waitpid(child, 0)
            raise ToolError(f"python ran past its limit of {time_limit_s:g} s", timed_out=True)
        out.seek(0)
        err.seek(0)
        stdout, stderr = out.read(), err.read()
    code = os.waitstatus_to_exitcode(status)
    if code:
        tail = "\n".join((stdout + stderr).strip().splitlines()[-15:])
        raise ToolError(f"python ended with status {code}: {tail}")
    return Completed(stdout, stderr)

"""A process that reads hostile inputs under limits, watched from outside: a traceback, a crash, 10 seconds of the
processor, more than 2 GB or a message of several lines is a fault, whatever the reader.

The inputs themselves come from `kinds` and `options`.
"""

import multiprocessing
import os
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 10.0  # of the processor: the clock of a loaded machine tells nothing
WALL_SECONDS = 60.0
MEMORY = 2 * 2**30
ROOT = Path(__file__).resolve().parents[2]

Try = Callable[[Any, Path], "tuple[str, str]"]


@dataclass(frozen=True)
class Outcome:
    """what: result, refused (one line), or a fault's name; detail: the line, or where the fault is."""

    item: Any
    what: str
    detail: str
    seconds: float

    @property
    def is_fault(self) -> bool:
        return self.what not in ("result", "refused")


def judge(read: Callable[[], object]) -> tuple[str, str]:
    """What a reader's call comes to."""
    from inkling.train.errors import InputError

    try:
        read()
    except InputError as error:
        text = str(error)
        if len(text.splitlines()) != 1 or len(text) > 2000 or any(ord(c) < 32 for c in text):
            return "no single line", f"{len(text.splitlines())} lines, {len(text)} characters: {text[:300]!r}"
        return "refused", text[:160]
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = [
            f
            for f in where
            if str(ROOT) in f.filename and "/.venv/" not in f.filename and "/tests/" not in f.filename
        ]
        place = f"{Path(ours[-1].filename).relative_to(ROOT)}:{ours[-1].lineno}" if ours else str(where[-1:])
        return f"traceback {type(error).__name__}", f"{place}: {str(error)[:200]}"
    return "result", ""


def _work(attempt: Try, items: list[Any], pipe: Any, folder: str) -> None:
    """In the child: every item in turn, with a message before and after."""
    sys.setrecursionlimit(1000)
    os.chdir(folder)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    limited = False
    for item in items:
        pipe.send(("begin", item))
        begun = time.process_time()
        what, detail = attempt(item, Path(folder) / "input")
        seconds = time.process_time() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if peak > MEMORY:
            what, detail = "more than 2 GB", f"{peak >> 20} MiB; {what}: {detail}"
        pipe.send(("end", what, detail, seconds))
        if peak > MEMORY:
            os._exit(0)
        if not limited:  # after the libraries are there, whose address space is not used memory
            size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, resource.RLIM_INFINITY))
            limited = True
    pipe.send(("done",))


def _processor_seconds(process: int) -> float:
    try:
        parts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def watched(attempt: Try, items: Iterable[Any]) -> Iterator[Outcome]:
    """The outcome of every item, in order. The process is started again after one that ended it."""
    context = multiprocessing.get_context("fork")
    left = list(items)
    while left:
        with tempfile.TemporaryDirectory(prefix="inkling-fuzz") as folder:
            near, far = context.Pipe()
            child = context.Process(target=_work, args=(attempt, left, far, folder), daemon=True)
            child.start()
            far.close()
            at, fault = 0, ""
            begun, spent = time.monotonic(), 0.0
            while True:
                try:
                    if not near.poll(0.5):
                        used = _processor_seconds(child.pid or 0) - spent
                        waited = time.monotonic() - begun
                        patience = 3 if at == 0 else 1  # the first input pays for loading the libraries
                        if used > SECONDS * patience or waited > WALL_SECONDS * patience:
                            fault = f"hang: {used:.0f} s of the processor, {waited:.0f} s"
                            break
                        continue
                    message = near.recv()
                except (EOFError, OSError):
                    child.join(10)
                    fault = f"crash: exit status {child.exitcode}"
                    break
                if message[0] == "begin":
                    begun, spent = time.monotonic(), _processor_seconds(child.pid or 0)
                elif message[0] == "end":
                    _, what, detail, seconds = message
                    if seconds > SECONDS and at > 0 and what in ("result", "refused"):
                        what, detail = "hang", f"{seconds:.0f} s, then {what}: {detail}"
                    yield Outcome(left[at], what, detail, seconds)
                    at += 1
                    if what == "more than 2 GB":
                        break
                else:
                    break
            if child.is_alive():
                child.kill()
            child.join()
            if fault:
                yield Outcome(left[at], fault.partition(":")[0], fault, 0.0)
                at += 1
            left = left[at:]

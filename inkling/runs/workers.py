"""Worker processes: jobs run beside each other, a stop (Ctrl-C) ends them and keeps what is finished."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from types import FrameType
from typing import TypeVar

from inkling.approx.programs.process import STOPPED, stop

Task = TypeVar("Task")
Result = TypeVar("Result")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker() -> None:
    # Ctrl-C reaches the whole foreground group; only the parent decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    # A parent that was killed outright cannot end anybody, so its workers look after themselves.
    threading.Thread(target=_follow_parent, daemon=True).start()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"


def _stop(number: int, frame: FrameType | None) -> None:
    """Ended by the parent, a worker first ends its tools, also those of other threads, and unwinds."""
    signal.signal(number, signal.SIG_IGN)
    stop()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _guarded(work: Callable[[Task], Result], task: Task) -> Result:
    """Run a task; a stop ends the whole worker, which would else take it for the task's result and go on."""
    try:
        return work(task)
    except SystemExit:
        os._exit(STOPPED)


def run_each(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, workers: int | None = None
) -> Iterator[tuple[int, Result]]:
    """Yield (index, result) as tasks end. An exception of a task is raised here; a stop ends the workers.

    No worker is left when this ends, however it ends. Results do not depend on how many workers there are: every
    task carries its own seed.
    """
    # A fresh interpreter would else look into the user's folder, for modules of the standard library too.
    os.environ["PYTHONSAFEPATH"] = "1"
    # spawn, not fork: threads of torch and numba do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers or cores(), max(len(tasks), 1)), context, _start_worker)
    try:
        futures: dict[Future[Result], int] = {
            pool.submit(_guarded, work, task): index for index, task in enumerate(tasks)
        }
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException:
        for process in list(getattr(pool, "_processes", {}).values()):
            _end(process.pid)
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def _end(pid: int | None) -> None:
    """Ask a worker to unwind and end."""
    if pid is not None:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return

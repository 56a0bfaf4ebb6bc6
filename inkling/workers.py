"""Worker processes: jobs run beside each other, a stop (Ctrl-C) ends them and keeps what is finished."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker() -> None:
    # Ctrl-C reaches the whole foreground group; only the parent decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Ended by the parent, a worker must still unwind, so that the external tool it waits for is ended as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"


def run_each(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, workers: int | None = None
) -> Iterator[tuple[int, Result]]:
    """Yield (index, result) as tasks end. An exception of a task is raised here; a stop ends the workers.

    Results do not depend on how many workers there are: every task carries its own seed.
    """
    # spawn, not fork: threads of torch and numba do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers or cores(), max(len(tasks), 1)), context, _start_worker)
    try:
        futures: dict[Future[Result], int] = {pool.submit(work, task): index for index, task in enumerate(tasks)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException:
        for process in list(getattr(pool, "_processes", {}).values()):
            _end(process.pid)
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _end(pid: int | None) -> None:
    """Ask a worker to unwind and end."""
    if pid is not None:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return

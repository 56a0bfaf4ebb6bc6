"""A campaign's points on a Dask cluster, of local processes or any other: a bounded number of points is under way.

A worker that dies has its points given to others; a scheduler that dies, or a cut network, is waited for. Nothing is
stored here, see `inkling.campaigns.explore`.
"""

import asyncio
import concurrent.futures
import contextlib
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from inkling.campaigns.campaign import Point
from inkling.campaigns.file import Loaded
from inkling.campaigns.point import compute
from inkling.campaigns.store import Outcome
from inkling.train.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

AHEAD, LEAST_AHEAD = 3, 16  # points under way for each thread of the cluster, and at least
ASK_S = 5.0  # between two looks at how large the cluster is
CONNECT_S = 5.0
# Ctrl-C reaches the whole foreground group; only the client decides what to do about it.
IGNORE_CTRL_C = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
# When their scheduler ends, workers tell of it with a traceback each; what counts comes with the points.
QUIET = "import logging\nfor name in ('worker', 'core', 'nanny', 'comm'):\n" + (
    "    logging.getLogger('distributed.' + name).setLevel(logging.CRITICAL)\n"
)


class SchedulerLost(ConnectionError):
    """The scheduler was not to be reached for the time that was given."""


@dataclass(frozen=True)
class Engine:
    """Where points are computed. scheduler: the address of a Dask scheduler, or None for local processes.

    jobs: of these processes; adaptive: as many of them as there is work for; dashboard: address of their page, as
    "127.0.0.1:8787"; wait_s: seconds for which a lost scheduler is waited for.
    """

    scheduler: str | None = None
    jobs: int = 1
    adaptive: bool = False
    dashboard: str | None = None
    wait_s: float = 60.0


def outcomes(loaded: Loaded, points: Iterable[Point], engine: Engine) -> Generator[list[Outcome], None, None]:
    """Compute points in any order; yields outcomes as they come. Close it to stop: nothing of it is left running.

    Raises SchedulerLost; InputError where no scheduler is at the address, or its workers are of another version.
    """
    under_way: dict[str, Point] = {}
    todo = iter(points)
    with contextlib.ExitStack() as stack:
        connect = _remote(engine) if engine.scheduler is not None else _local(engine, stack)
        client = connect(True)
        while True:
            try:
                yield from _computed(client, loaded, todo, under_way)
                break
            except ConnectionError:
                _close(client)
                client = connect(False)
                # Those that were under way are asked for again, and first.
                todo = chain(list(under_way.values()), todo)
                under_way.clear()
            except BaseException:
                _close(client)
                raise
        _close(client)


def _remote(engine: Engine) -> "Callable[[bool], Client]":
    from distributed import Client

    def connect(first: bool) -> "Client":
        end = time.monotonic() + (0.0 if first else engine.wait_s)
        while True:
            try:
                return Client(engine.scheduler, timeout=CONNECT_S, set_as_default=False)
            except (TimeoutError, OSError, ValueError) as error:
                if first:
                    reason = " ".join(str(error).split())[:200]
                    raise InputError(
                        f"--scheduler {engine.scheduler}: no Dask scheduler answers ({reason}): check address and TLS"
                    ) from error
                if time.monotonic() > end:
                    raise SchedulerLost(
                        f"the scheduler at {engine.scheduler} was lost, and did not come back in {engine.wait_s:g} s"
                    ) from error
                time.sleep(0.2)

    return connect


def _local(engine: Engine, stack: contextlib.ExitStack) -> "Callable[[bool], Client]":
    import logging

    from distributed import Client, LocalCluster

    # Fresh interpreters would else look into the user's folder, for modules of the standard library too.
    os.environ["PYTHONSAFEPATH"] = "1"
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    cluster = LocalCluster(
        n_workers=1 if engine.adaptive else engine.jobs,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=engine.dashboard or "127.0.0.1:0",
        scheduler_kwargs={"dashboard": engine.dashboard is not None},
        silence_logs=logging.ERROR,
        env=threads,
        preload=[IGNORE_CTRL_C, QUIET],
    )
    stack.callback(lambda: cluster.close(timeout=10))
    if engine.adaptive:
        cluster.adapt(minimum=1, maximum=engine.jobs)
    return lambda first: Client(cluster, timeout=CONNECT_S, set_as_default=False)


def _close(client: "Client") -> None:
    with contextlib.suppress(Exception):
        client.close(timeout=2)


def _same(value: Any) -> Any:
    """A task that is a value, so that the scheduler can hand it to workers again when those that had it died."""
    return value


def _computed(
    client: "Client", loaded: Loaded, todo: Iterator[Point], under_way: dict[str, Point]
) -> Iterator[list[Outcome]]:
    """Outcomes in lists as they come; under_way holds what was asked for. Raises ConnectionError."""
    from distributed import as_completed

    try:
        shared = {
            digest: client.submit(_same, value, key=f"inkling-{digest}")
            for digest, value in chain(loaded.tables.items(), loaded.technologies.items())
        }

        def submit(wanted: Sequence[Point]) -> list[Any]:
            futures = []
            for point in wanted:
                inputs = shared.get(point.data.digest), shared.get(point.technology.digest)
                if point.method == "simulated":
                    inputs = None, None
                under_way[point.key] = point
                futures.append(client.submit(compute, point, *inputs, key=f"point-{point.key}"))
            return futures

        window, asked = _window(client), time.monotonic()
        coming = as_completed(submit(list(islice(todo, window))), loop=client.loop)
        for futures in coming.batches():
            found = _gathered(client, futures, under_way)
            for outcome in found:
                del under_way[outcome.key]
            del futures  # before the caller looks whether a Ctrl-C was lost in the end of one
            yield found
            if time.monotonic() - asked > ASK_S:
                window, asked = _window(client), time.monotonic()
            for future in submit(list(islice(todo, max(0, window - len(under_way))))):
                coming.add(future)
    except (concurrent.futures.CancelledError, asyncio.CancelledError, TimeoutError, OSError) as error:
        raise ConnectionError(str(error)) from error


def _window(client: "Client") -> int:
    threads: int = sum(client.nthreads().values())
    return max(LEAST_AHEAD, AHEAD * threads)


def _gathered(client: "Client", futures: Sequence[Any], under_way: dict[str, Point]) -> list[Outcome]:
    """The outcomes of futures that ended. A point that kills its workers one after the other is one that failed."""
    found: list[Outcome] = []
    good = []
    for future in futures:
        if future.cancelled() or future.status == "lost":
            raise ConnectionError("points were cancelled")
        if future.status == "error":
            error = future.exception()
            if isinstance(error, ImportError | AttributeError):
                raise InputError(f"the cluster's workers lack what points need ({error}): install the same there")
            point = under_way[future.key.removeprefix("point-")]
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
            found.append(Outcome(point.key, point.specification(), (), (0, 0, 0), 0.0, "", 0.0, text))
        else:
            good.append(future)
    found += client.gather(good)
    for outcome in found:
        if outcome.specification != under_way[outcome.key].specification():
            raise InputError("the cluster's workers run another version of Inkling: install the same there")
    return [replace(outcome, seconds=round(outcome.seconds, 6)) for outcome in found]

"""Islands of a gate-level search on any executor, such as a cluster's: each stretch of rounds is a task of its own.

A task gets an island's archive and what the others found, and gives the archive back, so one whose machine died is
simply run again. What processes on one machine do is in `inkling.approx.gates.islands`; the results are the same.
"""

import contextlib
import io
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path

from inkling.approx.gates import checkpoint
from inkling.approx.gates.islands import EXCHANGE, Island
from inkling.approx.gates.packing import Gates
from inkling.approx.gates.pool import Cleaner, Entry, Pool, Problem


@dataclass(frozen=True, eq=False)
class Stretch:
    """What a stretch gives: the archive as bytes, its front, what it would hand out, and a line on it.

    counts: rounds, moves and evaluated candidates since the island began.
    """

    archive: bytes
    front: list[Entry]
    chosen: list[Entry]
    counts: tuple[int, int, int]
    line: str


def stretch(island: Island, archive: bytes | None, migrants: Sequence[Entry], rounds: int) -> Stretch:
    """Take in migrants, then run rounds, from an archive or, None, from the island's starts."""
    pool = island.pool()
    if archive is not None:
        checkpoint.restore(pool, io.BytesIO(archive), Path(f"archive of island {island.number}"))
    for entry in migrants:
        pool.admit(entry)
    for _ in range(rounds):
        pool.round()
    return Stretch(
        checkpoint.dump(pool),
        [pool.best[step] for step in pool.pareto()],
        [pool.chosen[step] for step in sorted(pool.chosen)],
        (pool.rounds, pool.moves, pool.evaluated),
        pool.describe(),
    )


def search(
    problem: Problem,
    starts: Sequence[Gates],
    seed: int,
    *,
    islands: int,
    rounds: int,
    executor: Executor,
    deterministic: bool = True,
    progress: Callable[[str], None] | None = None,
    clean_up: Cleaner | None = None,
) -> Pool:
    """A pool with what all islands found; arguments as in `inkling.approx.gates.islands.search`.

    deterministic: every island waits for all others before an exchange, and the result is that of `gate_islands` with
    equally many islands, wherever they run. Otherwise each takes what the others last gave, and none waits: for
    machines of unequal speed. Ctrl-C keeps what was found up to the last exchange.
    """
    shares = [list(starts[k::islands]) or [starts[k % len(starts)]] for k in range(islands)]
    tasks = [Island(k, problem, shares[k], (seed, k), clean_up, None) for k in range(islands)]
    found = tasks[0].pool()
    found.starts = list(starts)
    last: list[Stretch | None] = [None] * islands
    each = -(-rounds // islands)
    with contextlib.suppress(KeyboardInterrupt):
        (_together if deterministic else _apart)(tasks, last, each, executor, progress)
    for made in last:
        if made is not None:
            found.merge(made.chosen)
            found.rounds += made.counts[0]
            found.moves += made.counts[1]
            found.evaluated += made.counts[2]
    return found


def _together(
    tasks: Sequence[Island],
    last: list[Stretch | None],
    each: int,
    executor: Executor,
    progress: Callable[[str], None] | None,
) -> None:
    """Stretches with an exchange after each full one, the last included."""
    done, migrants = 0, list[Entry]()
    while True:
        count = min(EXCHANGE, each - done)
        futures = [
            executor.submit(stretch, task, made.archive if made else None, migrants, count)
            for task, made in zip(tasks, last, strict=True)
        ]
        try:
            last[:] = [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        done += count
        _tell(last, progress)
        if count < EXCHANGE:
            return
        migrants = [entry for made in last if made is not None for entry in made.front]


def _apart(
    tasks: Sequence[Island],
    last: list[Stretch | None],
    each: int,
    executor: Executor,
    progress: Callable[[str], None] | None,
) -> None:
    """Stretches of every island one after the other, each with what the others last gave."""
    under_way: dict[Future[Stretch], int] = {}
    left = [each] * len(tasks)

    def submit(k: int) -> None:
        if left[k]:
            count = min(EXCHANGE, left[k])
            left[k] -= count
            others = [entry for i, made in enumerate(last) if made is not None and i != k for entry in made.front]
            made = last[k]
            under_way[executor.submit(stretch, tasks[k], made.archive if made else None, others, count)] = k

    try:
        for k in range(len(tasks)):
            submit(k)
        while under_way:
            for future in sorted(wait(under_way, return_when=FIRST_COMPLETED).done, key=under_way.__getitem__):
                k = under_way.pop(future)
                last[k] = future.result()
                _tell([last[k]], progress)
                submit(k)
    except BaseException:
        for future in under_way:
            future.cancel()
        raise


def _tell(made: Sequence[Stretch | None], progress: Callable[[str], None] | None) -> None:
    if progress is not None:
        for item in made:
            if item is not None:
                progress(item.line)

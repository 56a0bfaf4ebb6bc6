"""Islands: several gate-level searches that at fixed rounds exchange their fronts, as tasks of an executor.

A task gets an island's archive and what the others found, runs a stretch of rounds and gives the archive back, so one
whose machine died is simply run again. Exchanges wait for every island and go in the islands' order: the result is a
function of seed and number of islands, whoever runs the tasks. What a round does is in `inkling.approx.gates.pool`.
"""

import contextlib
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np

from inkling.approx.gates import checkpoint as gate_checkpoint
from inkling.approx.gates.packing import Gates
from inkling.approx.gates.pool import Cleaner, Entry, Pool, Problem
from inkling.train.errors import InputError
from inkling.train.files import arrays, atomic

EXCHANGE = 10  # rounds of every island between two exchanges
SECONDS_BETWEEN_CHECKPOINTS = 10
SECONDS_BETWEEN_LOOKS = 0.2  # at how far processes are, and so at most until a stop is heard


@dataclass(frozen=True, eq=False)
class Island:
    """What every task of an island is given."""

    number: int
    problem: Problem
    starts: list[Gates]
    seed: tuple[int, ...]
    clean_up: Cleaner | None

    def pool(self) -> Pool:
        return Pool(self.problem, self.starts, self.seed, self.clean_up)


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


@dataclass(frozen=True)
class Signals:
    """What processes of one machine share: whether to end after the round, and how many rounds they have run."""

    stop: Event
    rounds: "Synchronized[int]"


# In a process of `_processes`.
_signals: Signals | None = None


def stretch(
    island: Island, archive: bytes | None, migrants: Sequence[Entry], until: int, limit_s: float | None = None
) -> Stretch:
    """Take in migrants, then run rounds until the island has run `until`, or for `limit_s` seconds.

    archive: where the island stands; None: at its starts.
    """
    end = None if limit_s is None else time.monotonic() + limit_s
    pool = island.pool()
    if archive is not None:
        gate_checkpoint.restore(pool, archive, f"archive of island {island.number}")
    for entry in migrants:
        pool.admit(entry)
    while pool.rounds < until and (end is None or time.monotonic() < end):
        if _signals is not None and _signals.stop.is_set():
            break
        pool.round()
        if _signals is not None:
            with _signals.rounds.get_lock():
                _signals.rounds.value += 1
    return Stretch(
        gate_checkpoint.dump(pool),
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
    seconds: float | None = None,
    rounds: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[str], None] | None = None,
    checkpoint: Path | None = None,
    clean_up: Cleaner | None = None,
) -> Pool:
    """Search on islands, each with its own share of the starts where there are enough.

    Parameters
    ----------
    problem, starts, seed
        As of a `Pool`; islands that share a start differ by their seeds.
    islands : int
        How many; the result is a function of their number.
    seconds : float, optional
        A limit: rounds under way then are the last.
    rounds : int, optional
        Of all islands together, rounded up to equally many each.
    executor : Executor, optional
        What runs the stretches, on other machines for one; by default processes of this machine.
    progress : callable, optional
        Told the newest line on the front after each round; on a given executor, when a stretch comes back.
    checkpoint : Path, optional
        A file that is written now and then, and continued from where it is there, with the result of a search that
        was never interrupted.
    clean_up : callable, optional
        As of a `Pool`; must be importable by name.

    Returns
    -------
    Pool
        With what all islands found. Ctrl-C, or KeyboardInterrupt from `progress`, ends every island after its round
        and keeps that too; on a given executor, what was found up to the last exchange. No process is left.

    Raises
    ------
    InputError
        For a checkpoint that is broken, or of another search or number of islands.
    """
    # With fewer starts than islands, some islands share a start and differ by their seeds.
    shares = [list(starts[k::islands]) or [starts[k % len(starts)]] for k in range(islands)]
    tasks = [Island(k, problem, shares[k], (seed, k), clean_up) for k in range(islands)]
    result = tasks[0].pool()
    result.starts = list(starts)
    last = _read(checkpoint, tasks) if checkpoint is not None else []
    with contextlib.ExitStack() as stack:
        signals = None
        if executor is None:
            executor, signals = stack.enter_context(_processes(islands))
        each = None if rounds is None else -(-rounds // islands)
        last = _exchanging(tasks, last, each, seconds, executor, signals, progress, checkpoint)
    for made in last:
        result.merge(made.chosen)
        result.rounds += made.counts[0]
        result.moves += made.counts[1]
        result.evaluated += made.counts[2]
    return result


def _exchanging(
    tasks: Sequence[Island],
    last: list[Stretch],
    each: int | None,
    seconds: float | None,
    executor: Executor,
    signals: Signals | None,
    progress: Callable[[str], None] | None,
    checkpoint: Path | None,
) -> list[Stretch]:
    """Stretches with an exchange after each full one, until each island has run its rounds or the time is over."""
    end = None if seconds is None else time.monotonic() + seconds
    # Migrants of an exchange are taken in at the begin of a stretch: one that was left unfinished has them already.
    until = -(-max((made.counts[0] for made in last), default=0) // EXCHANGE) * EXCHANGE
    migrants: list[Entry] = []
    saved = time.monotonic()
    if not last:
        until = EXCHANGE
    before = told = sum(made.counts[0] for made in last)
    line = last[0].line if last else "before the first exchange"

    def tell(rounds: int) -> None:
        nonlocal told
        while told < rounds:
            told += 1
            if progress is not None:
                progress(line)

    while True:
        target = until if each is None else min(until, each)
        left = None if end is None else max(0.0, end - time.monotonic())
        futures: list[Future[Stretch]] = []
        try:
            for k, task in enumerate(tasks):
                archive = last[k].archive if last else None
                futures.append(executor.submit(stretch, task, archive, migrants, target, left))
            while signals is not None and wait(futures, SECONDS_BETWEEN_LOOKS).not_done:
                tell(before + signals.rounds.value)
            last = _results(futures)
            line = last[0].line
            tell(sum(made.counts[0] for made in last))
        except KeyboardInterrupt:
            if signals is not None:
                signals.stop.set()
                if len(futures) == len(tasks):
                    last = _results(futures)
            if checkpoint is not None and last:
                _write(checkpoint, last)
            return last
        finally:
            for future in futures:
                future.cancel()
        over = target < until or (end is not None and time.monotonic() >= end)
        due = over or target == each or time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS
        # After the last exchange nothing is written: a search that is given more rounds makes that exchange itself.
        if checkpoint is not None and due and (target == until or target % EXCHANGE):
            _write(checkpoint, last)
            saved = time.monotonic()
        if over:
            return last
        migrants = [entry for made in last for entry in made.front]
        until += EXCHANGE


def _results(futures: "Sequence[Future[Stretch]]") -> list[Stretch]:
    """Every island's, in the islands' order."""
    try:
        return [future.result() for future in futures]
    except BrokenExecutor as error:
        raise RuntimeError("the process of an island ended before its work was done") from error


@contextlib.contextmanager
def _processes(count: int) -> Iterator[tuple[Executor, Signals]]:
    """Processes of this machine, and what ends their stretches after the round; however this ends, none is left."""
    # A fresh interpreter would else look into the user's folder; spawn, as threads do not survive a fork.
    os.environ["PYTHONSAFEPATH"] = "1"
    context = multiprocessing.get_context("spawn")
    signals = Signals(context.Event(), context.Value("q", 0))
    with ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(signals,)) as executor:
        try:
            yield executor, signals
        finally:
            signals.stop.set()


def _begin(signals: Signals) -> None:
    """In a new process: it ends with its parent, which alone decides what Ctrl-C does."""
    global _signals
    _signals = signals
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _write(checkpoint: Path, last: Sequence[Stretch]) -> None:
    """One file with every island's archive."""
    about = json.dumps({"islands": len(last)}).encode()
    held = {f"island{k}": np.frombuffer(made.archive, np.uint8) for k, made in enumerate(last)}
    atomic.write(checkpoint, arrays.write({"about": np.frombuffer(about, np.uint8), **held}))


def _read(checkpoint: Path, tasks: Sequence[Island]) -> list[Stretch]:
    """Where the islands of a checkpoint stand, [] where there is none."""
    if not checkpoint.exists():
        return []
    try:
        names = ("about", *(f"island{k}" for k in range(len(tasks))))
        held = arrays.read(
            checkpoint, dict.fromkeys(names, ("|u1", (None,))), most_bytes=gate_checkpoint.LARGEST * len(names)
        )
    except InputError as error:
        raise InputError(
            f"{checkpoint} is no checkpoint of a search on {len(tasks)} islands ({error}): use as many or delete it"
        ) from error
    return [stretch(task, held[f"island{task.number}"].tobytes(), (), 0) for task in tasks]

"""Islands: several processes that each run rounds of a gate-level search and at fixed rounds exchange their fronts.

Exchanges wait for every island and go in the islands' order, so the result is a function of seed and number of
islands, whatever the timing. What a round does is in `inkling.approx.gates.pool`.
"""

import contextlib
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from inkling.approx.gates import checkpoint as gate_checkpoint
from inkling.approx.gates.packing import Gates
from inkling.approx.gates.pool import Cleaner, Entry, Pool, Problem
from inkling.train.errors import InputError
from inkling.train.files import atomic

EXCHANGE = 10  # rounds of every island between two exchanges
SECONDS_BETWEEN_CHECKPOINTS = 10


@dataclass(frozen=True, eq=False)
class Island:
    """What a process is started with."""

    number: int
    problem: Problem
    starts: list[Gates]
    seed: tuple[int, ...]
    clean_up: Cleaner | None
    resume: Path | None

    def pool(self) -> Pool:
        return Pool(self.problem, self.starts, self.seed, self.clean_up)


def search(
    problem: Problem,
    starts: Sequence[Gates],
    seed: int,
    *,
    islands: int,
    seconds: float | None = None,
    rounds: int | None = None,
    progress: Callable[[str], None] | None = None,
    checkpoint: Path | None = None,
    clean_up: Cleaner | None = None,
) -> Pool:
    """A pool with what all islands found. Every island has its own share of the starts where there are enough.

    rounds: of all islands together, rounded up to equally many each; seconds: a limit that ends rounds under way when
    they are through. checkpoint: a small file that names an exchange, beside one file per island of that exchange;
    islands of another number refuse it. Ctrl-C, or KeyboardInterrupt from `progress`, ends every island after its
    round and keeps what it found. No process is left when this ends. Raises InputError for a foreign checkpoint.
    """
    epoch = _read(checkpoint, islands) if checkpoint is not None else 0
    # With fewer starts than islands, some islands share a start and differ by their seeds.
    shares = [list(starts[k::islands]) or [starts[k % len(starts)]] for k in range(islands)]
    tasks = [
        Island(k, problem, shares[k], (seed, k), clean_up, _of_island(checkpoint, epoch, k) if epoch else None)
        for k in range(islands)
    ]
    each = None if rounds is None else -(-rounds // islands)
    end = None if seconds is None else time.monotonic() + seconds
    found = tasks[0].pool()
    found.starts = list(starts)
    with _processes(tasks) as links:
        try:
            saved = time.monotonic()
            while (each is None or epoch * EXCHANGE < each) and (end is None or time.monotonic() < end):
                count = EXCHANGE if each is None else min(EXCHANGE, each - epoch * EXCHANGE)
                _send(links, ("rounds", count))
                fronts = _gather(links, "front", progress, end)
                if count < EXCHANGE:
                    break
                epoch += 1
                last = each is not None and epoch * EXCHANGE >= each
                keep = checkpoint is not None and (last or time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS)
                together = [entry for front in fronts for entry in front]
                for k, link in enumerate(links):
                    link.send(("take", together, _of_island(checkpoint, epoch, k) if keep else None))
                _gather(links, "taken", None, None)
                if keep and checkpoint is not None:
                    _write(checkpoint, islands, epoch)
                    saved = time.monotonic()
        except (KeyboardInterrupt, TimeoutError):
            pass
        _send(links, ("stop",))
        for entries, done in _gather(links, "pool", None, None):
            found.merge(entries)
            found.rounds += done[0]
            found.moves += done[1]
            found.evaluated += done[2]
    return found


def _send(links: Sequence[Connection], message: tuple[Any, ...]) -> None:
    for link in links:
        link.send(message)


def _gather(
    links: Sequence[Connection], wanted: str, progress: Callable[[str], None] | None, end: float | None
) -> list[Any]:
    """Every island's answer, in the islands' order. TimeoutError: the time is over."""
    answers: dict[int, Any] = {}
    while len(answers) < len(links):
        left = None if end is None else max(0.0, end - time.monotonic())
        ready = wait([link for k, link in enumerate(links) if k not in answers], left)
        if not ready:
            raise TimeoutError
        for k, link in enumerate(links):
            if link not in ready:
                continue
            try:
                kind, *rest = link.recv()
            except (EOFError, ConnectionResetError) as error:
                raise RuntimeError(f"the process of island {k} ended before its work was done") from error
            if kind == "error":
                raise rest[0]
            if kind == wanted:
                answers[k] = rest[0] if rest else None
            elif kind == "round" and progress is not None:
                progress(f"island {k}, {rest[0]}")
    return [answers[k] for k in range(len(links))]


@contextlib.contextmanager
def _processes(tasks: Sequence[Island]) -> Iterator[list[Connection]]:
    """Start the islands; however this ends, none of them is left."""
    # A fresh interpreter would else look into the user's folder; spawn, as threads do not survive a fork.
    os.environ["PYTHONSAFEPATH"] = "1"
    context = multiprocessing.get_context("spawn")
    links: list[Connection] = []
    processes = []
    try:
        for task in tasks:
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(there, task), daemon=True)
            process.start()
            there.close()
            links.append(here)
            processes.append(process)
        yield links
    finally:
        for link in links:
            link.close()
        for process in processes:
            process.join(0.5)
            if process.is_alive():
                process.kill()
            process.join()


def _work(link: Connection, task: Island) -> None:
    """An island's process: does what the link says, and ends with its parent."""
    # Ctrl-C reaches the whole foreground group; only the parent decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    try:
        _serve(link, task)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:
        with contextlib.suppress(OSError):
            link.send(("error", error))


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _serve(link: Connection, task: Island) -> None:
    pool = task.pool()
    if task.resume is not None and not gate_checkpoint.load(pool, task.resume):
        raise InputError(f"{task.resume} is missing: delete the checkpoint it belongs to")
    while True:
        order, *details = link.recv()
        if order == "rounds":
            for _ in range(details[0]):
                if link.poll():  # only a stop comes before the rounds are through
                    break
                pool.round()
                link.send(("round", pool.describe()))
            else:
                link.send(("front", [pool.best[step] for step in pool.pareto()]))
        elif order == "take":
            entries, path = details
            for entry in entries:
                pool.admit(entry)
            if path is not None:
                gate_checkpoint.save(pool, path)
            link.send(("taken",))
        else:
            chosen: list[Entry] = [pool.chosen[step] for step in sorted(pool.chosen)]
            link.send(("pool", (chosen, (pool.rounds, pool.moves, pool.evaluated))))
            return


def _of_island(checkpoint: Path | None, epoch: int, number: int) -> Path:
    assert checkpoint is not None
    return checkpoint.with_name(f"{checkpoint.name}.{epoch}.{number}")


def _write(checkpoint: Path, islands: int, epoch: int) -> None:
    """Name the exchange that all islands have saved, then drop older ones."""
    atomic.write(checkpoint, json.dumps({"islands": islands, "epoch": epoch}).encode())
    current = {_of_island(checkpoint, epoch, k).name for k in range(islands)}
    for path in sorted(checkpoint.parent.glob(f"{checkpoint.name}.*.*")):
        parts = path.name.removeprefix(checkpoint.name + ".").split(".")
        if path.name not in current and len(parts) == 2 and all(part.isdecimal() for part in parts):
            path.unlink(missing_ok=True)


def _read(checkpoint: Path, islands: int) -> int:
    """The exchange to go on from, 0 for none."""
    if not checkpoint.exists():
        return 0
    try:
        with checkpoint.open("rb") as file:
            about = json.loads(file.read(1000))
        known, epoch = int(about["islands"]), int(about["epoch"])
        if epoch < 1:
            raise ValueError("no exchange")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{checkpoint} is no checkpoint of a gate search on islands ({error}): delete it") from error
    if known != islands:
        raise InputError(f"{checkpoint} is of a search on {known} islands, not {islands}: use as many or delete it")
    return epoch

"""The first half of a run: which networks and circuits are designed, stage after stage, each kept when it is whole.

A stop ends a stage with what it has; the stages after it are left out. How candidates are made is in
`inkling.runs.candidates`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from inkling.hdl.cells.technology import Technology
from inkling.runs.candidates import (
    Candidate,
    Progress,
    arithmetic,
    circuits,
    exact_network,
    gate_starts,
    power_of_two_networks,
    rivals,
)
from inkling.runs.checkpoint import Checkpoint
from inkling.runs.progress import Stages
from inkling.runs.request import Request
from inkling.runs.stop import Stop
from inkling.runs.workers import cores
from inkling.train.errors import InputError
from inkling.train.tables.dataset import Development

# Circuits of the arithmetic search that the gate search begins with, beside its trees. On splits 20 to 22, 60 rounds:
# balance_scale 87.2 to 91.5 % held out at 0.2 cm2, redwine as without them at 0.05 cm2 (58.0 and 57.8 %).
STARTS = 2


@dataclass
class Choice:
    """Designs and rivals so far; whole: no stage was cut short."""

    designs: tuple[Candidate, ...] = ()
    against: tuple[Candidate, ...] = ()
    whole: bool = False


def choose(
    request: Request,
    development: Development,
    technology: Technology,
    stages: Stages,
    stop: Stop,
    kept: Checkpoint,
) -> Choice:
    """Designs and rivals. Networks are trained while the gates are searched: both leave Python to native code.

    Where the arithmetic is searched too, the gates come after it, and begin with its smallest circuits as well.
    """
    # Before a stop can interrupt: half an import is worse than none.
    from inkling.approx.quantise import networks  # noqa: F401
    from inkling.train.networks import training as _  # noqa: F401

    chosen = Choice()
    effort, seed = request.effort, request.reading.seed
    gates = partial(_gates, request, development, technology, stop=stop, kept=kept)
    with (
        stages.running("train") as training,
        stages.running("search", total=effort.rounds) as searching,
        ThreadPoolExecutor(1) as thread,
    ):
        try:
            # The search runs beside the training, unless it begins with what comes after that.
            found = None if effort.arithmetic_moves else thread.submit(gates, progress=searching)
            chosen.designs += _stage(
                stop, kept, "exact", lambda: (exact_network(development, effort, seed, training),)
            )
            chosen.designs += _stage(
                stop, kept, "power-of-two", lambda: power_of_two_networks(development, effort, seed + 1, training)
            )
            if found is None:
                reduced = _reduced(request, development, technology, training, stop, kept)
                chosen.designs += reduced
                found = thread.submit(gates, progress=searching, reduced=reduced[-STARTS:])
            chosen.against = kept.stage("rivals", lambda: rivals(development, effort))
            chosen.designs += _result(found, stop)
            names = ("exact", "power-of-two", "arithmetic", "gates")
            chosen.whole = all(kept.has(name) for name in names if name != "arithmetic" or effort.arithmetic_moves)
        except BaseException:
            stop.number = stop.number or 2  # so that the thread ends after its round
            raise
    return chosen


def _stage(stop: Stop, kept: Checkpoint, name: str, make: Callable[[], Sequence[Candidate]]) -> tuple[Candidate, ...]:
    """A stage in the main thread: its candidates, those that it had when a stop came, or none after one.

    What `make` gives after a stop is not kept: the same run goes on to make it whole.
    """
    if kept.has(name):
        return kept.stage(name, make)
    made: tuple[Candidate, ...] = ()
    try:
        with stop.interrupting():
            made = tuple(make())
    except KeyboardInterrupt:
        return made
    return made if stop.requested else kept.stage(name, lambda: made)


def _reduced(
    request: Request,
    development: Development,
    technology: Technology,
    progress: Progress,
    stop: Stop,
    kept: Checkpoint,
) -> tuple[Candidate, ...]:
    """The search over approximate arithmetic, where the effort has one."""

    def search() -> tuple[Candidate, ...]:
        return arithmetic(
            development,
            technology,
            request.effort,
            request.reading.seed,
            progress,
            checkpoint=kept.search("arithmetic"),
            limit=kept.limit,
        )

    def again() -> tuple[Candidate, ...]:
        try:
            return search()
        except InputError:  # the file of a search that was other, or that is broken: begin again
            if not kept.search("arithmetic").exists():
                raise
            kept.forget("arithmetic")
            return search()

    return _stage(stop, kept, "arithmetic", again)


def _gates(
    request: Request,
    development: Development,
    technology: Technology,
    *,
    stop: Stop,
    kept: Checkpoint,
    progress: Progress,
    reduced: Sequence[Candidate] = (),
) -> tuple[Candidate, ...]:
    """The gate search, in a thread of its own, which no signal reaches: it looks for a stop after every round."""
    done = 0

    def told(front: str) -> None:
        nonlocal done
        done += 1
        progress(done, request.effort.rounds)
        stop.check()

    def search() -> tuple[Candidate, ...]:
        starts = gate_starts(
            reduced,
            development,
            technology,
            processes=request.jobs or cores(),
            time_limit_s=request.effort.mapping_s,
            limit=kept.limit,
        )
        return circuits(
            development,
            technology,
            request.effort,
            request.reading.seed,
            told,
            request.jobs or 1,
            delay_limit_ms=request.delay_limit_ms,
            power_weight=request.power_weight,
            starts=starts,
            checkpoint=kept.search("gates"),
        )

    if kept.has("gates"):
        return kept.stage("gates", tuple)
    if stop.requested:
        return ()
    try:
        made = search()
    except InputError:  # as above
        if not kept.search("gates").exists():
            raise
        kept.forget("gates")
        done = 0
        made = search()
    return made if stop.requested else kept.stage("gates", lambda: made)


def _result(found: "Future[tuple[Candidate, ...]]", stop: Stop) -> tuple[Candidate, ...]:
    """What the thread found; where a stop comes meanwhile, what it has after its round."""
    try:
        with stop.interrupting():
            return found.result()
    except KeyboardInterrupt:
        return found.result()

"""The first half of a run: which networks and circuits are designed, stage after stage, each kept when it is whole.

A stop ends a stage with what it has; the stages after it are left out. How candidates are made is in
`inkling.runs.candidates`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from inkling.approx.thresholds.levels import coarser
from inkling.hdl.cells.technology import Technology
from inkling.hdl.converters.code_prices import code_prices
from inkling.runs import node
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
    unary = request.converters == "unary"
    # Networks of sums read codes of the bits that were asked for; thresholds are levels of the whole grid.
    table = coarser(development, request.reading.bits) if unary else development

    def lifted(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
        return node.on_table(found, table, development) if unary else tuple(found)

    gates = partial(_gates, request, development, technology, stop=stop, kept=kept)
    with (
        stages.running("train") as training,
        stages.running("search", total=_rounds(request)) as searching,
        ThreadPoolExecutor(1) as thread,
    ):
        try:
            # The search runs beside the training, unless it begins with what comes after that.
            found = None if effort.arithmetic_moves else thread.submit(gates, progress=searching)
            chosen.designs += _stage(
                stop, kept, "exact", lambda: lifted((exact_network(table, effort, seed, training),))
            )
            chosen.designs += _stage(
                stop,
                kept,
                "power-of-two",
                lambda: lifted(power_of_two_networks(table, effort, seed + 1, training)),
            )
            if found is None:
                reduced = _reduced(request, table, technology, training, stop, kept)
                chosen.designs += lifted(reduced)
                # The circuits of codes are no start of a search on thresholds.
                begin = () if unary else reduced[-STARTS:]
                found = thread.submit(gates, progress=searching, reduced=begin)
            chosen.against = kept.stage("rivals", lambda: lifted(rivals(table, effort)))
            if unary:
                trees = kept.stage("codesigned", lambda: node.codesigned_trees(development, technology))
                chosen.against += trees
            chosen.designs += _result(found, stop)
            names = ("exact", "power-of-two", "arithmetic", "gates")
            chosen.whole = all(kept.has(name) for name in names if name != "arithmetic" or effort.arithmetic_moves)
        except BaseException:
            stop.number = stop.number or 2  # so that the thread ends after its round
            raise
    return chosen


def _rounds(request: Request) -> int:
    """Of the gate search."""
    return request.effort.node.rounds if request.converters == "unary" else request.effort.rounds


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
        progress(done, _rounds(request))
        stop.check()

    def search() -> tuple[Candidate, ...]:
        weights: dict[str, float] = {} if request.power_weight is None else {"power_weight": request.power_weight}
        if request.converters == "unary":
            return node.circuits(
                development,
                technology,
                request.effort,
                request.reading.seed,
                progress=told,
                islands=request.jobs or 1,
                delay_limit_ms=request.delay_limit_ms,
                checkpoint=kept.search("gates"),
                robust=request.robust,
                **weights,
            )
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
            power_weight=request.power_weight or 0.0,
            starts=starts,
            checkpoint=kept.search("gates"),
            prices=code_prices(development.input_bits, technology) if request.converters == "binary" else None,
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

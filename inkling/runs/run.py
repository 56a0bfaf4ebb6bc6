"""`inkling run`: the whole path from a table to a folder of verified, costed designs, stage after stage."""

import json
import math
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from inkling.approx.programs.process import ToolError
from inkling.hdl.cells.choice import technology_of
from inkling.hdl.cells.technology import Technology
from inkling.reports.terminal.console import Terminal
from inkling.runs.candidates import (
    Candidate,
    arithmetic,
    circuits,
    gate_starts,
    networks,
    rivals,
    validation_accuracy,
)
from inkling.runs.design import Built, Job, build
from inkling.runs.folder import run_folder
from inkling.runs.outcome import report_on, write_run
from inkling.runs.progress import Stages
from inkling.runs.request import Request
from inkling.runs.workers import cores, run_each
from inkling.sim.verdicts.verdict import MARKS
from inkling.train.tables.dataset import Dataset, Development

# Circuits of the arithmetic search that the gate search begins with, beside its trees. On splits 20 to 22, 60 rounds:
# balance_scale 87.2 to 91.5 % held out at 0.2 cm2, redwine as without them at 0.05 cm2 (58.0 and 57.8 %).
STARTS = 2


def execute(request: Request, *, as_json: bool = False) -> None:
    """Run and leave a run folder. Ends the program with status 1 where a verification failed.

    as_json: print the report as one JSON document, and all else to standard error.

    Raises InputError for wrong input; inkling.approx.programs.process.ToolError where a tool is missing.
    """
    console = Terminal(stderr=as_json)
    begun = time.perf_counter()
    from inkling.train.tables.sources import load

    technology = technology_of(request.technology)
    dataset = load(request.reading, request.data)
    out = request.out or Path("runs") / dataset.name
    with run_folder(out) as folder, Stages(console) as stages:
        stages.done("read", f"{dataset.name}: {_sizes(dataset)}")
        built, late = _design(request, dataset, technology, folder / "designs", stages)
        report = report_on(request, dataset, technology, built, late)
        write_run(request, dataset, report, folder)
        stages.done(
            "report", f"{time.perf_counter() - begun:.0f} s in all; seconds of the workers: {_seconds(built)}"
        )
    from inkling.reports.terminal.run import show

    show(report, console)
    console.print(f"report: {out / 'report.html'}", highlight=False, soft_wrap=True)
    if as_json:
        print(json.dumps(report.to_json(), indent=1))
    failed = ", ".join(item.job.name for item in built if item.failed)
    if failed:
        print(f"inkling: verification failed for {failed}; see verdict.json there", file=sys.stderr)
        sys.exit(1)


def _design(
    request: Request, dataset: Dataset, technology: Technology, folder: Path, stages: Stages
) -> tuple[tuple[Built, ...], tuple[str, ...]]:
    """Train, choose, and build every design and rival; a stop (Ctrl-C) keeps the designs that are finished.

    Returns them, and a sentence on each that a tool's time limit kept from being finished.
    """
    development = dataset.development
    chosen, against = _choose(request, development, technology, stages)
    stages.done("choose", f"{len(chosen)} designs and {len(against)} rivals, on validation rows")
    rows = np.concatenate([development.train.codes, development.validation.codes])

    def job(candidate: Candidate) -> Job:
        return Job(
            name=candidate.name,
            method=candidate.method,
            levels=candidate.levels,
            network=candidate.network,
            columns=dataset.columns,
            classes=dataset.classes,
            quantisers=dataset.quantisers,
            rows=rows,
            training_rows=len(development.train.labels),
            technology=technology,
            effort=request.effort,
            seed=request.reading.seed,
            fingerprint=dataset.fingerprint,
            verified=not candidate.rival,
            delay_limit_ms=request.delay_limit_ms or math.inf,
            power_weight=request.power_weight,
        )

    jobs = [job(candidate) for candidate in (*chosen, *against)]
    finished: dict[int, Built] = {}
    late: list[str] = []
    with stages.running("design", total=len(jobs)) as progress:
        try:
            for index, result in run_each(partial(_build_in, folder), jobs, workers=request.jobs):
                if isinstance(result, Built):
                    finished[index] = result
                    stages.say(_line(result))
                else:
                    late.append(f"{jobs[index].name} was left out: {result.why}")
                    stages.say(late[-1])
                progress(len(finished) + len(late), len(jobs))
        except KeyboardInterrupt:
            if not any(built.job.verified for built in finished.values()):
                raise
            stages.say("stopped; the report holds the designs that were finished")
    built = tuple(finished[index] for index in sorted(finished))
    if not any(item.job.verified for item in built):
        raise ToolError(f"no design could be made: {'; '.join(sorted(late))}")
    return _front(built, folder, lambda item: validation_accuracy(item.network, development)), tuple(sorted(late))


def _choose(
    request: Request, development: Development, technology: Technology, stages: Stages
) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """Designs and rivals. Networks are trained while the gates are searched: both leave Python to native code.

    Where the arithmetic is searched too, the gates come after it, and begin with its smallest circuits as well.
    """
    stopped = threading.Event()
    with (
        stages.running("train") as training,
        stages.running("search", total=request.effort.rounds) as searching,
        ThreadPoolExecutor(1) as thread,
    ):
        done = 0

        def searched(front: str) -> None:
            nonlocal done
            done += 1
            searching(done, request.effort.rounds)
            if stopped.is_set():
                raise KeyboardInterrupt  # as in the main thread: the search ends with what it has

        search = partial(
            circuits,
            development,
            technology,
            request.effort,
            request.reading.seed,
            searched,
            request.jobs or 1,
            delay_limit_ms=request.delay_limit_ms,
            power_weight=request.power_weight,
        )
        try:
            found = None if request.effort.arithmetic_moves else thread.submit(search)
            trained = networks(development, request.effort, request.reading.seed, training)
            reduced = arithmetic(development, technology, request.effort, request.reading.seed, training)
            trained += reduced
            if found is None:
                starts = gate_starts(
                    reduced[-STARTS:],  # they come largest first
                    development,
                    technology,
                    processes=request.jobs or cores(),
                    time_limit_s=request.effort.mapping_s,
                )
                found = thread.submit(search, starts=starts)
            against = rivals(development, request.effort)
            return (*trained, *found.result()), against
        except BaseException:
            stopped.set()
            raise


@dataclass(frozen=True)
class Late:
    """A design that a tool's time limit kept from being finished."""

    why: str


def _build_in(folder: Path, job: Job) -> Built | Late:
    try:
        return build(job, folder / job.name if job.verified else None)
    except ToolError as error:
        if not error.timed_out:
            raise
        return Late(str(error))


def _front(built: Sequence[Built], folder: Path, score: Callable[[Built], float]) -> tuple[Built, ...]:
    """Keep rivals, and designs that no other beats on validation rows and area; and the networks of levels 1 and 2.

    These are what the literature starts from, so a reader should see where they lie.
    """
    import shutil

    from inkling.reports.results.pareto import nondominated

    designs = [item for item in built if item.job.verified]
    keep = set(nondominated([(-score(item), item.cost.area_cm2) for item in designs]))
    dropped = {
        item.job.name
        for index, item in enumerate(designs)
        if index not in keep and not item.failed and max(item.job.levels) > 2
    }
    for name in sorted(dropped):
        shutil.rmtree(folder / name)
    return tuple(item for item in built if item.job.name not in dropped)


def _sizes(dataset: Dataset) -> str:
    development = dataset.development
    sizes = (len(development.train.labels), len(development.validation.labels), len(dataset.test.labels))
    return (
        f"{len(dataset.columns)} features, {len(dataset.classes)} classes, "
        f"{sizes[0]} training, {sizes[1]} validation and {sizes[2]} test rows"
    )


def _line(built: Built) -> str:
    mark = MARKS[built.outcome]
    return f"{built.job.name}: {built.cost.area_cm2:.3g} cm2, {built.cost.gates} gates, {mark}"


def _seconds(built: Sequence[Built]) -> str:
    """Seconds of each stage, summed over the designs."""
    total: dict[str, float] = {}
    for item in built:
        for stage, seconds in item.seconds.items():
            total[stage] = total.get(stage, 0.0) + seconds
    return ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in total.items())

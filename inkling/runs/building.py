"""The second half of a run: every design and rival built by worker processes; what fails is lost alone."""

import contextlib
import errno
import math
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from inkling.approx.programs.process import ToolError
from inkling.hdl.cells.technology import Technology
from inkling.runs.candidates import Candidate, validation_accuracy
from inkling.runs.checkpoint import Checkpoint
from inkling.runs.choice import Choice
from inkling.runs.design import Built, Job, build
from inkling.runs.progress import Stages
from inkling.runs.request import Request
from inkling.runs.stop import Stop
from inkling.runs.workers import run_each
from inkling.sim.verdicts.verdict import MARKS
from inkling.train.tables.dataset import Dataset, Development

# Nothing more can be written: the run ends, and goes on when there is room again.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True)
class Lost:
    """A design that could not be finished, and why, in a line."""

    why: str


@dataclass(frozen=True)
class Results:
    """What was built, what was lost, in sentences, and whether every job came to its end."""

    built: tuple[Built, ...]
    lost: tuple[str, ...]
    whole: bool


def build_all(
    request: Request,
    dataset: Dataset,
    technology: Technology,
    chosen: Choice,
    folder: Path,
    stages: Stages,
    stop: Stop,
    kept: Checkpoint,
) -> Results:
    """Build designs and rivals into `folder`; a stop keeps those that are finished.

    Raises KeyboardInterrupt where a stop came before the first design, ToolError where none could be made.
    """
    jobs = _jobs(request, dataset, technology, (*chosen.designs, *chosen.against))
    finished: dict[int, Built] = {}
    for index, job in enumerate(jobs):
        design = folder / job.name if job.verified else None
        before = kept.built(job, design)
        if before is not None:
            finished[index] = before
            stages.say(f"{_line(before)}, kept")
        elif design is not None:
            shutil.rmtree(design, ignore_errors=True)  # half of one, or another's of this name
    left = [index for index in range(len(jobs)) if index not in finished]
    lost: dict[int, str] = {}
    with stages.running("design", total=len(jobs)) as progress:
        try:
            # A stop in an earlier stage is what brought us here; only one that comes now ends this stage.
            with contextlib.nullcontext() if stop.requested else stop.interrupting():
                for at, result in _each(folder, kept.mappings, [jobs[index] for index in left], request.jobs):
                    index = left[at]
                    if isinstance(result, Built):
                        finished[index] = result
                        kept.keep(result)
                        stages.say(_line(result))
                    else:
                        lost[index] = f"{jobs[index].name} was left out: {result.why}"
                        stages.say(lost[index])
                    progress(len(finished) + len(lost), len(jobs))
        except KeyboardInterrupt:
            if not any(item.job.verified for item in finished.values()):
                raise
            stages.say("stopped; the report holds the designs that were finished")
    built = tuple(finished[index] for index in sorted(finished))
    sentences = tuple(lost[index] for index in sorted(lost))
    if not any(item.job.verified for item in built):
        raise ToolError(f"no design could be made: {'; '.join(sentences)}")
    for item in _beaten(built, dataset.development):
        shutil.rmtree(folder / item.job.name)
        built = tuple(other for other in built if other is not item)
    return Results(built, sentences, len(finished) + len(lost) == len(jobs))


def _jobs(request: Request, dataset: Dataset, technology: Technology, candidates: Sequence[Candidate]) -> list[Job]:
    development = dataset.development
    rows = np.concatenate([development.train.codes, development.validation.codes])
    return [
        Job(
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
            power_weight=request.power_weight or 0.0,
            converters=request.converters != "none",
        )
        for candidate in candidates
    ]


def _each(
    folder: Path, mappings: Path, jobs: Sequence[Job], workers: int | None
) -> Iterator[tuple[int, Built | Lost]]:
    """(index, result) of every job; a worker that is ended from outside loses its own job, not the others'."""
    work = partial(_build_in, folder, mappings)
    done = set()
    try:
        for index, result in run_each(work, jobs, workers=workers):
            done.add(index)
            yield index, result
        return
    except BrokenProcessPool:
        pass  # whose job it was is not told: those that are left get a process each
    for index in sorted(set(range(len(jobs))) - done):
        shutil.rmtree(folder / jobs[index].name, ignore_errors=True)
        try:
            for _, result in run_each(work, [jobs[index]], workers=1):
                yield index, result
        except BrokenProcessPool:
            yield index, Lost("its process was ended from outside (is there too little memory?)")


def _build_in(folder: Path, mappings: Path, job: Job) -> Built | Lost:
    try:
        return build(job, folder / job.name if job.verified else None, mappings)
    except Exception as error:  # of any tool or library: one design is lost, and the report says why
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        shutil.rmtree(folder / job.name, ignore_errors=True)
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        first = lines[0] if lines else ""
        told = first if isinstance(error, ToolError) else f"{type(error).__name__}: {first}"
        # What a tool says last is why it ended, what it says first is that it did.
        return Lost(told[:200] + (f" ({lines[-1][:200]})" if len(lines) > 1 else ""))


def _beaten(built: Sequence[Built], development: Development) -> list[Built]:
    """Designs that another beats on validation rows and the node's area, but for the networks of levels 1 and 2.

    These are what the literature starts from, so a reader should see where they lie.
    """
    from inkling.reports.results.pareto import nondominated

    designs = [item for item in built if item.job.verified]
    keep = set(
        nondominated([(-validation_accuracy(item.network, development), item.node_area_cm2) for item in designs])
    )
    return [
        item
        for index, item in enumerate(designs)
        if index not in keep and not item.failed and max(item.job.levels) > 2
    ]


def _line(built: Built) -> str:
    mark = MARKS[built.outcome]
    limits = "".join(f", {limit}" for limit in built.limits)
    return f"{built.job.name}: {built.cost.area_cm2:.3g} cm2, {built.cost.gates} gates, {mark}{limits}"

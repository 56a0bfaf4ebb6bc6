"""`inkling run`: the whole path from a table to a folder of verified, costed designs, stage after stage."""

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inkling.hdl.cells import converters
from inkling.hdl.cells.choice import technology_of
from inkling.hdl.cells.technology import Technology
from inkling.runs.building import FULL, build_all
from inkling.runs.checkpoint import Checkpoint
from inkling.runs.choice import choose
from inkling.runs.design import Built
from inkling.runs.folder import run_folder
from inkling.runs.outcome import on_new_rows, report_on, write_run
from inkling.runs.progress import Stages, console_of
from inkling.runs.request import Request
from inkling.runs.scratch import check_ready, scratch
from inkling.runs.stop import Stop, stopping
from inkling.train.errors import InputError
from inkling.train.tables.dataset import Dataset

ON = "the same command goes on from there"


@dataclass(frozen=True)
class Ended:
    """How the work ended: names of designs that failed, time limits that were reached, whether it was stopped."""

    failed: tuple[str, ...]
    limits: tuple[str, ...]
    lost: tuple[str, ...]
    stopped: bool


def execute(request: Request, *, as_json: bool = False) -> None:
    """Run and leave a run folder.

    Ends the program with status 1 where a verification failed, 130 or 143 where it was stopped; the report then holds
    what was found so far. as_json: print the report as one JSON document, and all else to standard error.

    Raises InputError for wrong input; inkling.approx.programs.process.ToolError where a tool is missing.
    """
    from inkling.train.tables.sources import load

    technology = technology_of(request.technology)
    if request.converter_figures is not None:
        technology = replace(technology, converters=converters.find(request.converter_figures))
    if request.converters != "none" and technology.converters is None:
        raise InputError(
            f"there are no converters of technology {technology.name}: name some with --converter-figures, or give "
            "--converters none"
        )
    dataset = load(request.table(), request.data)
    out = request.out or Path("runs") / dataset.name
    check_ready(out)
    with scratch(), stopping() as stop:
        ended = _run(request, dataset, technology, out, stop, as_json)
    for limit in ended.limits:
        print(f"inkling: a time limit decided: {limit}", file=sys.stderr)
    for sentence in ended.lost:
        print(f"inkling: {sentence}", file=sys.stderr)
    if ended.failed:
        print(f"inkling: verification failed for {', '.join(ended.failed)}; see verdict.json there", file=sys.stderr)
        sys.exit(1)
    if ended.stopped:
        print(f"inkling: stopped; {out} holds what was found so far, and {ON}", file=sys.stderr)
        sys.exit(stop.status)


def _run(request: Request, dataset: Dataset, technology: Technology, out: Path, stop: Stop, as_json: bool) -> Ended:
    console = console_of(as_json)
    begun = time.perf_counter()
    key = key_of(request, dataset, technology)
    folder: Path | None = None
    try:
        with (
            run_folder(out, key=key, overwrite=request.overwrite) as folder,
            Stages(console) as stages,
        ):
            kept = Checkpoint(folder, key)
            stages.done("read", f"{dataset.name}: {_sizes(dataset)}")
            for note in dataset.notes:
                stages.say(f"note: {note}")
            chosen = choose(request, dataset.development, technology, stages, stop, kept)
            if not chosen.designs:
                raise KeyboardInterrupt  # stopped before there was anything to design
            counts = f"{len(chosen.designs)} designs and {len(chosen.against)} rivals"
            stages.done("choose", f"{counts}, on validation rows")
            outcome = build_all(request, dataset, technology, chosen, folder / "designs", stages, stop, kept)
            stopped = stop.requested and not (chosen.whole and outcome.whole)
            limits = (*kept.limits(), *(f"{b.job.name}: {limit}" for b in outcome.built for limit in b.limits))
            notes = [*(f"a time limit decided: {limit}" for limit in limits), *outcome.lost]
            if stopped:
                notes.insert(
                    0, "stopped before the end: later candidates, and designs of those found, may be missing"
                )
            report = report_on(request, dataset, technology, outcome.built, notes)
            write_run(request, dataset, report, folder, limits=limits, stopped=stopped)
            if not stopped:
                kept.remove()
            stages.done(
                "report",
                f"{time.perf_counter() - begun:.0f} s in all; seconds of the workers: {_seconds(outcome.built)}",
            )
    except KeyboardInterrupt:
        left = folder is not None and folder.exists()
        print(f"inkling: stopped{f'; {folder} holds what is finished, and {ON}' if left else ''}", file=sys.stderr)
        sys.exit(stop.status or 130)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise InputError(f"{error.filename or folder or out}: {error.strerror}; make room, and {ON}") from error
    from inkling.reports.terminal.run import show

    show(report, console)
    if unseen := on_new_rows(report):
        console.print(unseen)
    console.print(f"report: {out / 'report.html'}", highlight=False, soft_wrap=True)
    if as_json:
        print(json.dumps(report.to_json(), indent=1))
    failed = tuple(item.job.name for item in outcome.built if item.failed)
    return Ended(failed, limits, outcome.lost, stopped)


def key_of(request: Request, dataset: Dataset, technology: Technology) -> str:
    """SHA-256 of all that decides a run's files: what was asked, rows and ranges, cells, and this version."""
    from inkling.version import __version__

    parts = (
        __version__,
        request.command(),
        repr(request.effort),
        repr(technology),
        dataset.fingerprint,
        repr(dataset.quantisers),
        repr(dataset.notes),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _sizes(dataset: Dataset) -> str:
    development = dataset.development
    sizes = (len(development.train.labels), len(development.validation.labels), len(dataset.test.labels))
    return (
        f"{len(dataset.columns)} features, {len(dataset.classes)} classes, "
        f"{sizes[0]} training, {sizes[1]} validation and {sizes[2]} test rows"
    )


def _seconds(built: Sequence[Built]) -> str:
    """Seconds of each stage, summed over the designs."""
    total: dict[str, float] = {}
    for item in built:
        for stage, seconds in item.seconds.items():
            total[stage] = total.get(stage, 0.0) + seconds
    return ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in total.items())

"""`inkling field`: from a picture or a mesh to a verified integer field, its kernels and a report.

The stages live below, in `train`, `approx`, `hdl` and `sim`; only their order and what is written of them is here.
"""

import contextlib
import dataclasses
import hashlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs.process import ToolError, guarded
from inkling.approx.reference import field_files as integer_files
from inkling.fields.learn import SCENES, Scene, check_source, is_mesh, subject
from inkling.fields.subject import Ask, Learnt
from inkling.fields.world_header import header
from inkling.hdl.fields import call, numba_kernel, unpack
from inkling.hdl.fields.plan import plan
from inkling.reports.page.field import keep, page
from inkling.reports.results.field import FieldReport
from inkling.reports.terminal.console import Terminal
from inkling.runs.folder import run_folder
from inkling.runs.progress import Stages
from inkling.runs.scratch import scratch
from inkling.runs.stop import Stop, ending_in, stopping
from inkling.sim.fields import kernels
from inkling.sim.fields.recheck import ENGINE_JSON, FieldBudget, check_engine, write_engine
from inkling.sim.verdicts import files as verdict_files
from inkling.sim.verdicts.verdict import Outcome, overall
from inkling.train.errors import InputError
from inkling.train.files import checked_json

# Steps, and random queries of each verification route.
EFFORTS = {
    "trial": (40, 2_000),
    "quick": (300, 100_000),
    "standard": (3000, 1_000_000),
    "thorough": (20_000, 10_000_000),
}
WORDS = "the training ends, and what was learnt is turned into a result"
WHATS = ("visibility", "sdf")
_WORDS = {Outcome.PASSED: "equal", Outcome.FAILED: "DIFFERENT", Outcome.UNDECIDED: "undecided"}


@dataclass(frozen=True)
class FieldRequest:
    """What is asked: kilobytes of a picture's packed field, a series' or a shape's tables, or each position's tables;
    what: of meshes, visibility or sdf; engine: multiply lanes of a clocked engine in Verilog, 0 for none; scene: how
    a mesh is read and asked about."""

    source: str
    out: Path | None
    effort: str
    seed: int
    kilobytes: int
    positions: int
    what: str
    engine: int = 0
    scene: Scene = dataclasses.field(default_factory=Scene)


def execute(request: FieldRequest, *, as_json: bool = False) -> bool:
    """Train, turn to integers, emit, verify and report; True where no route disagrees. Raises InputError.

    A stop ends the training only: what was learnt is turned into a result, and asking again goes on from there; the
    program then ends with status 130 or 143.
    """
    out = request.out or Path("runs") / (Path(request.source).stem or "field")
    with scratch(), guarded(), stopping(WORDS) as stop, ending_in(stop, out):
        outcome, stopped = _execute(request, out, stop, as_json)
    if outcome is not Outcome.FAILED and stopped:
        print(f"inkling: stopped; {out} holds what was learnt so far, and the same command goes on", file=sys.stderr)
        sys.exit(stop.status)
    return outcome is not Outcome.FAILED


def _execute(request: FieldRequest, out: Path, stop: Stop, as_json: bool) -> tuple[Outcome, bool]:
    """The outcome of all checks, and whether training was stopped."""
    source = request.source
    name = Path(source).stem or "field"
    steps, count = EFFORTS[request.effort]
    learns = subject(source, request.what, request.scene)
    ask = Ask(request.kilobytes, request.positions, request.seed, steps)
    # Where the result goes does not change what is learnt.
    mark = hashlib.sha256(repr((learns.mark(), type(learns).__name__, ask)).encode()).hexdigest()[:12]
    kept = out.parent / f"{out.name}.checkpoint-{mark}"
    console = Terminal(stderr=as_json)
    with run_folder(out) as folder, Stages(console) as stages:
        kept.mkdir(parents=True, exist_ok=True)
        with stages.running("train") as shown:

            def advanced(step: int, loss: float) -> None:
                shown(step, steps)
                stop.check()

            learnt = learns.learn(ask, kept, stages.say, advanced)
        trained, field = learnt.trained, learnt.field
        stopped = f", stopped; the same command goes on from {kept.name}" if trained.stopped else ""
        stages.done("train", f"{trained.steps:,} of {steps:,} steps{stopped}")
        integer_files.save(field, folder)
        if learnt.world is not None:
            _write(folder / "world.json", learnt.world.to_json())
            (folder / "world.h").write_text(header(learnt.world), encoding="utf-8")
        with stages.running("kernels"):
            how = plan(field)
            call.write(how, folder)
            if learnt.shape is not None:
                unpack.write(how, folder)
            (folder / "kernel.py").write_text(numba_kernel.emit(how))
            if request.engine:
                write_engine(field, request.engine, folder)
        with stages.running("verify"):
            verdicts = kernels.check(how, folder, count, request.seed)
            if learnt.shape is not None:
                verdicts.append(kernels.check_unpacked(how, folder))
            if request.engine:
                budget = FieldBudget(queries=count, clocks=20 * count)
                check_engine(field, folder, verdicts.append, budget=budget, seed=request.seed)
            outcome = overall(verdicts)
            shape = learnt.shape if learnt.truth is not None else None
            # A kernel that failed is not run again.
            wrong = any(verdict.failed for verdict in verdicts if verdict.subject == "kernel.c")
            measured = None
            if not wrong:
                with contextlib.suppress(ToolError):  # then there is no figure and no picture
                    measured = kernels.measure(field, folder, request.seed, shape=shape)
        ns = round(measured.ns_per_query, 2) if measured else None
        verdict_files.write(folder, verdicts, {"ns_per_query": ns})
        stages.done("verify", f"{len(verdicts)} routes, {count:,} queries each: {_WORDS[outcome]}")
        report = FieldReport(
            name=name,
            meaning=field.meaning,
            model=learnt.notation,
            steps=trained.steps,
            stopped=trained.stopped,
            bytes=learnt.size or kernels.size(field, folder),
            bytes_in_memory=kernels.size(field, folder),
            bytes_per_entry=field.bytes_per_entry,
            path=measured.path if measured else None,
            figures=learnt.figures,
            facts=learnt.facts,
            world=learnt.world,
            verdicts=tuple(verdict.to_json() for verdict in verdicts),
            engine=checked_json.document(folder / ENGINE_JSON) if request.engine else {},
        )
        scene = {**vars(request.scene), "places": request.scene.places and request.scene.places.name}
        asked = {**vars(request), "out": out.name, "source": Path(source).name, "scene": scene}
        run = {"schema": "inkling.run/1", "kind": "field", "manifest": True, "request": asked}
        _write(folder / "run.json", run)
        _write(folder / "report.json", report.to_json())
        pictures = _pictures(learnt, measured.picture if measured else None)
        keep(pictures, folder)
        (folder / "report.html").write_text(page(report, pictures), encoding="utf-8")
    if not trained.stopped:
        shutil.rmtree(kept, ignore_errors=True)
    best = ", ".join(f"{key.replace('_', ' ')} {value:,.6g}" for key, value in learnt.figures.items())
    console.print(f"{out}: {best}" + (f", {ns} ns a query" if ns else ""), highlight=False, markup=False)
    if as_json:
        print(json.dumps({**report.to_json(), "ns_per_query": ns}, indent=1, sort_keys=True))
    return outcome, trained.stopped


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _pictures(learnt: Learnt, decoded: NDArray[np.uint8] | None) -> list[tuple[str, bytes]]:
    """PNG files of the truth and of what the kernel decodes, or of what is seen from a place."""
    shown = list(learnt.views)
    if learnt.truth is not None and decoded is not None:
        shown += [("the picture", learnt.truth), ("the integer field", decoded)]
    if not shown:
        return []
    import io

    from PIL import Image

    found = []
    for label, pixels in shown:
        stream = io.BytesIO()
        Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(stream, "PNG")
        found.append((label, stream.getvalue()))
    return found


def check_request(request: FieldRequest) -> None:
    """Raise InputError for options outside their ranges."""
    if request.effort not in EFFORTS:
        raise InputError(f"--effort {request.effort!r} is not one of {', '.join(EFFORTS)}")
    if request.what not in WHATS:
        raise InputError(f"--what {request.what!r} is not one of {', '.join(WHATS)}")
    scene = request.scene
    if not 0 <= request.seed < 2**32 or not 0 <= scene.seed < 2**32:
        raise InputError(f"--seed {request.seed} and --scene-seed {scene.seed} must be in 0..4294967295")
    if scene.seed and request.source != "town":
        raise InputError(f"--scene-seed builds the town, and {request.source} is none; leave it out")
    is_file = request.source not in SCENES and is_mesh(request.source)
    if (scene.up is not None or scene.unit_m != 1) and not is_file:
        raise InputError(f"--up and --unit are of mesh files, and {request.source} is none; leave them out")
    if scene.up not in (None, "y", "z"):
        raise InputError(f"--up {scene.up!r} must be y or z")
    if (scene.places or scene.conservative is not None) and not (
        request.what == "visibility" and (is_file or request.source in SCENES)
    ):
        raise InputError("--places and --conservative are of visibility in a scene; leave them out")
    if scene.conservative is not None and not 0 <= scene.conservative <= 0.5:
        raise InputError(f"--conservative {scene.conservative:g} is a share of all queries, within 0..0.5")
    check_source(request.source, request.what)
    if not 1 <= request.kilobytes <= 65536 or not 1 <= request.positions <= 65536:
        raise InputError("--kilobytes and --positions must be in 1..65536")
    if not 0 <= request.engine <= 10**6:
        raise InputError(f"--engine {request.engine} is outside 0..1000000 lanes")
    if request.kilobytes * request.positions > 2**20:
        raise InputError("--kilobytes times --positions is more than a gigabyte of tables; give less of one")

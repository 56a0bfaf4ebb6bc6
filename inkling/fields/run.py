"""`inkling field`: from a picture or a mesh to a verified integer field, its kernels and a report.

The stages live below, in `train`, `approx`, `hdl` and `sim`; only their order and what is written of them is here.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from inkling.approx.reference import field_files as integer_files
from inkling.fields.learn import Ask, Learnt, check_source, subject
from inkling.fields.verify import record
from inkling.hdl.fields import numba_kernel, unpack
from inkling.hdl.fields.call import CField, build
from inkling.hdl.fields.plan import plan
from inkling.reports.page.field import keep, page
from inkling.reports.results.field import FieldReport
from inkling.runs.folder import run_folder
from inkling.runs.progress import Stages
from inkling.sim.fields import kernels
from inkling.sim.fields.recheck import ENGINE_JSON, FieldBudget, check_engine, write_engine
from inkling.train.errors import InputError

# Steps, and random queries of each verification route.
EFFORTS = {"quick": (300, 100_000), "standard": (3000, 1_000_000), "thorough": (20_000, 10_000_000)}
WHATS = ("visibility", "sdf")


@dataclass(frozen=True)
class FieldRequest:
    """What is asked: kilobytes of a picture's packed field, a series' or a shape's tables, or each position's tables;
    what: of meshes, visibility or sdf; engine: multiply lanes of a clocked engine in Verilog, 0 for none; scene: the
    seed that the town is built by."""

    source: str
    out: Path | None
    effort: str
    seed: int
    kilobytes: int
    positions: int
    what: str
    engine: int = 0
    scene: int = 0


def execute(request: FieldRequest, *, as_json: bool = False) -> bool:
    """Train, turn to integers, emit, verify and report; True where every route agrees. Raises InputError.

    Ctrl-C ends the training only: what was learnt is turned into a result, and asking again goes on from there.
    """
    source = request.source
    name = Path(source).stem or "field"
    out = request.out or Path("runs") / name
    steps, count = EFFORTS[request.effort]
    learns = subject(source, request.what, request.scene)
    ask = Ask(request.kilobytes, request.positions, request.seed, steps)
    # Where the result goes does not change what is learnt.
    mark = hashlib.sha256(repr((learns.mark(), type(learns).__name__, ask)).encode()).hexdigest()[:12]
    kept = out.parent / f"{out.name}.checkpoint-{mark}"
    console = Console(stderr=as_json)
    with run_folder(out) as folder, Stages(console) as stages:
        kept.mkdir(parents=True, exist_ok=True)
        with stages.running("train") as shown:
            learnt = learns.learn(ask, kept, stages.say, lambda step, loss: shown(step, steps))
        trained, field = learnt.trained, learnt.field
        stopped = f", stopped; the same command goes on from {kept.name}" if trained.stopped else ""
        stages.done("train", f"{trained.steps:,} of {steps:,} steps{stopped}")
        integer_files.save(field, folder)
        with stages.running("kernels"):
            how = plan(field)
            compiled = build(how, folder)
            unpacker = unpack.build(how, folder) if learnt.shape is not None else None
            text = numba_kernel.emit(how)
            (folder / "kernel.py").write_text(text)
            if request.engine:
                write_engine(field, request.engine, folder)
        with stages.running("verify"):
            verdicts = kernels.check(how, compiled, text, count, request.seed)
            if unpacker is not None:
                verdicts.append(kernels.check_unpacked(how, unpacker.unpack((folder / "packed.bin").read_bytes())))
            certificate: dict[str, Any] = {}
            coverage: dict[str, Any] = {}
            if request.engine:
                budget = FieldBudget(queries=count, clocks=20 * count)
                certificate, coverage = check_engine(field, folder, verdicts.append, budget=budget, seed=request.seed)
        recorded = [record(verdict, certificate, coverage) for verdict in verdicts]
        _write(folder / "verdict.json", recorded)
        passed = all(verdict.passed for verdict in verdicts)
        stages.done("verify", f"{len(verdicts)} routes, {count:,} queries each: {'equal' if passed else 'DIFFERENT'}")
        nanoseconds = round(kernels.nanoseconds(compiled, field, request.seed), 2)
        report = FieldReport(
            name=name,
            meaning=field.meaning,
            model=learnt.notation,
            steps=trained.steps,
            stopped=trained.stopped,
            bytes=learnt.size or kernels.size(field, folder),
            bytes_in_memory=kernels.size(field, folder),
            bytes_per_entry=field.bytes_per_entry,
            path=compiled.path,
            figures=learnt.figures,
            facts=learnt.facts,
            verdicts=tuple(verdict.to_json() for verdict in verdicts),
            engine=json.loads((folder / ENGINE_JSON).read_text()) if request.engine else {},
        )
        asked = {**request.__dict__, "out": out.name, "source": Path(source).name}
        run = {"schema": "inkling.run/1", "kind": "field", "request": asked}
        _write(folder / "run.json", run)
        _write(folder / "report.json", report.to_json())
        pictures = _pictures(learnt, compiled)
        keep(pictures, folder)
        (folder / "report.html").write_text(page(report, pictures), encoding="utf-8")
    if not trained.stopped:
        shutil.rmtree(kept, ignore_errors=True)
    best = ", ".join(f"{key.replace('_', ' ')} {value:,.6g}" for key, value in learnt.figures.items())
    console.print(f"{out}: {best}, {nanoseconds} ns a query", highlight=False, markup=False)
    if as_json:
        print(json.dumps(report.to_json(), indent=1, sort_keys=True))
    return passed


def _write(path: Path, document: dict[str, Any] | list[dict[str, Any]]) -> None:
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _pictures(learnt: Learnt, compiled: CField) -> list[tuple[str, bytes]]:
    """PNG files of the truth and of what the kernel decodes, or of what is seen from a place."""
    shown = list(learnt.views)
    if learnt.shape is not None and learnt.truth is not None:
        height, width = learnt.shape
        shown += [("the picture", learnt.truth), ("the integer field", compiled.decode(width, height))]
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
    if not 0 <= request.seed < 2**32 or not 0 <= request.scene < 2**32:
        raise InputError(f"--seed {request.seed} and --scene-seed {request.scene} must be in 0..4294967295")
    if request.scene and request.source != "town":
        raise InputError(f"--scene-seed builds the town, and {request.source} is none; leave it out")
    check_source(request.source, request.what)
    if not 1 <= request.kilobytes <= 65536 or not 1 <= request.positions <= 65536:
        raise InputError("--kilobytes and --positions must be in 1..65536")
    if not 0 <= request.engine <= 10**6:
        raise InputError(f"--engine {request.engine} is outside 0..1000000 lanes")
    if request.kilobytes * request.positions > 2**20:
        raise InputError("--kilobytes times --positions is more than a gigabyte of tables; give less of one")

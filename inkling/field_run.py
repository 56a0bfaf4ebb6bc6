"""`inkling field`: from a picture or a mesh to a verified integer field, its kernels and a report.

The stages live below, in `train`, `approx`, `hdl` and `sim`; only their order and what is written of them is here.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from approx import field_files as integer_files
from approx.field_coding import coordinate_code
from approx.field_coding import encode as encode_offsets
from approx.field_network import IntegerField
from approx.field_quantise import quantise
from hdl import field_numba
from hdl.field_call import CField, build
from hdl.field_plan import plan
from inkling.field_page import keep, page
from inkling.field_verify import record
from inkling.folder import run_folder
from inkling.progress import Stages
from sim import fields
from sim.field_recheck import ENGINE_JSON, FieldBudget, check_engine, write_engine
from train import rays, scenes, signals, visibility
from train.encodings import Quantisation
from train.errors import InputError
from train.field import FloatField, evaluate
from train.field_models import FieldModel, parse
from train.field_tasks import SignalTask, to_field
from train.field_training import Settings, Task, train
from train.town import town

# Steps, samples a batch, and random queries of each verification route.
EFFORTS = {
    "quick": (300, 8192, 100_000),
    "standard": (3000, 16384, 1_000_000),
    "thorough": (20_000, 16384, 10_000_000),
}
WHATS = ("visibility", "sdf")
SCENES = ("town", "game-level")
STRETCH = 5.0
SLICES, RESOLUTION = 8, 24


@dataclass(frozen=True)
class FieldRequest:
    """What is asked: kilobytes are of tables, a picture's or each position's; what: of meshes, visibility or sdf;
    engine: multiply lanes of a clocked engine in Verilog, 0 for none."""

    source: str
    out: Path | None
    effort: str
    seed: int
    kilobytes: int
    positions: int
    what: str
    engine: int = 0


def execute(request: FieldRequest, *, as_json: bool = False) -> bool:
    """Train, turn to integers, emit, verify and report; True where every route agrees. Raises InputError.

    Ctrl-C ends the training only: what was learnt is turned into a result, and asking again goes on from there.
    """
    source = request.source
    name = Path(source).stem or "field"
    out = request.out or Path("runs") / name
    steps, size, count = EFFORTS[request.effort]
    is_mesh = source in SCENES or Path(source).suffix.lower() in scenes.MESH_FORMATS
    truth: signals.Signal | None = None
    casting: rays.Caster | None = None
    task: Task
    if not is_mesh:
        truth = signals.load_picture(source)
    else:
        mesh = town(0) if source == "town" else scenes.game_level() if source == "game-level" else scenes.load(source)
        if request.what == "sdf":
            truth = signals.shape(mesh, RESOLUTION, SLICES)
        else:
            casting = rays.caster(mesh)
    if truth is not None:
        task, entries, outputs = SignalTask(truth, size, request.seed), truth.entries, truth.values.shape[1]
        height, width = truth.shape or (RESOLUTION, RESOLUTION)
        mark = hashlib.sha256(truth.values.tobytes())
    else:
        assert casting is not None
        rng = np.random.default_rng(request.seed)
        places = rays.standing(casting, request.positions, rng)
        task = visibility.task(casting, rays.targets(casting, rng), places, size, request.seed, STRETCH)
        entries, outputs, height, width = len(places), 1, 1, 1
        mark = hashlib.sha256(places.tobytes() + casting.mesh.vertices.tobytes())
    # Levels of four 4-bit texels, two bytes a place, of the picture's proportions; the tables fill the kilobytes.
    area = request.kilobytes * 1024 / 2
    high = min(max(2, round((area * height / width) ** 0.5)), 8192)
    wide = min(max(2, round(area / high)), 8192)
    notation = f"grid({high}x{wide}x4) -> 32 32 relu -> {outputs}"
    model = FieldModel(parse(notation), entries, request.seed, Quantisation(grid_bits=4))
    mark.update(repr((notation, request)).encode())
    kept = out.with_name(f"{out.name}.checkpoint-{mark.hexdigest()[:12]}")
    console = Console(stderr=as_json)
    with run_folder(out) as folder, Stages(console) as stages:
        kept.mkdir(parents=True, exist_ok=True)
        with stages.running("train"):
            settings = Settings(steps, 0.01, 0.03, seed=request.seed, checkpoint_every=max(50, steps // 20))
            trained = train(model, task, settings, kept)
        stages.done("train", f"{trained.steps:,} of {steps:,} steps" + (", stopped" if trained.stopped else ""))
        figures: dict[str, Any]
        with stages.running("integers"):
            if truth is not None:
                floats = to_field(model, truth)
                entry, uv = truth.entry, truth.uv
                field = quantise(floats, entry, uv, grid_bits=4)
                figures = _signal_figures(truth, floats, field)
            else:
                assert casting is not None and isinstance(task, visibility.VisibilityTask)
                held, unseen = (
                    rays.mixed(casting, task.aims, places, 100_000, np.random.default_rng([request.seed, k]))
                    for k in (100, 101)
                )
                floats = visibility.with_margin(visibility.to_field(model, task.sight), held)
                sampled = visibility.samples(held, task.sight)
                field = quantise(floats, sampled.entry, sampled.uv, grid_bits=4)
                figures = _visibility_figures(floats, field, unseen)
        integer_files.save(field, folder)
        with stages.running("kernels"):
            how = plan(field)
            compiled = build(how, folder)
            text = field_numba.emit(how)
            (folder / "kernel.py").write_text(text)
            if request.engine:
                write_engine(field, request.engine, folder)
        with stages.running("verify"):
            verdicts = fields.check(how, compiled, text, count, request.seed)
            certificate, coverage = {}, {}
            if request.engine:
                budget = FieldBudget(queries=count, clocks=20 * count)
                certificate, coverage = check_engine(field, folder, verdicts.append, budget=budget, seed=request.seed)
        recorded = [record(verdict, certificate, coverage) for verdict in verdicts]
        _write(folder / "verdict.json", recorded)
        passed = all(verdict.passed for verdict in verdicts)
        stages.done("verify", f"{len(verdicts)} routes, {count:,} queries each: {'equal' if passed else 'DIFFERENT'}")
        report = {
            "schema": "inkling.field/1",
            "name": name,
            "meaning": field.meaning,
            "model": notation,
            "steps": trained.steps,
            "stopped": trained.stopped,
            "bytes": fields.size(field, folder),
            "bytes_per_entry": field.bytes_per_entry,
            "ns_per_query": round(fields.nanoseconds(compiled, field, request.seed), 2),
            "path": compiled.path,
            **figures,
            "verdicts": [verdict.to_json() for verdict in verdicts],
            **({"engine": json.loads((folder / ENGINE_JSON).read_text())} if request.engine else {}),
        }
        if truth is not None and field.meaning == "picture":
            report["bits_per_pixel"] = 8 * fields.size(field, folder) / len(truth.values)
        asked = {**request.__dict__, "out": out.name, "source": Path(source).name}
        run = {"schema": "inkling.run/1", "kind": "field", "request": asked}
        _write(folder / "run.json", run)
        _write(folder / "report.json", report)
        pictures = _pictures(truth, compiled) if truth is not None else []
        keep(pictures, folder)
        (folder / "report.html").write_text(page(report, pictures), encoding="utf-8")
    if not trained.stopped:
        shutil.rmtree(kept, ignore_errors=True)
    best = {key: round(value, 3) for key, value in figures.items()}
    console.print(f"{out}: {best}, {report['ns_per_query']} ns a query", highlight=False, markup=False)
    if as_json:
        print(json.dumps(report, indent=1, sort_keys=True))
    return passed


def _write(path: Path, document: dict[str, Any] | list[dict[str, Any]]) -> None:
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _signal_figures(truth: signals.Signal, floats: FloatField, field: IntegerField) -> dict[str, float]:
    """PSNR in dB of a picture's fields; of distances, the root of the mean squared error in metres."""
    u, v = (coordinate_code(truth.uv[:, k]).astype(np.int64) for k in (0, 1))
    found, exact = [], []
    for k in range(0, len(u), 2**16):
        part = slice(k, k + 2**16)
        found.append(field.evaluate(truth.entry[part], u[part], v[part]))
        exact.append(evaluate(floats, truth.entry[part], truth.uv[part]))
    scale, offset = np.array(field.coding.scale), np.array(field.coding.offset)
    integer = np.concatenate(found) * scale + offset
    if truth.meaning == "picture":
        return {
            "psnr_float_db": signals.psnr(np.concatenate(exact), truth.values),
            "psnr_integer_db": signals.psnr(integer, truth.values),
        }
    errors = {"float": np.concatenate(exact), "integer": integer}
    return {f"error_{key}_m": float(np.sqrt(((x - truth.values) ** 2).mean())) for key, x in errors.items()}


def _visibility_figures(floats: FloatField, field: IntegerField, unseen: rays.Rays) -> dict[str, float]:
    """Shares of right answers on rays that nothing was chosen on, in percent."""
    u, v, code = encode_offsets(unseen.offset, field.coding)
    seen = field.visible(unseen.entry, u, v, code)
    return {
        "correct_float_percent": 100 * visibility.score(floats, unseen).correct,
        "correct_integer_percent": 100 * float((seen == unseen.visible).mean()),
    }


def _pictures(truth: signals.Signal, compiled: CField) -> list[tuple[str, bytes]]:
    """PNG files of the truth and of what the kernel decodes; none but of pictures."""
    if truth.shape is None:
        return []
    import io

    from PIL import Image

    height, width = truth.shape
    found = []
    original = np.round(truth.values * 255).astype(np.uint8).reshape(height, width, -1)
    for label, pixels in (("the picture", original), ("the integer field", compiled.decode(width, height))):
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
    if not 0 <= request.seed < 2**32:
        raise InputError(f"--seed {request.seed} is outside 0..4294967295")
    if not 1 <= request.kilobytes <= 65536 or not 1 <= request.positions <= 65536:
        raise InputError("--kilobytes and --positions must be in 1..65536")
    if not 0 <= request.engine <= 10**6:
        raise InputError(f"--engine {request.engine} is outside 0..1000000 lanes")
    if request.kilobytes * request.positions > 2**20:
        raise InputError("--kilobytes times --positions is more than a gigabyte of tables; give less of one")

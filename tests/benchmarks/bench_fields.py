"""What neural fields reach: correct visibility by bytes a position, PSNR by bits a pixel, and the encodings compared.

    python tests/benchmarks/bench_fields.py [--part quality|pictures|variants] [--scenes town,level] [--kilobytes 16]
        [--positions 16] [--steps 3000] [--batch 16384] [--device cpu] [--fields FOLDER] [--json FILE]

Every result is written as soon as it is there; what the file already holds is not run again, and a killed run goes on
from its checkpoint. Margins are chosen on held-out rays, figures are of other rays. Speed is measured by
bench_field_kernels.py, which can read the fields that are kept in --fields.
"""

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

from train import beside, field_files, fresh, rays, scenes, signals, visibility  # noqa: E402
from train.encodings import Fourier, GaussianBumps, Quantisation, Sape  # noqa: E402
from train.field import evaluate  # noqa: E402
from train.field_models import FieldModel, parse  # noqa: E402
from train.field_tasks import DistillTask, LevelsTask, SignalTask, answers, quality, to_field  # noqa: E402
from train.field_training import Settings, train  # noqa: E402
from train.field_variants import CamField, EncodedField, ProgressiveField, ResidualField, TiledField  # noqa: E402
from train.town import town  # noqa: E402

# Levels of 4-bit texels, 32x2 net: eight features are four bytes.
GRIDS = {4: "32x32x8", 8: "45x45x8", 16: "64x64x8", 32: "90x90x8"}
GOALS = {4: 98.0, 8: 98.7, 16: 99.3, 32: 99.6}
# Levels of pictures of 768 x 512, by nominal bits a pixel, with the published COIN points.
PICTURES = {
    0.074: ("grid(24x36x4, 8x12x4)", "16 16", 23.2),
    0.160: ("grid(44x66x4, 12x18x4)", "16 16", 24.6),
    0.307: ("grid(66x99x4, 16x24x4)", "24 24", 26.4),
    0.611: ("grid(96x144x4, 32x48x4)", "24 24", 28.4),
}


def keep(path: Path, results: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside.write(path, (json.dumps(results, indent=1, sort_keys=True) + "\n").encode())


def visibility_cell(scene: str, kilobytes: int, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Train one scene at one size and say what it is worth on rays that nothing was chosen on."""
    casting = rays.caster(town(0) if scene == "town" else scenes.game_level())
    rng = np.random.default_rng(7)
    positions = rays.standing(casting, options.positions, rng)
    aims = rays.targets(casting, rng)
    size = options.batch or 4096 * options.positions
    task = visibility.task(casting, aims, positions, size, 0, visibility.STRETCH)
    task = replace(task, distinct=256, cost_visible=options.cost_visible)
    spec = parse(f"grid({GRIDS[kilobytes]}) -> 32 32 relu -> 1")
    model = FieldModel(spec, len(positions), 0, visibility.AWARE)
    settings = Settings(options.steps, 0.01, 0.03, device=options.device, checkpoint_every=250)
    start = time.process_time()
    result = train(model, task, settings, folder / "checkpoint")
    seconds = time.process_time() - start
    model.cpu()
    chosen_on = rays.mixed(casting, aims, positions, 400_000, np.random.default_rng(100))
    fresh_rays = rays.mixed(casting, aims, positions, 400_000, np.random.default_rng(101))
    field = visibility.with_margin(visibility.to_field(model, task.sight), chosen_on)
    field_files.save(field, folder)
    half = len(fresh_rays.entry) // 2
    score = visibility.score(field, fresh_rays)
    agents = visibility.score(field, rays.Rays(*(part[:half] for part in fresh_rays)))
    uniform = visibility.score(field, rays.Rays(*(part[half:] for part in fresh_rays)))
    safe = visibility.score(visibility.with_margin(field, chosen_on, false_visible=0.0008), fresh_rays)
    return {
        "correct_percent": 100 * score.correct,
        "agents_percent": 100 * agents.correct,
        "uniform_percent": 100 * uniform.correct,
        "visible_percent": 100 * float(fresh_rays.visible.mean()),
        "goal_percent": GOALS[kilobytes],
        "conservative": {"correct_percent": 100 * safe.correct, "false_visible_percent": 100 * safe.false_visible},
        "kilobytes_per_position": sum(h * w * f for h, w, f in spec.levels) / 2 / 1024,
        "positions": len(positions),
        "triangles": len(casting.mesh.triangles),
        "steps": result.steps,
        "batch": size,
        "cost_visible": options.cost_visible,
        "cpu_seconds": seconds,
        "rays": score.rays,
        "grid_bits": 4,
    }


def pictures(folder: Path) -> list[Path]:
    """The pictures of a folder, in order."""
    return sorted(folder.glob("*.png")) if folder.is_dir() else []


def picture_cell(path: Path, rate: float, options: argparse.Namespace) -> dict[str, Any]:
    """One picture at one size, with all bits counted: 4 a texel, 8 a weight, 16 a bias; no entropy coding."""
    signal = signals.load_picture(path)
    grids, hidden, coin = PICTURES[rate]
    model = FieldModel(parse(f"{grids} -> {hidden} relu -> 3"), 1, 0, Quantisation(grid_bits=4))
    task = SignalTask(signal, options.batch or 16384)
    start = time.process_time()
    train(model, task, Settings(options.steps, 0.01, 0.03, device=options.device))
    field = to_field(model.cpu(), signal)
    bits = 4 * sum(grid.table.size for grid in field.grids)
    bits += 8 * sum(w.size for w in field.weights) + 16 * sum(b.size for b in field.biases)
    decoded = evaluate(field, signal.entry, signal.uv)
    return {
        "bits_per_pixel": bits / len(signal.values),
        "psnr_db": signals.psnr(decoded, signal.values),
        "coin_mean_db": coin,
        "steps": options.steps,
        "cpu_seconds": time.process_time() - start,
    }


def variant_table(options: argparse.Namespace) -> dict[str, Any]:
    """One sample picture, scaled down, every method: PSNR, parameters, seconds."""
    full = signals.load_picture("astronaut")
    assert full.shape is not None
    signal = signals.picture("astronaut", full.values.reshape(*full.shape, 3)[::4, ::4])
    scale = fresh.choose(
        signal,
        (1.0, 3.0, 10.0, 30.0),
        lambda candidate, seed: FieldModel(parse(f"fourier(64, {candidate:g}) -> 64 64 relu -> 3"), 1, seed),
    ).scale
    sape = Sape(Fourier(64, scale, 0), 8, 0.3, 1e-3)
    teacher = FieldModel(parse("uv -> 64 64 64 sine(60) -> 3"))
    plain = SignalTask(signal, 4096)
    watched = SignalTask(signal, 4096, watch=lambda batch, losses: sape.advance(batch["uv"], losses))
    rows: dict[str, tuple[torch.nn.Module, Any, float]] = {
        "siren": (teacher, plain, 1e-3),
        "fourier, scale 1": (FieldModel(parse("fourier(64, 1) -> 64 64 relu -> 3")), plain, 3e-3),
        f"fourier, FreSh scale {scale:g}": (
            FieldModel(parse(f"fourier(64, {scale:g}) -> 64 64 relu -> 3")),
            plain,
            3e-3,
        ),
        "periodic-quadratic": (FieldModel(parse("uv -> 64 64 64 periodic_quadratic(60) -> 3")), plain, 1e-3),
        "grids": (FieldModel(parse("grid(32x32x4, 12x12x4) -> 32 32 relu -> 3")), plain, 1e-2),
        "grids, 4-bit": (
            FieldModel(parse("grid(32x32x4, 12x12x4) -> 32 32 relu -> 3"), 1, 0, Quantisation(grid_bits=4)),
            plain,
            1e-2,
        ),
        "CAM": (CamField(f"fourier(64, {scale:g}) -> 64 64 relu -> 3", 24), plain, 3e-3),
        "SAPE": (EncodedField([sape], [64, 64], 3), watched, 3e-3),
        "PINs": (ProgressiveField(3, (24, 40, 64), (10, 40, 90)), LevelsTask(plain), 1e-3),
        "RBF": (EncodedField([GaussianBumps(28, 4, 0, waves=2)], [32, 32], 3), plain, 5e-3),
        "KiloNeRF tiles of siren": (TiledField(3, 32, 4), DistillTask(teacher, 4096), 3e-2),
        "R2L of siren": (ResidualField(3, 64, 4, scale), DistillTask(teacher, 4096), 2e-3),
    }
    table = {}
    for name, (model, task, rate) in rows.items():
        start = time.process_time()
        grid_rate = 3 * rate if "grids" in name else None
        train(model, task, Settings(options.steps, rate, grid_rate, device=options.device))
        seconds = time.process_time() - start
        found = answers(model, signal)
        table[name] = {
            "psnr_db": quality(model, signal) if found.ndim == 2 else signals.psnr(found[-1], signal.values),
            "parameters": sum(p.numel() for p in model.parameters()),
            "cpu_seconds": seconds,
        }
        if found.ndim == 3:
            table[name]["psnr_of_levels_db"] = [signals.psnr(level, signal.values) for level in found]
        print(
            f"{name:28s} {table[name]['psnr_db']:6.2f} dB {table[name]['parameters']:7d} parameters {seconds:6.1f} s"
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("quality", "pictures", "variants", "all"), default="all")
    parser.add_argument("--scenes", default="town,level")
    parser.add_argument("--kilobytes", default="16,8,4,32")
    parser.add_argument("--rates", default="0.307,0.074,0.16,0.611")
    parser.add_argument("--most-pictures", type=int, default=24)
    parser.add_argument("--positions", type=int, default=16)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, help="default 4,096 a position, or samples of a picture 16,384")
    parser.add_argument("--cost-visible", type=float, default=1.0, help="what wrongly answering 'visible' costs")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--fields", type=Path, default=ROOT / "build" / "bench" / "fields")
    parser.add_argument("--images", type=Path, default=ROOT.parent / "shared" / "images")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench" / "fields.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = json.loads(options.json.read_text()) if options.json.is_file() else {}
    results.setdefault("machine", platform.machine())
    if options.part in ("quality", "all"):
        cells = results.setdefault("visibility", {})
        for kilobytes in map(int, options.kilobytes.split(",")):
            for scene in options.scenes.split(","):
                key = f"{scene}, {kilobytes} KB, {options.positions} positions, {options.steps} steps"
                if options.cost_visible != 1:
                    key += f", cost {options.cost_visible:g}"
                if key not in cells:
                    folder = options.fields / key.replace(", ", "_").replace(" ", "")
                    folder.mkdir(parents=True, exist_ok=True)
                    cells[key] = visibility_cell(scene, kilobytes, options, folder)
                    keep(options.json, results)
                print(
                    f"{key}: {cells[key]['correct_percent']:.2f} % correct (goal {cells[key]['goal_percent']})",
                    flush=True,
                )
    if options.part in ("pictures", "all"):
        cells = results.setdefault("pictures", {})
        for rate in map(float, options.rates.split(",")):
            done = []
            for path in pictures(options.images)[: options.most_pictures]:
                key = f"{path.stem}, {rate:g} bpp, {options.steps} steps"
                if key not in cells:
                    cells[key] = picture_cell(path, rate, options)
                    keep(options.json, results)
                done.append(cells[key])
                print(f"{key}: {done[-1]['psnr_db']:.2f} dB at {done[-1]['bits_per_pixel']:.3f} bpp", flush=True)
            if done:
                mean = np.mean([cell["psnr_db"] for cell in done])
                print(f"mean of {len(done)} pictures: {mean:.2f} dB, COIN's 24: {PICTURES[rate][2]} dB at {rate} bpp")
    if options.part in ("variants", "all"):
        key = f"variants, {options.steps} steps"
        if key not in results:
            results[key] = variant_table(options)
            keep(options.json, results)


if __name__ == "__main__":
    main()

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
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

from inkling.train.fields import visibility  # noqa: E402
from inkling.train.fields.models import FieldModel, parse  # noqa: E402
from inkling.train.fields.training import Settings, train  # noqa: E402
from inkling.train.files import atomic  # noqa: E402
from inkling.train.scenes import mesh, rays  # noqa: E402
from inkling.train.scenes.town import town  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
import float_field_files  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]

# Levels of 4-bit texels, 32x2 net: eight features are four bytes.
GRIDS = {4: "32x32x8", 8: "45x45x8", 16: "64x64x8", 32: "90x90x8"}
GOALS = {4: 98.0, 8: 98.7, 16: 99.3, 32: 99.6}


def keep(path: Path, results: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, (json.dumps(results, indent=1, sort_keys=True) + "\n").encode())


def visibility_cell(scene: str, kilobytes: int, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Train one scene at one size and say what it is worth on rays that nothing was chosen on."""
    casting = rays.caster(town(0) if scene == "town" else mesh.game_level())
    rng = np.random.default_rng(7)
    positions = rays.standing(casting, options.positions, rng)
    aims = rays.targets(casting, rng)
    size = options.batch or 8192 * options.positions
    task = visibility.task(casting, aims, positions, size, 0, visibility.STRETCH)
    task = replace(task, distinct=512, cost_visible=options.cost_visible)
    spec = parse(f"grid({GRIDS[kilobytes]}) -> 32 32 relu -> 1")
    model = FieldModel(spec, len(positions), 0, visibility.AWARE)
    settings = Settings(options.steps, 0.02, 0.03, device=options.device, checkpoint_every=250)
    start = time.process_time()
    result = train(model, task, settings, folder / "checkpoint")
    seconds = time.process_time() - start
    model.cpu()
    chosen_on = rays.mixed(casting, aims, positions, 400_000, np.random.default_rng(100))
    fresh_rays = rays.mixed(casting, aims, positions, 400_000, np.random.default_rng(101))
    field = visibility.with_margin(visibility.to_field(model, task.sight), chosen_on)
    float_field_files.save(field, folder)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("quality", "pictures", "variants", "all"), default="all")
    parser.add_argument("--scenes", default="town,level")
    parser.add_argument("--kilobytes", default="16,8,4,32")
    parser.add_argument("--positions", type=int, default=16)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, help="default 8,192 a position, or samples of a picture 16,384")
    parser.add_argument("--cost-visible", type=float, default=1.0, help="what wrongly answering 'visible' costs")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--fields", type=Path, default=ROOT / "build" / "bench" / "fields")
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
    for part in ("pictures", "variants"):
        if options.part in (part, "all"):
            # Their own options are told by --help of bench_fields_pictures.py and bench_fields_variants.py.
            subprocess.run(
                [sys.executable, "-P", str(Path(__file__).with_name(f"bench_fields_{part}.py"))], check=True
            )


if __name__ == "__main__":
    main()

"""A trained visibility field, its integers and its C kernel, beside Embree and the optimised depth map, in one run.

    python tests/benchmarks/bench_fields_visibility.py [--scene town|level] [--kilobytes 16] [--json FILE]

The field is the one with the most steps among those that bench_fields.py keeps in --fields for the scene and size;
where there is none a short one is trained. Accuracy and speed are of the same field on the same held-out rays, which
neither the training, the margin nor the depth map's thresholds have seen. One thread, minima of jobs that take turns.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import float_field_files  # noqa: E402
import numpy as np  # noqa: E402
from bench_field_kernels import CHUNK, at, compile_rivals, minima  # noqa: E402

from inkling.approx.fields.depth_map import fit  # noqa: E402
from inkling.approx.fields.quantise import decisions, quantise  # noqa: E402
from inkling.approx.reference.coding import encode  # noqa: E402
from inkling.hdl.fields.call import CField, build  # noqa: E402
from inkling.hdl.fields.plan import plan  # noqa: E402
from inkling.train.fields import visibility  # noqa: E402
from inkling.train.files import atomic  # noqa: E402
from inkling.train.scenes import mesh as scenes  # noqa: E402
from inkling.train.scenes import rays  # noqa: E402
from inkling.train.scenes.town import town  # noqa: E402

# As in bench_fields.py: the seed of positions and crowd, of the margin's rays, of the held-out rays, of the rival's.
SEEDS = {"positions": 7, "training": 0, "margin": 100, "held_out": 101, "depth_map": 102}
SHORT = 300


def kept_field(options: argparse.Namespace) -> tuple[Path, int]:
    """The folder of the field with the most steps, and the steps; trains a short one where there is none."""
    pattern = f"{options.scene}_{options.kilobytes}KB_{options.positions}positions_*steps"

    def steps(folder: Path) -> int:
        return int(folder.name.rsplit("_", 1)[1].removesuffix("steps"))

    def found() -> list[Path]:
        return sorted((p.parent for p in options.fields.glob(f"{pattern}/field.json")), key=steps)

    if not found():
        command = [sys.executable, "-P", str(HERE / "bench_fields.py"), "--part", "quality", "--steps", str(SHORT)]
        command += ["--scenes", options.scene, "--kilobytes", str(options.kilobytes)]
        command += ["--positions", str(options.positions), "--fields", str(options.fields)]
        subprocess.run(command, check=True)
    return found()[-1], steps(found()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scene", choices=("town", "level"), default="town")
    parser.add_argument("--kilobytes", type=int, default=16)
    parser.add_argument("--positions", type=int, default=16)
    parser.add_argument("--rays", type=int, default=400_000)
    parser.add_argument("--samples", type=int, default=20, help="rays a texel that the depth map is fitted on")
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--fields", type=Path, default=ROOT / "build" / "bench" / "fields")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    everything = json.loads(options.json.read_text()) if options.json and options.json.is_file() else {}
    place, steps = kept_field(options)
    found: dict[str, Any] = {"ratios": {}, "steps": steps, "seeds": SEEDS, "rays": options.rays}
    found |= {"machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}"}
    everything[f"{options.scene}, {options.kilobytes} KB, {options.positions} positions"] = found

    def keep() -> None:
        if options.json:
            atomic.write(options.json, (json.dumps(everything, indent=1) + "\n").encode())

    field = float_field_files.load(place)
    assert field.sight is not None
    casting = rays.caster(town(0) if options.scene == "town" else scenes.game_level())
    rng = np.random.default_rng(SEEDS["positions"])
    positions = rays.standing(casting, options.positions, rng)
    if not np.array_equal(positions, field.sight.positions):
        raise SystemExit(f"{place} was trained at other positions: delete it")
    aims = rays.targets(casting, rng)

    def shot(count: int, seed: str) -> rays.Rays:
        return rays.mixed(casting, aims, positions, count, np.random.default_rng(SEEDS[seed]))

    test, known = shot(options.rays, "held_out"), shot(options.rays, "margin")
    calibration = visibility.samples(known, field.sight)
    judge = decisions(known.entry, known.offset, known.visible)
    correct = {"float": 100 * visibility.score(field, test).correct}
    found["correct_percent"] = correct
    differs = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kernels: dict[int, CField] = {}
        for bits in (4, 8):
            whole = quantise(field, calibration.entry, calibration.uv, grid_bits=bits, judge=judge)
            (folder / str(bits)).mkdir()
            kernels[bits] = build(plan(whole), folder / str(bits))
            u, v, codes = encode(test.offset, whole.coding)
            seen = kernels[bits].visible(test.entry, u, v, codes)
            differs += int((seen != whole.visible(test.entry, u, v, codes)).sum())
            correct[f"integer, {bits}-bit grid"] = 100 * float((seen == test.visible).mean())
            found[f"loss_in_points_{bits}_bit_grid"] = correct["float"] - correct[f"integer, {bits}-bit grid"]
            found[f"bytes_per_position_{bits}_bit_grid"] = whole.bytes_per_entry
        parts = [
            float(part.mean())
            for part in np.array_split(np.random.default_rng(0).permutation(seen == test.visible), 10)
        ]
        found["spread_of_tenths_in_points"] = 100 * float(np.std(parts))
        found["decisions_on_which_c_and_reference_differ"] = differs
        keep()
        print(json.dumps(found, indent=1), flush=True)
        code, has_embree = compile_rivals(folder)
        order = np.random.default_rng(1).permutation(options.rays)[:CHUNK]
        entry, offset = test.entry[order].astype(np.uint32), np.ascontiguousarray(test.offset[order])
        jobs: dict[str, Callable[[], None]] = {}
        for bits, kernel in kernels.items():
            batch = kernel.batch(CHUNK)
            u, v, codes = kernel.encode(offset)
            batch.entry[:], batch.u[:], batch.v[:], batch.code[:] = entry, u, v, codes
            jobs[f"field, {bits}-bit grid"] = lambda batch=batch: batch.visible(CHUNK)
        if has_embree:
            mesh, eyes, out = casting.mesh, np.ascontiguousarray(positions), np.zeros(CHUNK, np.uint8)
            room = np.zeros(mesh.vertices.size + 8, np.float32)
            room[: mesh.vertices.size] = mesh.vertices.ravel()
            corners = np.ascontiguousarray(mesh.triangles, np.uint32)
            scene = code.embree_scene(room.ctypes.data, len(mesh.vertices), *at(corners), len(corners))
            jobs["embree"] = lambda: code.embree_single(scene, eyes.ctypes.data, CHUNK, *at(entry, offset, out))
        spent = {key: value / CHUNK * 1e9 for key, value in minima(jobs, options.rounds).items()}
        found["ns_per_query"] = spent
        if has_embree:
            for bits in kernels:
                found["ratios"][f"batch of a {bits}-bit grid against embree random"] = (
                    spent["embree"] / spent[f"field, {bits}-bit grid"]
                )
        keep()
    print(json.dumps(found, indent=1), flush=True)
    size = int(found["bytes_per_position_4_bit_grid"] ** 0.5)
    start = time.process_time()
    train = shot(options.samples * size * size * options.positions, "depth_map")
    coding = whole.coding
    rival = fit(train.entry, *encode(train.offset, coding), train.visible, entries=options.positions, size=size)
    answers = rival.visible(test.entry, *encode(test.offset, coding))
    correct[f"depth map, {size * size} bytes, {options.samples} rays a texel"] = 100 * float(
        (answers == test.visible).mean()
    )
    found["depth_map_cpu_seconds"] = time.process_time() - start
    keep()
    print(json.dumps(found, indent=1), flush=True)
    if differs:
        raise SystemExit("the kernel's decisions differ from the reference's")


if __name__ == "__main__":
    main()

"""Kernels of neural fields beside ray casting: python tests/benchmarks/bench_field_kernels.py [--json FILE].

Random integer fields of the sizes that are used (speed does not depend on what they learned) take turns with Embree's
shadow rays from C and from Python and with a depth map of the same bytes, whose accuracy is measured; one thread,
minima over the rounds, on the procedural town and the packaged game level. Then bits: queries by the million through
NumPy, numba and every path of the C kernel. Embree is the one of the embreex package; without it those parts are left
out.
"""

import argparse
import ctypes
import json
import mmap
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.fields.depth_map import DepthMap, fit
from inkling.approx.fields.random_field import random_field
from inkling.approx.programs.process import package_folder, run
from inkling.approx.reference.coding import encode, pixel_codes
from inkling.hdl.fields import numba_kernel
from inkling.hdl.fields.c_kernel import PATHS
from inkling.hdl.fields.call import CField, build
from inkling.hdl.fields.plan import plan, tables

HERE = Path(__file__).parent
TWO_LEVELS = ((32, 32, 4, 8), (48, 48, 4, 8))
ONE_LEVEL = ((64, 64, 8, 4),)  # what bench_fields.py trains at 16 KiB
TRAINED = "32x2, one level of 4 bits"
CHUNK = 8192
# Batches that take turns on many positions: 1.5 million queries touch 3 times what the last cache holds.
MANY = 192
SINGLES = 2048
MIB = 1 << 20


def compile_rivals(folder: Path) -> tuple[ctypes.CDLL, bool]:
    """The C of this benchmark, and whether it has Embree."""
    found = sorted((package_folder("embreex").parent / "embreex.libs").glob("libembree4*"))
    library = folder / "rivals.so"
    command: list[str | Path] = [shutil.which("cc") or "gcc", "-O3", "-march=native", "-shared", "-fPIC"]
    if found:
        import embreex.rtcore_scene  # noqa: F401  (loads Embree's own libraries)

        command += ["-DWITH_EMBREE"]
    command += ["-o", library, HERE / "field_rivals.c", "-lm", *found[:1]]
    if found:
        command += [f"-Wl,-rpath,{found[0].parent}"]
    run(command, time_limit_s=120)
    code = ctypes.CDLL(str(library))
    p, size = ctypes.c_void_p, ctypes.c_size_t
    code.depth_map.argtypes = [p, ctypes.c_uint32, ctypes.c_int32, ctypes.c_int64, size, p, p, p, p, p]
    code.field_singles.argtypes = [p, p, size, p, p, p, p, ctypes.c_int, p]
    code.field_singles.restype = code.cold.restype = ctypes.c_double
    code.cold.argtypes = [p, p, p, p, p, size, p, p, p, p, ctypes.c_int]
    if hasattr(code, "vnni_peak"):
        code.vnni_peak.argtypes, code.vnni_peak.restype = [ctypes.c_long], ctypes.c_double
    if found:
        code.embree_scene.argtypes, code.embree_scene.restype = [p, size, p, size], p
        code.embree_single.argtypes = code.embree_packets.argtypes = [p, p, size, p, p, p]
    return code, bool(found)


def minima(jobs: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """The jobs take turns; the shortest time of each, in seconds."""
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(rounds):
        for name, job in jobs.items():
            begin = time.perf_counter()
            job()
            best[name] = min(best[name], time.perf_counter() - begin)
    return best


def huge(content: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy on huge pages where the system gives them."""
    room = mmap.mmap(-1, len(content) + 4 * MIB)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        room.madvise(mmap.MADV_HUGEPAGE)
    whole = np.frombuffer(room, np.uint8)
    start = -whole.ctypes.data % (2 * MIB)
    part = whole[start : start + len(content)]
    part[:] = content
    return part


def at(*arrays: NDArray[Any]) -> list[int]:
    return [array.ctypes.data for array in arrays]


class Scene:
    """Rays of a scene in the orders that are compared."""

    def __init__(self, name: str, entries: int, count: int) -> None:
        from inkling.train.scenes import mesh as scenes
        from inkling.train.scenes import rays
        from inkling.train.scenes.town import town

        self.name = name
        self.mesh = town(0) if name == "town" else scenes.game_level()
        self.casting = rays.caster(self.mesh)
        rng = np.random.default_rng(1)
        self.positions = rays.standing(self.casting, entries, rng)
        self.aims = rays.targets(self.casting, rng, crowd=4000)
        self.test = rays.mixed(self.casting, self.aims, self.positions, count, rng)
        order = rng.permutation(count)
        self.visible = self.test.visible[order]
        self.random = [part[order] for part in (self.test.entry.astype(np.uint32), self.test.offset)]
        entry, offset = self.random
        grouped = np.argsort(entry, kind="stable")
        self.grouped = [entry[grouped], offset[grouped]]
        # Packets get what suits them: thousands of rays of one position, along a Morton curve of the directions.
        few = rays.mixed(self.casting, self.aims, self.positions[:2], 2 * CHUNK, rng)
        u, v, _ = encode(few.offset, random_field(0, levels=((2, 2, 1, 8),), hidden=(4,)).coding)
        near = np.lexsort((morton(u, v), few.entry))[:CHUNK]
        self.sorted = [few.entry[near].astype(np.uint32), np.ascontiguousarray(few.offset[near])]


def morton(u: NDArray[np.uint16], v: NDArray[np.uint16]) -> NDArray[np.uint64]:
    code = np.zeros(len(u), np.uint64)
    for bit in range(16):
        for shift, part in ((2 * bit, u), (2 * bit + 1, v)):
            code |= (part.astype(np.uint64) >> np.uint64(bit) & np.uint64(1)) << np.uint64(shift)
    return code


def measure_scene(name: str, code: ctypes.CDLL, folder: Path, rounds: int) -> dict[str, Any]:
    """Batches and single queries of a 32x2 field, Embree and the depth map."""
    entries, count = 64, 1 << 15
    scene = Scene(name, entries, count)
    positions, mesh = np.ascontiguousarray(scene.positions), scene.mesh
    room = np.zeros(mesh.vertices.size + 8, np.float32)
    room[: mesh.vertices.size] = mesh.vertices.ravel()
    corners = np.ascontiguousarray(mesh.triangles, np.uint32)
    embree = code.embree_scene(room.ctypes.data, len(mesh.vertices), corners.ctypes.data, len(corners))
    if not embree:
        raise RuntimeError("Embree could not build the scene")
    seen = np.zeros(count, np.uint8)
    code.embree_single(embree, positions.ctypes.data, count, *at(*scene.random, seen))
    agrees = float((seen.astype(bool) == scene.visible).mean())
    fields: dict[str, CField] = {}
    batches = {}
    u = v = codes = np.zeros(0)
    for key, levels in (("32x2, two levels of 8 bits", TWO_LEVELS), (TRAINED, ONE_LEVEL)):
        field = random_field(5, levels=levels, entries=entries)
        place = folder / f"{name}{len(fields)}"
        place.mkdir()
        fields[key] = kernel = build(plan(field), place)
        batch = kernel.batch(CHUNK)
        u, v, codes = encode(scene.random[1], field.coding)
        entry = scene.random[0]
        batch.entry[:], batch.u[:], batch.v[:], batch.code[:] = (x[:CHUNK] for x in (entry, u, v, codes))
        batches[key] = batch
    depth = fitted(scene, 128)
    out = np.zeros(count, np.uint8)
    flat = np.ascontiguousarray(depth.thresholds)
    entry = scene.random[0]

    def shoot(kind: str, rays: list[NDArray[Any]], start: int) -> None:
        part = [rays[0][start : start + CHUNK], rays[1][start : start + CHUNK]]
        getattr(code, kind)(embree, positions.ctypes.data, CHUNK, *at(*part, out))

    direction = scene.random[1] / np.linalg.norm(scene.random[1], axis=1, keepdims=True)
    origin = positions[entry]
    jobs: dict[str, Callable[[], None]] = (
        {
            "embree random": lambda: shoot("embree_single", scene.random, 0),
            "embree grouped": lambda: shoot("embree_single", scene.grouped, 0),
            "embree packets of 16, direction-sorted": lambda: shoot("embree_packets", scene.sorted, 0),
            "embreex": lambda: scene.casting.scene.run(  # type: ignore[attr-defined]
                origin[:CHUNK], direction[:CHUNK], query="OCCLUDED"
            ),
            "depth map": lambda: code.depth_map(
                flat.ctypes.data, 128, depth.low, depth.scale, CHUNK, *at(entry, u, v, codes, out)
            ),
        }
        | {f"field {key}": (lambda batch=batch: batch.visible(CHUNK)) for key, batch in batches.items()}
    )
    ordered = fields[TRAINED].batch(CHUNK)
    grouped = (scene.grouped[0], *encode(scene.grouped[1], random_field(0).coding))
    for to, values in zip((ordered.entry, ordered.u, ordered.v, ordered.code), grouped, strict=True):
        to[:] = values[:CHUNK]
    jobs[f"field {TRAINED}, grouped"] = partial(ordered.visible, CHUNK)
    spent = {key: value / CHUNK * 1e9 for key, value in minima(jobs, rounds).items()}
    one = fields[TRAINED]
    function = ctypes.cast(one._one, ctypes.c_void_p).value
    columns = at(entry, u, v, codes)
    singles = {
        f"field single, {kind}": min(
            code.field_singles(function, one._at, SINGLES, *columns, kind == "dependent", out.ctypes.data)
            for _ in range(rounds * 4)
        )
        / SINGLES
        * 1e9
        for kind in ("dependent", "independent")
    }
    colds = {
        f"{name}, {label}": code.cold(*start, *at(positions, scene.random[1]), 100, *columns, warm) * 1e9
        for label, warm in (("everything cold", 0), ("code warm, position cold", 1))
        for name, start in (("embree", (None, None, embree)), ("field", (function, one._at, None)))
    }
    test = encode(scene.test.offset, random_field(0).coding)
    accuracy = {
        f"depth map {size * size // 1024} KiB": float(
            (fitted(scene, size).visible(scene.test.entry, *test) == scene.test.visible).mean()
        )
        for size in (64, 128)
    }
    best = spent[f"field {TRAINED}"]
    ratios = {
        "batch against embree random": spent["embree random"] / best,
        "grouped batch against embree random": spent["embree random"] / spent[f"field {TRAINED}, grouped"],
        "batch against its best packets": spent["embree packets of 16, direction-sorted"] / best,
        "single dependent": spent["embree random"] / singles["field single, dependent"],
        "single independent": spent["embree random"] / singles["field single, independent"],
        "single, everything cold": colds["embree, everything cold"] / colds["field, everything cold"],
        "single, position cold": colds["embree, code warm, position cold"] / colds["field, code warm, position cold"],
    }
    return {
        "triangles": len(corners),
        "ratios": ratios,
        "ns_per_query": spent | singles | colds,
        "depth_map_accuracy": accuracy,
        "rays_on_which_embree_in_c_agrees_with_the_labels": agrees,
    }


_fitted: dict[tuple[str, int], DepthMap] = {}


def fitted(scene: Scene, size: int) -> DepthMap:
    """A depth map of the scene, its thresholds chosen on other rays than the test's."""
    from inkling.train.scenes import rays

    if (scene.name, size) not in _fitted:
        train = rays.mixed(scene.casting, scene.aims, scene.positions, 1_000_000, np.random.default_rng(2))
        _fitted[scene.name, size] = fit(
            train.entry,
            *encode(train.offset, random_field(0).coding),
            train.visible,
            entries=len(scene.positions),
            size=size,
        )
    return _fitted[scene.name, size]


def measure_sizes(code: ctypes.CDLL, folder: Path, rounds: int) -> dict[str, Any]:
    """Wider networks against the processor's peak, other paths, numba, many positions, pictures, calls."""
    found: dict[str, Any] = {}
    jobs: dict[str, Callable[[], None]] = {}
    per: dict[str, int] = {}
    rng = np.random.default_rng(0)
    work = {}
    for width in (32, 64, 128):
        field = random_field(5, levels=TWO_LEVELS, hidden=(width, width))
        place = folder / f"w{width}"
        place.mkdir()
        kernel = build(plan(field), place)
        batch = kernel.batch(CHUNK)
        batch.entry[:], batch.code[:] = rng.integers(0, 3, CHUNK), rng.integers(0, 2000, CHUNK)
        batch.u[:], batch.v[:] = rng.integers(0, 2**16, (2, CHUNK))
        work[width] = sum(-(-d.weights.shape[1] // 4) * len(d.bias) for d in field.dense) / 16
        for path in PATHS if width == 32 else PATHS[2:]:
            if kernel.use(path):

                def job(kernel: CField = kernel, batch: Any = batch, path: str = path) -> None:
                    kernel.use(path)
                    batch.visible(CHUNK)

                jobs[f"{width}x2 {path}"], per[f"{width}x2 {path}"] = job, CHUNK
    for levels, label in ((TWO_LEVELS, "two levels"), (ONE_LEVEL, "one level")):
        how = plan(random_field(5, levels=levels))
        module, content = numba_kernel.load(numba_kernel.emit(how)), tables(how)
        columns = (batch.entry.copy(), batch.u.copy(), batch.v.copy(), batch.code.copy())
        module.visible(content, *columns)
        jobs[f"32x2 numba, {label}"] = partial(module.visible, content, *columns)
        per[f"32x2 numba, {label}"] = CHUNK
    if hasattr(code, "vnni_peak") and "32x2 avx512" in jobs:
        jobs["vpdpbusd"], per["vpdpbusd"] = (lambda: code.vnni_peak(20_000)), 240_000
    for levels, label in ((TWO_LEVELS, "two levels"), (ONE_LEVEL, "one level")):
        field = random_field(6, levels=levels, entries=4096)
        place = folder / label
        place.mkdir()
        kernel = build(plan(field), place)
        kernel.load(huge(kernel.tables))
        for order in ("random", "sorted"):
            parts = []
            for _ in range(MANY):
                batch = kernel.batch(CHUNK)
                batch.entry[:], batch.code[:] = rng.integers(0, 4096, CHUNK), rng.integers(0, 2000, CHUNK)
                batch.u[:], batch.v[:] = rng.integers(0, 2**16, (2, CHUNK))
                if order == "sorted":
                    batch.entry.sort()
                parts.append(batch)
            turn = [0]

            def job2(parts: list[Any] = parts, turn: list[int] = turn) -> None:
                for _ in range(MANY // 8):
                    turn[0] = (turn[0] + 1) % len(parts)
                    parts[turn[0]].visible(CHUNK)

            name = f"4096 positions, {label}, {field.bytes_per_entry:.0f} bytes each, {order}"
            jobs[name], per[name] = job2, CHUNK * (MANY // 8)
    picture = random_field(
        7, levels=(), hidden=(30,) * 5, outputs=3, entries=1, coordinates=True, periodic=True, meaning="picture"
    )
    grids = random_field(8, levels=((48, 64, 4, 4),), hidden=(24, 24), outputs=3, entries=1, meaning="picture")
    for label, field in (("5 layers of 30, periodic", picture), ("a 4-bit grid and 24x2", grids)):
        place = folder / label
        place.mkdir()
        kernel = build(plan(field), place)
        name = f"picture of 768x512, {label}"
        jobs[name], per[name] = (lambda kernel=kernel: kernel.decode(768, 512)), 1
        v, u = (part.ravel() for part in np.meshgrid(pixel_codes(512), pixel_codes(768), indexing="ij"))
        expected = field.evaluate(np.zeros(len(u), int), u, v).reshape(512, 768, 3)
        if not (kernel.decode(768, 512) == expected).all():
            raise RuntimeError(f"{label}: the decoded picture differs from the reference")
    spent = {name: value / per[name] * 1e9 for name, value in minima(jobs, rounds).items()}
    found["ns_per_query"] = {name: value for name, value in spent.items() if not name.startswith(("picture", "vpd"))}
    found["ms_per_picture"] = {name: value / 1e6 for name, value in spent.items() if name.startswith("picture")}
    if "vpdpbusd" in spent:
        found["vpdpbusd_ns"] = spent["vpdpbusd"]
        found["share_of_vnni_peak"] = {
            f"{width}x2": groups * spent["vpdpbusd"] / spent[f"{width}x2 avx512"] for width, groups in work.items()
        }
    empty = kernel.batch(64)
    calls = 20_000
    spent_calls = minima({"call": lambda: [empty.visible(0) for _ in range(calls)] and None}, 20)["call"]
    found["python_call_overhead_ns"] = spent_calls / calls * 1e9
    return found


def measure_bits(queries: int, folder: Path) -> dict[str, int]:
    """Mismatches among NumPy, numba and all paths of C; the queries go through in pieces."""
    field = random_field(9, levels=((16, 16, 4, 8), (20, 20, 4, 4)), hidden=(32, 32), entries=16)
    how = plan(field)
    folder.mkdir()
    kernel, module, content = build(how, folder), numba_kernel.load(numba_kernel.emit(how)), tables(how)
    rng, wrong, piece = np.random.default_rng(3), {"queries": 0, "numba": 0}, 200_000
    for start in range(0, queries, piece):
        n = min(piece, queries - start)
        entry, (u, v) = rng.integers(0, 16, n), rng.integers(0, 2**16, (2, n))
        answers = field.evaluate(entry, u, v)
        wrong["queries"] += n
        wrong["numba"] += int((module.evaluate(content, entry, u, v) != answers).any(axis=1).sum())
        for path in PATHS:
            if kernel.use(path):
                differs = (kernel.evaluate(entry, u, v) != answers).any(axis=1).sum()
                wrong[path] = wrong.get(path, 0) + int(differs)
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--queries", type=int, default=10_000_000)
    parser.add_argument("--scenes", nargs="*", default=["town", "game level"])
    options = parser.parse_args()
    found: dict[str, Any] = {"note": "random integer fields: speed only; minima, one thread, interleaved"}

    def keep() -> None:
        if options.json:
            options.json.write_text(json.dumps(found, indent=1) + "\n")

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        code, has_embree = compile_rivals(folder)
        for scene in options.scenes if has_embree else []:
            found[scene] = measure_scene(scene, code, folder, options.rounds)
            print(scene, json.dumps(found[scene], indent=1), flush=True)
            keep()
        found["sizes"] = measure_sizes(code, folder, options.rounds)
        print(json.dumps(found["sizes"], indent=1), flush=True)
        keep()
        found["mismatches"] = measure_bits(options.queries, folder / "bits")
        print("mismatches", found["mismatches"])
        keep()
    if any(count for name, count in found["mismatches"].items() if name != "queries"):
        raise SystemExit("kernels differ from the reference")


if __name__ == "__main__":
    main()

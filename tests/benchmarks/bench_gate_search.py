"""The gate-level search: python tests/benchmarks/bench_gate_search.py [--json FILE] [--sets NAMES] [--seconds N].

Throughput: candidates a second of processor time, the largest of several short rounds, in one process and in two at
once. Fronts: held-out accuracy at given areas, mean and spread over splits; test rows are read here alone, after the
search. With --json, finished splits are kept and a later run goes on with the rest.
"""

import argparse
import json
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from approx import gate_front, gate_packing, gate_search, gate_state, teacher, tree_netlist
from train.dataset import Development, Rows
from train.ranges import fit_ranges

AREAS = {  # EGFET cells, um2
    "INV": 228420.0,
    "NAND2": 247860.0,
    "NOR2": 399500.0,
    "AND2": 433500.0,
    "OR2": 563530.0,
    "XOR2": 1042800.0,
    "XNOR2": 1347557.0,
}
LIMITS = {  # cm2 at which a front is read off
    "breast_cancer": (0.011, 0.04),
    "cardio": (0.02, 0.06),
    "pendigits": (0.15, 0.45, 2.0),
    "redwine": (0.012, 0.05),
    "whitewine": (0.015, 0.08),
    "balance_scale": (0.08,),
    "seeds": (0.02,),
    "vertebral_3c": (0.025,),
    "arrhythmia": (0.08,),
}
SHAPES = ((120, 1_100, 60), (120, 11_000, 60), (1_000, 7_700, 64), (5_000, 7_700, 64))  # gates, rows, input bits


def large_state(gates: int, rows: int, inputs: int, seed: int) -> gate_state.State:
    """The circuit of a tree that learned random labels by heart: about so many gates, and right on most rows."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 16, (rows, inputs // 4)).astype(np.uint8)
    labels = (codes[:, 0] // 4 + codes[:, 1] // 8 * (rng.random(rows) < 0.7)).astype(np.int64) % 4
    empty = Rows(codes[:0], labels[:0])
    names = tuple(f"x{i}" for i in range(codes.shape[1]))
    table = Development("random", names, ("0", "1", "2", "3"), (4,) * len(names), Rows(codes, labels), empty)
    weighted = teacher.WeightedRows(codes, labels, np.ones(rows, np.int64))
    netlist = tree_netlist.build(teacher.tree(weighted, table, gates // (4 if gates < 500 else 2), seed=seed))
    packed = gate_packing.pack(gate_packing.input_bits(codes, netlist.inputs), labels, 2)
    cells = gate_packing.library(tree_netlist.TWO_INPUT_CELLS, AREAS)
    first = 2 + len(packed.inputs)
    return gate_state.State(
        gate_state.reorder(gate_packing.from_netlist(netlist), first, rng), packed, cells.area, rng
    )


def throughput(job: tuple[int, int, int, int]) -> dict[str, float]:
    gates, rows, inputs, seed = job
    state, total = large_state(gates, rows, inputs, seed), rows
    archive = gate_state.Archive(400, 2e5, 0.03)
    plan = gate_state.plan(seed, gate_search.SHARES, (7, 1, 8, 14, 6, 9), 3.0)
    moves, best, live = max(2_000, 10_000_000 // gates), 0.0, state.live
    for _ in range(5):
        began = time.process_time()
        found = state.anneal(archive, plan, moves=moves, price=1e-5 * total / 1e8, temperature=total * 1e-4)
        best = max(best, found / (time.process_time() - began))
    state.check()
    return {"gates": live, "rows": rows, "candidates_per_second": round(best)}


def _development(name: str, seed: int) -> tuple[Development, Rows]:
    """A table of the data folder, its ranges fitted on the training rows; test rows beside it."""
    from sklearn.model_selection import train_test_split

    folder = Path(os.environ.get("INKLING_DATA", Path(__file__).parents[3] / "shared" / "datasets"))
    path = folder / f"{name}.csv"
    columns = path.read_text().splitlines()[0].split(",")[:-1]
    raw = np.genfromtxt(path, delimiter=",", skip_header=1)
    values, (classes, labels) = raw[:, :-1], np.unique(raw[:, -1], return_inverse=True)
    rest, test = train_test_split(np.arange(len(labels)), test_size=0.3, stratify=labels, random_state=seed)
    rare = np.bincount(labels[rest]).min() < 2
    train, validation = train_test_split(
        rest, test_size=0.2, stratify=None if rare else labels[rest], random_state=seed
    )
    varies = np.flatnonzero(np.ptp(values[train], axis=0) > 0)
    values = values[:, varies]
    quantisers = fit_ranges(values[train], labels[train], 4, seed=seed)
    codes = np.stack([q.codes(values[:, i]) for i, q in enumerate(quantisers)], axis=1)
    parts = [Rows(codes[part], labels[part].astype(np.int64)) for part in (train, validation, test)]
    names = tuple(columns[i] for i in varies)
    return Development(name, names, tuple(map(str, classes)), (4,) * len(names), parts[0], parts[1]), parts[2]


def split(name: str, seed: int, seconds: float) -> dict[str, Any]:
    """One split's front, read off at the limits."""
    development, test = _development(name, seed)
    began = time.monotonic()
    front = gate_front.front(development, areas=AREAS, seconds=seconds, seed=seed)
    wall = time.monotonic() - began
    ports = front[0].netlist.inputs
    width = sum(port.width for port in front[0].netlist.outputs)
    packed = gate_packing.pack(gate_packing.input_bits(test.codes, ports), test.labels, width)
    points = []
    for limit in LIMITS[name]:
        fitting = [c for c in front if c.area <= limit * 1e8]
        chosen = fitting[-1] if fitting else front[0]
        held_out = gate_packing.accuracy(gate_packing.from_netlist(chosen.netlist), packed)
        points.append(
            {
                "limit_cm2": limit,
                "area_cm2": chosen.area / 1e8,
                "test": held_out,
                "train": chosen.train,
                "validation": chosen.validation,
            }
        )
    return {"set": name, "seed": seed, "seconds": seconds, "wall_s": round(wall, 1), "points": points}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sets", default="breast_cancer,cardio,redwine,seeds")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--splits", type=int, default=3)
    options = parser.parse_args(arguments)
    results: dict[str, Any] = {"versions": {"python": platform.python_version(), "numpy": np.__version__}}
    if options.json and options.json.exists():
        results = json.loads(options.json.read_text())

    def keep() -> None:
        if options.json:
            beside = options.json.with_suffix(".tmp")
            beside.write_text(json.dumps(results, indent=1) + "\n")
            beside.replace(options.json)

    if "throughput" not in results:
        found = [throughput((*shape, 0)) for shape in SHAPES]
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            pair = pool.map(throughput, [(*SHAPES[1], seed) for seed in (0, 1)], chunksize=1)
        both = sum(p["candidates_per_second"] for p in pair)
        results["throughput"] = found
        results["two_processes"] = both / found[1]["candidates_per_second"]
        keep()
    for line in results["throughput"]:
        print(f"{line['gates']:6d} gates x {line['rows']:6d} rows: {line['candidates_per_second']:9,d} candidates/s")
    print(f"two processes: {results['two_processes']:.2f} x one")
    done = results.setdefault("splits", [])
    for name in filter(None, options.sets.split(",")):
        for seed in range(options.splits):
            if not any((r["set"], r["seed"], r["seconds"]) == (name, seed, options.seconds) for r in done):
                done.append(split(name, seed, options.seconds))
                keep()
        mine = [r["points"] for r in done if r["set"] == name and r["seconds"] == options.seconds]
        for i, limit in enumerate(LIMITS[name]):
            test, train = (100 * np.array([points[i][key] for points in mine]) for key in ("test", "train"))
            print(
                f"{name:14s} @ {limit:5.3f} cm2: {test.mean():5.1f} % held out (+-{test.std():.1f}, {len(mine)} "
                f"splits), training {train.mean():5.1f} %"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())

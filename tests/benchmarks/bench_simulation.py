"""Vectors a second of every fast route; prints one JSON object, and writes it with --json.

A 16-5-10 classifier in verilated RTL (the model as it is, and in lanes) and under cocotb; a circuit of 300 gates in
verilated RTL, and bit-sliced in numba and in C. Figures are the best of repeats: Verilator's by the harness's wall
clock, cocotb's by the simulator's processor time; builds are reported apart. Goals are our own.
"""

import argparse
import ctypes
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from inkling.approx.netlists import evaluate
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense, Logic
from inkling.hdl.circuits.verilog import behavioural
from inkling.hdl.kernels.gates_c import emit as emit_gates
from inkling.sim.benches import cocotb_route
from inkling.sim.kernels import children
from inkling.sim.verdicts.vectors import reference, stimuli
from inkling.sim.verilator import bulk

SEED = 0
VECTORS = {"verilator": 1_000_000, "cocotb": 100_000}
REPEATS = 3
GOALS = {"verilator, in lanes": 20_000_000, "cocotb": 100_000, "bit-sliced numba, 300 gates": 300_000_000}


def classifier(seed: int) -> IntegerNetwork:
    """A 16-5-10 network of 4-bit inputs with power-of-two weights, half of them zero in the first layer."""
    generator = np.random.default_rng(seed)
    first = generator.choice([-4, -2, -1, 0, 0, 0, 0, 1, 2, 4], size=(5, 16))
    second = generator.choice([-4, -2, -1, 0, 1, 2, 4], size=(10, 5))
    inputs = tuple(Input(f"f{k}", k, 4) for k in range(16))
    layers = (
        Dense(first, generator.integers(-20, 21, size=5)),
        ClippedReLU(2, 4),
        Dense(second, generator.integers(-20, 21, size=10)),
        ArgMax(),
    )
    return IntegerNetwork(inputs, layers, 10)


def measure() -> dict[str, Any]:
    """All figures of this benchmark as plain data. Raises RuntimeError where a route finds a mismatch."""
    network = classifier(SEED)
    text = behavioural(network)
    values = stimuli(network, None, count=max(VECTORS.values()), seed=SEED).values
    expected = reference(network, values)
    speeds: dict[str, list[float]] = {name: [] for name in (*VECTORS, "verilator, in lanes")}
    builds: dict[str, list[float]] = {name: [] for name in VECTORS}
    for _ in range(REPEATS):
        for name, count in VECTORS.items():
            verify = bulk.verify if name == "verilator" else cocotb_route.verify
            verdict = verify(text, network, values[:count], expected=expected[:count])
            if not verdict.passed:
                raise RuntimeError(f"{name}: {verdict.mismatches} mismatches")
            speeds[name].append(verdict.vectors / verdict.seconds)
            builds[name].append(verdict.extra["build_seconds"])
    # As the route does with many vectors.
    with tempfile.TemporaryDirectory() as scratch:
        harness = bulk.build(text, network, Path(scratch), time_limit_s=300, lanes=True)
        for _ in range(REPEATS):
            _, seconds = bulk.drive(harness, network, values, time_limit_s=60)
            speeds["verilator, in lanes"].append(len(values) / seconds)
        lanes = bool((Path(scratch) / "lanes.h").read_text())
    found = {name: round(max(speed)) for name, speed in speeds.items()} | gates()
    return {
        "benchmark": "simulation",
        "design": "16-5-10, 4-bit inputs, power-of-two weights; 300 random gates of 16 4-bit inputs",
        "seed": SEED,
        "vectors": VECTORS,
        "repeats": REPEATS,
        "lanes": lanes,
        "vectors_per_second": found,
        "goals": GOALS,
        "reached": {name: found[name] >= goal for name, goal in GOALS.items()},
        "build_seconds": {name: round(min(times), 2) for name, times in builds.items()},
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "load_average": round(os.getloadavg()[0], 1),
    }


def gates() -> dict[str, int]:
    """A netlist of 300 gates: verilated, and bit-sliced between bit planes in numba and in C."""
    rng = np.random.default_rng(SEED)
    inputs = tuple(Input(f"f{k}", k, 4) for k in range(16))
    first = 2 + 64
    near = rng.integers(1, 60, (300, 2))
    sources = np.maximum(first + np.arange(300)[:, None] - near, rng.integers(2, first, (300, 2))).astype(np.int32)
    cells = tuple(CellType(f"C{t}", ("A", "B"), "Y", t) for t in (0b0111, 0b0001, 0b0110))
    nodes = np.arange(first + 296, first + 300, dtype=np.int32)
    ports = tuple(Port(item.name, 4) for item in inputs)
    kinds = rng.integers(0, 3, 300).astype(np.uint8)
    netlist = Netlist(ports, (Port("label", 4),), cells, kinds, sources, nodes)
    network = IntegerNetwork(inputs, (Logic(netlist),), 16)
    values = stimuli(network, None, count=2_000_000, seed=SEED).values
    packed = evaluate.pack(values, netlist)
    words = packed.shape[1] // 8 * 8
    packed = np.ascontiguousarray(packed[:, :words])
    expected = evaluate.evaluate(netlist, packed)
    quick: list[float] = []
    sliced: list[float] = []
    verilated: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "gates.c").write_text(emit_gates(netlist))
        library = ctypes.CDLL(str(children.compile_c(folder / "gates.c", time_limit_s=120)))
        # Blocks of 512 rows: for every input bit eight words, then the next block.
        blocks = np.ascontiguousarray(packed.reshape(len(packed), -1, 8).transpose(1, 0, 2))
        out = np.zeros((len(blocks), len(nodes), 8), np.uint64)
        harness = bulk.build(behavioural(network), network, folder, time_limit_s=120, lanes=True)
        for _ in range(3 * REPEATS):
            begin = time.perf_counter()
            evaluate.evaluate(netlist, packed)
            middle = time.perf_counter()
            pointers = (ctypes.c_void_p(array.ctypes.data) for array in (blocks, out))
            library.inkling_gates_planes(*pointers, ctypes.c_size_t(len(blocks)))
            quick.append(64 * words / (middle - begin))
            sliced.append(64 * words / (time.perf_counter() - middle))
            verilated.append(len(values) / bulk.drive(harness, network, values, time_limit_s=60)[1])
    if (out.transpose(1, 0, 2).reshape(len(nodes), -1) != expected).any():
        raise RuntimeError("bit-sliced C differs from the evaluation: its speed means nothing")
    names = ("bit-sliced numba, 300 gates", "bit-sliced C, 300 gates", "verilator, 300 gates")
    return {name: round(max(found)) for name, found in zip(names, (quick, sliced, verilated), strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    text = json.dumps(measure(), indent=2)
    if asked.json:
        asked.json.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()

"""Vectors a second of the Verilator and the cocotb route for a 16-5-10 classifier; prints one JSON object.

Run with `python -P -m tests.benchmarks.bench_simulation` or as a file. Figures are the best of interleaved repeats:
Verilator's by the harness's wall clock, cocotb's by the simulator's processor time; builds are reported apart.
"""

import json
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from approx.network import ArgMax, ClippedReLU, Dense, Input, IntegerNetwork
from hdl.verilog import behavioural
from sim import cocotb_bench, verilator
from sim.vectors import reference, stimuli

SEED = 0
VECTORS = {"verilator": 1_000_000, "cocotb": 100_000}
REPEATS = 3


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
    speeds: dict[str, list[float]] = {name: [] for name in VECTORS}
    builds: dict[str, list[float]] = {name: [] for name in VECTORS}
    for _ in range(REPEATS):
        for name, count in VECTORS.items():
            verify = verilator.verify if name == "verilator" else cocotb_bench.verify
            verdict = verify(text, network, values[:count], expected=expected[:count])
            if not verdict.passed:
                raise RuntimeError(f"{name}: {verdict.mismatches} mismatches")
            speeds[name].append(verdict.vectors / verdict.seconds)
            builds[name].append(verdict.extra["build_seconds"])
    # The same harness and vectors once more without a build, for the loop alone.
    with tempfile.TemporaryDirectory() as scratch:
        harness = verilator.build(text, network, Path(scratch), time_limit_s=120)
        for _ in range(REPEATS):
            _, seconds = verilator.drive(harness, network, values, time_limit_s=60)
            speeds["verilator"].append(len(values) / seconds)
    return {
        "benchmark": "simulation",
        "design": "16-5-10, 4-bit inputs, power-of-two weights",
        "seed": SEED,
        "vectors": VECTORS,
        "repeats": REPEATS,
        "vectors_per_second": {name: round(max(found)) for name, found in speeds.items()},
        "build_seconds": {name: round(min(found), 2) for name, found in builds.items()},
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "load_average": os.getloadavg()[0],
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))

"""Stuck-at fault analysis: python -P tests/benchmarks/bench_faults.py [--json FILE].

Random circuits of 1,000 and 5,000 cells on 1,000 rows: every single stuck-at fault, the test set, and the accuracy at
a defect rate, with and without the time of the first compilation; and on a circuit of 120 cells every figure beside a
naive simulation that evaluates the whole faulty netlist in NumPy, once for each fault.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.sim.faults.stuck_at import Faults, analyse, at_defect_rate, stuck_at_faults, test_set

CELLS = (
    CellType("NAND2", ("A", "B"), "Y", 0b0111),
    CellType("NOR2", ("A", "B"), "Y", 0b0001),
    CellType("XOR2", ("A", "B"), "Y", 0b0110),
)
ROWS = 1000


def circuit(gates: int, bits: int, seed: int) -> Netlist:
    """Random gates of two inputs, most of them near; the last four are the label."""
    rng = np.random.default_rng(seed)
    first = 2 + 4 * bits
    near = rng.integers(1, max(gates // 4, 8), (gates, 2))
    sources = np.maximum(first + np.arange(gates)[:, None] - near, 2 + rng.integers(0, 4 * bits, (gates, 2)))
    ports = tuple(Port(f"f{k}", 4) for k in range(bits))
    nodes = np.arange(first + gates - 4, first + gates, dtype=np.int32)
    return Netlist(
        ports, (Port("label", 4),), CELLS, rng.integers(0, 3, gates).astype(np.uint8), sources.astype(np.int32), nodes
    )


def naive(netlist: Netlist, codes: np.ndarray[Any, Any], faults: Faults) -> np.ndarray[Any, Any]:
    """Labels, int64 [faults, rows], gate by gate for every fault apart."""
    first = netlist.first_gate
    bits = np.concatenate(
        [codes[:, k, None] >> np.arange(port.width) & 1 for k, port in enumerate(netlist.inputs)], axis=1
    )
    found = np.empty((len(faults), len(codes)), np.int64)
    for f in range(len(faults)):
        values = np.zeros((netlist.nodes, len(codes)), np.int64)
        values[1] = 1
        values[2:first] = bits.T
        held = int(faults.node[f]) if faults.gate[f] < 0 else -1
        if 0 <= held < first:
            values[held] = faults.value[f]
        for g in range(len(netlist.kinds)):
            pins = [values[netlist.sources[g, k]] for k in range(2)]
            if faults.gate[f] == g:
                pins[faults.pin[f]] = np.full(len(codes), faults.value[f])
            values[first + g] = netlist.cell_types[netlist.kinds[g]].table >> (pins[0] + 2 * pins[1]) & 1
            if held == first + g:
                values[held] = faults.value[f]
        found[f] = (values[netlist.output_nodes] << np.arange(len(netlist.output_nodes))[:, None]).sum(axis=0)
    return found


def measure() -> dict[str, Any]:
    """All figures. Raises RuntimeError where the naive simulation differs."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for gates in (1000, 1000, 5000):
        netlist = circuit(gates, 16, 1)
        codes = rng.integers(0, 16, (ROWS, 16))
        labels = rng.integers(0, 10, ROWS)
        begin = time.perf_counter()
        found = analyse(netlist, codes, labels)
        analysed = time.perf_counter()
        chosen = test_set(found)
        covered = time.perf_counter()
        likely = at_defect_rate(netlist, codes, labels, 0.001)
        end = time.perf_counter()
        row: dict[str, Any] = {"cells": gates, "rows": ROWS, "faults": len(found.faults), "compiled": bool(rows)}
        row |= {"analysis_s": round(analysed - begin, 3), "test_set_s": round(covered - analysed, 3)}
        row |= {"defect_rate_s": round(end - covered, 3), "test_vectors": len(chosen), "draws": likely.draws}
        row |= {"coverage": round(found.coverage, 4), "seconds": round(end - begin, 3)}
        print(json.dumps(row), flush=True)
        rows.append(row)
    small = circuit(120, 4, 2)
    codes, labels = rng.integers(0, 16, (200, 4)), rng.integers(0, 10, 200)
    faults = stuck_at_faults(small)
    begin = time.perf_counter()
    quick = analyse(small, codes, labels)
    middle = time.perf_counter()
    slow = naive(small, codes, faults)
    end = time.perf_counter()
    nothing = Faults(*(np.array([value], kind) for value, kind in ((0, "i4"), (-1, "i4"), (0, "i4"), (0, "u1"))))
    sound = naive(small, codes, nothing)[0]
    equal = np.array_equal((slow == labels).mean(axis=1), quick.accuracy)
    equal = equal and np.array_equal((slow != sound).sum(axis=1), quick.detected)
    if not equal:
        raise RuntimeError("the naive simulation gives other figures")
    beside = {"cells": 120, "rows": 200, "faults": len(faults), "equal": equal}
    beside |= {"quick_s": round(middle - begin, 4), "naive_s": round(end - middle, 3)}
    return {"benchmark": "faults", "circuits": rows, "beside a naive simulation": beside}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found = measure()
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

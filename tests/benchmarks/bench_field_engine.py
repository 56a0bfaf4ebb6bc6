"""Fields on every route: python -P tests/benchmarks/bench_field_engine.py [--queries N] [--json FILE].

Two networks: PyTorch in integers, numba and every path of the C kernel on the same queries as the definition; then
the emitted engine on three numbers of lanes: all queries at full pace, a tenth with stalls and resets, some from
random registers, a sample in Amaranth's simulator. Bits and clocks must be those of the reference and of the
model. Fully folded, 1e6 queries take minutes; what the file holds already is not measured again.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from inkling.approx.fields.random_field import random_field
from inkling.approx.reference.field import IntegerField
from inkling.hdl.engine.engine import emit
from inkling.hdl.engine.schedule import cycles, multipliers
from inkling.hdl.fields import call, numba_kernel
from inkling.hdl.fields.plan import plan
from inkling.sim.fields import kernels, torch_route
from inkling.sim.fields.engine import simulate, verify
from inkling.sim.fields.queries import random_places, random_queries, reference
from inkling.train.files import atomic

FIELDS: dict[str, dict[str, Any]] = {
    "32x2": {"levels": ((16, 16, 4, 8), (24, 24, 4, 4)), "hidden": (32, 32)},
    "waves 16x1": {
        "levels": ((8, 9, 4, 8),),
        "hidden": (16,),
        "outputs": 3,
        "periodic": True,
        "coordinates": True,
        "meaning": "picture",
    },
}
LANES = (1, 49, 10**6)
SAMPLE = {1: 12, 49: 200, 10**6: 2000}


def software(name: str, field: IntegerField, count: int) -> dict[str, Any]:
    """The routes of the kernels, and PyTorch in integers, on the queries of `inkling.sim.fields.kernels`."""
    how = plan(field)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        call.write(how, folder)
        (folder / "kernel.py").write_text(numba_kernel.emit(how))
        verdicts = kernels.check(how, folder, count, 1)
    places = random_places(field, count, 1)
    found = torch_route.evaluate(field, places.entry, places.u, places.v)
    wrong = int((found != reference(field, places)).any(1).sum())
    routes = {f"{item.route} {item.detail}".strip(): [item.vectors, item.mismatches] for item in verdicts}
    routes["torch int32"] = [count, wrong]
    return {
        "field": name,
        "queries": count,
        "reference": "NumPy, IntegerField.evaluate",
        "vectors, mismatches": routes,
        "mismatches": wrong + sum(verdict.mismatches for verdict in verdicts),
    }


def engine(name: str, field: IntegerField, lanes: int, count: int) -> dict[str, Any]:
    """The emitted engine, verilated, and a sample in Amaranth's simulator."""
    queries, few = random_queries(field, count, 1), random_queries(field, max(count // 10, 1), 2)
    sample, thousand = random_queries(field, SAMPLE[lanes], 3), random_queries(field, 1000, 4)
    with tempfile.TemporaryDirectory() as scratch:
        place, text = Path(scratch), emit(field, lanes)
        again: dict[str, Any] = {"keep": place, "time_limit_s": 3000}
        free = verify(text, field, lanes, queries, **again)
        stops: dict[str, Any] = {"query_stall": 0.3, "answer_stall": 0.3, "reset_every": 5000}
        stalled = verify(text, field, lanes, few, **stops, **again, reuse=True)
    with tempfile.TemporaryDirectory() as scratch:
        again["keep"] = Path(scratch)
        starts = [
            verify(text, field, lanes, thousand, **stops, **again, seed=k, unknown=True, reuse=k > 1)
            for k in range(1, 6)
        ]
    simulated = simulate(field, lanes, sample)
    verdicts = {"full pace": free, "stalls and resets": stalled, "Amaranth's simulator": simulated}
    found = {key: [item.vectors, item.mismatches] for key, item in verdicts.items()}
    found["random registers"] = [sum(x.vectors for x in starts), sum(x.mismatches for x in starts)]
    return {
        "field": name,
        "lanes": lanes,
        "multipliers": multipliers(field, lanes),
        "queries": count,
        "vectors, mismatches": found,
        "mismatches": sum(wrong for _, wrong in found.values()),
        "detail": "; ".join(item.detail for item in (*verdicts.values(), *starts) if item.detail),
        "clocks by the model, latency and interval": list(cycles(field, lanes)),
        "clocks measured": [int(free.extra["latency"]), float(free.extra["interval"])],
        "resets": int(stalled.extra["resets"]),
        "clocks_per_second": round(free.extra["clocks"] / free.seconds),
        "seconds": round(free.seconds + stalled.seconds + simulated.seconds, 1),
    }


def main() -> int:
    """Return 1 where a bit or a clock differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=10**6)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows: dict[str, Any] = {}
    if asked.json and asked.json.is_file():
        rows = json.loads(asked.json.read_text())
    for name, how in FIELDS.items():
        field = random_field(1, **how)
        for lanes in (0, *reversed(LANES)):
            key = f"{name}, {lanes} lanes" if lanes else f"{name}, kernels"
            if key in rows and rows[key]["queries"] >= asked.queries:
                continue
            rows[key] = engine(name, field, lanes, asked.queries) if lanes else software(name, field, asked.queries)
            print(json.dumps(rows[key]), flush=True)
            if asked.json:
                atomic.write(asked.json, (json.dumps(rows, indent=1) + "\n").encode())
    return int(any(row["mismatches"] for row in rows.values()))


if __name__ == "__main__":
    raise SystemExit(main())

"""Field engines in verilated RTL: python tests/benchmarks/bench_field_engine.py [--queries N] [--json FILE].

Two networks on three numbers of lanes each answer the queries at full pace, then a tenth of them with random stalls
and resets. Bits and clocks must be those of the reference and of the model. Fully folded, 1e6 queries take minutes.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from approx.field_random import random_field
from hdl.field_engine import emit
from hdl.field_lanes import cycles, multipliers
from sim.field_engine import random_queries, verify

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
LANES = (1, 41, 10**6)


def main() -> int:
    """Return 1 where a bit or a clock differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=10**6)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name, how in FIELDS.items():
        field = random_field(1, **how)
        queries = random_queries(field, asked.queries, 1)
        few = random_queries(field, max(asked.queries // 10, 1), 2)
        for lanes in LANES:
            with tempfile.TemporaryDirectory() as scratch:
                place, text = Path(scratch), emit(field, lanes)
                free = verify(text, field, lanes, queries, keep=place, time_limit_s=3000)
                stops: dict[str, Any] = {"query_stall": 0.3, "answer_stall": 0.3, "reset_every": 5000}
                stalled = verify(text, field, lanes, few, **stops, keep=place, reuse=True, time_limit_s=3000)
            row = {"field": name, "lanes": lanes, "multipliers": multipliers(field, lanes), "queries": asked.queries}
            row |= {"model": cycles(field, lanes), "measured": [free.extra["latency"], free.extra["interval"]]}
            row |= {"mismatches": free.mismatches + stalled.mismatches, "detail": free.detail + stalled.detail}
            row |= {"resets": stalled.extra["resets"], "clocks_per_second": free.extra["clocks"] / free.seconds}
            print(json.dumps(row), flush=True)
            rows.append(row)
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n")
    return int(any(row["mismatches"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())

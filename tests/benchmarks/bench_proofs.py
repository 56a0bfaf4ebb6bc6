"""Proof, source to cells, of what runs emit for nine tables: python -P tests/benchmarks/bench_proofs.py [SET ...].

Each table gets one small run (exact and power-of-two networks, the arithmetic search, the gate search; every method,
few rounds), kept in build/proofs; then every design's mapped.v is proven equal to its top.v once more, within 60 s.
Designs of at most 24 input bits are also tried on every vector. What is not proven is compared on 1e9 vectors of the
bit-sliced route, and listed with its size. What --json holds already is not proven again.
"""

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from inkling.runs.effort import EFFORTS
from inkling.runs.request import Request
from inkling.sim.designs.folder import DesignFolder, read
from inkling.sim.designs.recheck import EXHAUSTIVE_BITS
from inkling.sim.kernels import gates, gates_bulk
from inkling.sim.proofs import equivalence
from inkling.sim.verdicts.vectors import every_value
from inkling.train.files import atomic
from inkling.train.tables.reading import Reading

SETS = (
    *("balance_scale", "seeds", "vertebral_3c", "breast_cancer", "redwine", "whitewine", "cardio", "pendigits"),
    "arrhythmia",
)
SMALL = replace(
    EFFORTS["quick"],
    restarts=16,
    training_work=1e12,
    arithmetic_moves=100_000,
    rounds=6,
    circuits=2,
    trees=(8,),
    vectors=2_000,
    cocotb_vectors=200,
    proof_s=1.0,
)
PROOF_S = 60.0
BULK, BULK_S = 10**9, 300.0


def run(name: str, folder: Path) -> None:
    """One small run of a table, unless it is there."""
    from inkling.runs.run import execute

    if (folder / "report.json").is_file():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    data = Path(os.environ["INKLING_DATA"]) if "INKLING_DATA" in os.environ else None
    execute(Request(Reading(name), folder, SMALL, data, jobs=1))


def prove(design: DesignFolder) -> dict[str, Any]:
    """What is known of one design, source to cells."""
    network, netlist = design.network, design.netlist
    bits = sum(item.bits for item in network.inputs)
    found = equivalence.prove(design.texts["top.v"], design.texts["mapped.v"], time_limit_s=PROOF_S)
    row: dict[str, Any] = {"input bits": bits, "gates": len(netlist.kinds), "outcome": found.detail}
    row |= {"proven": found.proven, "mismatches": found.mismatches, "seconds": round(found.seconds, 2)}
    if found.certificate:
        row["certificate"] = found.certificate
    if bits <= EXHAUSTIVE_BITS:
        tried = gates.verify_gates(netlist, network, every_value(network))
        row["every vector"] = {"vectors": tried.vectors, "mismatches": tried.mismatches}
    if not found.proven:
        many = gates_bulk.verify_bulk(netlist, network, vectors=BULK, seconds=BULK_S)
        row["bulk"] = {"vectors": many.vectors, "mismatches": many.mismatches, "seconds": round(many.seconds, 1)}
        row["reason"] = "SAT sweeping finds no matching nodes for what is left within the limit"
    return row


def main() -> int:
    """Return 1 where a design differs from its source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[2] / "build" / "proofs")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows: dict[str, Any] = {}
    if asked.json and asked.json.is_file():
        rows = json.loads(asked.json.read_text())["designs"]
    for name in asked.sets:
        run(name, asked.folder / name)
        for place in sorted((asked.folder / name / "designs").iterdir()):
            key = f"{name}/{place.name}"
            if key not in rows:
                rows[key] = prove(read(place))
                print(f"{key}: { ({k: v for k, v in rows[key].items() if k != 'certificate'}) }", flush=True)
            proven = sum(row["proven"] for row in rows.values())
            head = {"benchmark": "proofs", "designs in all": len(rows), "proven": proven, "limit_s": PROOF_S}
            head["most seconds of a proof"] = max(
                row["seconds"] for row in rows.values() if row["proven"] or proven == 0
            )
            if asked.json:
                atomic.write(asked.json, (json.dumps({**head, "designs": rows}, indent=1) + "\n").encode())
    return int(any(row["mismatches"] or row.get("bulk", {}).get("mismatches") for row in rows.values()))


if __name__ == "__main__":
    raise SystemExit(main())

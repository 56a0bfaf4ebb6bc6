"""Folded circuits beside the combinational ones of the same networks: python -P tests/benchmarks/bench_folded.py RUN.

The power-of-two and the exact 8-bit network of a run folder (of arrhythmia: hundreds of inputs), whose report has the
combinational areas; the same mapping flow for both, and the run's searched circuits beside them. Every folded circuit
is checked on all rows and random ones. Prints and writes JSON; what the file holds already is not measured again.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from inkling.designs.fold import check, describe, fold
from inkling.designs.rows import design_rows
from inkling.hdl.cells.egfet import technology
from inkling.sim.designs.folder import read
from inkling.train.errors import InputError
from inkling.train.files import atomic

# Of the combinational circuits, from the run's report.
KEPT = ("accuracy", "area_cm2", "delay_ms", "static_power_mw")
RESULTS = Path(__file__).parent / "results" / "folded.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run folder")
    parser.add_argument("--json", type=Path, default=RESULTS)
    parser.add_argument("--designs", nargs="*", default=["power-of-two-1", "exact-8-bit"])
    parser.add_argument("--data", type=Path, help="folder of UCI tables; else INKLING_DATA")
    parser.add_argument("--clocks", type=int, nargs="*", default=[100_000, 1000, 500])
    parser.add_argument("--candidates", type=int, default=1, help="schedules that are mapped for each bound")
    asked = parser.parse_args()
    rows: dict[str, Any] = json.loads(asked.json.read_text()) if asked.json.exists() else {}
    report = json.loads((asked.run / "report.json").read_text())
    points = {point["name"]: point for point in report["points"]}
    searched = [point for point in points.values() if 5 in point["levels"]]
    cells = technology()
    for name in asked.designs:
        design = read(asked.run / "designs" / name)
        network = design.network
        key = f"{report['dataset']}, {name}"
        row = rows.setdefault(key, {"folded": {}})
        row |= {"inputs": len(network.inputs)} | {k: points[name][k] for k in KEPT}
        row["searched"] = [{k: point[k] for k in ("name", *KEPT)} for point in searched]
        values, _ = design_rows(design, report["dataset"], data_folder=asked.data)
        most = np.array([2**item.bits - 1 for item in network.inputs], np.uint8)
        drawn = np.random.default_rng(0).integers(0, 256, (1000, len(most)), dtype=np.uint8) & most
        for clocks in asked.clocks:
            if str(clocks) in row["folded"]:
                continue
            try:
                made = fold(network, clocks, cells, candidates=asked.candidates, time_limit_s=600)
            except InputError as error:
                row["folded"][str(clocks)] = {"refused": str(error)}
                continue
            verdicts = check(made.best, network, np.concatenate([values, drawn]), sample=1, mapped=300)
            row["folded"][str(clocks)] = describe(made, cells, network) | {
                "ratio": round(made.best.mapped.area_um2 / 1e8 / points[name]["area_cm2"], 4),
                "checked": {verdict.route: [verdict.vectors, verdict.mismatches] for verdict in verdicts},
            }
            atomic.write(asked.json, (json.dumps(rows, indent=1) + "\n").encode())
        atomic.write(asked.json, (json.dumps(rows, indent=1) + "\n").encode())
        show(key, row)


def show(name: str, row: dict[str, Any]) -> None:
    """A line for each bound of clocks."""
    print(f"{name}, {row['inputs']} inputs, {row['accuracy']}: combinational {row['area_cm2']:.2f} cm2")
    for bound, found in row["folded"].items():
        if "refused" in found:
            print(f"  at most {bound} clocks: {found['refused']}")
            continue
        print(
            f"  at most {bound} clocks: {found['area_cm2']:.2f} cm2 ({found['ratio']:.3f} of it), {found['clocks']} "
            f"clocks, {found['flip_flops']} flip-flops, {found['schedule']}, {found['checked']}",
            flush=True,
        )
    for point in row["searched"]:
        print(f"  searched {point['name']}: {point['area_cm2']:.3f} cm2, {point['accuracy']}")


if __name__ == "__main__":
    main()

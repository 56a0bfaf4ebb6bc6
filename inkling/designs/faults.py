"""`inkling faults`: what defects do to a mapped design, and a short test set; `inkling.sim.faults.stuck_at` does the
simulating.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.designs.rows import design_rows
from inkling.reports.terminal.console import Terminal
from inkling.reports.terminal.table import Column, show
from inkling.sim.designs.folder import DesignFolder, read
from inkling.sim.faults import stuck_at
from inkling.sim.kernels.gates import port_columns
from inkling.sim.verdicts.vectors import reference
from inkling.train.errors import InputError
from inkling.train.files import atomic

SCHEMA = "inkling.faults/1"
RANDOM_ROWS = 1000
MOST_ROWS = 20_000


def report_faults(
    folder: Path,
    *,
    rows: str | None,
    target: str | None,
    data: Path | None,
    rate: float,
    out: Path | None,
    as_json: bool,
) -> None:
    """Analyse one design, write faults.json and its test set as CSV, and print what was found. Raises InputError."""
    design = read(folder)
    if not design.network.is_classifier:
        raise InputError(f"{folder} gives scores and no label; faults are counted on labels")
    labels = None
    if rows is None:
        values = random_rows(design)
    else:
        values, labels = design_rows(design, rows, target=target, data_folder=data)
    note = ""
    if len(values) > MOST_ROWS:
        note = f"the first {MOST_ROWS:,} of {len(values):,} rows"
        values, labels = values[:MOST_ROWS], None if labels is None else labels[:MOST_ROWS]
    summary, chosen = fault_summary(design, values, labels, rate)
    summary["note"] = note
    path = out or folder / "test_set.csv"
    summary["test_set"] = {"file": path.name, "vectors": len(chosen), "coverage": summary["coverage"]}
    # Without the time, so that equal runs give equal files; the report shows what is here.
    kept = {"schema": SCHEMA, **{key: value for key, value in summary.items() if key != "seconds"}}
    try:
        atomic.write(path, test_set_csv(design, values[chosen]).encode())
        atomic.write(folder / "faults.json", (json.dumps(kept, indent=1) + "\n").encode())
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); name another with --out") from error
    if as_json:
        print(json.dumps(summary, indent=1))
    else:
        _show(summary, path)


def random_rows(design: DesignFolder, count: int = RANDOM_ROWS, seed: int = 0) -> NDArray[np.uint8]:
    """Uniform values, uint8 [count, inputs]."""
    top = np.array([2**item.bits - 1 for item in design.network.inputs], np.uint8)
    drawn: NDArray[np.uint8] = np.random.default_rng(seed).integers(0, 256, (count, len(top)), dtype=np.uint8) & top
    return drawn


def fault_summary(
    design: DesignFolder, values: NDArray[np.uint8], labels: NDArray[np.int64] | None, rate: float
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """What is told of a design's defects, and the rows of the test set, int64 [chosen].

    values: uint8 [rows, inputs]; labels: int64 [rows], or None to count agreement with the sound circuit instead.
    Cells are named by their instance in mapped.v.
    """
    netlist, network = design.netlist, design.network
    codes = values[:, port_columns(netlist, network)]
    wanted = reference(network, values) if labels is None else labels
    found = stuck_at.analyse(netlist, codes, wanted)
    chosen = stuck_at.test_set(found)
    likely = stuck_at.at_defect_rate(netlist, codes, wanted, rate)
    critical = [
        {"instance": instance(design, item["gate"]), **{k: v for k, v in item.items() if k != "gate"}}
        for item in stuck_at.critical_gates(netlist, found)
    ]
    worst = float(found.accuracy.min()) if len(found.faults) else found.sound
    mean = float(found.accuracy.mean()) if len(found.faults) else found.sound
    return {
        "design": design.name,
        "measure": "agreement with the sound circuit" if labels is None else "accuracy",
        "rows": found.rows,
        "cells": len(netlist.kinds),
        "faults": len(found.faults),
        "coverage": round(found.coverage, 6),
        "sound": round(found.sound, 6),
        "mean_under_one_fault": round(mean, 6),
        "worst_under_one_fault": round(worst, 6),
        "at_defect_rate": {
            "rate": likely.rate,
            "draws": likely.draws,
            "mean": round(likely.mean, 6),
            "standard_error": round(likely.error, 6),
            "usable": round(likely.usable, 6),
        },
        "critical_cells": critical,
        "seconds": round(found.seconds, 3),
    }, chosen


def instance(design: DesignFolder, gate: int) -> str:
    """The name of a gate's instance in mapped.v, where that is the netlist's own text; else its number."""
    name = f"g{gate}"
    return name if f" {name} (" in design.texts["mapped.v"] else f"gate {gate}"


def test_set_csv(design: DesignFolder, values: NDArray[np.uint8]) -> str:
    """One line for each vector: codes of the input ports of mapped.v, and the label that a sound circuit gives."""
    netlist, network = design.netlist, design.network
    columns = port_columns(netlist, network)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*(port.name for port in netlist.inputs), "label"])
    for row, label in zip(values[:, columns].tolist(), reference(network, values).tolist(), strict=True):
        writer.writerow([*row, label])
    return stream.getvalue()


def _show(summary: dict[str, Any], path: Path) -> None:
    console = Terminal()
    likely = summary["at_defect_rate"]
    lines = [
        f"{summary['design']}: {summary['faults']:,} stuck-at faults of {summary['cells']:,} cells on "
        f"{summary['rows']:,} rows" + (f" ({summary['note']})" if summary["note"] else ""),
        f"coverage of the rows: {summary['coverage']:.1%} of the faults change a label",
        f"{summary['measure']}: {summary['sound']:.2%} sound, {summary['mean_under_one_fault']:.2%} on average under "
        f"one fault, {summary['worst_under_one_fault']:.2%} under the worst",
        f"at a defect rate of {likely['rate']:g}: {likely['mean']:.2%} +- {likely['standard_error']:.2%}; "
        f"{likely['usable']:.1%} of {likely['draws']:,} circuits lose at most one point",
        f"test set: {summary['test_set']['vectors']} vectors with the same coverage, in {path}",
    ]
    for line in lines:
        console.print(line)
    cells = [
        (item["instance"], item["cell"], str(item["stuck_at"]), f"{item['accuracy']:.2%}")
        for item in summary["critical_cells"]
    ]
    heads = (Column("critical cell", text=True), Column("type", text=True), Column("stuck at"))
    show((*heads, Column(summary["measure"])), cells, console)

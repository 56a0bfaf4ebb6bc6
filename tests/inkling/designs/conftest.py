"""A run folder of one small classifier, as `inkling run` leaves it, for tests of what is made of such folders."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense
from inkling.hdl.cells.egfet import technology
from inkling.reports.page.classifier import write
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report
from inkling.runs.design import Built, Job, build
from inkling.runs.effort import EFFORTS
from inkling.runs.folder import run_folder
from inkling.runs.outcome import undecided
from inkling.sim.verdicts.verdict import Outcome
from inkling.train.tables.quantiser import Quantiser

INPUTS = 7  # of 4 bits: more than are tried exhaustively
COLUMNS = tuple(f"f{k}" for k in range(INPUTS))
CLASSES = ("a", "b", "c")


def make(folder: Path, proof_s: float) -> Built:
    """Build a design with so many seconds for its proof, and write a run around it."""
    rng = np.random.default_rng(2)
    layers = (
        Dense(rng.integers(-9, 10, (3, INPUTS)), rng.integers(-9, 10, 3)),
        ClippedReLU(2, 4),
        Dense(rng.integers(-7, 8, (3, 3)), rng.integers(-9, 10, 3)),
        ArgMax(),
    )
    network = IntegerNetwork(tuple(Input(name, k, 4) for k, name in enumerate(COLUMNS)), layers, 3)
    effort = replace(EFFORTS["quick"], vectors=2000, cocotb_vectors=20, proof_s=proof_s)
    rows = rng.integers(0, 16, (50, INPUTS)).astype(np.uint8)
    quantisers = tuple(Quantiser(-1.0 - k, 16.0 + k, 4) for k in range(INPUTS))
    job = Job(
        "exact", "exact network", (1,), network, COLUMNS, CLASSES, quantisers, rows, 40, technology(), effort, 1,
        "0" * 16, verified=True,
    )  # fmt: skip
    with run_folder(folder) as place:
        (place / "designs").mkdir()
        built = build(job, place / "designs" / "exact")
        cost = built.cost
        point = Point(
            "exact", "exact network", (1,), {"train": 0.9, "validation": 0.8, "test": 0.7}, 0.7, cost.area_cm2, 0.0,
            cost.static_power_mw, cost.delay_ms, cost.gates, INPUTS, 4 * INPUTS,
            built.outcome is Outcome.PASSED, undecided=built.outcome is Outcome.UNDECIDED,
        )  # fmt: skip
        report = Report(
            "made", {"train": 40, "validation": 10, "test": 10}, 0.5, (), (point,), technology="EGFET",
            verdicts={"exact": built.verdicts}, circuits={"exact": built.circuit}, classes=CLASSES,
            bits=dict.fromkeys(COLUMNS, 4), notes=undecided([built]),
        )  # fmt: skip
        (place / "run.json").write_text(json.dumps({"schema": "inkling.run/1", "effort": "quick"}))
        write(report, place, {})
    return built


@pytest.fixture(scope="session")
def made_run() -> Callable[[Path, float], Built]:
    return make


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder, its design proven; not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    make(folder, 60.0)
    return folder

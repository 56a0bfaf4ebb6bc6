"""A proof that runs out of time is neither passed nor failed: so say files, page, terminal and exit code."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense
from inkling.cli.main import app
from inkling.designs.report import rebuild
from inkling.hdl.cells.egfet import technology
from inkling.reports.page.classifier import write
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report, read
from inkling.reports.terminal import run as terminal
from inkling.runs.design import Built, Job, build
from inkling.runs.effort import EFFORTS
from inkling.runs.outcome import undecided
from inkling.sim.proofs.equivalence import prove
from inkling.sim.verdicts import files
from inkling.sim.verdicts.verdict import Outcome, Verdict, overall
from inkling.train.tables.quantiser import Quantiser

INPUTS = 7  # of 4 bits: more than are tried exhaustively
RUN = CliRunner()


def verdict(mismatches: int, vectors: int, *, proven: bool = False, subject: str = "mapped.v") -> Verdict:
    return Verdict("route", subject, "network.json", vectors, mismatches, 0.0, proven=proven)


def test_three_outcomes_and_what_settles_an_open_one() -> None:
    open_, passed, failed = verdict(0, 0), verdict(0, 5), verdict(1, 5)
    proven = verdict(0, 0, proven=True)
    assert [item.outcome for item in (open_, passed, failed, proven)] == ["undecided", "passed", "failed", "passed"]
    assert overall([passed, open_]) is Outcome.UNDECIDED and overall([]) is Outcome.UNDECIDED
    assert overall([open_, failed]) is Outcome.FAILED and overall([passed]) is Outcome.PASSED
    assert overall([open_, proven]) is Outcome.PASSED
    assert overall([open_, verdict(0, 0, proven=True, subject="top.v")]) is Outcome.UNDECIDED
    assert "undecided" in open_.line() and "\x1b" not in replace(open_, subject="a\x1b[5mb").line()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Path]:
    """A run folder whose one design was built with no time for its proof."""
    rng = np.random.default_rng(2)
    layers = (
        Dense(rng.integers(-9, 10, (3, INPUTS)), rng.integers(-9, 10, 3)),
        ClippedReLU(2, 4),
        Dense(rng.integers(-7, 8, (3, 3)), rng.integers(-9, 10, 3)),
        ArgMax(),
    )
    network = IntegerNetwork(tuple(Input(f"f{k}", k, 4) for k in range(INPUTS)), layers, 3)
    effort = replace(EFFORTS["quick"], vectors=2000, cocotb_vectors=20, proof_s=1e-3)
    rows = rng.integers(0, 16, (50, INPUTS)).astype(np.uint8)
    job = Job(
        "exact", "exact network", (1,), network, tuple(f"f{k}" for k in range(INPUTS)), ("a", "b", "c"),
        (Quantiser(0.0, 16.0, 4),) * INPUTS, rows, 40, technology(), effort, 1, "0" * 16, verified=True,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("runs") / "run"
    (folder / "designs").mkdir(parents=True)
    built = build(job, folder / "designs" / "exact")
    cost = built.cost
    point = Point(
        "exact", "exact network", (1,), {"train": 0.9, "validation": 0.8, "test": 0.7}, 0.7, cost.area_cm2, 0.0,
        cost.static_power_mw, cost.delay_ms, cost.gates, INPUTS, 4 * INPUTS,
        built.outcome is Outcome.PASSED, undecided=built.outcome is Outcome.UNDECIDED,
    )  # fmt: skip
    report = Report(
        "made", {"train": 40, "validation": 10, "test": 10}, 0.5, (), (point,), technology="EGFET",
        verdicts={"exact": built.verdicts}, circuits={"exact": built.circuit}, classes=("a", "b", "c"),
        bits={f"f{k}": 4 for k in range(INPUTS)}, notes=undecided([built]),
    )  # fmt: skip
    (folder / "run.json").write_text(json.dumps({"schema": "inkling.run/1", "effort": "quick"}))
    write(report, folder, {})
    return built, folder


def test_a_built_design_is_undecided_in_its_files_its_report_its_page_and_the_terminal(
    made: tuple[Built, Path],
) -> None:
    built, folder = made
    assert built.outcome is Outcome.UNDECIDED and not built.failed
    listed = json.loads((folder / "designs/exact/verdict.json").read_text())
    outcomes = {item["route"]: item.get("outcome", "passed") for item in listed}
    assert outcomes.pop("proof") == "undecided" and set(outcomes.values()) == {"passed"}
    document = json.loads((folder / "report.json").read_text())
    (point,) = document["points"]
    assert not point["verified"] and point["outcome"] == "undecided"
    assert any(note.startswith("Undecided: exact") for note in document["notes"])
    html = (folder / "report.html").read_text()
    assert '<span class="open">undecided</span>' in html
    stream = io.StringIO()
    terminal.show(read(folder / "report.json"), Console(file=stream, width=200))
    assert "undecided" in stream.getvalue()


def test_verify_says_undecided_and_a_later_proof_makes_it_verified(made: tuple[Built, Path]) -> None:
    folder = made[1]
    design = folder / "designs" / "exact"
    options = ["--vectors", "2000", "--bulk", "1000", "--proof-s", "0.001", "--json", "--strict"]
    done = RUN.invoke(app, ["verify", str(folder), *options])
    assert done.exit_code == 1, done.output
    assert json.loads(done.stdout)["outcome"] == "undecided" and "undecided: exact" in done.stderr
    assert json.loads((design / "timings.json").read_text())["seconds"]["gates"] > 0
    assert "seconds" not in (design / "verdict.json").read_text()
    rebuild(folder)
    (point,) = read(folder / "report.json").points
    assert point.outcome is Outcome.UNDECIDED
    proof = prove((design / "top.v").read_text(), (design / "mapped.v").read_text())
    assert proof.passed and proof.proven
    files.write(design, [*(item for item in files.read(design / "verdict.json") if item.route != "proof"), proof])
    rebuild(folder)
    (point,) = read(folder / "report.json").points
    assert point.verified


@pytest.mark.parametrize(("outcome", "strict", "code"), [("undecided", False, 0), ("undecided", True, 1),
                                                         ("passed", True, 0), ("failed", False, 1)])  # fmt: skip
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, outcome: str, strict: bool, code: int) -> None:
    monkeypatch.setattr("inkling.designs.verify.verify", lambda *_, **__: Outcome(outcome))
    assert RUN.invoke(app, ["verify", "run", *(["--strict"] if strict else [])]).exit_code == code

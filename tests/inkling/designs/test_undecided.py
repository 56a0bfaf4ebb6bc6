"""A proof that runs out of time is neither passed nor failed: so say files, page, terminal and exit code."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from inkling.cli.main import app
from inkling.designs.report import rebuild
from inkling.reports.results.report import read
from inkling.reports.terminal import run as terminal
from inkling.runs.design import Built
from inkling.sim.proofs.equivalence import prove
from inkling.sim.verdicts import files
from inkling.sim.verdicts.verdict import Outcome, Verdict, overall

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
def made(tmp_path_factory: pytest.TempPathFactory, made_run: Callable[[Path, float], Built]) -> tuple[Built, Path]:
    """A run folder whose one design was built with no time for its proof."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    return made_run(folder, 1e-3), folder


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
    kept = [*(item for item in files.read(design / "verdict.json") if item.route != "proof"), proof]
    files.write(design, kept)
    rebuild(folder)
    (point,) = read(folder / "report.json").points
    assert point.verified


@pytest.mark.parametrize(("outcome", "strict", "code"), [("undecided", False, 0), ("undecided", True, 1),
                                                         ("passed", True, 0), ("failed", False, 1)])  # fmt: skip
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, outcome: str, strict: bool, code: int) -> None:
    monkeypatch.setattr("inkling.designs.verify.verify", lambda *_, **__: Outcome(outcome))
    assert RUN.invoke(app, ["verify", "run", *(["--strict"] if strict else [])]).exit_code == code

"""Which designs of a search a run takes, and what becomes of those whose tools take too long."""

import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hdl.process import ToolError
from inkling import run
from inkling.candidates import STEP, arithmetic, circuits, spread
from inkling.effort import EFFORTS
from reports import egfet
from train.sources import load


def test_a_spread_takes_the_best_and_ever_smaller_ones() -> None:
    points = [(1.0, 0.5), (1.9, 0.6), (2.1, 0.7), (4.0, 0.9), (5.0, 0.9), (0.4, 0.1)]
    picked = spread(points, 10)
    assert picked == [3, 1, 5]
    areas = [points[k][0] for k in picked]
    assert all(small * STEP <= large for large, small in itertools.pairwise(areas))
    assert spread(points, 2) == [3, 1]
    assert spread([], 3) == []


def test_quick_runs_leave_the_arithmetic_search_out() -> None:
    assert arithmetic(load("iris").development, egfet.technology(), EFFORTS["quick"], 0) == ()


def test_the_gate_search_runs_on_as_many_islands_as_asked_for() -> None:
    effort = replace(EFFORTS["quick"], rounds=4)
    lines: list[str] = []
    found = circuits(load("iris").development, egfet.technology(), effort, 0, lines.append, 2)
    assert sorted({line.split(",")[0] for line in lines}) == ["island 0", "island 1"]
    assert len(lines) == 4
    assert found


@pytest.mark.parametrize("timed_out", [True, False])
def test_a_design_past_its_time_limit_is_left_out_and_a_missing_tool_is_not(
    timed_out: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(job: Any, folder: Path | None) -> None:
        raise ToolError("abc ran past its limit" if timed_out else "abc was not found", timed_out=timed_out)

    monkeypatch.setattr(run, "build", fails)
    job: Any = SimpleNamespace(name="a", verified=True)
    if timed_out:
        assert run._build_in(tmp_path, job) == run.Late("abc ran past its limit")
    else:
        with pytest.raises(ToolError, match="not found"):
            run._build_in(tmp_path, job)

"""Which designs of a search a run takes, and what becomes of those whose tools take too long."""

import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from inkling.approx.programs.process import ToolError
from inkling.approx.quantise import networks
from inkling.approx.reference.operations import Logic
from inkling.hdl.cells import egfet
from inkling.hdl.cost.timing import delay_ms
from inkling.runs import building, choice
from inkling.runs.candidates import STEP, Candidate, arithmetic, circuits, gate_starts, spread
from inkling.runs.checkpoint import Checkpoint
from inkling.runs.effort import EFFORTS
from inkling.runs.outcome import slow
from inkling.runs.progress import Stages
from inkling.runs.request import Request
from inkling.runs.stop import Stop
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load


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
    # Islands exchange their fronts, which a search in one process has no word of: a line of each before that.
    assert 2 <= lines.count("before the first exchange") < len(lines)
    assert found


def test_circuits_are_within_the_delay_limit_and_begin_with_given_starts_too() -> None:
    development, technology = load("iris").development, egfet.technology()
    network = networks.logistic(development, weight_bits=2)
    given = Candidate("logistic", "", (), network)
    starts = gate_starts([given], development, technology)
    assert len(starts) == 1
    assert len(starts[0].kinds) > 0
    effort = replace(EFFORTS["quick"], rounds=8)
    limit = 12.0
    free = circuits(development, technology, effort, 0, delay_limit_ms=0)
    held = circuits(development, technology, effort, 0, delay_limit_ms=limit, starts=starts)

    def slowest(found: tuple[Candidate, ...]) -> float:
        logics = [item.network.layers[0] for item in found]
        return max(max(delay_ms(one.netlist, technology).values()) for one in logics if isinstance(one, Logic))

    assert held
    assert slowest(held) <= limit < slowest(free)


@pytest.mark.parametrize("moves", [0, 1000])
def test_gates_are_searched_from_the_reduced_arithmetic_where_there_is_such_a_search(
    moves: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    development = load("iris").development
    reduced = Candidate("arithmetic-1", "", (), networks.logistic(development, weight_bits=2))
    given: list[dict[str, Any]] = []

    def note(*_: Any, **options: Any) -> tuple[Candidate, ...]:
        given.append(options)
        return ()

    monkeypatch.setattr(choice, "exact_network", lambda *_: reduced)
    monkeypatch.setattr(choice, "power_of_two_networks", lambda *_: ())
    monkeypatch.setattr(choice, "arithmetic", lambda *_, **__: (reduced,) if moves else ())
    monkeypatch.setattr(choice, "circuits", note)
    effort = replace(EFFORTS["quick"], arithmetic_moves=moves, trees=(4,))
    request = Request(Reading("iris", seed=1), None, effort, None, (), 1, 90.0, 0.5)
    with Stages(Console()) as stages:
        kept = Checkpoint(tmp_path, "key")
        chosen = choice.choose(request, development, egfet.technology(), stages, Stop(), kept)
    assert len(given) == 1
    assert (given[0]["delay_limit_ms"], given[0]["power_weight"]) == (90.0, 0.5)
    assert len(given[0].get("starts", ())) == (1 if moves else 0)
    assert len(chosen.designs) == (2 if moves else 1)
    assert chosen.against


def test_designs_over_the_delay_limit_are_named() -> None:
    def built(name: str, verified: bool, delays: dict[str, float]) -> Any:
        job = SimpleNamespace(name=name, verified=verified)
        return SimpleNamespace(job=job, cost=SimpleNamespace(delay_ms=delays))

    designs = [
        built("a", True, {"1.0": 90.0, "0.6": 210.4}),
        built("b", True, {}),
        built("tree", False, {"1.0": 999.0}),
    ]
    assert slow(designs, 200.0) == ("a takes 210 ms at 0.6 V, over the limit of 200 ms",)
    assert slow(designs, 0.0) == ()


def test_the_command_repeats_limits_that_are_not_the_default() -> None:
    request = Request(Reading("iris", seed=1), None, EFFORTS["quick"])
    assert "delay" not in request.command()
    asked = replace(request, delay_limit_ms=0.0, power_weight=0.8)
    assert asked.command().endswith("--delay-limit 0 --power-weight 0.8")


@pytest.mark.parametrize("timed_out", [True, False])
def test_a_design_whose_tool_fails_is_lost_alone(
    timed_out: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(job: Any, folder: Path | None, mappings: Path) -> None:
        raise ToolError("abc ran past its limit" if timed_out else "abc was not found", timed_out=timed_out)

    monkeypatch.setattr(building, "build", fails)
    job: Any = SimpleNamespace(name="a", verified=True)
    lost = building._build_in(tmp_path, tmp_path, job)
    assert lost == building.Lost("abc ran past its limit" if timed_out else "abc was not found")

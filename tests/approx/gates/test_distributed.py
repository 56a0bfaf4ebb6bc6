"""Islands as tasks of an executor: the result of processes on one machine, whoever runs the tasks and how often."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from inkling.approx.gates import distributed, search
from inkling.approx.gates.pool import Candidate
from inkling.approx.netlists import tree
from inkling.approx.quantise import teacher
from inkling.approx.reference.netlist import Netlist
from inkling.train.tables.dataset import Development, Rows

AREAS = {"INV": 1.0, "NAND2": 1.1, "NOR2": 1.7, "AND2": 1.9, "OR2": 2.5, "XOR2": 4.5, "XNOR2": 5.9}
SETTINGS = search.with_settings(effort=1e6, sweep=3, prices=(2e4, 2e6))


def table(seed: int, count: int) -> Rows:
    codes = np.random.default_rng(seed).integers(0, 16, (count, 3)).astype(np.uint8)
    labels = (codes[:, 0].astype(int) + codes[:, 1] > 15).astype(np.int64) + (codes[:, 2] > 9)
    return Rows(codes, labels.astype(np.int64))


def starts() -> list[Netlist]:
    rows = table(0, 600)
    development = Development("table", tuple("abc"), tuple("012"), (4, 4, 4), rows, table(1, 200))
    weighted = teacher.WeightedRows(*rows, np.ones(600, np.int64))
    return [tree.build(teacher.tree(weighted, development, leaves, seed=0)) for leaves in (20, 6)]


def run(executor: Executor | None, rounds: int = 24, islands: int = 2, **more: Any) -> list[tuple[object, ...]]:
    found = search.search(
        starts(), table(0, 600), table(1, 200), areas=AREAS, rounds=rounds, seed=1, settings=SETTINGS,
        islands=islands, executor=executor, **more,
    )  # fmt: skip
    return shown(found)


def shown(found: tuple[Candidate, ...]) -> list[tuple[object, ...]]:
    return [(c.area, c.scored, c.validation, c.netlist.kinds.tolist(), c.netlist.sources.tolist()) for c in found]


class Unlucky(Executor):
    """Runs every task at once, twice, and hands out what the second time gave: the machine of the first died."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        fn(*args, **kwargs)
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.mark.parametrize("rounds", [20, 24])  # with an exchange at the end, and without
def test_tasks_find_what_processes_find(rounds: int) -> None:
    lines: list[str] = []
    expected = run(None, rounds)
    with ThreadPoolExecutor(2) as pool:
        assert run(pool, rounds, progress=lines.append) == expected
    assert run(Unlucky(), rounds) == expected
    assert len(expected) > 2 and len(lines) == 4


def test_an_exchange_hands_circuits_on(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(Unlucky())
    monkeypatch.setattr(distributed, "EXCHANGE", 1000)
    assert run(Unlucky()) != whole


def test_islands_that_do_not_wait_exchange_too() -> None:
    rows, validation = table(0, 600), table(1, 200)
    given = starts()
    problem = search.problem(given, rows, validation, AREAS, settings=SETTINGS)
    gates = [gate_stretches_start(start) for start in given]

    def found(executor: Executor) -> distributed.Pool:
        return distributed.search(problem, gates, 1, islands=3, rounds=36, executor=executor, deterministic=False)

    pool = found(Unlucky())
    assert pool.rounds == 36 and len(pool.front()) > 3
    assert shown(pool.front()) == shown(found(Unlucky()).front())  # one after the other, timing has no part
    with ThreadPoolExecutor(3) as threads:
        assert found(threads).rounds == 36


def gate_stretches_start(netlist: Netlist) -> Any:
    from inkling.approx.gates.packing import from_netlist

    return from_netlist(netlist)


def test_an_interrupt_keeps_what_was_found() -> None:
    calls = []

    def interrupt(line: str) -> None:
        calls.append(line)
        if len(calls) == 3:
            raise KeyboardInterrupt

    assert len(run(Unlucky(), 10**6, progress=interrupt)) > 1


def test_elsewhere_there_are_no_files_and_no_seconds(tmp_path: Any) -> None:
    with pytest.raises(ValueError, match="no checkpoint"):
        run(Unlucky(), checkpoint=tmp_path / "search")

"""Islands: the same result whatever the timing and whoever runs them, and no process is left, however they end."""

import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkling.approx.gates import islands as gate_islands
from inkling.approx.gates import search
from inkling.approx.netlists import tree
from inkling.approx.quantise import teacher
from inkling.approx.reference.netlist import Netlist
from inkling.train.errors import InputError
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


def run(
    rounds: int | None = 48,
    checkpoint: Path | None = None,
    progress: Callable[[str], None] | None = None,
    islands: int = 2,
    seed: int = 1,
    seconds: float | None = None,
    executor: Executor | None = None,
) -> list[tuple[object, ...]]:
    found = search.search(
        starts(), table(0, 600), table(1, 200), areas=AREAS, rounds=rounds, seconds=seconds, seed=seed,
        settings=SETTINGS, islands=islands, checkpoint=checkpoint, progress=progress, executor=executor,
    )  # fmt: skip
    assert multiprocessing.active_children() == []
    return [(c.area, c.scored, c.validation, c.netlist.kinds.tolist(), c.netlist.sources.tolist()) for c in found]


def interrupt_at(count: int) -> Callable[[str], None]:
    calls = []

    def interrupt(line: str) -> None:
        calls.append(line)
        if len(calls) == count:
            raise KeyboardInterrupt

    return interrupt


@pytest.fixture(scope="module")
def whole() -> list[tuple[object, ...]]:
    return run()


def test_seed_and_islands_decide_the_result_whatever_the_timing(whole: list[tuple[object, ...]]) -> None:
    calls: list[str] = []

    def slowly(line: str) -> None:
        calls.append(line)
        time.sleep(0.01)

    assert run(progress=slowly) == whole and len(calls) == 48
    assert run(seed=2) != whole
    assert len(whole) > 3


def test_an_exchange_hands_circuits_on(monkeypatch: pytest.MonkeyPatch, whole: list[tuple[object, ...]]) -> None:
    """Without the exchange each island would go on from its own front alone, and end elsewhere."""
    monkeypatch.setattr(gate_islands, "EXCHANGE", 1000)
    assert run() != whole


def test_an_interrupt_keeps_what_was_found_and_leaves_nobody() -> None:
    assert len(run(rounds=10**6, progress=interrupt_at(7))) > 1
    assert len(run(rounds=None, seconds=2.0)) > 1


class Unlucky(Executor):
    """Runs every task at once, twice, and hands out what the second time gave: the machine of the first died."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        fn(*args, **kwargs)
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.mark.parametrize("rounds", [20, 24])  # with an exchange at the end, and without
def test_an_executor_finds_what_processes_find(rounds: int) -> None:
    lines: list[str] = []
    expected = run(rounds)
    with ThreadPoolExecutor(2) as pool:
        assert run(rounds, executor=pool, progress=lines.append) == expected
    assert run(rounds, executor=Unlucky()) == expected
    assert len(expected) > 2 and len(lines) == rounds


def test_an_interrupt_on_an_executor_keeps_what_was_found() -> None:
    assert len(run(10**6, executor=Unlucky(), progress=interrupt_at(3))) > 1


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(tmp_path: Path, whole: list[tuple[object, ...]]) -> None:
    path = tmp_path / "search"
    run(checkpoint=path, progress=interrupt_at(28))  # in the second stretch of ten rounds on two islands
    assert [item.name for item in tmp_path.iterdir()] == ["search"]
    lines: list[str] = []
    assert run(checkpoint=path, progress=lines.append) == whole
    assert 8 <= len(lines) <= 20
    with pytest.raises(InputError, match="on 3 islands"):
        run(checkpoint=path, islands=3)
    with pytest.raises(InputError, match="another search"):
        run(checkpoint=path, seed=7)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError, match="no checkpoint"):
        run(checkpoint=path)


def test_a_stretch_that_was_cut_short_goes_on_as_if_it_had_not_been(
    tmp_path: Path, whole: list[tuple[object, ...]]
) -> None:
    path = tmp_path / "search"
    run(checkpoint=path, rounds=None, seconds=0.05)  # not one exchange
    assert run(checkpoint=path) == whole


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_killed_outright_it_leaves_no_process_and_can_be_resumed(
    tmp_path: Path, whole: list[tuple[object, ...]]
) -> None:
    path = tmp_path / "search"
    script = (
        "import importlib.util, sys\n"
        "if __name__ == '__main__':\n"
        f"    sys.path[:0] = {sys.path!r}\n"
        "    from pathlib import Path\n"
        f"    spec = importlib.util.spec_from_file_location('tested', {__file__!r})\n"
        "    tested = importlib.util.module_from_spec(spec)\n"
        "    spec.loader.exec_module(tested)\n"
        "    tested.gate_islands.SECONDS_BETWEEN_CHECKPOINTS = 0\n"
        f"    tested.run(rounds=10**6, checkpoint=Path({str(path)!r}))\n"
    )
    (tmp_path / "script.py").write_text(script)
    process = subprocess.Popen([sys.executable, str(tmp_path / "script.py")])
    try:
        _wait(path.exists)
        children = _children(process.pid)
        assert len(children) >= 2
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    _wait(lambda: not any(_alive(pid) for pid in children))
    island = np.load(io.BytesIO(np.load(path)["island0"].tobytes()))
    done = json.loads(island["about"].tobytes())["rounds"]
    assert run(rounds=2 * done + 8, checkpoint=path) == run(rounds=2 * done + 8)


def test_an_island_that_is_killed_is_an_error() -> None:
    def kill(line: str) -> None:
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)

    with pytest.raises(RuntimeError, match="ended before its work was done"):
        run(rounds=10**6, progress=kill)
    assert multiprocessing.active_children() == []


def test_moves_are_no_budget_of_islands() -> None:
    with pytest.raises(ValueError, match="rounds or seconds"):
        search.search(starts(), table(0, 60), table(1, 20), areas=AREAS, moves=10, islands=2)

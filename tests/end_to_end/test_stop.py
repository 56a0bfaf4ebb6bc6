"""Stopping a run: nothing goes on in the background, and nothing half-written is left."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkling.approx.reference import network_files
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense
from inkling.runs.stop import HEARD


def _marked(mark: str) -> dict[int, str]:
    """Processes with the mark in their environment, whichever group or session they are in, and what they run."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if mark.encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
    return found


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_stop_ends_workers_and_tools(
    number: signal.Signals,
    code: int,
    start_run: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mark = f"mark-{uuid.uuid4()}"
    monkeypatch.setenv("INKLING_TEST_MARK", mark)
    process = start_run(tmp_path, "slow", "--out", "result")
    said: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=said.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        # In the middle of the designs: a tool, here ABC, is running under a worker, in a session of its own.
        assert _wait_until(lambda: any("yosys-abc" in line for line in _marked(mark).values()), 200), said
        assert process.poll() is None
        # As the terminal does it for Ctrl-C: to the whole foreground group.
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        process.wait(timeout=60)
        # What the whole run takes is several times longer than this.
        assert _wait_until(lambda: not _marked(mark), 30), _marked(mark)
    finally:
        for left in _marked(mark):
            os.kill(left, signal.SIGKILL)
    reader.join(10)
    assert process.returncode == code, said
    assert process.stderr is not None
    words = process.stderr.read()
    if number != signal.SIGKILL:
        assert words.count(HEARD) == 1 and "Traceback" not in words
    if number != signal.SIGKILL and (tmp_path / "result").exists():
        # A design was finished before the stop: its report is a whole one, and says so.
        assert (tmp_path / "result" / "report.json").exists()
        assert json.loads((tmp_path / "result" / "run.json").read_text())["stopped"] is True
        return
    # What was chosen is kept for the same command.
    (left,) = tmp_path.iterdir()
    assert left.name == f"result.partial-{process.pid}"
    assert (left / "unfinished" / "gates" / "stage.json").exists()
    assert number == signal.SIGKILL or words.endswith("the same command goes on from there\n")


def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(
    start_run: Callable[..., subprocess.Popen[str]], tiny_run: Callable[[str], Any], tmp_path: Path
) -> None:
    """Killed outright when the candidates are chosen: the second run takes them up and leaves nothing else."""
    process = start_run(tmp_path, "", "--out", "result")
    assert process.stdout is not None
    assert any(line.startswith("choose") for line in process.stdout)
    process.kill()
    process.wait()
    assert [path.name for path in tmp_path.iterdir()] == [f"result.partial-{process.pid}"]
    again = start_run(tmp_path, "no-training", "--out", "result")
    out, err = again.communicate(timeout=400)
    assert again.returncode == 0, (out, err)
    assert [path.name for path in tmp_path.iterdir()] == ["result"]
    first, second = (
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tiny_run("").folder, tmp_path / "result")
    )
    assert [name for name in sorted({*first, *second}) if first.get(name) != second.get(name)] == []


def _start(folder: Path, mark: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", "from inkling.cli.main import main; main()", *arguments],
        cwd=folder,
        env={**os.environ, "INKLING_TEST_MARK": mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_fold_that_is_ended_in_a_tool_leaves_none_and_the_same_command_ends_it(
    number: signal.Signals, tmp_path: Path
) -> None:
    rng = np.random.default_rng(4)
    one = Dense(rng.choice([0, 1, -2, 4], (3, 6)), rng.integers(-5, 9, 3))
    two = Dense(rng.choice([0, 1, -2], (3, 3)), rng.integers(-5, 6, 3))
    network = IntegerNetwork(
        tuple(Input(f"x{k}", k, 3) for k in range(6)), (one, ClippedReLU(0, 3), two, ArgMax()), 3
    )
    (tmp_path / "design").mkdir()
    network_files.save(network, tmp_path / "design")
    mark, arguments = f"mark-{uuid.uuid4()}", ("fold", "design", "--out", "result", "--vectors", "200")
    process = _start(tmp_path, mark, *arguments, "--effort", "quick")
    try:
        assert _wait_until(lambda: any("yosys-abc" in line for line in _marked(mark).values()), 120)
        process.send_signal(number)
        _, words = process.communicate(timeout=60)
        assert _wait_until(lambda: not _marked(mark), 30), _marked(mark)
    finally:
        for left in _marked(mark):
            os.kill(left, signal.SIGKILL)
    assert not (tmp_path / "result").exists() and "Traceback" not in words
    if number == signal.SIGTERM:
        assert (
            process.returncode == 143 and words.count("inkling: stopping; the circuits that are mapped are kept") == 1
        )
    again = _start(tmp_path, mark, *arguments, "--effort", "trial")
    out, err = again.communicate(timeout=200)
    assert again.returncode == 0, (out, err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["design", "result"]
    assert (tmp_path / "result" / "folded.json").is_file()

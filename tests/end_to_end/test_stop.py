"""Stopping a run: nothing goes on in the background, and nothing half-written is left."""

import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest


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
    if number != signal.SIGKILL and (tmp_path / "result").exists():
        # A design was finished before the stop: its report is a whole one.
        assert (tmp_path / "result" / "report.json").exists()
        assert any("stopped" in line for line in said)
        return
    assert process.returncode == code, said
    if number != signal.SIGKILL:
        assert list(tmp_path.iterdir()) == []
    if number == signal.SIGINT:
        assert process.stderr is not None
        assert process.stderr.read() == "inkling: stopped\n"

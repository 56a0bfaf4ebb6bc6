"""Worker processes: the same results however many there are, errors raised here, nobody left when it ends."""

import math
import multiprocessing
import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from inkling.approx.programs.process import ToolError, python, run
from inkling.runs.workers import run_each


def _running(word: str) -> list[int]:
    """Processes with a word in their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if word.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def test_results_do_not_depend_on_the_number_of_workers() -> None:
    tasks = list(range(20))
    expected = {index: math.factorial(task) for index, task in enumerate(tasks)}
    for workers in (1, 3):
        assert dict(run_each(math.factorial, tasks, workers=workers)) == expected
    assert multiprocessing.active_children() == []


def test_no_tasks_give_no_results() -> None:
    assert list(run_each(math.factorial, [])) == []


def test_an_exception_is_raised_here_and_leaves_nobody() -> None:
    tasks = [["false"], ["sleep", "97.125"], ["sleep", "97.25"]]
    with pytest.raises(ToolError, match="status 1"):
        list(run_each(partial(run, time_limit_s=100), tasks, workers=2))
    assert multiprocessing.active_children() == []
    assert _running("97.125") == _running("97.25") == []


def test_after_a_stop_no_tool_goes_on_and_no_queued_task_begins(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    tasks = [["true"], ["sleep", "96.125"], ["touch", str(begun)], ["touch", str(begun)]]
    results = run_each(partial(run, time_limit_s=90), tasks, workers=1)
    assert next(results)[0] == 0
    end = time.monotonic() + 60
    while not _running("96.125"):
        assert time.monotonic() < end
        time.sleep(0.05)
    results.close()  # type: ignore[attr-defined]
    assert _running("96.125") == []
    assert not begun.exists()
    assert multiprocessing.active_children() == []


def test_a_worker_that_is_killed_is_an_error() -> None:
    from concurrent.futures.process import BrokenProcessPool

    results = run_each(time.sleep, [0, 95.0], workers=1)
    assert next(results) == (0, None)
    for process in multiprocessing.active_children():
        os.kill(process.pid or 0, signal.SIGKILL)
    with pytest.raises(BrokenProcessPool):
        next(results)
    assert multiprocessing.active_children() == []


def test_a_stop_ends_the_tools_of_other_threads_and_refuses_new_ones() -> None:
    script = (
        "import signal, sys, threading, time\n"
        "from inkling.approx.programs import process\n"
        "failures = []\n"
        "def wait():\n"
        "    for _ in range(2):\n"
        "        try: process.run(['sleep', '94.125'], time_limit_s=100)\n"
        "        except process.ToolError as error: failures.append(error)\n"
        "thread = threading.Thread(target=wait)\n"
        "thread.start()\n"
        "while not process._running: time.sleep(0.01)\n"
        "try: process.stop()\n"
        "except SystemExit as error: print(error.code)\n"
        "thread.join()\n"
        "print(len(failures))\n"
    )
    assert python(script, time_limit_s=60).stdout.split() == ["143", "2"]
    assert _running("94.125") == []


def test_no_moment_of_a_stop_leaves_a_tool_behind() -> None:
    """A signal every few hundred microseconds later, from before the tool's start until it surely runs."""
    script = (
        "import os, signal, sys\n"
        "from inkling.approx.programs import process\n"
        "for k in range(60):\n"
        "    if (child := os.fork()) == 0:\n"
        "        signal.signal(signal.SIGALRM, lambda *_: process.stop())\n"
        "        signal.setitimer(signal.ITIMER_REAL, 0.0001 + 0.0002 * k)\n"
        "        try: process.run(['sleep', '93.125'], time_limit_s=100)\n"
        "        except SystemExit as error: os._exit(error.code)\n"
        "        os._exit(1)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert python(script, time_limit_s=100).stdout.split() == ["143"] * 60
    assert _running("93.125") == []

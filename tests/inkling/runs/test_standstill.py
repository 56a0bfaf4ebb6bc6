"""A machine that stands still decides nothing: budgets count steps, and a tool's time is what it could run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from inkling.runs.effort import EFFORTS
from inkling.train.networks.training import LEAST_STEPS, affordable_steps, default_hidden
from inkling.train.tables.sources import load

LIMIT_S = 8
# A tool that works for two seconds, in steps that a standstill makes no shorter; it tells its process first.
TOOL = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); [time.sleep(0.1) for _ in range(20)]"
SCRIPT = f"""
import sys
from inkling.approx.programs.process import ToolError, run
try:
    run([sys.executable, "-c", {TOOL!r}, sys.argv[1]], time_limit_s=float(sys.argv[2]))
    print("done")
except ToolError as error:
    print("late" if error.timed_out else error)
"""


def _ended(folder: Path, limit_s: float, standstill_s: float) -> str:
    """What the script says, when it and its tool were stopped and continued."""
    place = folder / "pid"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", SCRIPT, str(place), str(limit_s)], stdout=subprocess.PIPE, text=True
    )
    while standstill_s:
        time.sleep(0.02)
        if place.exists() and (text := place.read_text()):
            pids = (process.pid, int(text))
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(standstill_s)
            for pid in reversed(pids):
                os.kill(pid, signal.SIGCONT)
            break
    return process.communicate()[0].strip()


def test_a_standstill_is_no_time_that_a_tool_took(tmp_path: Path) -> None:
    assert _ended(tmp_path, LIMIT_S, LIMIT_S + 1) == "done"


def test_a_tool_that_runs_too_long_is_ended(tmp_path: Path) -> None:
    assert _ended(tmp_path, 0.5, 0) == "late"


def test_the_steps_of_a_training_are_a_matter_of_the_table_and_the_effort_alone() -> None:
    development = load("iris").development
    effort = EFFORTS["quick"]
    hidden = default_hidden(development)

    def steps(work: float) -> int:
        return affordable_steps(development, hidden, effort.restarts, effort.steps, work)

    assert steps(effort.training_work) == steps(float("inf")) == effort.steps
    assert LEAST_STEPS == steps(1.0) < steps(1e9) < effort.steps


def test_a_table_by_the_name_of_a_published_one_has_no_topology_of_it() -> None:
    from dataclasses import replace

    mine = replace(load("iris").development, name="seeds")
    assert default_hidden(mine) == default_hidden(load("iris").development)

"""Runs stopped at random moments: `python tests/benchmarks/bench_stops.py [--runs 30]`.

Each run gets SIGINT, SIGTERM or SIGKILL at a moment drawn from an undisturbed run's time. Counted are processes that
were left, folders that hold less than they claim, and whether the same command goes on to the bytes of the
undisturbed run.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "end_to_end" / "tiny_run.py"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


def start(folder: Path, mark: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), "run", "iris", "--effort", "trial", "--out", "result"],
        cwd=folder,
        env={**os.environ, "REHEARSAL": "", "INKLING_TEST_MARK": mark},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def marked(mark: str) -> list[int]:
    """Living processes with the mark in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if mark.encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def half_written(result: Path) -> bool:
    """Whether a folder at its place lacks what it lists, or designs that its report names."""
    if not result.exists():
        return False
    try:
        listed = json.loads((result / ".files.json").read_text())
        points = json.loads((result / "report.json").read_text())["points"]
    except (OSError, ValueError):
        return True
    names = [*listed, *(f"designs/{point['name']}/verdict.json" for point in points)]
    return not all((result / name).is_file() for name in names)


def trial(number: signal.Signals, moment: float, whole: dict[str, bytes], folder: Path) -> dict[str, object]:
    """One run that is stopped, and what it left; it is then run to its end."""
    mark = f"mark-{uuid.uuid4()}"
    process = start(folder, mark)
    time.sleep(moment)
    process.send_signal(number)
    _, words = process.communicate()
    begun = time.monotonic()
    while marked(mark) and time.monotonic() - begun < 30:
        time.sleep(0.2)
    left = marked(mark)
    found: dict[str, object] = {
        "signal": number.name,
        "moment_s": round(moment, 1),
        "status": process.returncode,
        "processes_left": len(left),
        "half_written": half_written(folder / "result"),
        "reported": (folder / "result").exists(),
        "kept": sum(len(list(path.glob("unfinished/*"))) > 1 for path in folder.iterdir()),
        "traceback": b"Traceback" in words,
    }
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    again = start(folder, mark)
    again.communicate()
    found["goes_on"] = again.returncode == 0 and contents(folder / "result") == whole
    found["litter"] = [path.name for path in folder.iterdir() if path.name != "result"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="inkling-stops-") as name:
        base = Path(name)
        (base / "whole").mkdir()
        begun = time.monotonic()
        undisturbed = start(base / "whole", "whole")
        undisturbed.communicate()
        seconds = time.monotonic() - begun
        assert undisturbed.returncode == 0
        whole = contents(base / "whole" / "result")
        results = []
        for k in range(options.runs):
            folder = base / str(k)
            folder.mkdir()
            results.append(trial(SIGNALS[k % 3], draw.uniform(0, seconds), whole, folder))
            print(json.dumps(results[-1]), flush=True)
            shutil.rmtree(folder)
    sound = [
        item
        for item in results
        if not item["processes_left"] and not item["half_written"] and item["goes_on"] and not item["litter"]
    ]
    print(f"{len(sound)} of {len(results)} runs left nothing behind and went on to the same bytes")


if __name__ == "__main__":
    main()

"""Seconds of a whole `inkling run` and of its stages, as a user sees them; writes JSON."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETS = ("iris", "wine", "wdbc", "pendigits")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sets", nargs="*", default=SETS)
    asked = parser.parse_args()
    console = Path(sys.executable).with_name("inkling")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        started = [_seconds([console, "--help"]) for _ in range(5)]
        print(f"inkling --help: {min(started):.2f} s at best of 5, {max(started):.2f} s at worst")
        for name in asked.sets:
            begun = time.perf_counter()
            done = subprocess.run(
                [console, "run", name, "--out", str(Path(folder) / name)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=True,
            )
            seconds = time.perf_counter() - begun
            stages = next(line for line in done.stdout.splitlines() if line.startswith("report"))
            report = json.loads((Path(folder) / name / "report.json").read_text())
            verified = all(point["verified"] for point in report["points"])
            found[name] = {"seconds": round(seconds, 1), "stages": stages, "points": len(report["points"])}
            print(f"{name}: {seconds:.0f} s, {len(report['points'])} designs, verified: {verified}; {stages}")
    if asked.json:
        asked.json.write_text(json.dumps({"help_s": started, "runs": found}, indent=1) + "\n")


def _seconds(command: list[object]) -> float:
    begun = time.perf_counter()
    subprocess.run([str(part) for part in command], capture_output=True, check=True)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()

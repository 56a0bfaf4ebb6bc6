"""Seconds that each document takes when it is followed literally, with the budgets a reader gets, as JSON.

    python -P tests/benchmarks/bench_tutorials.py [--only NAME] [--json FILE]

Every block runs in order in an empty folder, as in tests/docs, waiting included; the installation is not counted.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from inkling.train.files import atomic  # noqa: E402
from tests.docs.blocks import blocks, run, tools  # noqa: E402

GOAL_S = 600
# Tables and plans: nothing to follow.
NO_TUTORIALS = ("index", "measured", "scale")


def follow(path: Path) -> dict[str, Any]:
    """Run a document's blocks; seconds in all and of the slowest block, and what was left out."""
    found = blocks(path)
    spent: dict[int, float] = {}
    left_out = {}
    with tempfile.TemporaryDirectory() as folder:
        usual = tools(Path(folder) / "tools")["usual"]
        (work := Path(folder) / "work").mkdir()
        for block in found:
            start = time.monotonic()
            why = run(block, work, {"usual": usual, "tiny": usual})
            spent[block.line] = time.monotonic() - start
            if why:
                left_out[block.line] = why
    slowest = max(spent, key=lambda line: spent[line])
    return {
        "seconds": round(sum(spent.values()), 1),
        "blocks": len(found),
        "slowest_block": {"line": slowest, "seconds": round(spent[slowest], 1)},
        "left_out": left_out,
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="documents whose name has this text")
    parser.add_argument("--json", type=Path, default=Path(__file__).with_name("results") / "tutorials.json")
    asked = parser.parse_args()
    results: dict[str, Any] = {"goal_seconds": GOAL_S, "machine": platform.machine(), "cores": os.cpu_count()}
    results["documents"] = {}
    for path in sorted((ROOT / "docs").glob("*.md")):
        if path.stem in NO_TUTORIALS or asked.only not in path.stem:
            continue
        results["documents"][path.stem] = found = follow(path)
        print(
            f"{path.stem}: {found['seconds']:.0f} s, of which line {found['slowest_block']['line']} takes "
            f"{found['slowest_block']['seconds']:.0f}",
            flush=True,
        )
        atomic.write(asked.json, (json.dumps(results, indent=1, sort_keys=True) + "\n").encode())


if __name__ == "__main__":
    main()

"""Campaigns on two workers against one, rounds in turn: seconds from the first stored point to the last, as JSON.

    python tests/benchmarks/bench_campaign.py [--points 200] [--milliseconds 200] [--rounds 3] [--trees] [--out FILE]

Points are simulated (each takes that much processor time) or, with --trees, decision trees of packaged tables: real
points, whose external tools run beside their worker. Rounds of one and two workers alternate, so that other work on
the machine meets both; the least of each is compared. Every finished round is written down.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from inkling.campaigns.cluster import Engine, outcomes
from inkling.campaigns.file import Loaded, load
from inkling.campaigns.store import open_store
from inkling.train.files import atomic


def campaign(folder: Path, points: int, milliseconds: int, trees: bool) -> Loaded:
    path = folder / "campaign.toml"
    if trees:
        splits = -(-points // 4)
        path.write_text(
            f'datasets = ["iris", "wine", "wdbc", "digits"]\nmethods = ["tree"]\nsplits = {splits}\n'
            'budgets = [{name = "small", base = "quick", trees = [4, 8, 16]}]\n'
        )
    else:
        path.write_text(
            f'datasets = ["iris"]\nmethods = ["simulated"]\nsplits = {points}\n'
            f'budgets = [{{name = "made-up", base = "quick", rounds = {milliseconds}, circuits = 3}}]\n'
        )
    return load(path)


def seconds(loaded: Loaded, workers: int, store: Path) -> tuple[float, list[Any]]:
    """From the first list of outcomes to the last: workers are started by then. And what is stored."""
    with open_store(str(store)) as opened:
        begun, end, first = 0.0, 0.0, 0
        for found in outcomes(loaded, loaded.campaign.points(), Engine(jobs=workers)):
            opened.add(found)
            end = time.monotonic()
            if not begun:
                begun, first = end, len(found)
        whole = len(loaded.campaign)
        # The first outcomes are there when the clock starts.
        return (end - begun) * whole / (whole - first), opened.dump()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--milliseconds", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trees", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results") / "campaign.json")
    options = parser.parse_args()
    name = f"trees-{options.points}" if options.trees else f"simulated-{options.points}-{options.milliseconds}ms"
    document: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        loaded = campaign(Path(folder), options.points, options.milliseconds, options.trees)
        tables = []
        for number in range(options.rounds):
            found = {}
            for workers in (1, 2) if number % 2 == 0 else (2, 1):
                store = Path(folder) / f"{number}-{workers}.sqlite"
                found[str(workers)], table = seconds(loaded, workers, store)
                tables.append(table)
            rounds.append(found)
            assert all(table == tables[0] for table in tables), "results depend on the number of workers"
            least = {workers: min(item[workers] for item in rounds) for workers in ("1", "2")}
            document[name] = {
                "points": len(loaded.campaign),
                "milliseconds": None if options.trees else options.milliseconds,
                "seconds_by_workers": [{k: round(v, 2) for k, v in item.items()} for item in rounds],
                "speedup": round(least["1"] / least["2"], 3),
                "cores": len(os.sched_getaffinity(0)),
                "load_average": round(os.getloadavg()[0], 1),
            }
            atomic.write(options.out, (json.dumps(document, indent=1, sort_keys=True) + "\n").encode())
            print(name, document[name], flush=True)


if __name__ == "__main__":
    main()

"""What 100,000 points cost: bytes of the store, memory of the client, seconds of the report, as JSON.

    python tests/benchmarks/bench_store.py [--points 100000] [--through-dask 20000] [--out FILE]

First simulated points go straight into a store, as fast as it takes them; then some go through a local cluster with
one worker, which is what `inkling explore` does, and the client's memory is read on the way.
"""

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from inkling.campaigns.cluster import Engine, outcomes
from inkling.campaigns.file import Loaded, load
from inkling.campaigns.point import compute
from inkling.campaigns.report import summary
from inkling.campaigns.store import open_store
from inkling.train.files import atomic

TABLES = ("iris", "wine", "wdbc", "digits")


def campaign(folder: Path, points: int) -> Loaded:
    """Four tables, five budgets, and as many splits as it takes."""
    path = folder / "campaign.toml"
    budgets = ", ".join(f'{{name = "b{k}", base = "quick", rounds = 1, circuits = {k}}}' for k in range(2, 7))
    splits = -(-points // (len(TABLES) * 5))
    path.write_text(
        f"datasets = {json.dumps(TABLES)}\nmethods = ['simulated']\nsplits = {splits}\nbudgets = [{budgets}]\n"
    )
    loaded = load(path)
    # No processor time for a point: what is measured is what stands around it.
    free = tuple(replace(budget, values=budget.values | {"rounds": 0}) for budget in loaded.campaign.budgets)
    return replace(loaded, campaign=replace(loaded.campaign, budgets=free))


def memory_mib() -> float:
    """Resident memory of this process."""
    text = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS"))) / 1024


def size(store: Path) -> int:
    return sum(path.stat().st_size for path in store.parent.glob(f"{store.name}*"))


def filled(loaded: Loaded, store: Path) -> dict[str, Any]:
    """Points straight into the store; its size on the way, and the report at the end."""
    steps = []
    with open_store(str(store)) as opened:
        todo = loaded.campaign.points()
        opened.keep(loaded.campaign)
        count, begun = 0, time.monotonic()
        while part := list(islice(todo, 50)):
            opened.add([compute(point, None, None) for point in part])
            count += len(part)
            if count % 10_000 == 0 or count == len(loaded.campaign):
                steps.append({"points": count, "bytes": size(store), "client_mib": round(memory_mib(), 1)})
                print(steps[-1], flush=True)
        wrote = time.monotonic() - begun
        begun, cpu = time.monotonic(), time.process_time()
        found = summary(opened, loaded.campaign)
        report_s, report_cpu_s = time.monotonic() - begun, time.process_time() - cpu
    assert found["points"]["stored"] == len(loaded.campaign) and not found["points"]["missing"]
    return {
        "points": len(loaded.campaign),
        "steps": steps,
        "bytes_a_point": round(steps[-1]["bytes"] / len(loaded.campaign)),
        "ms_a_point": round(1000 * wrote / len(loaded.campaign), 3),
        "report_s": round(report_s, 2),
        "report_cpu_s": round(report_cpu_s, 2),
        "load_average": round(os.getloadavg()[0], 1),
        "after_report_mib": round(memory_mib(), 1),
    }


def through_dask(loaded: Loaded, store: Path, limit: int) -> dict[str, Any]:
    steps = []
    with open_store(str(store)) as opened:
        count, begun, told = 0, time.monotonic(), 0
        for found in outcomes(loaded, islice(loaded.campaign.points(), limit), Engine(jobs=1)):
            opened.add(found)
            count += len(found)
            if count - told >= limit // 10 or count == limit:
                told = count
                steps.append({"points": count, "client_mib": round(memory_mib(), 1)})
                print(steps[-1], flush=True)
        spent = time.monotonic() - begun
    return {"points": count, "steps": steps, "ms_a_point": round(1000 * spent / count, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--through-dask", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results") / "store.json")
    options = parser.parse_args()
    document: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        loaded = campaign(Path(folder), options.points)
        if options.through_dask:
            document["through_dask"] = through_dask(loaded, Path(folder) / "b.sqlite", options.through_dask)
            atomic.write(options.out, (json.dumps(document, indent=1, sort_keys=True) + "\n").encode())
        document["store"] = filled(loaded, Path(folder) / "a.sqlite")
        atomic.write(options.out, (json.dumps(document, indent=1, sort_keys=True) + "\n").encode())


if __name__ == "__main__":
    main()

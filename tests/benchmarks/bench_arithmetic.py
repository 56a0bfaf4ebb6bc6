"""The arithmetic search over data sets and splits: held-out accuracy at mapped area, resumable, one JSON file a set.

    python tests/benchmarks/bench_arithmetic.py [--sets redwine,seeds] [--splits 10] [--seconds 180]
        [--without masks,comparators] [--out FOLDER]

A split that a file already holds is not run again. Validation chooses: of each front the mapped candidates that fit
the set's area are taken, and of those the one that the search puts last; the test rows are read for that one alone.
Training, search and the mapping of what it finds run on one core, within the seconds that are given (the mapping that
is under way when time is up still ends).
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
# One core, as the figures say: set before NumPy and torch are loaded.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from approx.arithmetic_native import LEVELS  # noqa: E402
from approx.arithmetic_search import Candidate, Settings, search  # noqa: E402
from inkling.candidates import measure_by_mapping  # noqa: E402
from reports import egfet  # noqa: E402
from train.dataset import Dataset  # noqa: E402
from train.sources import DATA_FOLDER, load  # noqa: E402

# What is to be reached: held-out accuracy in per cent at an area in cm2, as means over the splits.
GOALS: dict[str, tuple[tuple[float, float], ...]] = {
    "balance_scale": ((91.0, 0.25),),
    "breast_cancer": ((96.0, 0.15),),
    "cardio": ((88.0, 0.6),),
    "pendigits": ((90.0, 6.0), (94.0, 15.0)),
    "redwine": ((57.0, 0.15),),
    "seeds": ((92.0, 0.4),),
    "vertebral_3c": ((84.0, 0.3),),
    "whitewine": ((52.5, 0.25),),
}
SECONDS = {"pendigits": 600.0}


def settings_for(name: str, without: tuple[str, ...]) -> Settings:
    """The search's defaults, and wider networks where there are many classes."""
    levels = tuple(level for level in LEVELS if level not in without)
    how = Settings(levels=levels, goals=tuple(area for _, area in GOALS[name]))
    return replace(how, widths=(6, 10, 16), teacher_rows=0) if name == "pendigits" else how


def at_area(dataset: Dataset, front: tuple[Candidate, ...], limit: float) -> dict[str, Any] | None:
    """The last candidate of the front whose mapped area fits; None where there is none."""
    for candidate in reversed(front):
        if not candidate.measured or candidate.area_cm2 > limit:
            continue
        hits = candidate.network.predict(dataset.test.codes) == dataset.test.labels
        return {
            "area_cm2": round(candidate.area_cm2, 5),
            "power_mw": round(candidate.power_mw, 5),
            "accuracy": {
                "train": round(candidate.train, 5),
                "validation": round(candidate.validation, 5),
                "test": round(float(hits.mean()), 5),
            },
            "inputs_used": len(candidate.network.inputs),
            "input_bits_used": sum(item.bits for item in candidate.network.inputs),
        }
    return None


def run_split(name: str, seed: int, seconds: float, how: Settings) -> dict[str, Any]:
    """One search on one split."""
    dataset = load(name, seed=seed)
    begun = time.monotonic()
    limit = 90.0 if max(area for _, area in GOALS[name]) > 2 else 20.0
    measure = measure_by_mapping(dataset.development, egfet.technology(), time_limit_s=limit)
    front = search(dataset.development, seconds=seconds, seed=seed, settings=how, measure=measure)
    spent = time.monotonic() - begun
    return {
        "seed": seed,
        "fingerprint": dataset.fingerprint,
        "seconds": round(spent, 1),
        "front": len(front),
        "points": [
            {"goal_accuracy": accuracy, "goal_cm2": area, "found": at_area(dataset, front, area)}
            for accuracy, area in GOALS[name]
        ],
    }


def spread(values: list[float]) -> dict[str, float]:
    return {
        "mean": round(statistics.fmean(values), 5),
        "deviation": round(statistics.stdev(values), 5) if len(values) > 1 else 0.0,
        "least": round(min(values), 5),
        "most": round(max(values), 5),
    }


def summary(splits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and spread of what was found for each goal; splits in which nothing fitted are counted apart."""
    found = []
    for k, goal in enumerate(splits[0]["points"]):
        points = [split["points"][k]["found"] for split in splits]
        there = [point for point in points if point is not None]
        entry = {"goal_accuracy": goal["goal_accuracy"], "goal_cm2": goal["goal_cm2"], "missing": points.count(None)}
        if there:
            entry["test_accuracy"] = spread([point["accuracy"]["test"] for point in there])
            entry["area_cm2"] = spread([point["area_cm2"] for point in there])
        found.append(entry)
    return found


def write(path: Path, document: dict[str, Any]) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    beside.replace(path)


def bench(name: str, arguments: argparse.Namespace, without: tuple[str, ...]) -> None:
    seconds = arguments.seconds or SECONDS.get(name, 180.0)
    label = "+".join([name, *(f"without-{level}" for level in without)])
    path = arguments.out / f"{label}.json"
    how = settings_for(name, without)
    asked = {
        "set": name,
        "seconds_asked": seconds,
        "without": list(without),
        "settings": json.loads(json.dumps(vars(how))),
    }
    document: dict[str, Any] = asked | {"splits": []}
    if path.exists():
        old = json.loads(path.read_text())
        if all(old.get(key) == value for key, value in asked.items()):
            document["splits"] = old["splits"]
        elif not arguments.again:
            print(f"{path.name} was made with other settings; --again replaces it")
            return
    have = {split["seed"] for split in document["splits"]}
    for seed in range(arguments.splits):
        if seed in have:
            continue
        document["splits"].append(run_split(name, seed, seconds, how))
        document["splits"].sort(key=lambda split: split["seed"])
        document["summary"] = summary(document["splits"])
        document["versions"] = {
            "python": platform.python_version(),
            **{package: version(package) for package in ("numpy", "torch", "scikit-learn", "pyosys")},
            "machine": platform.machine(),
        }
        write(path, document)
        print(label, "split", seed, [point["found"] for point in document["splits"][-1]["points"]], flush=True)
    for entry in document.get("summary", []):
        print(label, json.dumps(entry))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(GOALS))
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--seconds", type=float, help="of each search, training included")
    parser.add_argument("--without", default="", help=f"levels switched off, of {', '.join(LEVELS)}")
    parser.add_argument("--again", action="store_true", help="replace results that were made with other settings")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results") / "arithmetic")
    arguments = parser.parse_args()
    shared = ROOT.parent / "shared" / "datasets"
    if DATA_FOLDER not in os.environ and shared.is_dir():
        os.environ[DATA_FOLDER] = str(shared)
    without = tuple(level for level in arguments.without.split(",") if level)
    if set(without) - set(LEVELS):
        parser.error(f"--without knows {', '.join(LEVELS)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.sets.split(","):
        bench(name, arguments, without)


if __name__ == "__main__":
    main()

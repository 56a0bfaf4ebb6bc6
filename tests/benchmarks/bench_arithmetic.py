"""The arithmetic search over data sets and splits: held-out accuracy at mapped area, resumable, one JSON file a set.

    python tests/benchmarks/bench_arithmetic.py [--sets redwine,seeds] [--splits 10] [--moves 3000000]
        [--without masks,comparators] [--out FOLDER] [--table] [--ablation]

A split that a file already holds is not run again; splits come in order, so that every set has some early. The
budget is a number of moves, so a figure can be repeated on any machine; processor seconds are written beside it: of
the search with its training, and of the mapping inside it, all on one core. Validation chooses: of each front the
mapped candidates that fit the set's area are taken, and of those the one that the search puts last; the test rows
are read for that one alone. --ablation searches from the same starts with one kind of change switched off at a time,
with few moves and by estimated areas.
"""

import argparse
import json
import os
import platform
import resource
import statistics
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

# One core, as the figures say: set before NumPy and torch are loaded.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from inkling.approx.arithmetic import starts as arithmetic_seeds  # noqa: E402
from inkling.approx.arithmetic.kernel import LEVELS  # noqa: E402
from inkling.approx.arithmetic.search import Candidate, Settings, default_widths, search  # noqa: E402
from inkling.hdl.cells import egfet  # noqa: E402
from inkling.runs.candidates import measure_by_mapping  # noqa: E402
from inkling.train.tables.dataset import Dataset  # noqa: E402
from inkling.train.tables.reading import Reading  # noqa: E402
from inkling.train.tables.sources import DATA_FOLDER, load  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]

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
MOVES = 3_000_000


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


def processor_s() -> tuple[float, float]:
    """Processor seconds of this process, and of all that it started and saw end."""
    own, others = (resource.getrusage(which) for which in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime, others.ru_utime + others.ru_stime


def run_split(name: str, seed: int, moves: int, how: Settings) -> dict[str, Any]:
    """One search on one split."""
    dataset = load(Reading(name, seed=seed))
    before = processor_s()
    limit = 90.0 if max(area for _, area in GOALS[name]) > 2 else 20.0
    measure = measure_by_mapping(dataset.development, egfet.technology(), time_limit_s=limit)
    front = search(dataset.development, moves=moves, seed=seed, settings=how, measure=measure)
    after = processor_s()
    return {
        "seed": seed,
        "fingerprint": dataset.fingerprint,
        "search_cpu_s": round(after[0] - before[0], 1),
        "mapping_cpu_s": round(after[1] - before[1], 1),
        "front": len(front),
        "points": [
            {"goal_accuracy": accuracy, "goal_cm2": area, "found": at_area(dataset, front, area)}
            for accuracy, area in GOALS[name]
        ],
    }


def ablation(name: str, seed: int, moves: int) -> dict[str, Any]:
    """Validation-chosen candidates within each goal's area: all changes allowed, and one kind off at a time."""
    dataset = load(Reading(name, seed=seed))
    how = settings_for(name, ())
    widths = how.widths or default_widths(dataset.development)
    starts = arithmetic_seeds.trained(
        dataset.development, widths=widths, restarts=how.restarts, seed=seed, epochs=how.epochs
    )
    found: dict[str, Any] = {}
    for without in ("", *LEVELS):
        front = search(
            dataset.development, moves=moves, seed=seed, settings=settings_for(name, (without,)), starts=starts
        )
        points: list[dict[str, float] | None] = []
        for _, area in GOALS[name]:
            fitting = [candidate for candidate in front if candidate.area_cm2 <= area]
            if not fitting:
                points.append(None)
                continue
            best = fitting[-1]
            hits = best.network.predict(dataset.test.codes) == dataset.test.labels
            points.append(
                {
                    "estimated_cm2": round(best.area_cm2, 5),
                    "scored": round(best.scored, 5),
                    "validation": round(best.validation, 5),
                    "test": round(float(hits.mean()), 5),
                }
            )
        found[without or "all"] = points
    return {"seed": seed, "moves": moves, "points": found}


def ablations(names: list[str], splits: int, moves: int, path: Path) -> None:
    """Every set and split once; what the file holds is not computed again."""
    document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for seed in range(splits):
        for name in names:
            have = document.setdefault(name, [])
            if all(item["seed"] != seed for item in have):
                have.append(ablation(name, seed, moves))
                write(path, document)
    shown = ("all", *LEVELS)
    print("accuracy on the scored rows / held out, without" + "".join(f"{level:>15s}" for level in shown))
    for name, items in document.items():
        cells = []
        for level in shown:
            points = [item["points"][level][0] for item in items if item["points"][level][0]]
            values = [100 * statistics.fmean(point[key] for point in points) for key in ("scored", "test")]
            cells.append(f"{values[0]:5.1f} / {values[1]:4.1f}")
        print(f"{name:47s}" + "".join(f"{cell:>15s}" for cell in cells))


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


def bench(name: str, arguments: argparse.Namespace, without: tuple[str, ...], splits: int) -> None:
    label = "+".join([name, *(f"without-{level}" for level in without)])
    path = arguments.out / f"{label}.json"
    how = settings_for(name, without)
    asked = {
        "set": name,
        "moves": arguments.moves,
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
    for seed in range(splits):
        if seed in have:
            continue
        document["splits"].append(run_split(name, seed, arguments.moves, how))
        document["splits"].sort(key=lambda split: split["seed"])
        document["summary"] = summary(document["splits"])
        document["versions"] = {
            "python": platform.python_version(),
            **{package: version(package) for package in ("numpy", "torch", "scikit-learn", "pyosys")},
            "machine": platform.machine(),
        }
        write(path, document)
        print(label, "split", seed, [point["found"] for point in document["splits"][-1]["points"]], flush=True)


def table(folder: Path) -> None:
    """Means and standard deviations over the splits, beside the goals."""
    print("set                                   splits  goal          test         area cm2  search s  mapping s")
    for path in sorted(folder.glob("*.json")):
        if path.stem == "ablation":
            continue
        document = json.loads(path.read_text())
        splits = document["splits"]
        spent = [statistics.fmean(split[key] for split in splits) for key in ("search_cpu_s", "mapping_cpu_s")]
        for entry in document["summary"]:
            goal = f"{path.stem:38s}{len(splits):6d}  {entry['goal_accuracy']:4.1f} @ {entry['goal_cm2']:5.2f}"
            if "test_accuracy" not in entry:
                print(f"{goal}  none fits")
                continue
            test, area = entry["test_accuracy"], entry["area_cm2"]
            missing = f" ({entry['missing']} splits without)" if entry["missing"] else ""
            print(
                f"{goal}  {100 * test['mean']:5.1f} +- {100 * test['deviation']:3.1f}  {area['mean']:8.3f}  "
                f"{spent[0]:8.0f}  {spent[1]:9.0f}{missing}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(GOALS))
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--moves", type=int, default=MOVES, help="changes that each search tries")
    parser.add_argument("--without", default="", help=f"levels switched off, of {', '.join(LEVELS)}")
    parser.add_argument("--table", action="store_true", help="print what the files hold; run nothing")
    parser.add_argument("--ablation", action="store_true", help="one kind of change switched off at a time")
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
    if arguments.ablation:
        ablations(arguments.sets.split(","), arguments.splits, arguments.moves, arguments.out / "ablation.json")
        return
    for splits in () if arguments.table else range(1, arguments.splits + 1):
        for name in arguments.sets.split(","):
            bench(name, arguments, without, splits)
    table(arguments.out)


if __name__ == "__main__":
    main()

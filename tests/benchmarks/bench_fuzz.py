"""Ten thousand hostile inputs to every reader of files and to the command line's options; results/fuzz.json.

Each is made from a valid one by a generator of fixed seed and read in a process with limits (`tests/fuzz`). A result
or one line is right; a traceback, a crash, 10 s of the processor or 2 GB of memory is a fault. Kinds that the file of
results holds at the asked number and seed are left out, so that the benchmark can be stopped and gone on with.
"""

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results" / "fuzz.json"
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fuzz")]

import kinds  # noqa: E402
import options  # noqa: E402
import watch  # noqa: E402

INPUTS = 10_000
OF_OPTIONS = 0.1  # of all inputs
SHOWN = 20


def attempt(item: tuple[str, int, int], folder: Path) -> tuple[str, str]:
    """One input, by kind, number and seed."""
    kind, number, seed = item
    if kind == options.NAME:
        return options.attempt(number, seed, folder)
    content, suffix = kinds.content_of(kind, number, seed)
    return watch.judge(lambda: kinds.feed(kind, folder, content, suffix))


def numbers(inputs: int) -> dict[str, int]:
    """How many inputs of each kind: options a tenth, the rest in equal parts."""
    some = int(inputs * OF_OPTIONS)
    each, more = divmod(inputs - some, len(kinds.KINDS))
    return {kind: each + (k < more) for k, kind in enumerate(kinds.KINDS)} | {options.NAME: some}


def examine(kind: str, count: int, seed: int) -> dict[str, object]:
    """Counts of outcomes, the slowest input, and faults with their numbers."""
    found, faults, slowest, begun = Counter[str](), [], 0.0, time.monotonic()
    for number, outcome in enumerate(watch.watched(attempt, [(kind, k, seed) for k in range(count)])):
        found[outcome.what] += 1
        if number:  # the first pays for loading the libraries
            slowest = max(slowest, outcome.seconds)
        if outcome.is_fault:
            print(f"  {kind} {number}: {outcome.what}: {outcome.detail}", flush=True)
            faults.append({"number": number, "what": outcome.what, "detail": outcome.detail[:200]})
    return {
        "inputs": count,
        "seed": seed,
        "outcomes": dict(sorted(found.items())),
        "slowest_processor_s": round(slowest, 2),
        "seconds": round(time.monotonic() - begun, 1),
        "faults": faults[:SHOWN],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=INPUTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="*", default=[*kinds.KINDS, options.NAME])
    parser.add_argument("--again", action="store_true", help="also kinds that are done")
    asked = parser.parse_args()
    done = json.loads(RESULTS.read_text())["kinds"] if RESULTS.exists() else {}
    for kind in asked.kinds:
        count = numbers(asked.inputs)[kind]
        known = done.get(kind, {})
        if not asked.again and (known.get("inputs"), known.get("seed")) == (count, asked.seed):
            continue
        done[kind] = examine(kind, count, asked.seed)
        print(kind, done[kind]["outcomes"], f"{done[kind]['seconds']} s", flush=True)
        total = Counter[str]()
        for item in done.values():
            total.update(item["outcomes"])
        limits = {"processor_s": watch.SECONDS, "memory_bytes": watch.MEMORY}
        document = {
            "inputs": sum(item["inputs"] for item in done.values()),
            "outcomes": dict(sorted(total.items())),
            "limits": limits,
            "kinds": dict(sorted(done.items())),
        }
        fresh = RESULTS.with_suffix(".partial")
        fresh.write_text(json.dumps(document, indent=1) + "\n")
        fresh.replace(RESULTS)


if __name__ == "__main__":
    main()

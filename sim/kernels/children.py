"""Checking emitted C and numba kernels against `IntegerNetwork.evaluate`, each in a child process of its own.

A kernel that crashes, hangs or does not compile gives a failing verdict. Gate netlists are checked in
`inkling.sim.kernels.gates`.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs import compiled
from inkling.approx.programs.process import ToolError, python
from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import Ints
from inkling.sim.verdicts.comparison import REFERENCE, check_vectors, failed, mismatches, plain
from inkling.sim.verdicts.vectors import reference
from inkling.sim.verdicts.verdict import Verdict

# Rows that also go through the entry for a single row.
SINGLE_ROWS = 2000

# Runs in the child: loads the library, computes all rows, the first rows once more in pieces of odd sizes and one
# by one, and looks whether anything was written behind the results. Prints nanoseconds per row.
_C_CHILD = """
import ctypes, sys, time
import numpy as np
library, folder, verb, kind, rows, inputs, outputs, singles = sys.argv[1:]
rows, inputs, outputs, singles = int(rows), int(inputs), int(outputs), int(singles)
x = np.fromfile(folder + "/vectors.bin", np.uint8).reshape(rows, inputs)
code = ctypes.CDLL(library)
batch, single = getattr(code, verb + "_batch"), getattr(code, verb)
batch.argtypes, batch.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p), None
def compute(part):
    y = np.full(len(part) * outputs + 256, 85, kind)
    begin = time.perf_counter()
    batch(part.ctypes.data, len(part), y.ctypes.data)
    spent = time.perf_counter() - begin
    if (y[len(part) * outputs:] != 85).any():
        sys.exit("the batch entry wrote behind its results")
    return y[:len(part) * outputs], spent
y, spent = compute(x)
begin = time.perf_counter()
while time.perf_counter() - begin < 0.1:
    spent = min(spent, compute(x)[1])
y.tofile(folder + "/batch.bin")
pieces, at = [], 0
for size in (1, 63, 64, 65, 130, singles):
    size = max(0, min(size, singles - at))
    pieces.append(compute(x[at:at + size])[0])
    at += size
np.concatenate(pieces).tofile(folder + "/pieces.bin")
one = np.zeros((singles, outputs), kind)
for i in range(singles):
    if verb.endswith("_classify"):
        one[i] = single(ctypes.c_void_p(x[i].ctypes.data))
    else:
        single(ctypes.c_void_p(x[i].ctypes.data), ctypes.c_void_p(one[i].ctypes.data))
one.tofile(folder + "/single.bin")
each = np.full(rows * outputs, 85, kind)
code.each_row.argtypes, code.each_row.restype = batch.argtypes, None
code.each_row(x.ctypes.data, rows, each.ctypes.data)
each.tofile(folder + "/each.bin")
print(spent * 1e9 / max(rows, 1))
"""

# Compiled beside the kernel: the entry for a single row, on every row; calls from Python would take minutes.
_EACH_ROW = """#include "kernel.h"
void each_row(const uint8_t *x, size_t rows, {kind}_t *y)
{{
    for (size_t i = 0; i < rows; i++)
        {call};
}}
"""

_NUMBA_CHILD = """
import importlib.util, sys, time
import numpy as np
path, folder, verb, kind, rows, inputs, outputs, singles = sys.argv[1:]
rows, inputs, outputs, singles = int(rows), int(inputs), int(outputs), int(singles)
x = np.fromfile(folder + "/vectors.bin", np.uint8).reshape(rows, inputs)
spec = importlib.util.spec_from_file_location("kernel_under_test", path)
kernel = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kernel)
batch, single = getattr(kernel, verb), getattr(kernel, verb + "_one")
def compute(part):
    y = batch(part)
    if y.dtype != np.dtype(kind) or y.size != len(part) * outputs:
        sys.exit("the batch entry gives %s of %s" % (y.shape, y.dtype))
    return y.reshape(-1)
compute(x[:64])
begin = time.perf_counter()
y, spent = compute(x), time.perf_counter() - begin
while time.perf_counter() - begin < 0.1:
    again = time.perf_counter()
    compute(x)
    spent = min(spent, time.perf_counter() - again)
y.tofile(folder + "/batch.bin")
pieces, at = [], 0
for size in (1, 63, 64, 65, 130, singles):
    size = max(0, min(size, singles - at))
    pieces.append(compute(x[at:at + size]))
    at += size
np.concatenate(pieces).tofile(folder + "/pieces.bin")
np.array([single(row) for row in x[:singles]], kind).tofile(folder + "/single.bin")
print(spent * 1e9 / max(rows, 1))
"""


def verify_c(
    network: IntegerNetwork,
    source: str,
    header: str,
    vectors: NDArray[np.uint8],
    *,
    time_limit_s: float = 120.0,
    name: str = "inkling",
    expected: Ints | None = None,
) -> Verdict:
    """Compile kernel.c and kernel.h, run them on `vectors` and compare with the reference.

    vectors: the values that enter the network, uint8 [rows, inputs]; expected: `network.evaluate(vectors)`, where
    the caller has it already. The batch entry and the single entry see every row. `time_limit_s`
    bounds compiling and running each. Raises ToolError only where there is no C compiler at all.
    """
    with tempfile.TemporaryDirectory(prefix="inkling-c-") as name_of_folder:
        folder = Path(name_of_folder)
        (folder / "kernel.c").write_text(source)
        (folder / "kernel.h").write_text(header)
        compiled.compiler("c")
        verb = f"{name}_classify" if network.is_classifier else f"{name}_scores"
        row, kind = f"x + i * {len(network.inputs)}", _result_type(network)
        call = f"y[i] = ({kind}_t){verb}({row})"
        if not network.is_classifier:
            call = f"{verb}({row}, y + i * {len(network.output_bounds()[0])})"
        (folder / "each.c").write_text(_EACH_ROW.format(kind=kind, call=call))
        try:
            library = compile_c(folder / "kernel.c", time_limit_s=time_limit_s, options=[str(folder / "each.c")])
        except ToolError as error:
            return failed("c", "kernel.c", vectors, f"it does not compile: {plain(error, folder)}")
        return _in_child("c", "kernel.c", network, _C_CHILD, library, verb, vectors, expected, time_limit_s)


def verify_numba(
    network: IntegerNetwork,
    source: str,
    vectors: NDArray[np.uint8],
    *,
    time_limit_s: float = 120.0,
    expected: Ints | None = None,
) -> Verdict:
    """Run kernel.py in a fresh interpreter on `vectors` and compare with the reference; arguments as `verify_c`."""
    with tempfile.TemporaryDirectory(prefix="inkling-numba-") as name_of_folder:
        path = Path(name_of_folder) / "kernel.py"
        path.write_text(source)
        verb = "classify" if network.is_classifier else "scores"
        return _in_child("numba", "kernel.py", network, _NUMBA_CHILD, path, verb, vectors, expected, time_limit_s)


def compile_c(source: Path, *, time_limit_s: float, options: Sequence[str] = ()) -> Path:
    """A shared library beside `source`: for this processor, or plain where the compiler does not know it."""
    flags = ("-std=c99", "-O3", "-shared", "-fPIC", *options)
    return compiled.build([source], source.with_suffix(".so"), options=flags, native=True, time_limit_s=time_limit_s)


def _in_child(
    route: str,
    subject: str,
    network: IntegerNetwork,
    script: str,
    target: Path,
    verb: str,
    vectors: NDArray[np.uint8],
    expected: Ints | None,
    time_limit_s: float,
) -> Verdict:
    check_vectors(network.inputs, vectors)
    if expected is None:
        expected = reference(network, vectors)
    begin = time.perf_counter()
    folder = target.parent
    np.ascontiguousarray(vectors).tofile(folder / "vectors.bin")
    kind = _result_type(network)
    outputs = 1 if network.is_classifier else expected.shape[1]
    singles = min(len(vectors), SINGLE_ROWS)
    sizes = (len(vectors), vectors.shape[1], outputs, singles)
    try:
        done = python(
            script, target, folder, verb, kind, *(str(size) for size in sizes), time_limit_s=time_limit_s, cwd=folder
        )
        batch, pieces, single = (np.fromfile(folder / f"{part}.bin", kind) for part in ("batch", "pieces", "single"))
        each = np.fromfile(folder / "each.bin", kind) if route == "c" else batch
        speed = float(done.stdout.split()[-1])
    except (ToolError, OSError, ValueError, IndexError) as error:
        return failed(route, subject, vectors, f"it does not run: {plain(error, folder)}")
    if not len(batch) == len(each) == len(vectors) * outputs or not len(pieces) == len(single) == singles * outputs:
        return failed(route, subject, vectors, "it gives a wrong number of results")
    wrong, example = mismatches(network, vectors, expected, batch)
    entries = "both entries" if route == "c" else "batch entry"
    detail = f"{entries} on all vectors, in pieces and one by one on {singles}"
    for name, part in (("in pieces", pieces), ("one by one", single), ("one by one", each)):
        count = len(part) // outputs
        later, first = mismatches(network, vectors[:count], expected[:count], part)
        if later and not wrong:
            wrong, example, detail = later, first, f"right as one batch, wrong {name}"
    seconds = time.perf_counter() - begin
    extra = {"ns_per_vector": speed}
    return Verdict(route, subject, REFERENCE, len(vectors), wrong, seconds, example, detail=detail, extra=extra)


def _result_type(network: IntegerNetwork) -> str:
    """The name of the integer type that a kernel gives."""
    if network.is_classifier:
        return "uint8"
    from inkling.hdl.kernels.plan import plan

    return f"int{plan(network).width}"

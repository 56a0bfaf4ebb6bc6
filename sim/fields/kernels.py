"""Random queries of a neural field: NumPy reference against numba and every path of the compiled C kernel.

The kernels are emitted by `inkling.hdl.fields.c_kernel` and `inkling.hdl.fields.numba_kernel`; what a field means is
`inkling.approx.reference.field`.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.field import IntegerField
from inkling.approx.reference.operations import Dense
from inkling.hdl.fields import numba_kernel
from inkling.hdl.fields.c_kernel import PATHS
from inkling.hdl.fields.call import CField
from inkling.hdl.fields.plan import FieldPlan, tables
from inkling.sim.verdicts.verdict import Verdict

CHUNK = 100_000
EDGE = 2**16 - 1


def queries(
    field: IntegerField, count: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Entries and coordinates, int64 [count] each, uniform; the first ones are the corners of the square."""
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, field.entries, count)
    u, v = rng.integers(0, EDGE + 1, count), rng.integers(0, EDGE + 1, count)
    corners = min(4, count)
    u[:corners], v[:corners] = [0, EDGE, 0, EDGE][:corners], [0, 0, EDGE, EDGE][:corners]
    return entry, u, v


def check(how: FieldPlan, compiled: CField, kernel_py: str, count: int, seed: int) -> list[Verdict]:
    """One verdict for numba and one for each C path that the processor has, on the same `count` random queries.

    compiled: the C kernel, loaded; its path is restored. kernel_py: the text of the numba kernel, which is executed.
    """
    content = tables(how)
    module = numba_kernel.load(kernel_py)
    before = compiled.path
    verdicts = [_compare("numba", "kernel.py", how.field, lambda *q: module.evaluate(content, *q), count, seed)]
    for path in PATHS:
        if compiled.use(path):
            verdict = _compare("c", "kernel.c", how.field, compiled.evaluate, count, seed, f"path {path}")
            verdicts.append(verdict)
    compiled.use(before)
    return verdicts


def check_unpacked(how: FieldPlan, unpacked: NDArray[np.uint8]) -> Verdict:
    """The table file that unpack.c gave against the one that the field has, byte for byte."""
    expected = tables(how)
    same = unpacked.shape == expected.shape
    wrong = np.flatnonzero(unpacked != expected) if same else np.arange(len(expected))
    example = None
    if len(wrong):
        at = int(wrong[0])
        example = {"byte": at, "expected": int(expected[at]), "found": int(unpacked[at]) if same else -1}
    return Verdict(
        "c", "unpack.c", "inkling.hdl.fields.plan.tables", len(expected), len(wrong), 0.0, example, detail="unpack"
    )


def nanoseconds(compiled: CField, field: IntegerField, seed: int, count: int = 100_000) -> float:
    """Nanoseconds a query of the batch entry in use, the least of seven rounds."""
    entry, u, v = queries(field, count, seed)
    columns = (entry.astype(np.uint32), u.astype(np.uint16), v.astype(np.uint16))
    least = float("inf")
    for _ in range(7):
        start = time.perf_counter()
        compiled.evaluate(*columns)
        least = min(least, time.perf_counter() - start)
    return least / count * 1e9


def size(field: IntegerField, folder: Path) -> int:
    """Bytes of a folder's table file and of the layers in kernel.c: a byte a weight, four a bias."""
    layers = sum(layer.weights.size + 4 * layer.bias.size for layer in field.layers if isinstance(layer, Dense))
    return (folder / "tables.bin").stat().st_size + layers


def _compare(
    route: str,
    subject: str,
    field: IntegerField,
    evaluate: Callable[..., NDArray[np.int32]],
    count: int,
    seed: int,
    detail: str = "",
) -> Verdict:
    entry, u, v = queries(field, count, seed)
    wrong, example, seconds = 0, None, 0.0
    for k in range(0, count, CHUNK):
        part = (entry[k : k + CHUNK], u[k : k + CHUNK], v[k : k + CHUNK])
        expected = field.evaluate(*part)
        start = time.perf_counter()
        found = evaluate(part[0].astype(np.uint32), part[1].astype(np.uint16), part[2].astype(np.uint16))
        seconds += time.perf_counter() - start
        differ = np.flatnonzero((found != expected).any(axis=1))
        if len(differ) and example is None:
            row = int(differ[0])
            output = int(np.flatnonzero(found[row] != expected[row])[0])
            names = ("entry", "u", "v")
            example = {name: int(column[row]) for name, column in zip(names, part, strict=True)}
            example |= {"output": output, "expected": int(expected[row, output]), "found": int(found[row, output])}
        wrong += len(differ)
    return Verdict(route, subject, "IntegerField.evaluate", count, wrong, seconds, example, detail=detail)

"""A field's kernels against the reference, each in a child process of its own: numba, every path of C, unpack.c.

A kernel that crashes, hangs or does not compile gives a failing verdict. The kernels are emitted by
`inkling.hdl.fields`; what a field means is `inkling.approx.reference.field`.
"""

import json
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.fields.packing import packed
from inkling.approx.programs import compiled
from inkling.approx.programs.process import ToolError, python
from inkling.approx.reference.field import IntegerField
from inkling.approx.reference.operations import Dense
from inkling.hdl.fields.c_kernel import PATHS
from inkling.hdl.fields.call import OPTIONS
from inkling.hdl.fields.plan import FieldPlan, tables
from inkling.sim.fields.queries import Places, compare, failed, random_places, reference
from inkling.sim.verdicts.comparison import plain
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.files import checked_json

TIME_LIMIT_S = 300.0
# Queries that also go through the entry for a single one.
SINGLES = 500

_COMMON = """
import json, sys, time
from pathlib import Path
import numpy as np
folder = Path(sys.argv[1])
settings = json.loads(sys.argv[2])
entry, u, v = (np.fromfile(folder / f"{name}.bin", kind) for name, kind in
               (("entry", np.uint32), ("u", np.uint16), ("v", np.uint16)))
"""

# Every path leaves its answers before the next one begins, so that what ends the process is known by what is missing.
_C_CHILD = (
    _COMMON
    + """
from inkling.hdl.fields.call import CField
content = (folder / "tables.bin").read_bytes()
field = CField(folder / "field.so", content, settings["name"], settings["outputs"])
for path in settings["paths"]:
    spent = 0.0
    if field.use(path):
        begin = time.perf_counter()
        answers = field.evaluate(entry, u, v)
        spent = time.perf_counter() - begin
        single = [field.evaluate_one(int(entry[k]), int(u[k]), int(v[k])) for k in range(settings["singles"])]
        answers.tofile(folder / f"answers-{path}.bin")
        np.array(single, np.int32).tofile(folder / f"single-{path}.bin")
    (folder / f"done-{path}").write_text(str(spent))
"""
)
_NUMBA_CHILD = (
    _COMMON
    + """
import importlib.util
spec = importlib.util.spec_from_file_location("kernel_under_test", folder / "kernel.py")
kernel = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kernel)
content = np.fromfile(folder / "tables.bin", np.uint8)
begin = time.perf_counter()
answers = kernel.evaluate(content, entry, u, v)
spent = time.perf_counter() - begin
if answers.dtype != np.int32 or answers.shape != (len(entry), settings["outputs"]):
    sys.exit("it gives %s of %s" % (answers.shape, answers.dtype))
np.ascontiguousarray(answers).tofile(folder / "answers.bin")
(folder / "done").write_text(str(spent))
"""
)
_UNPACK_CHILD = """
import ctypes, sys
import numpy as np
library, packed, out, name, total = sys.argv[1:]
content = open(packed, "rb").read()
tables = np.full(int(total) + 256, 85, np.uint8)
call = getattr(ctypes.CDLL(library), name)
call.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]
status = call(content, len(content), tables.ctypes.data)
if status:
    sys.exit("it refuses packed.bin (%d)" % status)
if (tables[int(total):] != 85).any():
    sys.exit("it writes behind the tables")
tables[:int(total)].tofile(out)
"""
_MEASURE_CHILD = (
    _COMMON
    + """
from inkling.hdl.fields.call import CField
content = (folder / "tables.bin").read_bytes()
field = CField(folder / "field.so", content, settings["name"], settings["outputs"])
least = float("inf")
for _ in range(7):
    begin = time.perf_counter()
    field.evaluate(entry, u, v)
    least = min(least, time.perf_counter() - begin)
if settings["shape"]:
    height, width = settings["shape"]
    field.decode(width, height).tofile(folder / "picture.bin")
print(json.dumps({"ns": least / len(entry) * 1e9, "path": field.path}))
"""
)


def check(
    field_plan: FieldPlan,
    folder: Path,
    count: int,
    seed: int,
    time_limit_s: float = TIME_LIMIT_S,
    routes: Collection[str] = ("numba", "c"),
) -> list[Verdict]:
    """One verdict for numba and one for each C path that the processor has, on the same `count` random queries.

    folder: holds kernel.c, kernel.h, kernel.py and tables.bin; nothing is written there. time_limit_s: of compiling,
    and of running each. Raises inkling.train.errors.InputError where there is no C compiler.
    """
    field = field_plan.field
    places = random_places(field, count, seed)
    expected = reference(field, places)
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="inkling-field-") as name:
        scratch = Path(name)
        _give(scratch, folder, places)
        if "numba" in routes:
            verdicts.append(_numba(scratch, places, expected, time_limit_s))
        if "c" in routes:
            verdicts += _c(scratch, places, expected, time_limit_s)
    return verdicts


def _numba(scratch: Path, places: Places, expected: NDArray[np.int32], time_limit_s: float) -> Verdict:
    count, outputs = expected.shape
    try:
        settings = json.dumps({"outputs": outputs})
        python(_NUMBA_CHILD, scratch, settings, time_limit_s=time_limit_s, cwd=scratch)
        found = np.fromfile(scratch / "answers.bin", np.int32).reshape(count, outputs)
        seconds = float((scratch / "done").read_text())
    except (ToolError, OSError, ValueError) as error:
        return failed("numba", "kernel.py", f"it does not run: {_short(error, scratch)}", count)
    return compare(places, expected, found, route="numba", subject="kernel.py", seconds=seconds)


def _c(scratch: Path, places: Places, expected: NDArray[np.int32], time_limit_s: float) -> list[Verdict]:
    count, outputs = expected.shape
    if problem := _compiled(scratch, "kernel.c", "field.so", time_limit_s):
        return [failed("c", "kernel.c", f"it does not compile: {problem}", count)]
    verdicts: list[Verdict] = []
    left = list(PATHS)
    singles = min(SINGLES, count)
    while left:
        settings = {"name": "field", "outputs": outputs, "paths": left, "singles": singles}
        reason = ""
        try:
            python(_C_CHILD, scratch, json.dumps(settings), time_limit_s=time_limit_s, cwd=scratch)
        except ToolError as error:
            reason = _short(error, scratch)
        done = [path for path in left if (scratch / f"done-{path}").is_file()]
        verdicts += [_path(scratch, places, expected, path, singles) for path in done if _ran(scratch, path)]
        left = left[len(done) :]
        if not left:
            break
        # The first path without a result is the one that ended the process; the others get another.
        told = f"path {left[0]}: it does not run: {reason or 'it ended without a result'}"
        verdicts.append(failed("c", "kernel.c", told, count))
        left = left[1:]
    return verdicts


def _ran(scratch: Path, path: str) -> bool:
    """Whether the processor has the path."""
    return (scratch / f"answers-{path}.bin").is_file()


def _path(scratch: Path, places: Places, expected: NDArray[np.int32], path: str, singles: int) -> Verdict:
    try:
        seconds = float((scratch / f"done-{path}").read_text())
        found = np.fromfile(scratch / f"answers-{path}.bin", np.int32).reshape(expected.shape)
        single = np.fromfile(scratch / f"single-{path}.bin", np.int32).reshape(singles, expected.shape[1])
    except (OSError, ValueError) as error:
        return failed("c", "kernel.c", f"path {path}: {_short(error, scratch)}", len(places.entry))
    verdict = compare(places, expected, found, route="c", subject="kernel.c", seconds=seconds, detail=f"path {path}")
    if verdict.passed and (single != expected[:singles]).any():
        told = f"path {path}: right as one batch, wrong one by one"
        some = expected[:singles]
        verdict = compare(places, some, single, route="c", subject="kernel.c", seconds=seconds, detail=told)
    return verdict


def check_unpacked(field_plan: FieldPlan, folder: Path, time_limit_s: float = TIME_LIMIT_S) -> Verdict:
    """What unpack.c makes of packed.bin against the table file that the field has, byte for byte."""
    expected = tables(field_plan)
    found = np.zeros(0, np.uint8)
    detail = ""
    with tempfile.TemporaryDirectory(prefix="inkling-unpack-") as name:
        scratch = Path(name)
        for part in ("unpack.c", "unpack.h", "packed.bin"):
            (scratch / part).write_bytes((folder / part).read_bytes())
        begin = time.perf_counter()
        if problem := _compiled(scratch, "unpack.c", "unpack.so", time_limit_s):
            detail = f"it does not compile: {problem}"
        else:
            try:
                arguments = [scratch / part for part in ("unpack.so", "packed.bin", "tables.bin")]
                python(_UNPACK_CHILD, *arguments, "field_unpack", str(len(expected)), time_limit_s=time_limit_s)
                found = np.fromfile(scratch / "tables.bin", np.uint8)
            except (ToolError, OSError) as error:
                detail = f"it does not run: {_short(error, scratch)}"
        seconds = time.perf_counter() - begin
    same = found.shape == expected.shape
    wrong = np.flatnonzero(found != expected) if same else np.arange(len(expected))
    example = None
    if not len(wrong) and (folder / "packed.bin").read_bytes() != packed(field_plan.field, field_plan.fingerprint):
        wrong, found, detail = np.zeros(1, np.int64), expected, "packed.bin is not the file that this field packs to"
    if len(wrong):
        at = int(wrong[0])
        example = {"byte": at, "expected": int(expected[at]), "found": int(found[at]) if same else -1}
        example = example if example["expected"] != example["found"] else None
    return Verdict(
        route="unpack",
        subject="unpack.c",
        reference="inkling.hdl.fields.plan.tables",
        vectors=len(expected),
        mismatches=len(wrong),
        seconds=seconds,
        counter_example=example,
        proven=not len(wrong),
        detail=detail or "packed.bin, unpacked",
        unit="bytes",
    )


@dataclass(frozen=True, eq=False)
class Measured:
    """Nanoseconds a query of the batch entry, the least of seven rounds; the path in use; the picture, where asked
    for, uint8 [height, width, outputs]."""

    ns_per_query: float
    path: str
    picture: NDArray[np.uint8] | None


def measure(
    field: IntegerField,
    folder: Path,
    seed: int,
    *,
    shape: tuple[int, int] | None = None,
    count: int = 100_000,
    time_limit_s: float = TIME_LIMIT_S,
) -> Measured:
    """Time the C kernel of a folder, in a child process; shape: height and width of the picture that it decodes.

    Raises inkling.approx.programs.process.ToolError where the kernel does not compile or run.
    """
    with tempfile.TemporaryDirectory(prefix="inkling-field-") as name:
        scratch = Path(name)
        _give(scratch, folder, random_places(field, count, seed))
        if problem := _compiled(scratch, "kernel.c", "field.so", time_limit_s):
            raise ToolError(f"kernel.c does not compile: {problem}")
        settings: dict[str, Any] = {"name": "field", "outputs": field.outputs, "shape": shape}
        done = python(_MEASURE_CHILD, scratch, json.dumps(settings), time_limit_s=time_limit_s, cwd=scratch)
        measured = checked_json.parse(done.stdout, "kernel.c", "a kernel prints nothing; make the run again")
        picture = None
        if shape is not None:
            picture = np.fromfile(scratch / "picture.bin", np.uint8).reshape(*shape, field.outputs)
        return Measured(measured.number("ns"), measured.text("path"), picture)


def size(field: IntegerField, folder: Path) -> int:
    """Bytes of a folder's table file and of the layers in kernel.c: a byte a weight, four a bias."""
    layers = sum(layer.weights.size + 4 * layer.bias.size for layer in field.layers if isinstance(layer, Dense))
    return (folder / "tables.bin").stat().st_size + layers


def _give(scratch: Path, folder: Path, places: Places) -> None:
    """What a child reads."""
    for part in ("kernel.c", "kernel.h", "kernel.py", "tables.bin"):
        (scratch / part).write_bytes((folder / part).read_bytes())
    places.entry.astype(np.uint32).tofile(scratch / "entry.bin")
    places.u.astype(np.uint16).tofile(scratch / "u.bin")
    places.v.astype(np.uint16).tofile(scratch / "v.bin")


def _compiled(scratch: Path, source: str, library: str, time_limit_s: float) -> str:
    """Compile a shared library; why it failed, "" where it did not."""
    compiled.compiler("c")  # without one there is nothing to say about the kernel
    try:
        compiled.build(
            [source], scratch / library, options=OPTIONS, libraries=("-lm",), time_limit_s=time_limit_s, cwd=scratch
        )
    except ToolError as error:
        return _short(error, scratch)
    return ""


def _short(error: Exception, scratch: Path) -> str:
    return " ".join(plain(error, scratch).split())[-300:]

"""Compiling a field's C kernel and calling it from Python with little overhead.

The kernel's text comes from `inkling.hdl.fields.c_kernel`; this module decides nothing about numbers.
"""

import ctypes
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs import compiled
from inkling.hdl.fields.c_kernel import PATHS, FieldKernel, emit
from inkling.hdl.fields.plan import FieldPlan
from inkling.train.errors import InputError

OPTIONS = ("-std=gnu99", "-O3", "-ffp-contract=off", "-fno-math-errno", "-shared", "-fPIC")


def opened(library: Path) -> ctypes.CDLL:
    """The library, loaded from a copy of its own: loaders give an earlier one again that had the same path."""
    with tempfile.TemporaryDirectory(prefix="inkling-") as folder:
        return ctypes.CDLL(shutil.copy(library, folder))


def write(how: FieldPlan, folder: Path, *, name: str = "field") -> FieldKernel:
    """Write kernel.c, kernel.h and tables.bin into a folder."""
    kernel = emit(how, name=name)
    (folder / "kernel.c").write_text(kernel.source)
    (folder / "kernel.h").write_text(kernel.header)
    (folder / "tables.bin").write_bytes(kernel.tables)
    return kernel


def build(how: FieldPlan, folder: Path, *, name: str = "field") -> "CField":
    """Write kernel.c, kernel.h and tables.bin into a folder, compile them elsewhere and load them.

    Raises `inkling.approx.programs.process.ToolError` where there is no C compiler, or it fails.
    """
    kernel = write(how, folder, name=name)
    with tempfile.TemporaryDirectory(prefix="inkling-") as scratch:
        library = Path(scratch) / f"{name}.so"
        compiled.build([folder / "kernel.c"], library, options=OPTIONS, libraries=("-lm",), time_limit_s=300)
        return CField(library, kernel.tables, name, how.field.outputs)


class _Handle(ctypes.Structure):
    """`<name>_field` of kernel.h."""

    _fields_ = (
        ("shared", ctypes.c_void_p),
        ("own", ctypes.c_void_p),
        ("last", ctypes.c_uint32),
        ("path", ctypes.c_int),
        ("ahead", ctypes.c_int),
    )


@dataclass(eq=False)
class Batch:
    """Room for queries, filled in place: entry uint32, u and v uint16, code int32, and seen uint8, [capacity] each.

    `visible` computes the first n; the addresses are looked up once, which is what makes it quick to call.
    """

    entry: NDArray[np.uint32]
    u: NDArray[np.uint16]
    v: NDArray[np.uint16]
    code: NDArray[np.int32]
    seen: NDArray[np.uint8]

    def bind(self, function: "ctypes._NamedFuncPointer", field: int, owner: "CField") -> None:
        """Fix what `visible` calls; the owner of the field's address lives as long as the batch."""
        self._owner = owner
        self._arrays = arrays = (self.entry, self.u, self.v, self.code, self.seen)
        self._call = function
        self._before = ctypes.c_void_p(field)
        self._pointers = tuple(ctypes.c_void_p(array.ctypes.data) for array in arrays)
        self._capacity = len(self.entry)

    def visible(self, n: int) -> None:
        """Fill seen[:n]."""
        if not 0 <= n <= self._capacity:
            raise InputError(f"the batch has room for {self._capacity} queries, not {n}")
        self._call(self._before, n, *self._pointers)


class CField:
    """A compiled kernel and its tables."""

    def __init__(self, library: Path, tables: bytes, name: str, outputs: int) -> None:
        code = opened(library)
        self.outputs = outputs
        self._handle = _Handle()
        self._at = ctypes.addressof(self._handle)
        pointer: type[ctypes.c_void_p] = ctypes.c_void_p
        size: type[ctypes.c_size_t] = ctypes.c_size_t
        self._load, self._use = code[f"{name}_load"], code[f"{name}_use"]
        self._batch, self._answers = code[f"{name}_visible_batch"], code[f"{name}_evaluate_batch"]
        self._from, self._one = code[f"{name}_visible_from"], code[f"{name}_visible"]
        self._answer, self._distance = code[f"{name}_evaluate"], code[f"{name}_distance"]
        self._encode, self._decode = code[f"{name}_encode"], code[f"{name}_decode"]
        self._load.argtypes = [pointer, pointer, size]
        self._batch.argtypes = [pointer, size, *[pointer] * 5]
        self._answers.argtypes = [pointer, size, *[pointer] * 4]
        self._from.argtypes = [pointer, ctypes.c_uint32, size, *[pointer] * 4]
        place: list[type[ctypes._SimpleCData[Any]]] = [pointer, ctypes.c_uint32, ctypes.c_uint16, ctypes.c_uint16]
        self._one.argtypes = [*place, ctypes.c_int32]
        self._answer.argtypes = [*place, pointer]
        self._distance.argtypes, self._distance.restype = place, ctypes.c_float
        self._encode.argtypes = [size, *[pointer] * 4]
        self._decode.argtypes = [pointer, ctypes.c_uint32, ctypes.c_uint32, pointer]
        self._use.argtypes = [pointer, ctypes.c_int]
        status = self.load(aligned(tables))
        if status:
            raise InputError(f"the table file does not belong to the kernel (load gave {status}): emit both again")

    def load(self, tables: NDArray[np.uint8]) -> int:
        """The C entry; 0 is success, and the tables are kept."""
        content = np.ascontiguousarray(tables, np.uint8)
        status: int = self._load(self._at, content.ctypes.data, len(content))
        if status == 0:
            self.tables = content
        return status

    @property
    def path(self) -> str:
        """Which of `inkling.hdl.fields.c_kernel.PATHS` is in use."""
        return PATHS[self._handle.path]

    def use(self, path: str) -> bool:
        """Choose a path; False where the processor has it not."""
        return not self._use(self._at, PATHS.index(path))

    def batch(self, capacity: int) -> Batch:
        """Room for `capacity` queries, zeros."""
        kinds = (np.uint32, np.uint16, np.uint16, np.int32, np.uint8)
        batch = Batch(*(np.zeros(capacity, kind) for kind in kinds))  # type: ignore[arg-type]
        batch.bind(self._batch, self._at, self)
        return batch

    def visible(
        self,
        entry: NDArray[np.integer],
        u: NDArray[np.integer],
        v: NDArray[np.integer],
        code: NDArray[np.integer],
    ) -> NDArray[np.bool_]:
        """Any integers [rows] each -> bool [rows]."""
        e, a, b = _columns(entry, u, v)
        c, seen = np.ascontiguousarray(code, np.int32), np.zeros(len(e), np.uint8)
        same_length(e, a, b, c)
        self._batch(self._at, len(e), *(part.ctypes.data for part in (e, a, b, c, seen)))
        return seen.view(np.bool_)

    def visible_from(
        self, entry: int, u: NDArray[np.integer], v: NDArray[np.integer], code: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """Queries of one entry."""
        _, a, b = _columns(np.zeros(0, np.uint32), u, v)
        c, seen = np.ascontiguousarray(code, np.int32), np.zeros(len(a), np.uint8)
        same_length(a, b, c)
        self._from(self._at, entry, len(a), *(part.ctypes.data for part in (a, b, c, seen)))
        return seen.view(np.bool_)

    def evaluate(
        self, entry: NDArray[np.integer], u: NDArray[np.integer], v: NDArray[np.integer]
    ) -> NDArray[np.int32]:
        """Any integers [rows] each -> int32 [rows, outputs]."""
        e, a, b = _columns(entry, u, v)
        same_length(e, a, b)
        answers = np.zeros((len(e), self.outputs), np.int32)
        self._answers(self._at, len(e), *(part.ctypes.data for part in (e, a, b, answers)))
        return answers

    def visible_one(self, entry: int, u: int, v: int, code: int) -> bool:
        """One query."""
        return bool(self._one(self._at, entry, u, v, code))

    def evaluate_one(self, entry: int, u: int, v: int) -> NDArray[np.int32]:
        """One query -> int32 [outputs]."""
        answers = np.zeros(self.outputs, np.int32)
        self._answer(self._at, entry, u, v, answers.ctypes.data)
        return answers

    def distance(self, entry: int, u: int, v: int) -> float:
        """What the first answer stands for."""
        return float(self._distance(self._at, entry, u, v))

    def encode(
        self, offsets: NDArray[np.floating]
    ) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.int32]]:
        """Offsets from an entry's position, float [rows, 3] -> u, v and distance code."""
        points = np.ascontiguousarray(offsets, np.float32).reshape(-1, 3)
        n = len(points)
        u, v, code = np.zeros(n, np.uint16), np.zeros(n, np.uint16), np.zeros(n, np.int32)
        self._encode(n, points.ctypes.data, u.ctypes.data, v.ctypes.data, code.ctypes.data)
        return u, v, code

    def decode(self, width: int, height: int) -> NDArray[np.uint8]:
        """A whole picture, uint8 [height, width, outputs]."""
        pixels = np.zeros((height, width, self.outputs), np.uint8)
        self._decode(self._at, width, height, pixels.ctypes.data)
        return pixels


def aligned(content: bytes) -> NDArray[np.uint8]:
    """A copy at an address that is a multiple of 64."""
    room = np.empty(len(content) + 64, np.uint8)
    start = -room.ctypes.data % 64
    part = room[start : start + len(content)]
    part[:] = np.frombuffer(content, np.uint8)
    return part


def _columns(
    entry: NDArray[np.integer], u: NDArray[np.integer], v: NDArray[np.integer]
) -> tuple[NDArray[np.uint32], NDArray[np.uint16], NDArray[np.uint16]]:
    return (
        np.ascontiguousarray(entry, np.uint32),
        np.ascontiguousarray(u, np.uint16),
        np.ascontiguousarray(v, np.uint16),
    )


def same_length(*columns: NDArray[np.integer]) -> None:
    """Raise InputError unless all columns are one-dimensional and of one length."""
    if any(column.shape != (len(columns[0]),) for column in columns):
        raise InputError(f"queries come as columns of one length, not {[column.shape for column in columns]}")

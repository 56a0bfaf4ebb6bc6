"""Calling `kernel.cpp`, the compiled inner loop of the gate-level search: its structures as ctypes.

How it is compiled and cached lives in `inkling.approx.programs.compiled`.
"""

import ctypes
import functools
from pathlib import Path

import numpy as np

from inkling.approx.programs import compiled

MOVE_NAMES = (
    "function", "rewire", "replace", "similar", "constant", "insert", "output", "rebuild", "swap", "phase",
    "level",
)  # fmt: skip
SOURCE = Path(__file__).with_name("kernel.cpp")

_POINTERS = (
    "nodes", "edges", "values", "current", "target", "valid", "weight", "first_word", "errors", "error_side",
    "pending", "touched", "touched_count", "killed", "stack", "area", "leak", "drain", "drained", "drained_count",
    "delay", "arrival", "delayed", "input_size", "group", "group_size", "group_readers",
)  # fmt: skip
_NUMBERS = (
    "places", "words", "blocks", "first_gate", "first_output", "outputs", "groups", "live", "killed_count", "wrong",
    "total_drain",
)  # fmt: skip


# `Node` of the kernel.
NODE = np.dtype(
    [("op", "<i4"), ("role", "<i4"), ("source", "<i4", 2), ("refs", "<i4"), ("head", "<i4"), ("live", "<i4"),
     ("place", "<i4")]
)  # fmt: skip


class StateLayout(ctypes.Structure):
    """`State` of the kernel."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in _POINTERS),
        *((name, ctypes.c_int64) for name in _NUMBERS),
        ("total_area", ctypes.c_double),
        ("slowest", ctypes.c_double),
        ("drain_weight", ctypes.c_double),
        ("delay_limit", ctypes.c_double),
    )


class ArchiveLayout(ctypes.Structure):
    """`Archive` of the kernel."""

    _fields_ = (
        ("errors", ctypes.c_void_p),
        ("size", ctypes.c_void_p),
        ("nodes", ctypes.c_void_p),
        ("steps", ctypes.c_int64),
        ("smallest", ctypes.c_double),
        ("ratio", ctypes.c_double),
    )


class PlanLayout(ctypes.Structure):
    """`Plan` of the kernel."""

    _fields_ = (
        ("price", ctypes.c_double),
        ("temperature", ctypes.c_double),
        ("certainty", ctypes.c_double),
        ("moves", ctypes.c_int64),
        ("share", ctypes.c_int64 * len(MOVE_NAMES)),
        ("functions", ctypes.c_int64 * 16),
        ("function_count", ctypes.c_int64),
        ("tried", ctypes.c_int64 * len(MOVE_NAMES)),
        ("kept", ctypes.c_int64 * len(MOVE_NAMES)),
        ("random", ctypes.c_uint64),
    )


@functools.cache
def library() -> ctypes.CDLL:
    """The compiled kernel, built where the cache has none. Raises InputError where there is no C++ compiler."""
    mirrors = {"State": StateLayout, "Archive": ArchiveLayout, "Plan": PlanLayout}
    sizes = {name: ctypes.sizeof(mirror) for name, mirror in mirrors.items()}
    found = compiled.load(SOURCE, "the gate-level search", {"Node": NODE.itemsize, **sizes})
    state, archive, plan = (ctypes.POINTER(kind) for kind in (StateLayout, ArchiveLayout, PlanLayout))
    found.initialise.argtypes, found.initialise.restype = [state], None
    found.recount.argtypes, found.recount.restype = [state], ctypes.c_int64
    found.anneal.argtypes, found.anneal.restype = [state, archive, plan], ctypes.c_int64
    return found

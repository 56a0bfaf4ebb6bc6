"""Stuck-at fault simulation over a netlist, 64 rows a machine word: calling `kernel.cpp` over NumPy arrays.

Only the fan-out of a fault is evaluated again, and only as long as something still differs. Which faults there are
and what a designer is told of them lives in `inkling.sim.faults.stuck_at`.
"""

import ctypes
import functools
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.approx.netlists.evaluate import MOST_INPUTS, pack
from inkling.approx.programs import compiled
from inkling.approx.reference.netlist import Netlist

Words: TypeAlias = NDArray[np.uint64]
Ints: TypeAlias = NDArray[np.int32]

SOURCE = Path(__file__).with_name("kernel.cpp")


class _Layout(ctypes.Structure):
    """`Netlist` of the kernel."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("gates", "first", "words", "outputs")),
        *((name, ctypes.c_void_p) for name in ("arity", "tables", "sources")),
        ("pins", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("kinds", "output_nodes")),
    )


def wrong_rows(
    netlist: Netlist,
    codes: NDArray[np.integer],
    wanted: NDArray[np.integer],
    node: Ints,
    gate: Ints,
    pin: Ints,
    value: NDArray[np.uint8],
) -> tuple[Words, NDArray[np.int64]]:
    """What every fault does: the rows whose output it changes, and how many rows then have the wanted output.

    codes: int [rows, ports]; wanted: int [rows], values of the only output port. Fault f holds node[f] at value[f],
    everywhere (gate[f] = -1) or only as pin[f] of gate[f]. Returns uint64 [faults, words] and int64 [faults].
    """
    layout, planes, labels, valid, kept = _arrays(netlist, codes, wanted)
    first_reader, readers = _readers(netlist)
    changed = np.empty((len(node), planes.shape[1]), np.uint64)
    right = np.empty(len(node), np.int64)
    faults = [np.require(part, np.int32, ["C"]) for part in (node, gate, pin)]
    faults.append(np.require(value, np.uint8, ["C"]))
    given = (planes, labels, valid, first_reader, readers, len(node), *faults, changed, right)
    _library().inkling_faults(ctypes.byref(layout), *(_at(item) for item in given))
    del kept
    return changed, right


def with_stuck_nodes(
    netlist: Netlist, codes: NDArray[np.integer], wanted: NDArray[np.integer], stuck: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Accuracy, float64 [draws], of circuits with several nodes stuck at once.

    stuck: int8 [draws, nodes], 0 or 1 where a node is held, -1 where it works.
    """
    layout, planes, labels, valid, kept = _arrays(netlist, codes, wanted)
    held, right = np.require(stuck, np.int8, ["C"]), np.empty(len(stuck), np.int64)
    given = (planes, labels, valid, len(held), held, right)
    _library().inkling_stuck(ctypes.byref(layout), *(_at(item) for item in given))
    del kept
    return right / len(codes)


def _arrays(
    netlist: Netlist, codes: NDArray[np.integer], wanted: NDArray[np.integer]
) -> tuple[_Layout, Words, Words, Words, tuple[Any, ...]]:
    """The kernel's netlist, bit planes of inputs and wanted outputs, the rows that count, and what must live on."""
    arity = np.array([len(cell.inputs) for cell in netlist.cell_types] or [0], np.int64)
    if arity.max() > MOST_INPUTS:
        raise ValueError(f"cells have at most {MOST_INPUTS} inputs")
    tables = np.array([cell.table for cell in netlist.cell_types] or [0], np.uint64)
    sources = np.require(netlist.sources, np.int32, ["C"])
    kinds = np.require(netlist.kinds, np.uint8, ["C"])
    output_nodes = np.require(netlist.output_nodes, np.int32, ["C"])
    planes = np.require(pack(codes, netlist), np.uint64, ["C"])
    words = planes.shape[1]
    bits = np.zeros((len(output_nodes) + 1, words * 8), np.uint8)
    for k in range(len(output_nodes)):
        packed = np.packbits((wanted >> k).astype(np.uint8) & 1, bitorder="little")
        bits[k, : len(packed)] = packed
    bits[-1, : -(-len(codes) // 8)] = np.packbits(np.ones(len(codes), np.uint8), bitorder="little")
    rows = bits.view("<u8").astype(np.uint64)
    kept = (arity, tables, sources, kinds, output_nodes)
    at = [array.ctypes.data for array in kept]
    pins = sources.shape[1] if sources.ndim == 2 else 0
    sizes = (len(kinds), netlist.first_gate, words, len(output_nodes))
    layout = _Layout(*sizes, *at[:3], pins, *at[3:])
    return layout, planes, np.ascontiguousarray(rows[:-1]), np.ascontiguousarray(rows[-1]), kept


def _at(item: Any) -> Any:
    return ctypes.c_int64(item) if isinstance(item, int) else ctypes.c_void_p(item.ctypes.data)


@functools.cache
def _library() -> ctypes.CDLL:
    library = compiled.load(SOURCE, "fault simulation", {"Netlist": ctypes.sizeof(_Layout)})
    library.inkling_faults.restype = library.inkling_stuck.restype = None
    return library


def _readers(netlist: Netlist) -> tuple[Ints, Ints]:
    """The gates that read every node, in compressed rows: where each node's start, and the gates, ascending."""
    pairs = [
        (int(source), k)
        for k, kind in enumerate(netlist.kinds)
        for source in netlist.sources[k, : len(netlist.cell_types[kind].inputs)]
    ]
    ordered = np.array(sorted(set(pairs)), np.int32).reshape(-1, 2)
    start = np.searchsorted(ordered[:, 0], np.arange(netlist.nodes + 1)).astype(np.int32)
    return start, np.ascontiguousarray(ordered[:, 1])

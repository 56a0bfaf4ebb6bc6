"""Stuck-at fault simulation over a netlist, 64 rows a machine word, compiled with numba the first time it is used.

Only the fan-out of a fault is evaluated again, and only as long as something still differs. Which faults there are
and what a designer is told of them lives in `sim.faults`.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from approx.netlist import Netlist
from approx.netlist_evaluate import MOST_INPUTS, node_values, pack

Words: TypeAlias = NDArray[np.uint64]
Ints: TypeAlias = NDArray[np.int32]


def program(netlist: Netlist) -> tuple[NDArray[np.int64], NDArray[np.uint64], Ints, NDArray[np.uint8], Ints]:
    """Inputs and truth table by kind, sources, kinds and output nodes, as the compiled loops take them."""
    arity = np.array([len(cell.inputs) for cell in netlist.cell_types] or [0], np.int64)
    if arity.max() > MOST_INPUTS:
        raise ValueError(f"cells have at most {MOST_INPUTS} inputs")
    tables = np.array([cell.table for cell in netlist.cell_types] or [0], np.uint64)
    sources = np.require(netlist.sources, np.int32, ["C", "W"])
    kinds = np.require(netlist.kinds, np.uint8, ["C", "W"])
    return arity, tables, sources, kinds, np.require(netlist.output_nodes, np.int32, ["C", "W"])


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
    planes = pack(codes, netlist)
    good = node_values(netlist, planes)
    width = len(netlist.output_nodes)
    bits = np.zeros((width, planes.shape[1] * 8), np.uint8)
    for k in range(width):
        packed = np.packbits((wanted >> k).astype(np.uint8) & 1, bitorder="little")
        bits[k, : len(packed)] = packed
    valid = np.zeros(planes.shape[1] * 8, np.uint8)
    valid[: -(-len(codes) // 8)] = np.packbits(np.ones(len(codes), np.uint8), bitorder="little")
    first_reader, readers = _readers(netlist)
    changed = np.empty((len(node), planes.shape[1]), np.uint64)
    right = np.empty(len(node), np.int64)
    faults = [np.require(part, np.int32, ["C", "W"]) for part in (node, gate, pin, value)]
    labels = bits.view("<u8").astype(np.uint64)
    _compiled(_propagate)(
        *program(netlist), good, labels, valid.view("<u8").astype(np.uint64), first_reader, readers, *faults,
        changed, right,
    )  # fmt: skip
    return changed, right


def with_stuck_nodes(
    netlist: Netlist, codes: NDArray[np.integer], wanted: NDArray[np.integer], stuck: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Accuracy, float64 [draws], of circuits with several nodes stuck at once.

    stuck: int8 [draws, nodes], 0 or 1 where a node is held, -1 where it works.
    """
    planes = pack(codes, netlist)
    found = np.empty(len(stuck), np.float64)
    scratch = np.empty((netlist.nodes, planes.shape[1]), np.uint64)
    result = np.empty((len(netlist.output_nodes), planes.shape[1]), np.uint64)
    for k, held in enumerate(stuck):
        _compiled(_evaluate_stuck)(*program(netlist), planes, np.require(held, np.int8, ["C", "W"]), scratch, result)
        shown = np.unpackbits(result.astype("<u8").view(np.uint8), axis=1, count=len(codes), bitorder="little")
        label = (shown.astype(np.int64) << np.arange(len(result))[:, None]).sum(axis=0)
        found[k] = (label == wanted).mean()
    return found


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


def _cell(table: Any, pins: Any, inputs: Any) -> Any:
    """64 rows of a cell, the words at its inputs in pins."""
    total = np.uint64(0)
    for minterm in range(1 << inputs):
        if (table >> np.uint64(minterm)) & np.uint64(1):
            term = ~np.uint64(0)
            for k in range(inputs):
                term &= pins[k] if (minterm >> k) & 1 else ~pins[k]
            total |= term
    return total


def _propagate(
    cell: Any, arity: Any, tables: Any, sources: Any, kinds: Any, outputs: Any, good: Any, labels: Any, valid: Any,
    first_reader: Any, readers: Any, node: Any, gate: Any, pin: Any, value: Any, changed: Any, right: Any,
) -> None:  # fmt: skip
    gates, words = len(kinds), good.shape[1]
    first = good.shape[0] - gates
    now = good.copy()
    waiting = np.zeros(gates, np.bool_)
    moved = np.empty(good.shape[0], np.int32)
    pins = np.zeros(6, np.uint64)
    zero, ones = np.uint64(0), ~np.uint64(0)
    for f in range(len(node)):
        held = ones if value[f] else zero
        count, low, high = 0, gates, -1
        if gate[f] < 0:
            site = node[f]
            now[site, :] = held
            moved[count] = site
            count += 1
            for r in range(first_reader[site], first_reader[site + 1]):
                waiting[readers[r]] = True
                low, high = min(low, readers[r]), max(high, readers[r])
        else:
            waiting[gate[f]] = True
            low, high = gate[f], gate[f]
        g = low
        while g <= high:
            if waiting[g]:
                waiting[g] = False
                inputs = arity[kinds[g]]
                table = tables[kinds[g]]
                target = first + g
                different = zero
                for w in range(words):
                    for k in range(inputs):
                        pins[k] = held if g == gate[f] and k == pin[f] else now[sources[g, k], w]
                    made = cell(table, pins, inputs)
                    different |= made ^ good[target, w]
                    now[target, w] = made
                if different != zero:
                    moved[count] = target
                    count += 1
                    for r in range(first_reader[target], first_reader[target + 1]):
                        waiting[readers[r]] = True
                        high = max(high, readers[r])
            g += 1
        hits = 0
        for w in range(words):
            differs, wrong = zero, zero
            for k in range(len(outputs)):
                differs |= now[outputs[k], w] ^ good[outputs[k], w]
                wrong |= now[outputs[k], w] ^ labels[k, w]
            changed[f, w] = differs & valid[w]
            bits = ~wrong & valid[w]
            while bits != zero:
                bits &= bits - np.uint64(1)
                hits += 1
        right[f] = hits
        for k in range(count):
            now[moved[k], :] = good[moved[k], :]


def _evaluate_stuck(
    cell: Any, arity: Any, tables: Any, sources: Any, kinds: Any, outputs: Any, planes: Any, held: Any,
    scratch: Any, result: Any,
) -> None:  # fmt: skip
    first = 2 + planes.shape[0]
    pins = np.zeros(6, np.uint64)
    zero, ones = np.uint64(0), ~np.uint64(0)
    for n in range(scratch.shape[0]):
        for w in range(planes.shape[1]):
            if n < 2:
                scratch[n, w] = ones if n else zero
            elif held[n] >= 0:
                scratch[n, w] = ones if held[n] else zero
            elif n < first:
                scratch[n, w] = planes[n - 2, w]
            else:
                inputs = arity[kinds[n - first]]
                table = tables[kinds[n - first]]
                for k in range(inputs):
                    pins[k] = scratch[sources[n - first, k], w]
                scratch[n, w] = cell(table, pins, inputs)
    for k in range(len(outputs)):
        for w in range(planes.shape[1]):
            result[k, w] = scratch[outputs[k], w]


@functools.cache
def _compiled(function: Callable[..., None]) -> Callable[..., Any]:
    import numba

    return functools.partial(numba.njit(function), _compiled_cell())


@functools.cache
def _compiled_cell() -> Callable[..., Any]:
    import numba

    compiled: Callable[..., Any] = numba.njit(_cell)
    return compiled

"""Evaluation of a `Netlist`, 64 rows a machine word, compiled with numba the first time it is asked for.

Packing of values into bit planes and back lives here too. The definition that tests compare with is the truth
table of every cell, read bit by bit; `inkling.hdl.kernels.gates_c` writes the same evaluation as C.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.netlist import Netlist, Port

Words: TypeAlias = NDArray[np.uint64]

# Words of every node that are computed together: few enough for the cache, enough to fill vector registers.
BLOCK = 32
MOST_INPUTS = 6


def pack(values: NDArray[np.integer], netlist: Netlist) -> Words:
    """Values of the input ports, int [rows, ports], as bit planes, uint64 [input bits, words].

    Row r is bit r % 64 of word r // 64; places behind the last row hold 0. Raises ValueError for a value that
    its port cannot carry.
    """
    if values.ndim != 2 or values.shape[1] != len(netlist.inputs):
        raise ValueError(f"values must be [rows, {len(netlist.inputs)}], one column for each input port")
    words = -(-len(values) // 64)
    planes = np.zeros((sum(port.width for port in netlist.inputs), words * 8), np.uint8)
    at = 0
    for column, port in enumerate(netlist.inputs):
        of_port = np.ascontiguousarray(values[:, column])
        if len(of_port) and (of_port.min() < 0 or int(of_port.max()) >> port.width):
            raise ValueError(f"a value of port {port.name} does not fit in {port.width} bits")
        for bit in range(port.width):
            packed = np.packbits((of_port >> bit).astype(np.uint8) & 1, bitorder="little")
            planes[at, : len(packed)] = packed
            at += 1
    return planes.view("<u8").astype(np.uint64, copy=False)


def unpack(planes: Words, ports: Sequence[Port], rows: int) -> NDArray[np.int64]:
    """Bit planes, uint64 [bits, words], as unsigned values of the ports, int64 [rows, ports]."""
    values = np.zeros((rows, len(ports)), np.int64)
    at = 0
    for column, port in enumerate(ports):
        for bit in range(port.width):
            plane = np.ascontiguousarray(planes[at]).astype("<u8", copy=False).view(np.uint8)
            values[:, column] |= np.unpackbits(plane, count=rows, bitorder="little").astype(np.int64) << bit
            at += 1
    return values


def evaluate(netlist: Netlist, packed: Words) -> Words:
    """Bit planes of the inputs, uint64 [input bits, words] -> those of the outputs, uint64 [output bits, words].

    Places behind the last row carry what the circuit gives for inputs of 0.
    """
    return _nodes_of(netlist, packed, netlist.output_nodes)


def node_values(netlist: Netlist, packed: Words) -> Words:
    """The planes of every node, uint64 [nodes, words], constants and inputs first, in the netlist's numbering."""
    return _nodes_of(netlist, packed, np.arange(netlist.first_gate + len(netlist.kinds)))


def outputs(netlist: Netlist, values: NDArray[np.integer]) -> NDArray[np.int64]:
    """Values of the input ports, int [rows, ports] -> unsigned values of the output ports, int64 [rows, ports]."""
    return unpack(evaluate(netlist, pack(values, netlist)), netlist.outputs, len(values))


def labels(netlist: Netlist, values: NDArray[np.integer]) -> NDArray[np.int64]:
    """What a netlist with one output port gives, int64 [rows], for values of its input ports, int [rows, ports]."""
    if len(netlist.outputs) != 1:
        raise ValueError("labels need a netlist with one output port")
    return outputs(netlist, values)[:, 0]


def algebraic_form(table: int, inputs: int) -> int:
    """The Reed-Muller coefficients of a truth table: bit m is set where the product of m's inputs is summed."""
    form = table & ((1 << (1 << inputs)) - 1)
    for k in range(inputs):
        # Every minterm without input k is added to the one with it.
        without = sum(1 << m for m in range(1 << inputs) if not m >> k & 1)
        form ^= (form & without) << (1 << k)
    return form


def _nodes_of(netlist: Netlist, packed: Words, wanted: NDArray[np.integer]) -> Words:
    bits = sum(port.width for port in netlist.inputs)
    if packed.dtype != np.uint64 or packed.ndim != 2 or len(packed) != bits:
        raise ValueError(f"packed inputs must be uint64 [{bits}, words]")
    result = np.empty((len(wanted), packed.shape[1]), np.uint64)
    scratch = np.empty((netlist.first_gate + len(netlist.kinds), BLOCK), np.uint64)
    planes = np.require(packed, requirements=["C", "W"])
    _compiled(_evaluate)(*_program(netlist), planes, np.array(wanted, np.int32), scratch, result)
    return result


def _program(netlist: Netlist) -> tuple[NDArray[np.int64], Words, NDArray[np.int32], NDArray[np.uint8]]:
    """For every cell type its number of inputs and its form, and the gates' sources and kinds."""
    arity = np.array([len(cell.inputs) for cell in netlist.cell_types] or [0], np.int64)
    if arity.max() > MOST_INPUTS or netlist.sources.shape[1] < arity[netlist.kinds].max(initial=0):
        raise ValueError(f"cells have at most {MOST_INPUTS} inputs, and every one of them needs a source")
    forms = [algebraic_form(cell.table, len(cell.inputs)) for cell in netlist.cell_types] or [0]
    # Always of one layout and writable: numba compiles anew for every other kind of array.
    sources = np.require(netlist.sources, np.int32, ["C", "W"])
    if sources.shape[1] < 2:
        sources = np.hstack((sources, np.zeros((len(sources), 2 - sources.shape[1]), np.int32)))
    own = np.arange(len(sources), dtype=np.int64)[:, None] + netlist.first_gate
    if sources.size and (sources.min() < 0 or (sources >= own).any()):
        raise ValueError("a gate reads a node that does not come before it")
    outside = netlist.output_nodes
    if len(outside) and (outside.min() < 0 or outside.max() >= netlist.first_gate + len(sources)):
        raise ValueError("an output is no node of the netlist")
    return arity, np.array(forms, np.uint64), sources, np.require(netlist.kinds, np.uint8, ["C", "W"])


def _evaluate(
    arity: NDArray[np.int64],
    forms: Words,
    sources: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    packed: Words,
    wanted: NDArray[np.int32],
    scratch: Words,
    result: Words,
) -> None:
    zero, ones = np.uint64(0), ~np.uint64(0)
    first = 2 + packed.shape[0]
    for start in range(0, packed.shape[1], scratch.shape[1]):
        count = min(scratch.shape[1], packed.shape[1] - start)
        scratch[0, :] = zero
        scratch[1, :] = ones
        for node in range(2, first):
            for word in range(count):
                scratch[node, word] = packed[node - 2, start + word]
        for gate in range(len(kinds)):
            form = forms[kinds[gate]]
            inputs = arity[kinds[gate]]
            target = scratch[first + gate]
            c0 = ones if form & np.uint64(1) else zero
            if inputs <= 2:
                # c0 + c1 a + c2 b + c3 a b over the two-element field: no jump, whatever the cell.
                a = scratch[sources[gate, 0]]
                b = scratch[sources[gate, 1]]
                c1 = ones if form & np.uint64(2) else zero
                c2 = ones if form & np.uint64(4) else zero
                c3 = ones if form & np.uint64(8) else zero
                for word in range(scratch.shape[1]):
                    target[word] = c0 ^ (c1 & a[word]) ^ (b[word] & (c2 ^ (c3 & a[word])))
            else:
                for word in range(scratch.shape[1]):
                    total = c0
                    for product in range(1, 1 << inputs):
                        if (form >> np.uint64(product)) & np.uint64(1):
                            term = ones
                            for k in range(inputs):
                                if (product >> k) & 1:
                                    term &= scratch[sources[gate, k], word]
                            total ^= term
                    target[word] = total
        for k in range(len(wanted)):
            for word in range(count):
                result[k, start + word] = scratch[wanted[k], word]


@functools.cache
def _compiled(function: Callable[..., None]) -> Callable[..., Any]:
    """The function compiled by numba, kept on disk where a cache folder can be written at all."""
    import numba

    try:
        compiled: Callable[..., Any] = numba.njit(cache=True)(function)
    except RuntimeError:  # no folder that numba could write its cache to
        compiled = numba.njit(function)
    return compiled

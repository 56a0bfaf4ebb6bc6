"""Circuits and rows as the gate-level search packs them, from and to a `Netlist` and labelled rows.

The mutable state that the kernel works on is `inkling.approx.gates.state`; the whole evaluation here is plain NumPy.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.netlist import CellType, Netlist, Port

# Two-input functions as truth tables: bit a + 2 * b is the result for source values a and b.
BUFFER, INVERT = 0b1010, 0b0101
LANES = 8  # words are padded to whole vectors of 512 bits


class PackedRows(NamedTuple):
    """Rows as bit planes, 64 rows a word, in a random order of words.

    inputs: uint64 [input bits, words]; target: uint64 [label bits, words]; valid: uint64 [words], the bits that are
    rows; weight: int64 [words], what one wrong row of the word costs.
    """

    inputs: NDArray[np.uint64]
    target: NDArray[np.uint64]
    valid: NDArray[np.uint64]
    weight: NDArray[np.int64]


class Gates(NamedTuple):
    """A circuit: op uint8 [gates], source int32 [gates, 2], outputs int32 [output bits]; nodes as in a Netlist."""

    op: NDArray[np.uint8]
    source: NDArray[np.int32]
    outputs: NDArray[np.int32]


class Library(NamedTuple):
    """Cells by function: area float64 [16], infinite where the technology lacks one; cell index and pin order."""

    cells: tuple[CellType, ...]
    area: NDArray[np.float64]
    cell: tuple[int, ...]
    swapped: tuple[bool, ...]


def library(cells: tuple[CellType, ...], areas: Mapping[str, float]) -> Library:
    """The cheapest cell for each function of at most two inputs. Raises ValueError without inverter or NAND/NOR."""
    area = np.full(16, np.inf)
    cell, swapped = [-1] * 16, [False] * 16
    for index, kind in enumerate(cells):
        if len(kind.inputs) not in (1, 2) or kind.name not in areas:
            continue
        for exchange in (False, True) if len(kind.inputs) == 2 else (False,):
            table = _table(kind, exchange)
            if table not in (0, 15, BUFFER) and areas[kind.name] < area[table]:
                area[table], cell[table], swapped[table] = areas[kind.name], index, exchange
    if not np.isfinite(area[INVERT]) or not np.isfinite(area[[0b0111, 0b0001]]).any():
        raise ValueError("the gate search needs the areas of an inverter and of NAND2 or NOR2")
    return Library(cells, area, tuple(cell), tuple(swapped))


def _table(kind: CellType, exchange: bool) -> int:
    """The cell's function over (a, b) as a 4-bit table; `exchange` puts a on the second pin."""
    if len(kind.inputs) == 1:
        return sum(((kind.table >> (m & 1)) & 1) << m for m in range(4))
    return sum(((kind.table >> ((m >> 1 | (m & 1) << 1) if exchange else m)) & 1) << m for m in range(4))


def from_netlist(netlist: Netlist) -> Gates:
    """The netlist's gates as two-input functions. Raises ValueError where a cell has more than two inputs."""
    tables = []
    for kind in netlist.cell_types:
        tables.append(_table(kind, False) if len(kind.inputs) <= 2 else -1)
    if any(tables[kind] < 0 for kind in netlist.kinds):
        raise ValueError("the gate search takes cells of one or two inputs; map the netlist to such cells first")
    op = np.array([tables[kind] for kind in netlist.kinds], np.uint8)
    source = np.zeros((len(op), 2), np.int32)
    width = min(2, netlist.sources.shape[1]) if netlist.sources.ndim == 2 else 0
    source[:, :width] = netlist.sources[:, :width]
    unary = (op == BUFFER) | (op == INVERT)
    source[unary, 1] = source[unary, 0]
    return Gates(op, source, netlist.output_nodes.astype(np.int32))


def to_netlist(gates: Gates, inputs: tuple[Port, ...], outputs: tuple[Port, ...], cells: Library) -> Netlist:
    """The circuit in the library's cells; every gate's function must be in it."""
    kinds = np.array([cells.cell[op] for op in gates.op], np.uint8)
    sources = gates.source.copy()
    exchange = np.array([cells.swapped[op] for op in gates.op], bool)
    sources[exchange] = sources[exchange][:, ::-1]
    sources[gates.op == INVERT, 1] = 0
    return Netlist(inputs, outputs, cells.cells, kinds, sources, gates.outputs.astype(np.int32))


def pack(
    bits: NDArray[np.bool_],
    labels: NDArray[np.int64],
    label_bits: int,
    weights: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> PackedRows:
    """Pack rows, bits bool [rows, input bits] and labels int64 [rows]; rows of one weight share words."""
    rng = np.random.default_rng(seed)
    weights = np.ones(len(labels), np.int64) if weights is None else weights.astype(np.int64)
    places: list[NDArray[np.int64]] = []
    word_weights: list[int] = []
    for weight in np.unique(weights[weights > 0]):
        rows = rng.permutation(np.flatnonzero(weights == weight))
        words = -(-len(rows) // 64)
        padded = np.full(words * 64, -1, np.int64)
        padded[: len(rows)] = rows
        places.extend(padded.reshape(words, 64))
        word_weights.extend([int(weight)] * words)
    if not places:
        raise ValueError("the gate search needs at least one row of positive weight")
    order = rng.permutation(len(places))  # so that every block of words is a sample of all weights
    spare = -len(order) % LANES
    table = np.concatenate([np.stack(places)[order], np.full((spare, 64), -1)])
    valid = table >= 0
    target = (labels[:, None] >> np.arange(label_bits)) & 1 == 1
    return PackedRows(
        _words(bits[table], valid),
        _words(target[table], valid),
        _words(np.ones((*table.shape, 1), bool), valid)[0],
        np.concatenate([np.array(word_weights, np.int64)[order], np.zeros(spare, np.int64)]),
    )


def _words(planes: NDArray[np.bool_], valid: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """bool [words, 64, planes] -> uint64 [planes, words], row r of a word in bit r."""
    masked = np.ascontiguousarray((planes & valid[:, :, None]).transpose(2, 0, 1))
    packed = np.packbits(masked, axis=2, bitorder="little")
    return packed.view("<u8").reshape(packed.shape[:2]).astype(np.uint64)


def input_bits(codes: NDArray[np.integer[Any]], ports: tuple[Port, ...]) -> NDArray[np.bool_]:
    """bool [rows, bits of all ports] of the values that enter, one column per port."""
    if codes.ndim != 2 or codes.shape[1] != len(ports):
        raise ValueError(f"rows have {codes.shape[-1]} columns but the netlist has {len(ports)} input ports")
    columns = [codes[:, i, None] >> np.arange(port.width) & 1 for i, port in enumerate(ports)]
    return np.concatenate(columns, axis=1).astype(bool)


def accuracies(gates: Gates, rows: PackedRows) -> tuple[float, float]:
    """Share of the packed rows, and of their weight, on which all label bits are right; a whole NumPy evaluation."""
    ones = ~np.uint64(0)
    signals: list[Any] = [np.zeros_like(rows.valid), np.full_like(rows.valid, ones), *rows.inputs]
    for op, (a, b) in zip(gates.op.tolist(), gates.source.tolist(), strict=True):
        signals.append(apply(op, signals[a], signals[b]))
    wrong = np.zeros_like(rows.valid)
    for target, node in zip(rows.target, gates.outputs.tolist(), strict=True):
        wrong |= signals[node] ^ target
    missed, given = np.bitwise_count(wrong & rows.valid), np.bitwise_count(rows.valid)
    return 1 - int(missed.sum()) / int(given.sum()), 1 - int(missed @ rows.weight) / int(given @ rows.weight)


def apply(op: int, a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A truth table on words: the disjunction of its minterms, or the complement of the others'."""
    few = op if op.bit_count() <= 2 else 15 - op
    found = np.zeros_like(a)
    for m in range(4):
        if few >> m & 1:
            found |= (a if m & 1 else ~a) & (b if m & 2 else ~b)
    return found if few == op else ~found

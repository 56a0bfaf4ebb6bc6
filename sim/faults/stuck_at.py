"""What single stuck-at faults do to a classifier: accuracy under each, coverage of rows, critical cells, a test set.

Printed circuits come with defects, and a designer asks which of them matter and how few readings show them. The
simulation itself lives in `inkling.sim.faults.simulation`.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.netlist import Netlist
from inkling.sim.faults.simulation import with_stuck_nodes, wrong_rows

MOST_DETECTION_BYTES = 1 << 30


@dataclass(frozen=True, eq=False)
class Faults:
    """Single stuck-at faults: node, gate, pin int32 [faults], value uint8 [faults].

    Fault f holds node[f] at value[f]: at its driver (gate[f] = -1), or at pin[f] of gate[f] alone, which differs only
    where a node has several readers.
    """

    node: NDArray[np.int32]
    gate: NDArray[np.int32]
    pin: NDArray[np.int32]
    value: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.node)


@dataclass(frozen=True, eq=False)
class Analysis:
    """What every fault does on the given rows.

    accuracy: float64 [faults], detected: int64 [faults], rows whose label changes; rows_of: uint64 [faults, words],
    which rows these are; sound: the accuracy without a fault.
    """

    faults: Faults
    rows: int
    sound: float
    accuracy: NDArray[np.float64]
    detected: NDArray[np.int64]
    rows_of: NDArray[np.uint64]
    seconds: float

    @property
    def coverage(self) -> float:
        """Share of the faults that change the label of some row; 1.0 where there are no faults."""
        return float((self.detected > 0).mean()) if len(self.faults) else 1.0


@dataclass(frozen=True)
class DefectRate:
    """Accuracy when every node is stuck with a chance `rate`, over draws of whole circuits.

    mean and error (its standard error) are of the accuracy; usable: share of the draws that lose at most one point.
    """

    rate: float
    draws: int
    mean: float
    error: float
    usable: float


def stuck_at_faults(netlist: Netlist) -> Faults:
    """Both values of every input bit and gate, and of every pin whose node has other readers too.

    Nodes that no output depends on are left out: nothing can show their faults. A pin of a node with one reader is
    the node itself (Abramovici, Breuer, Friedman: Digital Systems Testing and Testable Design, section 4.5).
    """
    live = netlist.live()
    first = netlist.first_gate
    readers = np.zeros(netlist.nodes, np.int64)
    np.add.at(readers, netlist.output_nodes, 1)
    pins = [
        (int(netlist.sources[g, k]), g, k)
        for g in range(len(netlist.kinds))
        if live[first + g]
        for k in range(len(netlist.cell_types[netlist.kinds[g]].inputs))
    ]
    np.add.at(readers, [node for node, _, _ in pins], 1)
    stems = [(node, -1, 0) for node in range(2, netlist.nodes) if live[node]]
    branches = [pin for pin in pins if pin[0] >= 2 and readers[pin[0]] > 1]
    sites = np.array([*stems, *branches], np.int32).reshape(-1, 3)
    node, gate, pin = (np.repeat(sites[:, k], 2) for k in range(3))
    return Faults(node, gate, pin, np.tile(np.array([0, 1], np.uint8), len(sites)))


def analyse(
    netlist: Netlist,
    codes: NDArray[np.integer],
    labels: NDArray[np.integer],
    *,
    faults: Faults | None = None,
) -> Analysis:
    """Every fault on every row. codes: int [rows, ports]; labels: int [rows]; the netlist has one output port.

    Raises ValueError where there are no rows or not one output, and where rows times faults need more than a GiB.
    """
    if len(netlist.outputs) != 1 or len(codes) != len(labels) or not len(codes):
        raise ValueError("a fault analysis needs rows with labels, and a netlist with one output port")
    found = stuck_at_faults(netlist) if faults is None else faults
    if len(found) * len(codes) / 8 > MOST_DETECTION_BYTES:
        raise ValueError(f"{len(codes)} rows are too many for {len(found)} faults: take a sample of them")
    begun = time.monotonic()
    rows_of, right = wrong_rows(netlist, codes, labels, found.node, found.gate, found.pin, found.value)
    nothing = np.full((1, netlist.nodes), -1, np.int8)
    sound = float(with_stuck_nodes(netlist, codes, labels, nothing)[0])
    seconds = time.monotonic() - begun
    detected = np.bitwise_count(rows_of).sum(axis=1).astype(np.int64)
    return Analysis(found, len(codes), sound, right / len(codes), detected, rows_of, seconds)


def test_set(analysis: Analysis) -> NDArray[np.int64]:
    """Few rows that together show every fault that any row shows, the most telling first: int64 [chosen].

    Greedy set cover, at most ln(faults) + 1 times as many as are needed (Chvatal, 1979).
    """
    bits = np.unpackbits(analysis.rows_of.astype("<u8").view(np.uint8), axis=1, bitorder="little")
    shows = bits[:, : analysis.rows].astype(bool)  # [faults, rows]
    left = shows.any(axis=1)
    shows, chosen = shows[left], []
    gain = shows.sum(axis=0)
    while len(shows):
        row = int(gain.argmax())
        chosen.append(row)
        covered = shows[:, row]
        gain = gain - shows[covered].sum(axis=0)
        shows = shows[~covered]
    return np.array(chosen, np.int64)


def at_defect_rate(
    netlist: Netlist,
    codes: NDArray[np.integer],
    labels: NDArray[np.integer],
    rate: float,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> DefectRate:
    """Draw circuits whose live gates are each stuck, at 0 or 1 alike, with a chance `rate`; several may be so."""
    rng = np.random.default_rng(seed)
    live = netlist.live()
    live[: netlist.first_gate] = False
    stuck = np.where(rng.random((draws, netlist.nodes)) < rate, rng.integers(0, 2, (draws, netlist.nodes)), -1)
    stuck[:, ~live] = -1
    accuracy = with_stuck_nodes(netlist, codes, labels, stuck.astype(np.int8))
    nothing = np.full((1, netlist.nodes), -1, np.int8)
    sound = float(with_stuck_nodes(netlist, codes, labels, nothing)[0])
    error = float(accuracy.std(ddof=1) / np.sqrt(draws)) if draws > 1 else 0.0
    return DefectRate(rate, draws, float(accuracy.mean()), error, float((accuracy >= sound - 0.01).mean()))


def critical_gates(netlist: Netlist, analysis: Analysis, most: int = 10) -> tuple[dict[str, Any], ...]:
    """The gates whose worst stuck output costs most accuracy: gate number, cell, value it is stuck at, accuracy."""
    first = netlist.first_gate
    outputs = np.flatnonzero((analysis.faults.gate < 0) & (analysis.faults.node >= first))
    worst: dict[int, int] = {}
    for f in outputs[np.argsort(analysis.accuracy[outputs], kind="stable")]:
        worst.setdefault(int(analysis.faults.node[f]) - first, int(f))
    return tuple(
        {
            "gate": gate,
            "cell": netlist.cell_types[netlist.kinds[gate]].name,
            "stuck_at": int(analysis.faults.value[f]),
            "accuracy": round(float(analysis.accuracy[f]), 6),
        }
        for gate, f in list(worst.items())[:most]
    )

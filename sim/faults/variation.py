"""What the variation of print does to whole nodes: thresholds that shift, gates and converters that are stuck.

Nodes are drawn, and each answers all rows, 64 a machine word. Single faults one by one are
`inkling.sim.faults.stuck_at`'s; where an area comes from is `inkling.hdl.cost` and `inkling.hdl.converters`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkling.approx.netlists.evaluate import Words, evaluate
from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.network import Input

NODES = 1000
MOST_ROWS = 1000  # of more rows as many are taken, evenly spread
WORDS = 1 << 14  # of one signal at a time
SIGMA = 2.0
DEFECTS_PER_CM2 = 0.1


@dataclass(frozen=True)
class Variation:
    """How nodes differ. sigma: standard deviation of a threshold's shift, per cent of the sensor's range.

    Half of its variance is the comparator's own offset, half the ladder's tolerance, which moves all thresholds of
    a sensor together. defects: of a square centimetre, each leaves a gate's output, a comparator's, or all bits of a
    ladder or an encoder at 0 or 1; they fall evenly on the area.
    """

    sigma: float = SIGMA
    defects: float = DEFECTS_PER_CM2

    def __post_init__(self) -> None:
        if not (0 <= self.sigma <= 100 and 0 <= self.defects <= 1e6):
            raise ValueError("sigma must be in 0..100 per cent, defects in 0..1000000 per cm2")


@dataclass(frozen=True)
class Areas:
    """Where defects fall, cm2: of each gate by the name of its cell, a comparator, a ladder, a sensor's encoder."""

    cells: dict[str, float]
    comparator: float
    ladder: float
    encoders: dict[int, float]


@dataclass(frozen=True)
class Robustness:
    """Accuracies, 0..1, of drawn nodes on so many rows.

    nominal: of the node as designed; mean, quantile_5: over nodes whose thresholds shift; with_defects_mean,
    with_defects_quantile_5: over nodes that have defects too; faultless: the share of nodes without a defect that the
    defect density leaves (Poisson).
    """

    sigma_percent: float
    defects_per_cm2: float
    nodes: int
    rows: int
    nominal: float
    mean: float
    quantile_5: float
    faultless: float
    with_defects_mean: float
    with_defects_quantile_5: float


def robustness(
    netlist: Netlist,
    inputs: Sequence[Input],
    codes: NDArray[np.uint8],
    bits: Sequence[int],
    labels: NDArray[np.int64],
    variation: Variation,
    areas: Areas,
    *,
    nodes: int = NODES,
    seed: int = 0,
) -> Robustness:
    """Draw nodes and score each on all rows.

    inputs: of the netlist's ports, in their order; codes: uint8 [rows, columns] of the table, with so many bits by
    column; a reading is presumed to lie anywhere within its code's step, alike. labels: int64 [rows].
    """
    rng = np.random.default_rng(seed)
    if len(labels) > MOST_ROWS:
        taken = np.linspace(0, len(labels) - 1, MOST_ROWS).astype(np.int64)
        codes, labels = codes[taken], labels[taken]
    rows = _Rows(netlist, inputs, codes, bits, labels, rng)
    own = rng.normal(0, variation.sigma / 100 * math.sqrt(0.5), (nodes, rows.comparators))
    shared = rng.normal(0, variation.sigma / 100 * math.sqrt(0.5), (nodes, len(rows.sensors)))
    right, hurt = np.zeros(nodes), np.zeros(nodes)
    stuck, expected = _defects(netlist, inputs, rows.sensors, variation.defects, areas, nodes, rng)
    step = max(1, WORDS // rows.words)
    for start in range(0, nodes, step):
        some = slice(start, min(start + step, nodes))
        planes = rows.planes(own[some], shared[some])
        right[some] = rows.right(evaluate(netlist, planes), planes.shape[1] // rows.words)
        hurt[some] = right[some]
        bad = [k for k in range(some.start, some.stop) if k in stuck]
        if bad:
            kept = np.concatenate([np.arange(rows.words) + (k - start) * rows.words for k in bad])
            given = _held(netlist, planes[:, kept], [stuck[k] for k in bad], rows.words)
            hurt[bad] = rows.right(given, len(bad))
    still = rows.planes(np.zeros((1, rows.comparators)), np.zeros((1, len(rows.sensors))))
    return Robustness(
        variation.sigma,
        variation.defects,
        nodes,
        len(labels),
        float(rows.right(evaluate(netlist, still), 1)[0]),
        float(right.mean()),
        float(np.quantile(right, 0.05)),
        math.exp(-expected),
        float(hurt.mean()),
        float(np.quantile(hurt, 0.05)),
    )


class _Rows:
    """Rows of a table as readings, and the bits that nodes with shifted thresholds make of them."""

    def __init__(
        self,
        netlist: Netlist,
        inputs: Sequence[Input],
        codes: NDArray[np.uint8],
        bits: Sequence[int],
        labels: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:
        # A binary code is made of the leading bits of the table's.
        self.inputs, self.count = inputs, len(labels)
        self.words = -(-self.count // 64)
        self.sensors = sorted({item.column for item in inputs})
        self.comparators = sum(len(_references(item)) for item in inputs)
        padded = np.zeros((self.words * 64, codes.shape[1]), np.float32)
        padded[: self.count] = (codes + rng.random(codes.shape)) / 2.0 ** np.asarray(bits)
        # A reading just below a threshold must not be rounded up to it.
        steps = np.nextafter(((codes + 1) / 2.0 ** np.asarray(bits)).astype(np.float32), np.float32(-1))
        padded[: self.count] = np.minimum(padded[: self.count], steps)
        self.readings = padded
        width = len(netlist.output_nodes)
        self.target = np.stack([self._word((labels >> k) & 1) for k in range(width)])
        self.valid = self._word(np.ones(self.count, np.int64))

    def _word(self, flags: NDArray[np.int64]) -> Words:
        whole = np.zeros(self.words * 64, np.uint8)
        whole[: self.count] = flags
        return np.packbits(whole, bitorder="little").view("<u8").astype(np.uint64)

    def planes(self, own: NDArray[np.float64], shared: NDArray[np.float64]) -> Words:
        """Bit planes of the netlist's inputs, uint64 [input bits, nodes * words], node after node.

        own: float64 [nodes, comparators], shared: float64 [nodes, sensors], shifts as fractions of the range.
        """
        found, at = [], 0
        for item in self.inputs:
            references = _references(item)
            reading = self.readings[:, item.column]
            moved = own[:, at : at + len(references)] + shared[:, [self.sensors.index(item.column)]] + references
            at += len(references)
            level = [(reading >= moved[:, [k]].astype(np.float32)) for k in range(len(references))]
            if item.threshold is not None:
                found.append(level[0])
            else:  # an encoder that counts the comparators which are on
                code = np.sum(level, axis=0, dtype=np.uint8)
                found += [(code >> bit & 1).astype(bool) for bit in range(item.bits)]
        planes = [np.packbits(bit, axis=1, bitorder="little").reshape(-1).view("<u8") for bit in found]
        return np.array(planes, np.uint64)

    def right(self, outputs: Words, nodes: int) -> NDArray[np.float64]:
        """Accuracy of every node, float64 [nodes], by the planes of the label, uint64 [label bits, nodes * words]."""
        wrong = np.zeros((nodes, self.words), np.uint64)
        for plane, target in zip(outputs, self.target, strict=True):
            wrong |= plane.reshape(nodes, self.words) ^ target
        wrong &= self.valid
        found: NDArray[np.float64] = 1 - np.bitwise_count(wrong).sum(axis=1) / self.count
        return found


def _references(item: Input) -> NDArray[np.float64]:
    """Of an input's comparators, fractions of the range."""
    if item.threshold is not None:
        return np.array([item.threshold.reference])
    return np.arange(1, 2**item.bits) / 2.0**item.bits


Held = list[tuple[NDArray[np.int64], bool]]
"""Of one node: nodes of the netlist that are stuck, and at what."""


def _defects(
    netlist: Netlist,
    inputs: Sequence[Input],
    sensors: Sequence[int],
    density: float,
    areas: Areas,
    nodes: int,
    rng: np.random.Generator,
) -> tuple[dict[int, Held], float]:
    """What is stuck in which of the drawn nodes, and how many defects a node is expected to have."""
    places: list[NDArray[np.int64]] = [np.array([k]) for k in range(netlist.first_gate, netlist.nodes)]
    area = [areas.cells[netlist.cell_types[kind].name] for kind in netlist.kinds]
    of_sensor: dict[int, list[int]] = {column: [] for column in sensors}
    at = 2
    for item in inputs:
        width = 1 if item.threshold is not None else item.bits
        bits = list(range(at, at + width))
        of_sensor[item.column] += bits
        places.append(np.array(bits))
        area.append(areas.comparator * len(_references(item)))
        at += width
    for column in sensors:
        places.append(np.array(of_sensor[column]))
        area.append(areas.ladder + areas.encoders.get(column, 0.0))
    expected = density * sum(area)
    found: dict[int, Held] = {}
    if expected > 0:
        share = np.array(area) / sum(area)
        for node in np.flatnonzero(counts := rng.poisson(expected, nodes)).tolist():
            hit = rng.choice(len(area), counts[node], p=share)
            found[node] = [(places[k], bool(rng.integers(2))) for k in hit]
    return found, expected


def _held(netlist: Netlist, planes: Words, stuck: Sequence[Held], words: int) -> Words:
    """Planes of the outputs where some nodes are stuck, other ones in each drawn node of so many words."""
    zero, ones = np.uint64(0), ~np.uint64(0)
    width = planes.shape[1]
    held: dict[int, list[tuple[slice, np.uint64]]] = {}
    for k, of_node in enumerate(stuck):
        for places, value in of_node:
            for place in places.tolist():
                held.setdefault(place, []).append((slice(k * words, (k + 1) * words), ones if value else zero))
    signals: list[Words] = [np.full(width, zero), np.full(width, ones), *planes.copy()]

    def settle(node: int) -> None:
        for part, value in held.get(node, ()):
            signals[node][part] = value

    for node in range(2, netlist.first_gate):
        settle(node)
    for gate, kind in enumerate(netlist.kinds):
        cell = netlist.cell_types[kind]
        pins = [signals[source] for source in netlist.sources[gate, : len(cell.inputs)]]
        total = np.full(width, zero)
        for state in range(2 ** len(pins)):
            if cell.table >> state & 1:
                term = np.full(width, ones)
                for k, pin in enumerate(pins):
                    term &= pin if state >> k & 1 else ~pin
                total |= term
        signals.append(total)
        settle(netlist.first_gate + gate)
    return np.stack([signals[node] for node in netlist.output_nodes])

"""`Physics`: what counts beside area in a gate-level search, static power in the states that rows visit and delay.

The cells' figures come as data from above; the incremental evaluation is in `kernel.cpp`, the whole one here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkling.approx.gates.packing import BUFFER, INVERT, Gates, Library, PackedRows, apply

LEAK_STEPS = 1000  # static power is counted in whole pW, so that sums are exact


@dataclass(frozen=True)
class Physics:
    """The size of a circuit is area_weight * area + power_weight * static power, and no path may be too long.

    leakage: nW per input state by cell name (bit i of a state is the value of input i), or None: area alone counts;
    power_weight: units of area per nW, the power being the mean over the scored rows, each counted once. Prices are
    per 1e8 units of size; where 1 nW weighs 80 um2, a mean EGFET circuit at 0.6 V draws as much as it covers.
    delays: of a cell by name, from its inputs to its output, whatever it drives, in the unit of delay_limit, or None.
    """

    leakage: Mapping[str, Sequence[float]] | None = None
    power_weight: float = 0.0
    area_weight: float = 1.0
    delays: Mapping[str, float] | None = None
    delay_limit: float = np.inf


class Tables(NamedTuple):
    """`Physics` by function: leak int64 [16, 4] in pW by state a + 2 * b of the sources; delay float64 [16]."""

    leak: NDArray[np.int64] | None
    delay: NDArray[np.float64] | None
    power_weight: float
    area_weight: float
    delay_limit: float

    def drain_weight(self, rows: PackedRows) -> float:
        """Units of area per pW of one row."""
        return self.power_weight / (LEAK_STEPS * row_count(rows))

    def power(self, drain: int, rows: PackedRows) -> float:
        """nW, the mean over the rows that a drain was summed over."""
        return drain / (LEAK_STEPS * row_count(rows))


def row_count(rows: PackedRows) -> int:
    """Rows, whatever they weigh."""
    return int(np.bitwise_count(rows.valid).sum())


def tables(physics: Physics, cells: Library) -> Tables:
    """The figures of the cells that stand for the functions. Raises ValueError where a cell has none."""
    leak = None if physics.leakage is None else np.zeros((16, 4), np.int64)
    delay = None if physics.delays is None else np.zeros(16)
    for op in range(16):
        if cells.cell[op] < 0:
            continue
        kind = cells.cells[cells.cell[op]]
        if any(figures is not None and kind.name not in figures for figures in (physics.leakage, physics.delays)):
            raise ValueError(f"there is no static power or delay of the cell {kind.name}")
        if physics.leakage is not None and leak is not None:
            figures = np.asarray(physics.leakage[kind.name], float)
            if figures.shape != (2 ** len(kind.inputs),) or not (figures >= 0).all():
                raise ValueError(f"the static power of {kind.name} must be one figure for each of its input states")
            states = [0, 0, 1, 1] if op == INVERT else [0, 2, 1, 3] if cells.swapped[op] else [0, 1, 2, 3]
            leak[op] = np.rint(figures[states] * LEAK_STEPS)
        if physics.delays is not None and delay is not None:
            delay[op] = physics.delays[kind.name]
    return Tables(leak, delay, physics.power_weight, physics.area_weight, physics.delay_limit)


def drain(gates: Gates, rows: PackedRows, leak: NDArray[np.int64]) -> int:
    """pW summed over the rows, each counted once; a whole evaluation in plain NumPy."""
    signals: list[Any] = [np.zeros_like(rows.valid), np.full_like(rows.valid, ~np.uint64(0)), *rows.inputs]
    total = 0
    for op, (a, b) in zip(gates.op.tolist(), gates.source.tolist(), strict=True):
        x, y = signals[a], signals[a if op in (BUFFER, INVERT) else b]
        signals.append(apply(op, x, y))
        for state in range(4):
            visits = rows.valid & (x if state & 1 else ~x) & (y if state & 2 else ~y)
            total += int(leak[op, state]) * int(np.bitwise_count(visits).sum())
    return total


def slowest(gates: Gates, first: int, delay: NDArray[np.float64]) -> float:
    """Delay of the slowest path; `first` is the number of the first gate."""
    arrival = np.zeros(first + len(gates.op))
    for g, (op, (a, b)) in enumerate(zip(gates.op.tolist(), gates.source.tolist(), strict=True)):
        arrival[first + g] = delay[op] + max(arrival[a], arrival[b])
    return float(arrival[gates.outputs].max(initial=0.0))

"""What a gate-level search for a microcontroller is told: bytes of flash that gates and comparisons take.

Circuits are written by `inkling.hdl.microcontrollers.body.sign_gates`. On machines with instructions of 16 bits an
operation on two registers takes two bytes, and a complement of its result as many; a comparison is a load, a
constant and a difference. Compiled by gcc -Os, circuits of 2 to 120 gates took 1.0 to 1.3 times what these prices add
up to on a Cortex-M0 and 1.0 to 1.7 times on an AVR, where registers are short.
"""

import numpy as np

from inkling.approx.gates.inputs import InputPrices
from inkling.approx.netlists.tree import TWO_INPUT_CELLS
from inkling.approx.reference.netlist import CellType
from inkling.approx.thresholds.levels import Levels

BYTE = 1e5
"""Units of the search's area: circuits of ten to a thousand bytes lie where those of 0.01 to 1 cm2 do."""

COMPARISON_BYTES, LOAD_BYTES, OPERATION_BYTES, COMPLEMENT_BYTES = 6, 2, 2, 2

CELLS: tuple[CellType, ...] = TWO_INPUT_CELLS


def cell_sizes() -> dict[str, float]:
    """Every cell's bytes in the search's unit."""
    complemented = {"INV": 0, "NAND2": 1, "NOR2": 1, "XNOR2": 1}
    return {cell.name: BYTE * (OPERATION_BYTES + COMPLEMENT_BYTES * complemented.get(cell.name, 0)) for cell in CELLS}


def threshold_sizes(levels: Levels) -> InputPrices:
    """A comparison for each threshold that is read, and a load for each column."""
    thresholds, columns = len(levels.level), len(levels.columns)
    return InputPrices(
        levels.column,
        np.full(thresholds, BYTE * COMPARISON_BYTES),
        np.zeros(thresholds),
        np.full(columns, BYTE * LOAD_BYTES),
        np.zeros(columns),
    )

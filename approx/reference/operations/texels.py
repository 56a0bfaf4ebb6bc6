"""What a field reads: texels of grids, and its coordinates."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.coding import COORDINATE_BITS
from inkling.approx.reference.operations.definition import Array, Bounds, Ints, Whole, operation
from inkling.train.errors import InputError

I8: TypeAlias = NDArray[np.int8]

# Bits of the position between two texels. With 7, a row's blend fits int16 and the column's blend int32 exactly.
FRACTION_BITS = 7


@operation("grid_read", Array("table", ("entries", "height", "width", "features"), "|i1"), Whole("bits", 4, 8))
@dataclass(frozen=True, eq=False)
class GridRead:
    """Reads one level: table int8 [entries, height, width, features], height and width >= 2, texels of `bits` bits.

    With p = u * (width - 1), the columns are x = p >> 16 and x + 1, and the fraction fx = (p >> 9) & 127; the same
    for v and the rows. The four texels are blended exactly, sum = (128 - fy) * ((128 - fx) * t00 + fx * t01) +
    fy * ((128 - fx) * t10 + fx * t11), and rounded once to 8 bits: y = ((sum << 8 - bits) + 2**13) >> 14, which lies
    in -128..127. A level of one entry is shared by all entries.
    """

    table: I8
    bits: int = 8

    def evaluate(self, entry: Ints, u: Ints, v: Ints) -> Ints:
        """int64 [rows] or [rows, 1] each -> int64 [rows, features]."""
        entry, u, v = entry.reshape(-1), u.reshape(-1), v.reshape(-1)
        entries, height, width, _ = self.table.shape
        e = entry if entries > 1 else np.zeros_like(entry)
        x, y = u * (width - 1), v * (height - 1)
        x0, y0 = x >> COORDINATE_BITS, y >> COORDINATE_BITS
        unit, below = 1 << FRACTION_BITS, COORDINATE_BITS - FRACTION_BITS
        fx, fy = (x >> below & unit - 1)[:, None], (y >> below & unit - 1)[:, None]
        top = (unit - fx) * self.table[e, y0, x0].astype(np.int64) + fx * self.table[e, y0, x0 + 1]
        bottom = (unit - fx) * self.table[e, y0 + 1, x0].astype(np.int64) + fx * self.table[e, y0 + 1, x0 + 1]
        blend = (unit - fy) * top + fy * bottom
        rounded: Ints = ((blend << 8 - self.bits) + (1 << 2 * FRACTION_BITS - 1)) >> 2 * FRACTION_BITS
        return rounded

    def interval(self, entry: Bounds, u: Bounds, v: Bounds) -> Bounds:
        """What rounding leaves, whatever the texels are."""
        del entry, u, v
        features = self.table.shape[3]
        return np.full(features, -128, np.int64), np.full(features, 127, np.int64)

    def check(self, entry: Bounds, u: Bounds, v: Bounds) -> None:
        table = self.table
        if table.ndim != 4 or table.dtype != np.int8 or min(table.shape) < 1 or min(table.shape[1:3]) < 2:
            raise InputError(f"the table is {table.dtype} {table.shape}, not int8 [entries, >= 2, >= 2, features]")
        if max(table.shape[1:3]) > 2**15 or self.bits not in (4, 8):
            raise InputError("the table has more than 2**15 rows or columns, or no texels of 4 or 8 bits")
        if table.shape[0] not in (1, int(entry[1].max()) + 1):
            raise InputError(f"the table has {table.shape[0]} of {int(entry[1].max()) + 1} entries")
        if self.bits == 4 and (table.min() < -8 or table.max() > 7):
            raise InputError("the table holds texels beyond 4 bits")
        check_place(u, v)


@operation("coordinate_sum", Array("weights", ("outputs", "axes")), Whole("shift", 0, 31))
@dataclass(frozen=True, eq=False)
class CoordinateSum:
    """y[o] = (weights[o, 0] * (u - 2**15) + weights[o, 1] * (v - 2**15)) >> shift, added to the first dense layer.

    weights int64 [outputs, 2] that fit int16; 0 <= shift <= 31.
    """

    weights: Ints
    shift: int

    def evaluate(self, u: Ints, v: Ints) -> Ints:
        """int64 [rows] or [rows, 1] each -> int64 [rows, outputs]."""
        u, v = u.reshape(-1), v.reshape(-1)
        half = 1 << COORDINATE_BITS - 1
        sums: Ints = (np.stack([u - half, v - half], axis=1) @ self.weights.T) >> self.shift
        return sums

    def interval(self, u: Bounds, v: Bounds) -> Bounds:
        """Bounds for all places."""
        del u, v
        reach = np.abs(self.weights).sum(1) << COORDINATE_BITS - 1
        return -reach >> self.shift, reach >> self.shift

    def check(self, u: Bounds, v: Bounds) -> None:
        check_place(u, v)
        if (
            self.weights.ndim != 2
            or self.weights.shape[1] != 2
            or not len(self.weights)
            or np.abs(self.weights.astype(object)).max() > 2**15 - 1
            or np.abs(self.weights).sum(1).max() >= 2**16 - 1
            or not 0 <= self.shift <= 31
        ):
            raise InputError("the weights of the coordinates must be int16 [outputs, 2] whose sums fit int32")


def check_place(u: Bounds, v: Bounds) -> None:
    """Raise InputError unless both are one coordinate code."""
    for low, high in (u, v):
        if len(low) != 1 or low[0] < 0 or high[0] >= 1 << COORDINATE_BITS:
            raise InputError(f"it must read an entry and coordinates of {COORDINATE_BITS} bits")

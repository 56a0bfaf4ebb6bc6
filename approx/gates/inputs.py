"""`InputPrices`: what the inputs of a circuit cost in a gate-level search, as comparators and ladders in front do.

An input costs something while a gate or an output reads it, and so does what the inputs of one group share. The
figures come as data from above (`inkling.hdl.converters`); the incremental count is in `kernel.cpp`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkling.approx.gates.packing import Gates


@dataclass(frozen=True, eq=False)
class InputPrices:
    """Prices of the input bits of all ports in order, and of the groups that they belong to.

    group: int [bits], the group of a bit; area, power: float64 [bits], of a bit that is read, in the search's unit of
    area and in nW; group_area, group_power: float64 [groups], of a group of which some bit is read.
    """

    group: NDArray[np.int64]
    area: NDArray[np.float64]
    power: NDArray[np.float64]
    group_area: NDArray[np.float64]
    group_power: NDArray[np.float64]

    def sizes(self, area_weight: float, power_weight: float) -> "InputSizes":
        """What the search adds to the gates' size."""
        return InputSizes(
            self.group,
            area_weight * self.area + power_weight * self.power,
            area_weight * self.group_area + power_weight * self.group_power,
        )

    def cost(self, read: NDArray[np.bool_]) -> tuple[float, float]:
        """Area and power of the bits that are read, bool [bits]; a whole evaluation."""
        groups = np.unique(self.group[read])
        area = self.area[read].sum() + self.group_area[groups].sum()
        return float(area), float(self.power[read].sum() + self.group_power[groups].sum())


class InputSizes(NamedTuple):
    """`InputPrices` as one figure each: group int64 [bits], size float64 [bits], group_size float64 [groups]."""

    group: NDArray[np.int64]
    size: NDArray[np.float64]
    group_size: NDArray[np.float64]


def read_bits(gates: Gates, bits: int) -> NDArray[np.bool_]:
    """Which input bits a gate or an output reads, bool [bits]; every gate counts."""
    found = np.zeros(2 + bits + len(gates.op), bool)
    found[gates.source.ravel()] = True
    found[gates.outputs] = True
    return found[2 : 2 + bits]

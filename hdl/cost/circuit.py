"""What a mapped netlist costs: area, static power in the states that data visit, delay. Mapping is elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.netlist import Netlist
from inkling.hdl.cells.technology import Technology
from inkling.hdl.cost.power import static_power_mw
from inkling.hdl.cost.timing import delay_ms


@dataclass(frozen=True)
class Cost:
    """Area in cm2, static power in mW and delay in ms by supply voltage ("1.0"), gates in all and by cell name.

    A voltage is missing from delay_ms where the technology has no delay tables for a cell that is used.
    """

    area_cm2: float
    static_power_mw: Mapping[str, float]
    delay_ms: Mapping[str, float]
    gates: int
    cells: Mapping[str, int]


def cost(netlist: Netlist, technology: Technology, values: NDArray[np.integer]) -> Cost:
    """Price a netlist of the technology's cells; values: int [rows, input ports], the rows that give static power.

    Raises InputError where the netlist has a cell that the technology has not.
    """
    counts = np.bincount(netlist.kinds, minlength=len(netlist.cell_types)).tolist()
    cells = {kind.name: count for kind, count in zip(netlist.cell_types, counts, strict=True) if count}
    area = sum(technology.cell(name).area_um2 * count for name, count in cells.items())
    return Cost(
        area * 1e-8,
        static_power_mw(netlist, technology, values),
        delay_ms(netlist, technology),
        len(netlist.kinds),
        dict(sorted(cells.items())),
    )

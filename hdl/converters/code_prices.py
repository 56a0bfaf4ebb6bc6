"""What the bits of binary codes cost a gate-level search: converters that make the leading bits which are read.

Those of thresholds are `inkling.hdl.cost.search_prices.threshold_prices`.
"""

from collections.abc import Sequence

import numpy as np

from inkling.approx.gates.inputs import InputPrices
from inkling.approx.reference.network import Input
from inkling.hdl.cells.technology import Technology
from inkling.hdl.converters.front_end import front_end


def code_prices(bits: Sequence[int], technology: Technology) -> InputPrices:
    """Of codes of so many bits by column, least significant bit first, in the search's units, um2 and nW.

    A column that is read pays for a code of its leading bit, and every further bit for what a code of one bit more
    costs. A converter makes all bits above the lowest that is read, so where one between them is not read, this is
    less than the node costs. Power is that at the lowest supply. Raises ValueError where there are no converters.
    """
    lowest = min(technology.voltages, key=float)
    known: dict[int, tuple[float, float]] = {0: (0.0, 0.0)}
    for made in range(1, max(bits) + 1):
        parts = front_end([Input("", 0, made)], technology)
        known[made] = 1e8 * parts.area_cm2, 1e6 * parts.power_mw[lowest]
    group, area, power = [], [], []
    for column, width in enumerate(bits):
        for bit in range(width):
            made = width - bit
            first = made == 1  # the leading bit, which the column pays for
            group.append(column)
            area.append(0.0 if first else max(0.0, known[made][0] - known[made - 1][0]))
            power.append(0.0 if first else max(0.0, known[made][1] - known[made - 1][1]))
    return InputPrices(
        np.array(group),
        np.array(area),
        np.array(power),
        np.full(len(bits), known[1][0]),
        np.full(len(bits), known[1][1]),
    )

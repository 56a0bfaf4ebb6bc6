"""What the gate-level search is told of a technology: static power by state, and delays that hold for common loads.

The search adds up one delay for each cell; what a finished circuit's slowest path is, by what its gates really drive,
says `inkling.hdl.cost.timing`.
"""

from collections.abc import Sequence

import numpy as np

from inkling.approx.gates.inputs import InputPrices
from inkling.approx.gates.physics import Physics
from inkling.approx.reference.netlist import Netlist
from inkling.approx.thresholds.levels import Levels
from inkling.hdl.cells.converters import Converters
from inkling.hdl.cells.technology import Cell, Technology
from inkling.hdl.cost.timing import delay_ms

OTHER_PINS = 8  # that a net drives beside the largest pin
SLEW_STEPS = 20


def physics(
    technology: Technology, *, delay_limit_ms: float = 0.0, power_weight: float = 0.0, supply: str | None = None
) -> Physics | None:
    """What counts beside area, or None where nothing does.

    delay_limit_ms: the limit at every supply voltage that has delay tables, 0 for none; power_weight: cm2 that 1 mW
    counts as, at the supply voltage, the lowest where none is given.
    """
    cells = usable(technology)
    delays = cell_delays_ms(technology, cells) if delay_limit_ms > 0 else {}
    if not delays and not power_weight:
        return None
    lowest = supply or min(technology.voltages, key=float)
    return Physics(
        leakage={cell.type.name: cell.corners[lowest].static_power for cell in cells} if power_weight else None,
        power_weight=100 * power_weight,  # um2 per nW
        delays=delays or None,
        delay_limit=delay_limit_ms if delays else float("inf"),
    )


def threshold_prices(levels: Levels, converters: Converters) -> InputPrices:
    """What comparators, and the ladders of their columns, cost in the search's units, um2 and nW."""
    columns = len(levels.columns)
    power = [1e3 * converters.comparator_power_uw(float(reference)) for reference in levels.references()]
    return InputPrices(
        levels.column,
        np.full(len(levels.column), 1e6 * converters.comparator_mm2),
        np.array(power),
        np.full(columns, 1e6 * converters.ladder_mm2),
        np.full(columns, 1e3 * converters.ladder_uw),
    )


def usable(technology: Technology) -> tuple[Cell, ...]:
    """The cells that a gate-level search builds from: of one or two inputs."""
    return tuple(cell for cell in technology.cells if 1 <= len(cell.type.inputs) <= 2)


def cell_delays_ms(technology: Technology, cells: Sequence[Cell]) -> dict[str, float]:
    """For each cell the slowest arc at the slowest voltage, with a light and a common load, steep and slow inputs.

    A common load is the largest input pin there is and OTHER_PINS of the smallest; inputs are as slow as the slowest
    cell leaves them under that load. Empty where no voltage has tables for all of the cells.
    """
    slowest: dict[str, float] = {}
    for voltage in technology.voltages:
        corners = {cell.type.name: cell.corners[voltage] for cell in cells}
        if not corners or not all(corner.arcs for corner in corners.values()):
            continue
        pins = [pin for corner in corners.values() for pin in corner.capacitance]
        common = max(pins) + OTHER_PINS * min(pins)
        arcs = [arc for corner in corners.values() for arc in corner.arcs]
        tables = [table for arc in arcs for table in (arc.rise_transition, arc.fall_transition)]
        slew = 0.0
        # A transition sets the next one. That settles where loads are within the tables; below them, where they are
        # extrapolated, transitions of EGFET cells would grow without bounds from gate to gate.
        for _ in range(SLEW_STEPS):
            slew = max(table.look_up(slew, common) for table in tables)
        for name, corner in corners.items():
            delays = [table for arc in corner.arcs for table in (arc.rise, arc.fall)]
            delay = max(
                table.look_up(at, load) for table in delays for at in (0.0, slew) for load in (min(pins), common)
            )
            slowest[name] = max(slowest.get(name, 0.0), delay * 1e-6)
    return slowest


def in_time(netlist: Netlist, technology: Technology, delay_limit_ms: float) -> bool:
    """Whether the slowest path is within the limit at every voltage with delay tables; 0: there is no limit."""
    return delay_limit_ms <= 0 or all(delay <= delay_limit_ms for delay in delay_ms(netlist, technology).values())

"""`Technology`: the cells of a library with area, static power per input state, capacitance and delay tables.

Where the figures come from is elsewhere (`inkling.hdl.cells.egfet`, `inkling.hdl.cells.liberty`); here is data and
how it is looked up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from inkling.approx.reference.netlist import CellType
from inkling.hdl.cells.converters import Converters
from inkling.train.errors import InputError

Axis: TypeAlias = tuple[float, ...]


@dataclass(frozen=True)
class Table:
    """values[s][l] in ns at input transition slews[s] in ns and load loads[l] in pF; an axis may have one step."""

    slews: Axis
    loads: Axis
    values: tuple[Axis, ...]

    def look_up(self, slew: float, load: float) -> float:
        """Bilinear between the steps; beyond them the outermost pair of steps goes on as a straight line."""
        s, slew_part = _place(self.slews, slew)
        k, load_part = _place(self.loads, load)
        low = _mix(self.values[s], k, load_part)
        return low if slew_part == 0 else low + slew_part * (_mix(self.values[s + 1], k, load_part) - low)


@dataclass(frozen=True)
class Arc:
    """Delay from one input pin (its index) to the output.

    sense: +1 where the output follows the input, -1 where it goes the other way; an arc of both senses is two arcs.
    Tables are of the output's edge: delay to a rise, transition time of that rise, the same for the fall.
    """

    pin: int
    sense: int
    rise: Table
    rise_transition: Table
    fall: Table
    fall_transition: Table


@dataclass(frozen=True)
class Corner:
    """A cell at one supply voltage: capacitance per input in pF, static power per input state in nW, its arcs."""

    capacitance: Axis
    static_power: Axis
    arcs: tuple[Arc, ...]

    @property
    def mean_static_power(self) -> float:
        """nW, when every input state is as likely."""
        return sum(self.static_power) / len(self.static_power)


@dataclass(frozen=True)
class Cell:
    """A combinational cell of one output: function, area in square micrometres, one corner for each voltage."""

    type: CellType
    area_um2: float
    corners: Mapping[str, Corner]


@dataclass(frozen=True)
class OtherCell:
    """A cell that no combinational netlist can use (storage, three-state, two outputs), kept for its figures."""

    name: str
    area_um2: float
    static_power_nw: Mapping[str, float]
    reason: str


@dataclass(frozen=True)
class Technology:
    """Cells by name at the same supply voltages ("1.0", "0.6", the first is the nominal one).

    converters: what stands between sensors and cells, None where readings come as bits.
    """

    name: str
    voltages: tuple[str, ...]
    cells: tuple[Cell, ...]
    other_cells: tuple[OtherCell, ...] = ()
    notes: tuple[str, ...] = ()
    converters: Converters | None = None

    def cell(self, name: str) -> Cell:
        """Raises InputError where the technology has no such cell."""
        for cell in self.cells:
            if cell.type.name == name:
                return cell
        known = ", ".join(sorted(cell.type.name for cell in self.cells)[:12])
        raise InputError(f"technology {self.name} has no cell {name!r}; it has {known}")


def _place(axis: Axis, x: float) -> tuple[int, float]:
    """The step at or before x (the first or last pair beyond the ends) and how far x is towards the next one."""
    if len(axis) == 1:
        return 0, 0.0
    step = 0
    while step < len(axis) - 2 and x >= axis[step + 1]:
        step += 1
    return step, (x - axis[step]) / (axis[step + 1] - axis[step])


def _mix(row: Axis, step: int, part: float) -> float:
    return row[step] if part == 0 else row[step] + part * (row[step + 1] - row[step])

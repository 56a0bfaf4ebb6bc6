"""The built-in technology: printed electrolyte-gated transistors (EGFET) at 1.0 V and 0.6 V.

The figures stand in egfet.json. They are facts of the openly published EGFET standard cells (pull-ups are resistors,
so static power depends on the input state); areas in square micrometres, power in nW, time in ns, capacitance in pF.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from inkling.approx.reference.netlist import CellType
from inkling.hdl.cells import converters
from inkling.hdl.cells.technology import Arc, Axis, Cell, Corner, OtherCell, Table, Technology

VOLTAGES = ("1.0", "0.6")


@cache
def technology() -> Technology:
    """INV, NAND2, NOR2, AND2, OR2, XOR2 and XNOR2, with the figures of the storage cells beside them."""
    data = json.loads((Path(__file__).parent / "egfet.json").read_text(encoding="ascii"))
    slews, loads = tuple(data["slews_ns"]), tuple(data["loads_pf"])
    return Technology(
        data["name"],
        VOLTAGES,
        tuple(_cell(item, slews, loads) for item in data["cells"]),
        tuple(OtherCell(**item) for item in data["other_cells"]),
        converters=converters.built_in(),
    )


def _cell(item: dict[str, Any], slews: Axis, loads: Axis) -> Cell:
    def table(values: list[float]) -> Table:
        steps = len(loads)
        rows = tuple(tuple(values[row * steps : (row + 1) * steps]) for row in range(len(slews)))
        return Table(slews, loads, rows)

    def corner(figures: dict[str, Any]) -> Corner:
        return Corner(
            tuple(figures["capacitance_pf"]),
            tuple(figures["static_power_nw"]),
            tuple(Arc(pin, sense, *map(table, tables)) for pin, sense, *tables in figures["arcs_ns"]),
        )

    kind = CellType(item["name"], tuple(item["inputs"]), item["output"], item["table"])
    return Cell(kind, item["area_um2"], {voltage: corner(item["corners"][voltage]) for voltage in VOLTAGES})

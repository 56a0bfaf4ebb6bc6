"""Writes one supply voltage of a `Technology` as Liberty text for tools such as OpenSTA; `inkling.hdl.cells.liberty`
reads.

Nothing but combinational cells is written.
"""

from collections.abc import Iterator

from inkling.approx.reference.netlist import CellType
from inkling.hdl.cells.technology import Arc, Axis, Cell, Corner, Table, Technology


def write(technology: Technology, voltage: str) -> str:
    """Text in um2, ns, pF and nW; reading it gives the same figures. Raises ValueError for an unknown voltage."""
    if voltage not in technology.voltages:
        raise ValueError(f"{technology.name} has no voltage {voltage}")
    name = "".join(letter if letter.isalnum() else "_" for letter in technology.name)
    lines = [
        f"library ({name}) {{",
        "  delay_model : table_lookup;",
        '  time_unit : "1ns";',
        '  voltage_unit : "1V";',
        '  current_unit : "1mA";',
        '  leakage_power_unit : "1nW";',
        '  pulling_resistance_unit : "1kohm";',
        "  capacitive_load_unit (1,pf);",
        f"  nom_voltage : {voltage};",
        "  nom_temperature : 25;",
        "  nom_process : 1;",
    ]
    for edge in ("rise", "fall"):
        lines += [f"  input_threshold_pct_{edge} : 50;", f"  output_threshold_pct_{edge} : 50;"]
        lines += [f"  slew_lower_threshold_pct_{edge} : 30;", f"  slew_upper_threshold_pct_{edge} : 70;"]
    lines += [
        "  lu_table_template (delay) {",
        "    variable_1 : input_net_transition;",
        "    variable_2 : total_output_net_capacitance;",
        '    index_1 ("1, 2");',
        '    index_2 ("1, 2");',
        "  }",
    ]
    for cell in technology.cells:
        lines += _cell(cell, cell.corners[voltage])
    return "\n".join([*lines, "}", ""])


def _cell(cell: Cell, corner: Corner) -> Iterator[str]:
    kind = cell.type
    yield f"  cell ({kind.name}) {{"
    yield f"    area : {cell.area_um2!r};"
    yield f"    cell_leakage_power : {corner.mean_static_power!r};"
    for state, power in enumerate(corner.static_power):
        yield f'    leakage_power () {{ when : "{_product(kind, state)}"; value : {power!r}; }}'
    for pin, capacitance in zip(kind.inputs, corner.capacitance, strict=True):
        yield f"    pin ({pin}) {{ direction : input; capacitance : {capacitance!r}; }}"
    yield f"    pin ({kind.output}) {{"
    yield "      direction : output;"
    on = [f"({_product(kind, state)})" for state in range(2 ** len(kind.inputs)) if kind.table >> state & 1]
    yield f'      function : "{" + ".join(on) or "0"}";'
    for arc in corner.arcs:
        yield from _arc(arc, kind)
    yield "    }"
    yield "  }"


def _product(kind: CellType, state: int) -> str:
    return " * ".join(name if state >> pin & 1 else f"!{name}" for pin, name in enumerate(kind.inputs))


def _arc(arc: Arc, kind: CellType) -> Iterator[str]:
    yield "      timing () {"
    yield f'        related_pin : "{kind.inputs[arc.pin]}";'
    yield f"        timing_sense : {'positive' if arc.sense > 0 else 'negative'}_unate;"
    yield from _table("cell_rise", arc.rise)
    yield from _table("rise_transition", arc.rise_transition)
    yield from _table("cell_fall", arc.fall)
    yield from _table("fall_transition", arc.fall_transition)
    yield "      }"


def _table(name: str, table: Table) -> Iterator[str]:
    yield f"        {name} (delay) {{"
    yield f'          index_1 ("{_numbers(table.slews)}");'
    yield f'          index_2 ("{_numbers(table.loads)}");'
    rows = ", ".join(f'"{_numbers(row)}"' for row in table.values)
    yield f"          values ({rows});"
    yield "        }"


def _numbers(values: Axis) -> str:
    return ", ".join(repr(value) for value in values)

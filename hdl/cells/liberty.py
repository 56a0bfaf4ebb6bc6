"""Liberty files as a `Technology`: which cells can be mapped to, their functions, power, capacitance and delays.

The grammar is in `inkling.hdl.cells.liberty_syntax`, writing in `inkling.hdl.cells.liberty_writer`.
"""

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inkling.approx.reference.netlist import CellType
from inkling.hdl.cells.liberty_function import pin_tables, truth_table
from inkling.hdl.cells.liberty_syntax import MOST_BYTES, Group, parse
from inkling.hdl.cells.technology import Arc, Axis, Cell, Corner, OtherCell, Table, Technology
from inkling.train.errors import InputError

MOST_INPUTS = 6
MOST_STEPS = 64
MOST_ARCS = 256

_SCALES = {"a": 1e-18, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3}


def load(*paths: Path) -> Technology:
    """Read one Liberty file per supply voltage; the first is the nominal one.

    Cells of one output, at most six inputs and no storage can be mapped to; the others are kept in `other_cells`.
    Raises InputError for files that are no Liberty files, are of the same voltage, or disagree about a cell.
    """
    if not paths:
        raise InputError("no Liberty file is given; give at least one")
    read = [_load(Path(path)) for path in paths]
    first = read[0]
    for path, later in zip(paths[1:], read[1:], strict=True):
        first = _merged(first, later, Path(path).name)
    return first


def _load(path: Path) -> Technology:
    where = path.name
    try:
        if not path.is_file():
            raise InputError(f"there is no Liberty file {str(path)[:200]!r}; give another path")
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{where}: larger than {MOST_BYTES >> 20} MiB; give a smaller Liberty file")
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror}); give another file") from error
    library = parse(text, where)
    reader = _Reader(where, library)
    cells, others, notes = [], [], []
    seen: set[str] = set()
    for group in library.all("cell"):
        name = group.arguments[0] if group.arguments else ""
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]{0,127}", name):
            raise reader.error(group, f"a cell is named {name[:40]!r}, which is no identifier")
        if name in seen:
            raise reader.error(group, f"a second cell is named {name}")
        seen.add(name)
        reason = reader.unusable(group)
        if reason:
            others.append(reader.other(group, reason))
            notes.append(f"cell {name} is not mapped to: {reason}")
        else:
            cells.append(reader.cell(group))
    if not cells:
        raise InputError(f"{where}: no cell can be mapped to; give a library with combinational cells")
    title = library.arguments[0] if library.arguments else path.stem
    return Technology(title[:100], (reader.voltage,), tuple(cells), tuple(others), tuple(notes))


def _merged(first: Technology, later: Technology, where: str) -> Technology:
    """Cells that both have, with the corners of both."""
    (voltage,) = later.voltages
    if voltage in first.voltages:
        raise InputError(f"{where}: {voltage} V was given by a file before it; give one file for each voltage")
    known = {cell.type.name: cell for cell in later.cells}
    cells = []
    for cell in first.cells:
        other = known.get(cell.type.name)
        if other is None:
            continue
        if (other.type, other.area_um2) != (cell.type, cell.area_um2):
            raise InputError(f"{where}: cell {cell.type.name} has other pins, function or area than before")
        cells.append(replace(cell, corners={**cell.corners, **other.corners}))
    if not cells:
        raise InputError(f"{where}: has no cell in common with the first file")
    figures = {cell.name: cell.static_power_nw for cell in later.other_cells}
    others = tuple(
        replace(cell, static_power_nw={**cell.static_power_nw, **figures.get(cell.name, {})})
        for cell in first.other_cells
    )
    return replace(first, voltages=(*first.voltages, voltage), cells=tuple(cells), other_cells=others)


@dataclass
class _Reader:
    """What a library says once and its cells rely on: units, templates, voltage."""

    where: str
    library: Group

    def __post_init__(self) -> None:
        values = self.library.values
        self.to_ns = self.unit("time_unit", values.get("time_unit", "1ns"), "s", 1e-9)
        self.to_nw = self.unit("leakage_power_unit", values.get("leakage_power_unit", "1nW"), "W", 1e-9)
        load = self.library.lists.get("capacitive_load_unit", ("1", "pf"))
        self.to_pf = self.unit("capacitive_load_unit", "".join(load), "F", 1e-12)
        self.default_power = self.number(self.library, "default_cell_leakage_power", 0.0)
        self.templates = {
            group.arguments[0]: group for group in self.library.all("lu_table_template") if group.arguments
        }
        conditions = next(self.library.all("operating_conditions"), self.library)
        volts = self.number(self.library, "nom_voltage", self.number(conditions, "voltage", math.nan))
        if not 0 < volts < 1000:
            raise self.error(self.library, "the library has no 'nom_voltage'")
        self.voltage = str(round(volts, 6))

    def error(self, group: Group, what: str) -> InputError:
        return InputError(f"{self.where}:{group.line}: {what}; correct the Liberty file")

    def unit(self, name: str, text: str, letter: str, base: float) -> float:
        """Factor from a unit such as "10ps" to the base unit."""
        match = re.fullmatch(rf"\s*([0-9.eE+-]*)\s*([afpnumk]?){letter}\s*", text, re.IGNORECASE)
        try:
            assert match is not None
            factor = float(match[1] or 1) * _SCALES[match[2].lower()] / base
            assert 0 < factor < math.inf
        except (AssertionError, ValueError):
            raise self.error(self.library, f"{name} {text[:40]!r} is no unit that is known") from None
        return factor

    def number(self, group: Group, name: str, default: float | None = None) -> float:
        text = group.values.get(name)
        if text is None:
            if default is None:
                raise self.error(group, f"'{name}' is missing")
            return default
        return self.value(group, text)

    def value(self, group: Group, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error(group, f"{text[:40]!r} is no number")
        return value

    def unusable(self, cell: Group) -> str:
        """Why a cell cannot be mapped to, or nothing."""
        if any(cell.all("ff", "latch", "ff_bank", "latch_bank", "statetable", "test_cell")):
            return "it stores"
        if cell.values.get("dont_use", "false").strip().lower() == "true":
            return "marked dont_use"
        if any(cell.all("bus", "bundle")):
            return "it has a bus"
        pins = list(cell.all("pin"))
        outputs = [pin for pin in pins if pin.values.get("direction") == "output"]
        inputs = [pin for pin in pins if pin.values.get("direction") == "input"]
        if len(outputs) != 1 or len(outputs) + len(inputs) != len(pins):
            return f"{len(outputs)} outputs among {len(pins)} pins"
        if not 1 <= len(inputs) <= MOST_INPUTS:
            return f"{len(inputs)} inputs"
        if "three_state" in outputs[0].values:
            return "three-state"
        if "function" not in outputs[0].values:
            return "no function"
        return ""

    def area(self, cell: Group) -> float:
        area = self.number(cell, "area")
        if area < 0:
            raise self.error(cell, "an area is negative")
        return area

    def other(self, cell: Group, reason: str) -> OtherCell:
        power = self.number(cell, "cell_leakage_power", self.default_power) * self.to_nw
        area = self.area(cell) if "area" in cell.values else 0.0
        return OtherCell(cell.arguments[0], area, {self.voltage: power}, reason)

    def cell(self, cell: Group) -> Cell:
        inputs = [pin for pin in cell.all("pin") if pin.values["direction"] == "input"]
        (output,) = (pin for pin in cell.all("pin") if pin.values["direction"] == "output")
        names = []
        for pin in (*inputs, output):
            name = pin.arguments[0] if pin.arguments else ""
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]{0,127}", name) or name in names:
                raise self.error(pin, f"a pin is named {name[:40]!r}; each needs an identifier of its own")
            names.append(name)
        # Sorted, because files of one library list pins in different orders.
        inputs.sort(key=lambda pin: pin.arguments[0])
        names = [pin.arguments[0] for pin in inputs]
        full = (1 << 2 ** len(names)) - 1
        pins = dict(zip(names, pin_tables(len(names)), strict=True))
        table = self.function(output, output.values["function"], pins, full)
        pins[output.arguments[0]] = table
        kind = CellType(cell.arguments[0], tuple(names), output.arguments[0], table)
        corner = Corner(
            tuple(self.capacitance(pin) for pin in inputs),
            self.static_power(cell, pins, full),
            tuple(self.arcs(output, kind)),
        )
        return Cell(kind, self.area(cell), {self.voltage: corner})

    def function(self, group: Group, text: str, pins: dict[str, int], full: int) -> int:
        try:
            return truth_table(text, pins, full)
        except InputError as error:
            raise self.error(group, str(error)) from None

    def capacitance(self, pin: Group) -> float:
        """The larger of the edges' capacitances: delays are to be on the safe side."""
        return self.to_pf * max(
            self.number(pin, name, 0.0) for name in ("capacitance", "rise_capacitance", "fall_capacitance")
        )

    def static_power(self, cell: Group, pins: dict[str, int], full: int) -> Axis:
        """nW per input state: for each supply pin what its `when` groups say, summed over the supply pins."""
        states = full.bit_length()
        default: dict[str, float] = {}
        stated: list[dict[str, float]] = [{} for _ in range(states)]
        for group in cell.all("leakage_power"):
            value = self.number(group, "value")
            rail = group.values.get("related_pg_pin", "")
            condition = group.values.get("when")
            if condition is None:
                default[rail] = value
                continue
            holds = self.function(group, condition, pins, full)
            for state in range(states):
                if holds >> state & 1:
                    stated[state][rail] = value
        if not default:
            default = {"": self.number(cell, "cell_leakage_power", self.default_power)}
        return tuple(self.to_nw * sum((found or default).values()) for found in stated)

    def arcs(self, output: Group, kind: CellType) -> Iterator[Arc]:
        groups = [
            group
            for group in output.all("timing")
            if group.values.get("timing_type", "combinational").startswith("combinational")
        ]
        if len(groups) > MOST_ARCS:
            raise self.error(output, f"more than {MOST_ARCS} timing groups")
        for group in groups:
            tables = {inner.name: inner for inner in group.groups}
            if not {"cell_rise", "rise_transition", "cell_fall", "fall_transition"} <= tables.keys():
                continue
            rise, rise_slew, fall, fall_slew = (
                self.table(tables[name]) for name in ("cell_rise", "rise_transition", "cell_fall", "fall_transition")
            )
            for name in group.values.get("related_pin", "").split():
                if name not in kind.inputs:
                    raise self.error(group, f"a delay is related to {name[:40]!r}, which is no input")
                pin = kind.inputs.index(name)
                for sense in _senses(group.values.get("timing_sense", ""), kind, pin):
                    yield Arc(pin, sense, rise, rise_slew, fall, fall_slew)

    def table(self, group: Group) -> Table:
        """A table of delays over input transition and output load, whichever axes and order its template has."""
        template = self.templates.get(group.arguments[0] if group.arguments else "", group)
        rows = [self.numbers(group, text) for text in group.lists.get("values", ())]
        axes: list[tuple[str, Axis]] = []
        for number, usual in ((1, "input_net_transition"), (2, "total_output_net_capacitance")):
            steps = group.lists.get(f"index_{number}") or template.lists.get(f"index_{number}")
            if steps is not None:
                axis = self.numbers(group, " ".join(steps))
                if any(b <= a for a, b in itertools.pairwise(axis)):
                    raise self.error(group, f"index_{number} does not ascend")
                axes.append((template.values.get(f"variable_{number}", usual), axis))
        if any(variable not in ("input_net_transition", "total_output_net_capacitance") for variable, _ in axes):
            raise self.error(group, "a delay table has axes other than input transition and output load")
        flat = [value for row in rows for value in row]
        if len(flat) != math.prod(len(axis) for _, axis in axes):
            raise self.error(group, f"a table has {len(flat)} values, which is not what its axes say")
        steps_of = dict(axes)
        if len(steps_of) != len(axes):
            raise self.error(group, "both axes of a table are the same")
        slews = steps_of.get("input_net_transition", (0.0,))
        loads = steps_of.get("total_output_net_capacitance", (0.0,))
        turned = bool(axes) and axes[0][0] != "input_net_transition"
        values = tuple(
            tuple(
                self.to_ns * (flat[k * len(slews) + s] if turned else flat[s * len(loads) + k])
                for k in range(len(loads))
            )
            for s in range(len(slews))
        )
        return Table(
            tuple(self.to_ns * x for x in slews),
            tuple(self.to_pf * x for x in loads),
            values,
        )

    def numbers(self, group: Group, text: str) -> Axis:
        found = tuple(self.value(group, part) for part in text.replace(",", " ").split())
        if not 1 <= len(found) <= MOST_STEPS:
            raise self.error(group, f"an axis has {len(found)} steps; 1 to {MOST_STEPS} are expected")
        return found


def _senses(stated: str, kind: CellType, pin: int) -> Sequence[int]:
    """Whether the output follows the pin (+1), goes against it (-1) or both, as stated or by the function."""
    if stated in ("positive_unate", "negative_unate"):
        return (1,) if stated == "positive_unate" else (-1,)
    if stated == "non_unate":
        return (1, -1)
    follows = against = False
    for state in range(2 ** len(kind.inputs)):
        if not state >> pin & 1:
            low, high = kind.table >> state & 1, kind.table >> (state | 1 << pin) & 1
            follows |= low < high
            against |= low > high
    return tuple(sense for sense, is_so in ((1, follows), (-1, against)) if is_so)

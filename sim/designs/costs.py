"""cost.json: what a design's figures of cost were worked out from, and working them out again.

Area, gates and delay follow from netlist.json and the cells; static power from how often the training rows put each
kind of cell into each of its states, which is kept here since the rows are not.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.netlist import Netlist
from inkling.hdl.cells.egfet import technology as built_in
from inkling.hdl.cells.technology import Technology
from inkling.hdl.cost.power import state_shares
from inkling.hdl.cost.timing import delay_ms
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.errors import InputError
from inkling.train.files.checked_json import Fields, load

COST = "cost.json"
SCHEMA = "inkling.cost/1"


def cost_text(netlist: Netlist, technology: Technology, rows: NDArray[np.integer]) -> str:
    """The text of cost.json; rows: int [n, input ports], those that static power was measured on."""
    cells = {}
    shares = state_shares(netlist, rows)
    for kind, share in zip(netlist.cell_types, shares, strict=True):
        if len(share):
            cell = technology.cell(kind.name)
            visits = np.rint(share * len(rows)).astype(np.int64).sum(axis=0).tolist()
            power = {volts: list(cell.corners[volts].static_power) for volts in technology.voltages}
            cells[kind.name] = {"count": len(share), "area_um2": cell.area_um2, "states": visits, "power_nw": power}
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "technology": technology.name,
        "rows": len(rows),
        "cells": dict(sorted(cells.items())),
    }
    document |= _figures(Fields(document, COST))
    document["delay_ms"] = {volts: _rounded(value) for volts, value in delay_ms(netlist, technology).items()}
    return json.dumps(document, indent=1) + "\n"


def _figures(fields: Fields) -> dict[str, Any]:
    """Area, gates and power out of the cells and states of a cost.json. Raises InputError."""
    cells, rows = fields.inner("cells"), fields.integer("rows")
    area, gates = 0.0, 0
    power: dict[str, float] = {}
    for name in cells.data:
        cell = cells.inner(name)
        count, visits, drawn = cell.integer("count"), cell.items("states"), cell.inner("power_nw")
        if not all(type(v) is int and 0 <= v < 2**62 for v in visits) or sum(visits) != rows * count:
            raise InputError(f"{fields.where}: states of {name[:40]!r} are not those of {count} cells in {rows} rows")
        gates += count
        area += count * cell.number("area_um2")
        for volts in drawn.data:
            figures = drawn.items(volts)
            if len(figures) != len(visits) or not all(type(v) in (int, float) for v in figures):
                raise InputError(
                    f"{fields.where}: power of {name[:40]!r} at {volts[:10]} V has not one figure a state"
                )
            of_all = float(np.dot(np.array(visits, np.float64), np.array(figures, np.float64)))
            power[volts] = power.get(volts, 0.0) + of_all / max(rows, 1)
    return {
        "area_cm2": _rounded(area * 1e-8),
        "gates": gates,
        "static_power_mw": {volts: _rounded(nanowatt * 1e-6) for volts, nanowatt in power.items()},
    }


def problems(netlist: Netlist, mapped: str, folder: Path, told: dict[str, Any] | None) -> list[str]:
    """What does not fit: cost.json to netlist.json, mapped.v and the cells, and `told`, a point of report.json.

    Raises InputError where cost.json is malformed.
    """
    fields = load(folder / COST)
    if fields.text("schema", "") != SCHEMA:
        raise InputError(f"{folder / COST}: schema is not {SCHEMA}; make the run again")
    found = []
    counts = np.bincount(netlist.kinds, minlength=len(netlist.cell_types)).tolist()
    gates = {kind.name: count for kind, count in zip(netlist.cell_types, counts, strict=True) if count}
    kept = {name: fields.inner("cells").inner(name).integer("count") for name in fields.inner("cells").data}
    if gates != kept:
        found.append(f"netlist.json has other cells than cost.json: {_first(gates, kept)}")
    placed = instances(mapped, [kind.name for kind in netlist.cell_types])
    if placed != kept:
        found.append(f"mapped.v has other cells than cost.json: {_first(placed, kept)}")
    figures = _figures(fields)
    found += _compared("cost.json", dict(fields.data), figures)
    technology = built_in()
    if fields.text("technology") == technology.name and not found:
        found += _technology_problems(fields, technology)
        delays = {volts: _rounded(value) for volts, value in delay_ms(netlist, technology).items()}
        found += _compared("cost.json", dict(fields.data), {"delay_ms": delays})
    if told is not None:
        delay = {volts: fields.inner("delay_ms").number(volts) for volts in fields.inner("delay_ms").data}
        found += _compared("report.json", told, figures | {"delay_ms": delay})
    return found


def instances(mapped: str, cells: list[str]) -> dict[str, int]:
    """How many cells of each kind a mapped text places in any module."""
    found = dict.fromkeys(cells, 0)
    for name in re.findall(r"^\s*([A-Za-z_]\w*)\s+[A-Za-z_]\w*\s*\(", mapped, re.MULTILINE):
        if name not in ("module", "begin", "if"):
            found[name] = found.get(name, 0) + 1
    return {name: count for name, count in found.items() if count}


def verdict(
    netlist: Netlist, mapped: str, folder: Path, told: dict[str, Any] | None, *, required: bool = True
) -> Verdict:
    """Whether area, gates, power and delay are those of the files. Raises InputError where cost.json is malformed.

    required: a folder without a cost.json fails, else it is undecided.
    """
    if not (folder / COST).is_file():
        detail = "there is no cost.json, so area, power and delay cannot be worked out again"
        return Verdict("cost", "netlist.json", COST, 0, int(required), 0.0, detail=detail, unit="figures")
    found = problems(netlist, mapped, folder, told)
    detail = "; ".join(found[:4]) or "area, gates, power and delay, worked out again" + (
        ", are those of report.json" if told is not None else ""
    )
    return Verdict("cost", "netlist.json", COST, 4, len(found), 0.0, detail=detail, unit="figures")


def _technology_problems(fields: Fields, technology: Technology) -> list[str]:
    known = {cell.type.name: cell for cell in technology.cells}
    for name in fields.inner("cells").data:
        cell, drawn = fields.inner("cells").inner(name), fields.inner("cells").inner(name).inner("power_nw")
        if name not in known or _rounded(cell.number("area_um2")) != _rounded(known[name].area_um2):
            return [f"cost.json: the area of a {name[:40]} is not that of {technology.name}"]
        for volts in technology.voltages:
            if drawn.data.get(volts) != list(known[name].corners[volts].static_power):
                return [f"cost.json: the power of a {name[:40]} at {volts} V is not that of {technology.name}"]
    return []


def _compared(where: str, told: dict[str, Any], figures: dict[str, Any]) -> list[str]:
    """What a document tells differently from the figures."""
    found = []
    for key, expected in figures.items():
        given = told.get(key)
        if isinstance(expected, dict):
            of_volts = given if isinstance(given, dict) else {}
            found += [
                f"{where}: {key} at {volts} V is {of_volts.get(volts)!r:.20}, not {value}"
                for volts, value in expected.items()
                if volts in of_volts or where == COST
                if not _same(of_volts.get(volts), value)
            ]
        elif not _same(given, expected):
            found.append(f"{where}: {key} is {given!r:.20}, not {expected}")
    return found


def _same(given: object, expected: float) -> bool:
    """Equal in six digits, which is what a report holds."""
    if not isinstance(given, int | float) or isinstance(given, bool):
        return False
    return given == expected or abs(given - expected) <= 6e-6 * abs(expected)


def _rounded(value: float) -> float:
    return float(f"{value:.9g}")


def _first(one: dict[str, int], other: dict[str, int]) -> str:
    name = next(name for name in sorted({*one, *other}) if one.get(name, 0) != other.get(name, 0))
    return f"{one.get(name, 0)} of {name[:40]}, not {other.get(name, 0)}"

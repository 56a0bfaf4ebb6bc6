"""Tables that only list what there is: data sets, technologies, tools, points of runs; for people or as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inkling.reports.terminal import table
from inkling.reports.terminal.console import Terminal
from inkling.reports.terminal.table import Column
from inkling.train.tables import sources


def show_datasets(as_json: bool = False) -> None:
    """Print the named data sets."""
    heads = {
        "name": Column("name", text=True),
        "rows": Column("rows"),
        "columns": Column("features"),
        "classes": Column("classes"),
        "origin": Column("from", text=True),
    }
    rows = [{key: getattr(item, key) for key in heads} | {"about": item.about} for item in sources.names()]
    _show(rows, heads, as_json)


def show_technologies(paths: Sequence[Path], as_json: bool = False) -> None:
    """Print the built-in technology, or the one that Liberty files describe. Raises InputError."""
    from inkling.hdl.cells import converters
    from inkling.hdl.cells.egfet import technology as built_in
    from inkling.hdl.cells.liberty import load

    technology = load(*paths) if paths else built_in()
    row: dict[str, Any] = {
        "name": technology.name,
        "voltages": list(technology.voltages),
        "cells": [cell.type.name for cell in technology.cells],
    }
    heads = ("technology", "supply, V", "combinational cells")
    columns = {key: Column(head, text=True) for key, head in zip(row, heads, strict=True)}
    # A technology has its own converters; the built-in one has a second, published pair of figures.
    known = [] if technology.converters is None else [technology.converters]
    if not paths:
        known = [converters.built_in(name) for name in converters.BUILT_IN]
    row["converters"] = [{"name": item.name, "about": item.about, "parts": list(item.sources())} for item in known]
    notes = [
        f"Converters {item.name}, {item.about}:\n" + "\n".join(f"  {part}" for part in item.sources())
        for item in known
    ]
    _show([row], columns, as_json, notes)


def show_doctor(as_json: bool = False) -> bool:
    """Print what is found, and how to get what is not; True where all is there that every run needs."""
    from inkling.cli.doctor import examine

    found = examine()
    heads = {
        "name": Column("name", text=True),
        "found": Column("found", text=True),
        "version": Column("version", text=True, drop=1),
        "cure": Column("what to do", text=True),
    }
    if as_json:
        _show([item.to_json() for item in found], heads, as_json)
    else:
        _show([item.to_json() for item in found if not item.purpose], heads, as_json)
        print("\nExtras, which are for:")
        for item in found:
            if item.purpose:
                print(f"  {item.name.removeprefix('extra '):<8} {item.purpose}")
                print(f"           {item.version}{'; ' * bool(item.cure)}{item.cure}")
    return all(item.found or item.purpose for item in found)


def show_comparison(folders: Sequence[Path], converters: Path | None, as_json: bool = False) -> None:
    """Print the points of run folders by area. Raises InputError."""
    from inkling.designs.compare import compare
    from inkling.reports.results.converters import read

    prices = read(converters) if converters is not None else None
    lines, doubts = compare(folders, prices)
    if as_json:
        data: dict[str, Any] = {"points": [line.to_json() for line in lines], "notes": list(doubts)}
        if prices is not None:
            data["converters"] = {"technology": prices.technology, "source": prices.source}
        print(json.dumps(data, indent=1))
        return
    rows = []
    for line in lines:
        point, extra = line.point, line.converters
        rows.append(
            {
                "run": line.run,
                "name": point.name,
                "area": f"{point.area_cm2:.3g}",
                "test": f"{100 * point.accuracy['test']:.2f}",
                "balanced": f"{100 * point.balanced_accuracy:.2f}",
                "power": _figure(point.static_power_mw.get("0.6")),
                "bits": point.input_bits_used,
                "node": _figure(point.node_area_cm2),
                "node_power": _figure((point.node_power_mw or {}).get("0.6")),
                "converters": "" if extra is None else f"{extra.area_cm2:.3g}",
                "converter_power": "" if extra is None else f"{extra.power_mw:.3g}",
            }
        )
    heads = {
        "run": Column("run", text=True),
        "name": Column("name", text=True),
        "area": Column("area\ncm2"),
        "test": Column("test\n%"),
        "balanced": Column("balanced\n%", drop=2),
        "power": Column("mW at\n0.6 V"),
        "bits": Column("input\nbits", drop=1),
    }
    notes = list(doubts)
    if any(line.point.node_power_mw is not None for line in lines):
        heads |= {"node": Column("node\ncm2"), "node_power": Column("node mW\n0.6 V")}
        notes.append("node: converters and logic together; the table is by it where it is known of all")
    if prices is not None:
        heads |= {"converters": Column("converters\ncm2"), "converter_power": Column("converters\nmW")}
        notes.append(f"converters: {prices.technology}, {prices.source}")
    _show(rows, heads, False, notes)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _show(
    rows: Sequence[Mapping[str, Any]], heads: Mapping[str, Column], as_json: bool, notes: Sequence[str] = ()
) -> None:
    """Rows as a JSON list with all their keys, or as a table with the columns of `heads` by the rows' keys."""
    if as_json:
        print(json.dumps([dict(row) for row in rows], indent=1))
        return
    table.show(list(heads.values()), [[_cell(row[key]) for key in heads] for row in rows], Terminal(), notes=notes)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

"""Tables that only list what there is: data sets, technologies, tools, points of runs; for people or as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inkling.train.tables import sources


def show_datasets(as_json: bool = False) -> None:
    """Print the named data sets."""
    heads = {"name": "name", "rows": "rows", "columns": "features", "classes": "classes", "origin": "from"}
    rows = [{key: getattr(item, key) for key in heads} | {"about": item.about} for item in sources.names()]
    _show(rows, heads, as_json)


def show_technologies(paths: Sequence[Path], as_json: bool = False) -> None:
    """Print the built-in technology, or the one that Liberty files describe. Raises InputError."""
    from inkling.hdl.cells.egfet import technology as built_in
    from inkling.hdl.cells.liberty import load

    technology = load(*paths) if paths else built_in()
    rows = [
        {
            "name": technology.name,
            "voltages": list(technology.voltages),
            "cells": [cell.type.name for cell in technology.cells],
        }
    ]
    _show(rows, {"name": "technology", "voltages": "supply, V", "cells": "combinational cells"}, as_json)


def show_doctor(as_json: bool = False) -> bool:
    """Print what is found, and how to get what is not; True where everything is there."""
    from inkling.cli.doctor import examine

    found = examine()
    heads = {"name": "name", "found": "found", "version": "version", "cure": "what to do"}
    _show([item.to_json() for item in found], heads, as_json)
    return all(item.found for item in found)


def show_comparison(folders: Sequence[Path], converters: Path | None, as_json: bool = False) -> None:
    """Print the points of run folders by area. Raises InputError."""
    from inkling.designs.compare import compare
    from inkling.reports.results.converters import read

    table = read(converters) if converters is not None else None
    lines, doubts = compare(folders, table)
    if as_json:
        data: dict[str, Any] = {"points": [line.to_json() for line in lines], "notes": list(doubts)}
        if table is not None:
            data["converters"] = {"technology": table.technology, "source": table.source}
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
                "converters": "" if extra is None else f"{extra.area_cm2:.3g}",
                "converter_power": "" if extra is None else f"{extra.power_mw:.3g}",
            }
        )
    heads = {"run": "run", "name": "name", "area": "area cm2", "test": "test %", "balanced": "balanced %"}
    heads |= {"power": "mW at 0.6 V", "bits": "input bits"}
    if table is not None:
        heads |= {"converters": "converters cm2", "converter_power": "converters mW"}
    _show(rows, heads, False)
    for doubt in (*doubts, *([f"converters: {table.technology}, {table.source}"] if table is not None else [])):
        Console().print(doubt, markup=False, highlight=False, soft_wrap=True)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _show(rows: Sequence[Mapping[str, Any]], heads: Mapping[str, str], as_json: bool) -> None:
    """Rows as a JSON list with all their keys, or as a table with the columns of `heads`."""
    if as_json:
        print(json.dumps([dict(row) for row in rows], indent=1, ensure_ascii=False))
        return
    table = Table(*heads.values())
    for row in rows:
        table.add_row(*(Text(_cell(row[key])) for key in heads))
    Console().print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

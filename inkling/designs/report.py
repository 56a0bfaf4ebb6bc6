"""`inkling report`: the page and report.json of a run made again from the run's files alone, with what came since.

Verdicts of `inkling verify`, faults of `inkling faults` and the cost of converters are read in; the test rows are not
read again, so what they told is what report.json says.
"""

import json
from dataclasses import replace
from pathlib import Path

from inkling.approx.reference import netlist_files
from inkling.hdl.cells.egfet import technology as built_in
from inkling.reports.page.classifier import write
from inkling.reports.page.field import write_again as write_field
from inkling.reports.page.regression import write as write_regression
from inkling.reports.results import field, regression
from inkling.reports.results.circuit import Circuit, read_faults
from inkling.reports.results.converters import Converters
from inkling.reports.results.converters import read as read_converters
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report, read
from inkling.reports.terminal.console import Terminal
from inkling.runs.archive import archives
from inkling.runs.design import circuit_of
from inkling.sim.designs import costs, manifest
from inkling.sim.verdicts import files as verdict_files
from inkling.sim.verdicts.verdict import Outcome, overall
from inkling.train.errors import InputError
from inkling.train.files.checked_json import load
from inkling.train.files.text import text

_STALE = "is not the file that was verified; run `inkling verify` again."


def rebuild(folder: Path, *, converters: Path | None = None, as_json: bool = False) -> None:
    """Write report.json and report.html again, and say where. Raises InputError."""
    if not (folder / "report.json").is_file():
        raise InputError(f"{folder} holds no report.json; give a folder that `inkling run` made")
    path = folder / "report.json"
    if (folder / manifest.MANIFEST).is_file():
        changed = [item.name for item in manifest.changes(folder) if item.name in ("report.json", "run.json")]
        if changed:
            raise InputError(f"{folder / changed[0]} is not the file that the run wrote; make the run again")
    schema = load(path).data.get("schema")
    report: Report | regression.RegressionReport | field.FieldReport
    try:
        if schema == regression.SCHEMA:
            report = regression.read(path)
            write_regression(report, folder, archives(folder / "designs"))
        elif schema == field.SCHEMA:
            report = field.read(path)
            write_field(report, folder)
        elif schema is not None:
            raise InputError(f"{path}: schema {schema!r:.60} is none that has a page; give a folder of `inkling run`")
        else:
            report = renewed(read(path), folder, read_converters(converters) if converters else None)
            write(report, folder, archives(folder / "designs"))
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror})") from error
    if (folder / manifest.MANIFEST).is_file():
        manifest.write(folder)
    data = report.to_json()
    Terminal(stderr=as_json).print(f"report: {folder / 'report.html'}", highlight=False, markup=False, soft_wrap=True)
    if as_json:
        print(json.dumps(data, indent=1))


def renewed(report: Report, folder: Path, converters: Converters | None) -> Report:
    """The report with what the folders of its designs hold today."""
    circuits, verdicts = dict(report.circuits), dict(report.verdicts)
    points, notes = [], [note for note in report.notes if not note.endswith(_STALE)]
    for point in report.points:
        place = folder / "designs" / point.name
        if Path(point.name).name != point.name or not place.is_dir():
            points.append(point)
            continue
        if (place / costs.COST).is_file():
            netlist = netlist_files.from_json(text(place / "netlist.json"), str(place / "netlist.json"))
            wrong = costs.problems(netlist, text(place / "mapped.v"), place, point.to_json())
            if wrong:
                raise InputError(f"{place}: {wrong[0]}; run `inkling verify`, or make the run again")
        circuit = circuits.get(point.name) or _circuit(place, point, report)
        if (place / "faults.json").is_file():
            circuit = replace(circuit or Circuit(), faults=read_faults(load(place / "faults.json")))
        if circuit is not None:
            circuits[point.name] = circuit
        if (place / "verdict.json").is_file():
            found = verdict_files.read(place / verdict_files.VERDICTS)
            verdicts[point.name] = tuple(verdict.to_json() for verdict in found)
            outcome = overall(found)
            stale = next((name for verdict in found if (name := verdict_files.stale(verdict, place))), "")
            if stale and outcome is not Outcome.FAILED:
                outcome = Outcome.UNDECIDED
                notes.append(f"{point.name}: {stale} {_STALE}")
            point = replace(point, verified=outcome is Outcome.PASSED, undecided=outcome is Outcome.UNDECIDED)
        points.append(point)
    report = replace(report, points=tuple(points), circuits=circuits, verdicts=verdicts, notes=tuple(notes))
    return report if converters is None else with_converters(report, converters)


def with_converters(report: Report, table: Converters) -> Report:
    """Every point with what the converters of its inputs cost. Raises InputError where the table lacks one."""

    def priced(point: Point) -> Point:
        circuit = report.circuits.get(point.name)
        if circuit is None or not circuit.inputs:
            return point
        cost = table.cost([item.bits for item in circuit.inputs])
        return replace(
            point,
            converters_area_cm2=cost.area_cm2,
            converters_power_mw=cost.power_mw,
            node_power_mw=None,
            comparators=None,
            ladders=None,
        )

    return replace(
        report,
        points=tuple(map(priced, report.points)),
        rivals=tuple(map(priced, report.rivals)),
        converters=f"{table.technology}: {table.source}",
        nodes={},
    )


def _circuit(place: Path, point: Point, report: Report) -> Circuit | None:
    """Of a run that did not tell, where its technology is the built-in one; without what only test rows tell."""
    technology = built_in()
    if report.technology != technology.name:
        return None
    netlist = netlist_files.from_json(text(place / "netlist.json"), str(place / "netlist.json"))
    fields = load(place / "design.json").objects("inputs")
    for item in fields:
        item.text("port"), item.text("column"), item.integer("bits")
        item.number("low", -1e300), item.number("high", -1e300)
    power = {volts: mw for volts, mw in point.static_power_mw.items() if mw is not None}
    verilog = text(place / "top.v")
    try:
        return circuit_of(netlist, technology, [dict(item.data) for item in fields], power, verilog)
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise InputError(f"{place / 'design.json'} does not describe the inputs of netlist.json") from error

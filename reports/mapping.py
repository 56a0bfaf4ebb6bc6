"""Verilog to the smallest found netlist of a technology's cells: many runs of synthesis, of which the best is kept.

ABC's result moves by several per cent when inputs are only renumbered, so one run is no figure. Which runs are
made is said in `reports.recipes`.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from approx.netlist import CellType, Netlist
from hdl.process import ToolError
from reports import genlib
from reports.abc_run import Run, map_once
from reports.elaboration import elaborate
from reports.recipes import EffortName, runs
from reports.technology import Cell, Technology

Objective: TypeAlias = Literal["area", "power"]


@dataclass(frozen=True, eq=False)
class Mapping:
    """The best netlist and its area; areas and runs: of every run that ended, in the order of the runs, in um2."""

    netlist: Netlist
    area_um2: float
    areas: tuple[float, ...]
    runs: tuple[Run, ...]


def map_verilog(
    verilog: str,
    technology: Technology,
    *,
    effort: EffortName = "quick",
    seed: int = 0,
    processes: int = 1,
    time_limit_s: float = 60.0,
    objective: Objective = "area",
    module: str = "top",
) -> Mapping:
    """Map a combinational Verilog module, keeping every port; `map_netlist` says what comes back.

    Raises train.errors.InputError for a module with storage, hdl.process.ToolError where no run ends in time.
    """
    begun = time.monotonic()
    netlist = elaborate(verilog, module=module, time_limit_s=time_limit_s)
    left = max(time_limit_s - (time.monotonic() - begun), 1.0)
    return map_netlist(
        netlist,
        technology,
        effort=effort,
        seed=seed,
        processes=processes,
        time_limit_s=left,
        objective=objective,
    )


def map_netlist(
    netlist: Netlist,
    technology: Technology,
    *,
    effort: EffortName = "quick",
    seed: int = 0,
    processes: int = 1,
    time_limit_s: float = 60.0,
    objective: Objective = "area",
) -> Mapping:
    """Map a netlist of any cells to the technology's.

    objective: "area", or "power" for the mean static power at the nominal voltage. The runs are a function of size
    and effort; time_limit_s bounds all of them together, and only where it cuts some off does it matter.
    """
    deadline = time.monotonic() + time_limit_s
    prices = {cell.type.name: price(cell, technology, objective) for cell in technology.cells}
    cells = cheapest(technology.cells, prices)
    library = genlib.write((cell, prices[cell.name]) for cell in cells)
    planned = runs(len(netlist.kinds), effort)
    failures: list[ToolError] = []

    def attempt(run: Run) -> Netlist | None:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        try:
            return map_once(netlist, run, cells, library, seed=seed, time_limit_s=left)
        except ToolError as error:
            failures.append(error)
            return None

    with ThreadPoolExecutor(max(processes, 1)) as pool:
        found = [(run, mapped) for run, mapped in zip(planned, pool.map(attempt, planned), strict=True) if mapped]
    if not found:
        raise failures[0] if failures else ToolError(f"no mapping ended within {time_limit_s:g} s", timed_out=True)
    best = min((total(mapped, prices), index) for index, (_, mapped) in enumerate(found))[1]
    areas = {cell.type.name: cell.area_um2 for cell in technology.cells}
    return Mapping(
        found[best][1],
        total(found[best][1], areas),
        tuple(total(mapped, areas) for _, mapped in found),
        tuple(run for run, _ in found),
    )


def price(cell: Cell, technology: Technology, objective: Objective) -> float:
    """What a cell costs: um2, or the mean over its input states in nW at the nominal voltage."""
    return cell.area_um2 if objective == "area" else cell.corners[technology.voltages[0]].mean_static_power


def cheapest(cells: Sequence[Cell], prices: dict[str, float]) -> list[CellType]:
    """One cell for each function, by price and then by name; buffers and constants are left out."""
    chosen: dict[tuple[int, int], CellType] = {}
    for cell in sorted(cells, key=lambda cell: (prices[cell.type.name], cell.type.name)):
        count = len(cell.type.inputs)
        constant = cell.type.table in (0, (1 << 2**count) - 1)
        if not constant and (count, cell.type.table) != (1, 0b10):
            chosen.setdefault((count, cell.type.table), cell.type)
    return sorted(chosen.values(), key=lambda kind: kind.name)


def total(netlist: Netlist, prices: dict[str, float]) -> float:
    """Sum of the gates' prices."""
    counts = np.bincount(netlist.kinds, minlength=len(netlist.cell_types)).tolist()
    return float(sum(prices[kind.name] * count for kind, count in zip(netlist.cell_types, counts, strict=True)))

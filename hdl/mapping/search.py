"""Verilog to the smallest found netlist of a technology's cells: many runs of synthesis, of which the best is kept.

ABC's result moves by several per cent when inputs are only renumbered, so one run is no figure. Which runs are
made is said in `inkling.hdl.mapping.recipes`.
"""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from inkling.approx.programs.process import ToolError
from inkling.approx.reference.netlist import CellType, Netlist
from inkling.hdl.cells.technology import Cell, Technology
from inkling.hdl.mapping import composites, genlib
from inkling.hdl.mapping.abc_run import map_once
from inkling.hdl.mapping.elaboration import elaborate
from inkling.hdl.mapping.kept import Mapping, Run, digest, read, write
from inkling.hdl.mapping.recipes import EffortName, Recipe, plan

Objective: TypeAlias = Literal["area", "power"]


KEPT = 4
# Gates up to which a single run is ended early, and after how many seconds.
SMALL_GATES, SMALL_RUN_S = 1000, 20.0


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
    kept: Path | None = None,
) -> Mapping:
    """Map a combinational Verilog module, keeping every port; `map_netlist` says what comes back, and what is kept.

    Raises inkling.train.errors.InputError for a module with storage, inkling.approx.programs.process.ToolError where
    no run ends in time.
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
        kept=kept,
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
    kept: Path | None = None,
) -> Mapping:
    """Map a netlist of any cells to the technology's.

    objective: "area", or "power" for the mean static power at the nominal voltage. The runs are a function of size
    and effort; time_limit_s bounds all of them together, and only where it cuts some off does it matter. kept: a
    folder in which what was found is kept, and is read from where the same was asked before.
    """
    if kept is None:
        return _searched(netlist, technology, effort, seed, processes, time_limit_s, objective)
    question = digest(netlist, technology, effort, str(seed), objective)
    found = read(kept, question)
    if found is None:
        found = _searched(netlist, technology, effort, seed, processes, time_limit_s, objective)
        write(kept, question, found)
    return found


def _searched(
    netlist: Netlist,
    technology: Technology,
    effort: EffortName,
    seed: int,
    processes: int,
    time_limit_s: float,
    objective: Objective,
) -> Mapping:
    deadline = time.monotonic() + time_limit_s
    prices = {cell.type.name: price(cell, technology, objective) for cell in technology.cells}
    areas = {cell.type.name: cell.area_um2 for cell in technology.cells}
    cells = cheapest(technology.cells, prices)
    library = genlib.write((cell, prices[cell.name]) for cell in cells)
    parts = composites.write(cells, prices)
    planned = plan(len(netlist.kinds), effort)
    failures: list[ToolError] = []
    # Small circuits take seconds; a script that takes longer (`collapse` can) hangs, and others stand in for it.
    longest = SMALL_RUN_S if len(netlist.kinds) <= SMALL_GATES else time_limit_s

    def attempt(start: Netlist, recipe: Recipe) -> list[Netlist]:
        left = deadline - time.monotonic()
        if left <= 0:
            failures.append(ToolError(f"no time is left of {time_limit_s:g} s", timed_out=True))
            return []
        try:
            return map_once(start, recipe, cells, library, parts, seed=seed, time_limit_s=min(left, longest))
        except ToolError as error:
            failures.append(error)
            return []

    def attempts(jobs: Sequence[tuple[Netlist, Recipe]]) -> list[tuple[Recipe, Run, Netlist]]:
        results = pool.map(attempt, *zip(*jobs, strict=True))
        return [
            (recipe, Run(f"{recipe.script}; {mapper}", recipe.permutation), mapped)
            for (_, recipe), found in zip(jobs, results, strict=True)
            for mapper, mapped in zip(recipe.mappers, found, strict=False)
        ]

    with ThreadPoolExecutor(max(processes, 1)) as pool:
        found = attempts([(netlist, recipe) for recipe in planned.first])
        if not found:
            raise (
                failures[0] if failures else ToolError(f"no mapping ended within {time_limit_s:g} s", timed_out=True)
            )
        best = _smallest((mapped for *_, mapped in found), prices)
        stale = 0
        for number in range(1, planned.rounds + 1):
            if stale == planned.patience:
                break
            before = total(best[0], prices)
            jobs = [
                (best[k % len(best)], Recipe(script, mappers, number))
                for k, (script, mappers) in enumerate(planned.again, number)
            ]
            later = attempts(jobs)
            best = _smallest((*best, *(mapped for *_, mapped in later)), prices)
            stale = 0 if total(best[0], prices) < before else stale + 1
    # One figure for each recipe, that of its best mapper.
    chosen: dict[tuple[str, int], tuple[float, Run]] = {}
    for recipe, run, mapped in found:
        key, area = (recipe.script, recipe.permutation), total(mapped, areas)
        if key not in chosen or area < chosen[key][0]:
            chosen[key] = (area, run)
    return Mapping(
        best[0],
        total(best[0], areas),
        tuple(area for area, _ in chosen.values()),
        tuple(r for _, r in chosen.values()),
        sum(error.timed_out for error in failures),
    )


def _smallest(netlists: Iterable[Netlist], prices: dict[str, float]) -> list[Netlist]:
    """The few cheapest different ones, cheapest first; among equals those that came first."""
    different: dict[tuple[bytes, ...], Netlist] = {}
    for one in netlists:
        different.setdefault((one.kinds.tobytes(), one.sources.tobytes(), one.output_nodes.tobytes()), one)
    return sorted(different.values(), key=lambda one: total(one, prices))[:KEPT]


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

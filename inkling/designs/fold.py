"""`inkling fold`: a sequential circuit, smaller than the combinational one, from a design folder's network.

Schedules are searched in `inkling.approx.folding.search`; here the best few are mapped, the smallest is checked and
written.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.folding.plan import FoldPlan
from inkling.approx.folding.search import Schedule
from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.network import IntegerNetwork
from inkling.hdl.cells.choice import technology_of
from inkling.hdl.cells.technology import Technology
from inkling.hdl.mapping.recipes import EffortName
from inkling.hdl.mapping.sequential import Sequential
from inkling.sim.verdicts import files as verdict_files
from inkling.sim.verdicts.verdict import Outcome, Verdict, overall
from inkling.train.errors import InputError

# Clock edges that the state is followed through for unknown values, beyond one evaluation.
REST = 40


@dataclass(frozen=True, eq=False)
class Tried:
    """A schedule that was mapped: its plan, Verilog, cells."""

    schedule: Schedule
    plan: FoldPlan
    verilog: str
    mapped: Sequential


@dataclass(frozen=True, eq=False)
class Folded:
    """The smallest circuit found and everything that was mapped, by estimated area."""

    best: Tried
    tried: tuple[Tried, ...]


def fold(
    network: IntegerNetwork,
    most_clocks: int,
    technology: Technology,
    *,
    candidates: int = 2,
    effort: EffortName = "quick",
    seed: int = 0,
    time_limit_s: float = 300.0,
) -> Folded:
    """Map the `candidates` schedules of least estimated area that answer in `most_clocks`, and keep the smallest.

    time_limit_s: of each mapping. Raises InputError for a network that is not Dense, ClippedReLU, Dense, ArgMax,
    where no schedule is fast enough, and where the technology has no flip-flop;
    inkling.approx.programs.process.ToolError.
    """
    from inkling.approx.folding import search
    from inkling.hdl.folded.texts import folded_ports, verilog
    from inkling.hdl.mapping.sequential import map_sequential

    smaller = search.without_constant_neurons(network)
    tried = []
    for schedule in search.search(smaller, most_clocks=most_clocks)[:candidates]:
        plan = search.plan(smaller, schedule, folded_ports(smaller))
        text = verilog(plan, time_limit_s=time_limit_s)
        mapped = map_sequential(text, technology, effort=effort, seed=seed, time_limit_s=time_limit_s)
        tried.append(Tried(schedule, plan, text, mapped))
    return Folded(min(tried, key=lambda one: one.mapped.area_um2), tuple(tried))


def check(
    made: Tried,
    network: IntegerNetwork,
    vectors: NDArray[np.uint8],
    *,
    sample: int = 20,
    mapped: int = 2000,
    time_limit_s: float = 600.0,
) -> list[Verdict]:
    """top.v on vectors, uint8 [n, inputs], the mapped cells on the first `mapped`, the component on a sample.

    Then the mapped cells with all registers unknown: nothing of that may be seen after a reset.
    """
    from inkling.hdl.mapping.sequential import emit
    from inkling.sim.folded.clocked import simulate, verify

    clocks = made.plan.clocks
    free = verify(made.verilog, network, clocks, vectors, disturb=4, time_limit_s=time_limit_s)
    cells = verify(
        emit(made.mapped),
        network,
        clocks,
        vectors[:mapped],
        disturb=4,
        route="verilator-folded-mapped",
        subject="mapped.v",
        time_limit_s=time_limit_s,
    )
    simulated = simulate(made.plan, network, vectors[:sample], simulation_s=time_limit_s / 20)
    return [free, cells, simulated, unknowns(made.mapped.logic, made.plan, network, vectors[:4])]


def unknowns(logic: Netlist, plan: FoldPlan, network: IntegerNetwork, vectors: NDArray[np.uint8]) -> Verdict:
    """Follow unknown registers: after a reset `done` and `label` must be 0, and an answer the reference's, known.

    Until a start the inputs are unknown as well.
    """
    from inkling.hdl.mapping.sequential import COMPLEMENT, NEXT, STATE
    from inkling.sim.folded.unknown import UnknownState
    from inkling.sim.verdicts.vectors import reference

    begun = time.monotonic()
    names = [name for name, _ in plan.inputs]
    wrong = 0
    for row, label in zip(vectors.tolist(), reference(network, vectors).tolist(), strict=True):
        circuit = UnknownState(logic, STATE, NEXT, COMPLEMENT)
        circuit.clock({"rst": 1})
        for _ in range(REST):
            seen = circuit.clock({"rst": 0, "start": 0})
            wrong += bool(seen["done"].any() or seen["label"].any())
        held = dict(zip(names, row, strict=True))
        circuit.clock({"rst": 0, "start": 1, **held})
        seen = circuit.clock({"rst": 0, "start": 0, **held}, clocks=plan.clocks)
        wrong += int(seen["done"][0] != 0)
        seen = circuit.clock({"rst": 0, "start": 0, **held})
        answer = [label >> k & 1 for k in range(plan.label_width)]
        wrong += bool(seen["done"][0] != 1 or seen["label"].tolist() != answer)
    return Verdict(
        route="unknown-values",
        subject="mapped.v",
        reference="IntegerNetwork.evaluate",
        vectors=len(vectors),
        mismatches=wrong,
        seconds=time.monotonic() - begun,
        detail="an output depends on what registers held before the reset" if wrong else "",
    )


@dataclass(frozen=True)
class FoldRequest:
    """What `inkling fold` was asked for; rows: a table or a named set, vectors: random ones beside its rows."""

    folder: Path
    clocks: int
    out: Path | None
    rows: str | None
    data: Path | None
    effort: str
    seed: int
    vectors: int
    liberty: tuple[Path, ...]
    as_json: bool


def execute(asked: FoldRequest) -> bool:
    """Fold a design folder's network, check it, write the folder `out`; whether no check failed.

    Raises InputError, inkling.approx.programs.process.ToolError.
    """
    from inkling.approx.reference import network_files
    from inkling.approx.reference.netlist_files import to_json
    from inkling.hdl.folded.texts import component
    from inkling.hdl.mapping.sequential import emit

    network = network_files.load(asked.folder)
    place = asked.out or asked.folder / "folded"
    if place.exists() and not (place.is_dir() and (place / "folded.json").exists()):
        raise InputError(f"{place} exists and is no folded design; name another folder with --out")
    technology = technology_of(asked.liberty)
    values = _vectors(asked, network)
    effort: Any = asked.effort
    made = fold(network, asked.clocks, technology, effort=effort, seed=asked.seed)
    verdicts = check(made.best, network, values)
    summary = describe(made, technology, network)
    outcome = overall(verdicts)
    summary |= {"verified": outcome is Outcome.PASSED, "outcome": str(outcome)}
    texts = {
        "top.v": made.best.verilog,
        "mapped.v": emit(made.best.mapped),
        "component.py": component(made.best.plan, class_names=_classes(asked.folder)),
        "verdict.json": verdict_files.text(verdicts),
        "netlist.json": to_json(made.best.mapped.logic),
        "folded.json": json.dumps(summary, indent=1) + "\n",
    }
    described = asked.folder / "design.json"
    if described.is_file():
        texts = {"design.json": described.read_text("utf-8"), **texts}
    _write(place, texts, network)
    if asked.as_json:
        print(json.dumps(summary, indent=1))
    else:
        _show(summary, verdicts, place)
    return outcome is not Outcome.FAILED


def describe(made: Folded, technology: Technology, network: IntegerNetwork) -> dict[str, Any]:
    """What folded.json holds: the circuit, what was tried, and the clock that its logic allows."""
    best = made.best
    clock = clock_ms(best.mapped, technology)
    flip_flop = best.mapped.flip_flop
    cells = {cell.type.name: cell for cell in technology.cells}
    counts = np.bincount(best.mapped.logic.kinds, minlength=len(best.mapped.logic.cell_types)).tolist()
    pairs = list(zip(best.mapped.logic.cell_types, counts, strict=True))
    power = {
        voltage: round(
            (
                sum(cells[kind.name].corners[voltage].mean_static_power * count for kind, count in pairs)
                + best.mapped.flip_flops * flip_flop.static_power_nw[voltage]
            )
            / 1e6,
            4,
        )
        for voltage in technology.voltages
        if voltage in flip_flop.static_power_nw
    }
    return {
        "schema": "inkling.folded/1",
        "area_cm2": round(best.mapped.area_um2 / 1e8, 6),
        "logic_cm2": round(best.mapped.logic_um2 / 1e8, 6),
        "flip_flops": best.mapped.flip_flops,
        "gates": len(best.mapped.logic.kinds),
        "clocks": best.plan.clocks,
        "logic_delay_ms": {voltage: round(value, 3) for voltage, value in clock.items()},
        "mean_static_power_mw": power,
        "inputs": len(network.inputs),
        "technology": technology.name,
        "clock": best.mapped.clock,
        "flip_flop": flip_flop.name,
        "schedule": asdict(best.schedule),
        "tried": [
            {
                "lanes": one.schedule.lanes,
                "weights": one.schedule.weights,
                "digits": one.schedule.digits,
                "clocks": one.plan.clocks,
                "flip_flops": one.mapped.flip_flops,
                "area_cm2": round(one.mapped.area_um2 / 1e8, 6),
            }
            for one in made.tried
        ],
    }


def clock_ms(mapped: Sequential, technology: Technology) -> dict[str, float]:
    """ms of the slowest path of the logic at each voltage; a flip-flop's own delay and set-up come on top."""
    from inkling.hdl.cost.timing import delay_ms

    return delay_ms(mapped.logic, technology)


def _vectors(asked: FoldRequest, network: IntegerNetwork) -> NDArray[np.uint8]:
    """Rows of a table, where one is given, and then random values."""
    top = np.array([2**item.bits - 1 for item in network.inputs], np.uint8)
    drawn = np.random.default_rng(asked.seed).integers(0, 256, (asked.vectors, len(top)), dtype=np.uint8) & top
    if asked.rows is None:
        return drawn
    from inkling.designs.rows import design_rows
    from inkling.sim.designs.folder import read

    values, _ = design_rows(read(asked.folder), asked.rows, data_folder=asked.data)
    return np.concatenate([values, drawn])


def _classes(folder: Path) -> tuple[str, ...]:
    try:
        described = json.loads((folder / "design.json").read_text("utf-8"))
        return tuple(str(name) for name in described["output"]["classes"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _write(place: Path, texts: dict[str, str], network: IntegerNetwork) -> None:
    """Each file beside its place and renamed; the manifest, which says that all are there, last."""
    from inkling.approx.reference import network_files
    from inkling.sim.designs import manifest
    from inkling.train.files import atomic

    try:
        place.mkdir(parents=True, exist_ok=True)
        network_files.save(network, place)
        for name, text in texts.items():
            atomic.write(place / name, text.encode())
        manifest.write(place)
    except OSError as error:
        raise InputError(f"{place} cannot be written ({error.strerror}); name another with --out") from error


def _show(summary: dict[str, Any], verdicts: list[Verdict], place: Path) -> None:
    from inkling.reports.terminal.console import Terminal

    console = Terminal()
    console.print(
        f"{summary['area_cm2']:.3f} cm2: {summary['gates']} gates and {summary['flip_flops']} flip-flops, "
        f"{summary['clocks']} clocks"
    )
    for verdict in verdicts:
        console.print(verdict.line(), highlight=False, markup=False, soft_wrap=True)
    console.print(f"written to {place}", highlight=False)

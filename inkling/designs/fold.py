"""A sequential circuit, smaller than the combinational one, of a network: mapped, checked and described.

Schedules are searched in `inkling.approx.folding.search`; the command that makes a folder of the smallest is
`inkling.designs.fold_command`.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.folding.plan import FoldPlan
from inkling.approx.folding.search import Schedule
from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.network import IntegerNetwork
from inkling.hdl.cells.technology import Technology
from inkling.hdl.mapping.recipes import EffortName
from inkling.hdl.mapping.sequential import Sequential
from inkling.sim.verdicts.verdict import Verdict

# Clock edges that the state is followed through for unknown values, beyond one evaluation.
REST = 40
CANDIDATES, TIME_LIMIT_S = 2, 300.0


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
    candidates: int = CANDIDATES,
    effort: EffortName = "quick",
    seed: int = 0,
    time_limit_s: float = TIME_LIMIT_S,
) -> Folded:
    """Map the `candidates` schedules of least estimated area that answer in `most_clocks`, and keep the smallest.

    time_limit_s: of each mapping. Raises InputError for a network that is not Dense, ClippedReLU, Dense, ArgMax,
    where no schedule is fast enough, and where the technology has no flip-flop;
    inkling.approx.programs.process.ToolError.
    """
    from inkling.approx.folding import search

    smaller = search.without_constant_neurons(network)
    attempt = Attempt(smaller, technology, effort, seed, time_limit_s)
    return smallest([attempt(one) for one in search.search(smaller, most_clocks=most_clocks)[:candidates]])


@dataclass(frozen=True, eq=False)
class Attempt:
    """Maps a schedule of a network without constant neurons; kept: a folder of finished mappings."""

    network: IntegerNetwork
    technology: Technology
    effort: EffortName
    seed: int
    time_limit_s: float
    kept: Path | None = None

    def __call__(self, schedule: Schedule) -> Tried:
        from inkling.approx.folding import search
        from inkling.hdl.folded.texts import folded_ports, verilog
        from inkling.hdl.mapping.sequential import map_sequential

        plan = search.plan(self.network, schedule, folded_ports(self.network))
        text = verilog(plan, time_limit_s=self.time_limit_s)
        limit, kept = self.time_limit_s, self.kept
        mapped = map_sequential(
            text, self.technology, effort=self.effort, seed=self.seed, time_limit_s=limit, kept=kept
        )
        return Tried(schedule, plan, text, mapped)


def smallest(tried: Sequence[Tried]) -> Folded:
    """The smallest of circuits, and all of them."""
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

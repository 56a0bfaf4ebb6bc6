"""Which networks a run designs, and which rivals it sets beside them. Only training and validation rows are seen."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inkling.approx.gates.inputs import InputPrices
from inkling.approx.reference.netlist import Netlist, Port
from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import Logic
from inkling.hdl.cells.technology import Technology
from inkling.runs.effort import Effort
from inkling.runs.request import DELAY_LIMIT_MS
from inkling.train.networks.float_network import FloatNetwork
from inkling.train.tables.dataset import Development
from inkling.train.tables.score import accuracy

if TYPE_CHECKING:
    from inkling.approx.arithmetic.starts import Start

# How many times smaller each further design of a search is at least.
STEP = 2.0

Progress = Callable[[float, float], None]


@dataclass(frozen=True)
class Candidate:
    """A network with a name for its folder, how it was made, and the levels of the ladder that were used."""

    name: str
    method: str
    levels: tuple[int, ...]
    network: IntegerNetwork
    rival: bool = False


def networks(
    development: Development, effort: Effort, seed: int, progress: Progress | None = None
) -> tuple[Candidate, ...]:
    """The exact 8-bit network and the best power-of-two networks of several sizes."""
    return (
        exact_network(development, effort, seed, progress),
        *power_of_two_networks(development, effort, seed + 1, progress),
    )


def exact_network(development: Development, effort: Effort, seed: int, progress: Progress | None = None) -> Candidate:
    """The best float network of a population, as an exact 8-bit one."""
    from inkling.approx.quantise import networks as quantise
    from inkling.train.networks import training

    hidden = training.default_hidden(development)
    exact = training.train(
        development,
        hidden=hidden,
        restarts=effort.restarts,
        seed=seed,
        power_of_two=False,
        steps=training.affordable_steps(development, hidden, effort.restarts, effort.steps, effort.training_work),
        progress=progress,
    )
    return Candidate(
        "exact-8-bit", "exact 8-bit network", (1,), quantise.exact(min(exact, key=_promise), development)
    )


def power_of_two_networks(
    development: Development, effort: Effort, seed: int, progress: Progress | None = None
) -> tuple[Candidate, ...]:
    """Of a population one network for each trade: from the most accurate downwards, whoever is clearly smaller."""
    from inkling.approx.quantise import networks as quantise
    from inkling.train.networks import training

    hidden = training.default_hidden(development)
    population = training.train(
        development,
        hidden=hidden,
        restarts=effort.restarts,
        seed=seed,
        power_of_two=True,
        steps=training.affordable_steps(development, hidden, effort.restarts, effort.steps, effort.training_work),
        progress=progress,
    )
    found: list[Candidate] = []
    size: float = float("inf")
    for trained in sorted(population, key=_promise):
        if trained.size < 0.85 * size and len(found) < effort.networks:
            size = trained.size
            network = quantise.power_of_two(trained, development)
            found.append(Candidate(f"power-of-two-{len(found) + 1}", "power-of-two network", (1, 2), network))
    return tuple(found)


def _promise(network: FloatNetwork) -> tuple[float, int]:
    """Order of trained networks: accuracy on both kinds of rows, as the validation rows are few; then size."""
    return -(network.validation_accuracy + network.train_accuracy), network.size


def circuits(
    development: Development,
    technology: Technology,
    effort: Effort,
    seed: int,
    progress: Callable[[str], None] | None = None,
    islands: int = 1,
    *,
    delay_limit_ms: float = DELAY_LIMIT_MS,
    power_weight: float = 0.0,
    starts: Sequence[Netlist] = (),
    executor: Executor | None = None,
    checkpoint: Path | None = None,
    prices: InputPrices | None = None,
) -> tuple[Candidate, ...]:
    """Circuits of the gate-level search: the most accurate on validation rows, and ever smaller ones below it.

    islands: processes that search at once; the result is a function of their number too. delay_limit_ms: no circuit
    is slower by the cells' delay tables at any supply voltage; 0: no limit. power_weight: cm2 that 1 mW at the lowest
    supply voltage counts as, 0: area alone. starts: circuits beside trees (`inkling.hdl.mapping.starts`).
    executor: where the islands run, if not in processes of this machine; the result is the same. checkpoint: the file
    that the search goes on from and keeps its state in. prices: of the input bits, which are free otherwise.
    """
    from inkling.approx.gates import search as gate_search
    from inkling.approx.gates.front import front
    from inkling.approx.quantise.networks import inputs_of
    from inkling.hdl.cost.search_prices import in_time, physics, usable
    from inkling.hdl.names import port_names

    cells = usable(technology)
    found = front(
        development,
        areas={cell.type.name: cell.area_um2 for cell in cells},
        cell_types=tuple(cell.type for cell in cells),
        rounds=effort.rounds,
        seed=seed,
        progress=progress,
        islands=islands,
        starts=starts,
        executor=executor,
        checkpoint=checkpoint,
        physics=physics(technology, delay_limit_ms=delay_limit_ms, power_weight=power_weight),
        prices=prices,
    )
    names = port_names(development.columns)
    ports = tuple(Port(name, bits) for name, bits in zip(names, development.input_bits, strict=True))

    def candidate(item: gate_search.Candidate, number: int) -> Candidate:
        logic = Logic(replace(item.netlist, inputs=ports))
        network = IntegerNetwork(inputs_of(development), (logic,), len(development.classes))
        return Candidate(f"gates-{number}", "gate-level search", (5,), network)

    # The search counts a cell's delay for common loads; a net that drives many pins may be slower.
    wired = [item for item in found if len(item.netlist.kinds) and in_time(item.netlist, technology, delay_limit_ms)]
    picked = spread(
        [(item.area + item.inputs_area, item.validation + item.scored) for item in wired], effort.circuits
    )
    return tuple(candidate(wired[k], number) for number, k in enumerate(picked, 1))


def measure_by_mapping(
    development: Development,
    technology: Technology,
    *,
    processes: int = 1,
    time_limit_s: float = 30.0,
    limit: Callable[[str], None] | None = None,
) -> Callable[[IntegerNetwork], tuple[float, float] | None]:
    """A function that maps a network: area in cm2, and mW at the nominal voltage over the training rows.

    It gives None where mapping takes longer than time_limit_s, which `limit` is told in words.
    """
    from inkling.approx.programs.process import ToolError
    from inkling.hdl.circuits.verilog import behavioural
    from inkling.hdl.cost.circuit import cost
    from inkling.hdl.mapping.search import map_verilog

    def measure(network: IntegerNetwork) -> tuple[float, float] | None:
        try:
            mapping = map_verilog(
                behavioural(network), technology, effort="quick", processes=processes, time_limit_s=time_limit_s
            )
        except ToolError as error:
            if error.timed_out:
                if limit is not None:
                    limit(f"mapping a circuit of the arithmetic search took longer than {time_limit_s:g} s")
                return None
            raise
        found = cost(mapping.netlist, technology, network.select(development.train.codes))
        return found.area_cm2, found.static_power_mw[technology.voltages[0]]

    return measure


def arithmetic(
    development: Development,
    technology: Technology,
    effort: Effort,
    seed: int,
    progress: Progress | None = None,
    *,
    processes: int = 2,
    mapping_s: float = 30.0,
    starts: "Sequence[Start] | None" = None,
    checkpoint: Path | None = None,
    limit: Callable[[str], None] | None = None,
) -> tuple[Candidate, ...]:
    """Networks of the search over approximate arithmetic, levels 1 to 4; none where the effort allows no moves.

    Areas by which they are picked are mapped ones, on `processes` at once, each within mapping_s seconds; `limit` is
    told of each that is not. starts: networks to begin with instead of training some. checkpoint: the file that the
    search goes on from and keeps its state in.
    """
    from inkling.approx.arithmetic.search import Settings, search

    if not effort.arithmetic_moves:
        return ()
    found = search(
        development,
        moves=effort.arithmetic_moves,
        seed=seed,
        settings=Settings(measurements=2 * effort.circuits),
        measure=measure_by_mapping(development, technology, processes=processes, time_limit_s=mapping_s, limit=limit),
        starts=starts,
        checkpoint=checkpoint,
        progress=lambda done, front: progress(done, 1.0) if progress else None,
    )
    picked = spread([(item.area_cm2, item.validation + item.scored) for item in found], effort.circuits)
    return tuple(
        Candidate(f"arithmetic-{number}", "approximate arithmetic", (1, 2, 3, 4), found[k].network)
        for number, k in enumerate(picked, 1)
    )


def gate_starts(
    found: Sequence[Candidate],
    development: Development,
    technology: Technology,
    *,
    processes: int = 1,
    time_limit_s: float = 400.0,
    limit: Callable[[str], None] | None = None,
) -> tuple[Netlist, ...]:
    """The networks as circuits that a gate-level search can begin with, smallest first.

    Those that take longer than time_limit_s to map are left out, which `limit` is told in words.
    """
    from inkling.approx.programs.process import ToolError
    from inkling.hdl.cost.search_prices import usable
    from inkling.hdl.mapping.starts import mapped

    types = tuple(cell.type for cell in usable(technology))
    circuits: list[Netlist] = []
    for candidate in found:
        try:
            circuits.append(
                mapped(
                    candidate.network,
                    development,
                    technology,
                    types,
                    processes=processes,
                    time_limit_s=time_limit_s,
                )
            )
        except ToolError as error:
            if not error.timed_out:
                raise
            if limit is not None:
                limit(f"mapping {candidate.name} as a start took longer than {time_limit_s:g} s: it is none")
    return tuple(sorted(circuits, key=lambda circuit: len(circuit.kinds)))


def spread(points: Sequence[tuple[float, float]], most: int) -> list[int]:
    """Indices of at most `most` points (area, score): the best score, and the best at ever smaller areas.

    Scores add validation accuracy to that on the searched rows: validation rows alone are few, and mislead.
    """
    picked: list[int] = []
    budget = math.inf
    while len(picked) < most:
        able = [k for k, (area, _) in enumerate(points) if area <= budget]
        if not able:
            break
        picked.append(max(able, key=lambda k: (points[k][1], -points[k][0])))
        budget = points[picked[-1]][0] / STEP
    return picked


def rivals(development: Development, effort: Effort) -> tuple[Candidate, ...]:
    """What a user would pick instead: decision trees of several sizes and a logistic regression."""
    return (*decision_trees(development, effort), logistic_regression(development))


def decision_trees(development: Development, effort: Effort, seed: int = 0) -> tuple[Candidate, ...]:
    """A tree for each number of leaves of the effort, as far as the table lets them differ."""
    from inkling.approx.quantise import networks as quantise

    trees: list[Candidate] = []
    seen: set[int] = set()
    for leaves in effort.trees:
        network = quantise.tree(development, leaves, seed=seed)
        nodes = len(network.layers[0].feature)  # type: ignore[attr-defined]
        if nodes not in seen:  # a small table stops the tree before it has as many leaves
            seen.add(nodes)
            trees.append(Candidate(f"tree-{(nodes + 1) // 2}", "decision tree", (), network, rival=True))
    return tuple(trees)


def logistic_regression(development: Development) -> Candidate:
    """A logistic regression with weights of 8 bits."""
    from inkling.approx.quantise import networks as quantise

    return Candidate("logistic", "logistic regression, 8-bit", (), quantise.logistic(development), rival=True)


def validation_accuracy(network: IntegerNetwork, development: Development) -> float:
    """Share of the validation rows that are right, 0..1."""
    rows = development.validation
    return accuracy(rows.labels, network.predict(rows.codes))

"""Whole nodes: circuits on thresholds whose search counts comparators and ladders, and the rival made the same way.

`inkling.runs.candidates` has the designs on binary codes. Only training and validation rows are seen.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from inkling.approx.gates.search import Candidate as Circuit
from inkling.approx.gates.search import Settings
from inkling.approx.quantise.teacher import WeightedRows
from inkling.approx.reference.netlist import Netlist, Port
from inkling.approx.reference.network import IntegerNetwork, without_unused_inputs
from inkling.approx.thresholds.levels import Levels, all_levels, coarser, levels_of, on_finer
from inkling.approx.thresholds.tree import on_thresholds
from inkling.hdl.cells.technology import Technology
from inkling.runs.candidates import Candidate, spread, validation_accuracy
from inkling.runs.effort import Effort
from inkling.runs.request import DELAY_LIMIT_MS
from inkling.train.tables.dataset import Development, Rows

POWER_WEIGHT = 0.14
"""cm2 that 1 mW counts as, at the nominal supply: printed harvesters give 0.1 mW, and a node of 0.014 cm2 that draws
it is one whose cells draw as much as the technology's usually do together with their comparators."""

REFIT_ROWS = 3000
"""Tables of fewer training rows give the search their validation rows too: a choice by few rows misleads."""

# The linear start: thresholds on a grid of so few bits, at most so many, weights of so many bits; it must beat a tree
# of so many leaves by so much on validation rows, as it costs many gates.
LINEAR_BITS, LINEAR_THRESHOLDS, LINEAR_WEIGHT_BITS, LINEAR_LEAVES, LINEAR_MARGIN = 3, 64, 3, 40, 0.01

# The rival's converters have 4 bits; its depths and tolerances are those of its paper.
RIVAL_BITS = 4
RIVAL_DEPTHS = (2, 3, 4, 5, 6, 7, 8)
RIVAL_TOLERANCES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03)


@dataclass(frozen=True, eq=False)
class Front:
    """Circuits of the search on thresholds, smallest first; each is scored better than those before it."""

    levels: Levels
    circuits: tuple[Circuit, ...]
    classes: int

    def network(self, circuit: Circuit) -> IntegerNetwork:
        """A circuit as a network of the thresholds that it reads."""
        return self.levels.network(circuit.netlist, self.classes)


def front(
    development: Development,
    technology: Technology,
    effort: Effort,
    seed: int,
    progress: Callable[[str], None] | None = None,
    islands: int = 1,
    *,
    delay_limit_ms: float = DELAY_LIMIT_MS,
    power_weight: float = POWER_WEIGHT,
    starts: Sequence[IntegerNetwork] = (),
    executor: Executor | None = None,
    checkpoint: Path | None = None,
    robust: float = 0.0,
) -> Front:
    """Search circuits on the thresholds of the table's codes, whatever their bits.

    power_weight: cm2 that 1 mW of the node at the nominal supply counts as; starts: networks on thresholds of the
    table beside the trees and the linear one that the search begins with; robust: standard deviation of threshold
    shifts that are counted with, per cent of the range. Raises ValueError where the technology has
    no converters.
    """
    from inkling.approx.thresholds.front import front as search
    from inkling.hdl.cost.search_prices import in_time, physics, threshold_prices, usable

    if technology.converters is None:
        raise ValueError(f"there are no converters of technology {technology.name}")
    budget = effort.node
    given = (linear_start(development), *starts)
    levels = levels_of(development)
    cells = usable(technology)
    rows = len(development.train.labels)
    found = search(
        development,
        levels,
        threshold_prices(levels, technology.converters),
        areas={cell.type.name: cell.area_um2 for cell in cells},
        cell_types=tuple(cell.type for cell in cells),
        rounds=budget.rounds,
        seed=seed,
        rows=max(budget.rows, 2 * rows),
        starts=[_start(network, levels, technology) for network in given if network is not None],
        settings=Settings(effort=budget.work, sweep=budget.sweep),
        progress=progress,
        refit=rows < REFIT_ROWS,
        physics=physics(
            technology, delay_limit_ms=delay_limit_ms, power_weight=power_weight, supply=technology.voltages[0]
        ),
        islands=islands,
        executor=executor,
        checkpoint=checkpoint,
        robust=robust,
    )
    kept = (item for item in found if item.netlist.used_ports())
    return Front(
        levels,
        tuple(item for item in kept if in_time(item.netlist, technology, delay_limit_ms)),
        len(development.classes),
    )


def circuits(
    development: Development, technology: Technology, effort: Effort, seed: int, **settings: object
) -> tuple[Candidate, ...]:
    """Designs out of a `front`: the most accurate one, and ever smaller ones below it."""
    found = front(development, technology, effort, seed, **settings)  # type: ignore[arg-type]
    points = [(item.size, item.validation + item.scored) for item in found.circuits]
    return tuple(
        Candidate(f"gates-{number}", "gate-level search on thresholds", (5, 6), found.network(found.circuits[k]))
        for number, k in enumerate(spread(points, effort.circuits), 1)
    )


def on_table(found: Sequence[Candidate], table: Development, finer: Development) -> tuple[Candidate, ...]:
    """Designs on a coarser table as ones on the finer one that it was made of; trees as trees on thresholds."""
    return tuple(replace(item, network=on_thresholds(on_finer(item.network, table, finer), finer)) for item in found)


def linear_start(development: Development) -> IntegerNetwork | None:
    """A logistic regression of thresholds, or None where a tree is as good or there are too many thresholds.

    It is fitted to equally many rows of every class: else it never answers a rare class between two others.
    """
    from inkling.approx.quantise import networks

    table = coarser(development, LINEAR_BITS)
    levels = levels_of(table)
    if len(levels.level) > LINEAR_THRESHOLDS:
        return None
    view = levels.view(table)
    counts = np.bincount(view.train.labels, minlength=len(view.classes))
    members = [np.flatnonzero(view.train.labels == label) for label in np.flatnonzero(counts)]
    even = np.concatenate([np.resize(some, counts.max()) for some in members])
    fitted = replace(view, train=Rows(view.train.codes[even], view.train.labels[even]))
    network = networks.logistic(fitted, weight_bits=LINEAR_WEIGHT_BITS)
    tree = networks.tree(development, LINEAR_LEAVES)
    if validation_accuracy(network, view) < validation_accuracy(tree, development) + LINEAR_MARGIN:
        return None
    return on_finer(levels.of_network(network), table, development)


def _start(network: IntegerNetwork, levels: Levels, technology: Technology) -> Netlist:
    """A network on thresholds, mapped, with a port for each of `levels`: the nearest level of the column."""
    from inkling.hdl.circuits.verilog import behavioural
    from inkling.hdl.cost.search_prices import usable
    from inkling.hdl.mapping.search import map_verilog
    from inkling.hdl.names import port_names

    cells = usable(technology)
    allowed = replace(technology, cells=cells)
    netlist = map_verilog(behavioural(network), allowed, time_limit_s=120.0).netlist
    ports = dict(zip(port_names([item.name for item in network.inputs]), network.inputs, strict=True))
    number = np.zeros(netlist.nodes, np.int32)
    number[1] = 1
    for place, port in enumerate(netlist.inputs, 2):
        item = ports[port.name]
        assert item.threshold is not None
        distance = np.where(levels.column == item.column, np.abs(levels.level - item.threshold.level), 10**6)
        number[place] = 2 + int(distance.argmin())
    number[2 + len(netlist.inputs) :] = 2 + len(levels.level) + np.arange(len(netlist.kinds))
    index = {cell.type: k for k, cell in enumerate(cells)}
    return Netlist(
        tuple(Port(item.name, 1) for item in levels.inputs()),
        netlist.outputs,
        tuple(cell.type for cell in cells),
        np.array([index[netlist.cell_types[kind]] for kind in netlist.kinds], np.uint8),
        number[netlist.sources],
        number[netlist.output_nodes],
    )


def codesigned_trees(development: Development, technology: Technology) -> tuple[Candidate, ...]:
    """The rival: for every depth the co-designed unary tree that is right on most validation rows.

    Trees of several tolerances are grown on training rows alone, on codes of 4 bits.
    """
    from inkling.approx.thresholds.tree import codesigned
    from inkling.hdl.cost.search_prices import threshold_prices

    if technology.converters is None:
        raise ValueError(f"there are no converters of technology {technology.name}")
    table = coarser(development, RIVAL_BITS)
    levels = all_levels(table)
    prices = threshold_prices(levels, technology.converters)
    ones = WeightedRows(*table.train, np.ones(len(table.train.labels), np.int64))
    found: list[Candidate] = []
    seen: set[bytes] = set()
    for depth in RIVAL_DEPTHS:
        best: tuple[float, int, IntegerNetwork] | None = None
        for tolerance in RIVAL_TOLERANCES:
            tree = codesigned(levels, ones, len(table.classes), prices, depth=depth, tolerance=tolerance)
            network = without_unused_inputs(tree)
            score = validation_accuracy(network, table), -len(network.inputs)
            if best is None or score > best[:2]:
                best = (*score, network)
        assert best is not None
        network = on_finer(best[2], table, development)
        key = repr((network.inputs, [vars(layer) for layer in network.layers])).encode()
        if key not in seen:
            seen.add(key)
            method = "co-designed unary tree"
            found.append(Candidate(f"codesigned-{depth}", method, (), network, rival=True))
    return tuple(found)

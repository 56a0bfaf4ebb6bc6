"""Which network a `BespokeClassifier` takes: candidates of one family, and the smallest that is good enough.

Runs of the command line choose among all families, in `inkling.runs.candidates`, by mapped area.
"""

from dataclasses import replace

import numpy as np

from inkling.approx.reference.netlist import Port
from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import DecisionTree, Dense, Logic
from inkling.hdl.cells.technology import Technology
from inkling.runs.candidates import Candidate, circuits, networks, validation_accuracy
from inkling.runs.effort import EFFORTS, Effort
from inkling.train.errors import InputError
from inkling.train.tables.dataset import Development
from inkling.train.tables.score import accuracy

FAMILIES = ("gates", "network", "power_of_two", "tree")

TRIAL = EFFORTS["trial"]


def effort_of(effort: str | Effort) -> Effort:
    """The budgets of a name, or the given ones. Raises InputError for an unknown name."""
    if isinstance(effort, Effort):
        return effort
    if effort not in EFFORTS:
        raise InputError(f"effort {effort!r} is not one of {', '.join(EFFORTS)}")
    return EFFORTS[effort]


def choose(
    family: str, development: Development, technology: Technology, effort: Effort, seed: int, tolerance: float
) -> Candidate:
    """The smallest candidate whose score, on training and validation rows alike, is within tolerance of the best."""
    make = {"gates": _gates, "network": _network, "power_of_two": _power_of_two, "tree": _trees}[family]
    found = make(development, technology, effort, seed)
    scores = [_score(item.network, development) for item in found]
    return _smallest(found, scores, max(scores) - tolerance, technology)


def _smallest(found: tuple[Candidate, ...], scores: list[float], least: float, technology: Technology) -> Candidate:
    able = [k for k, score in enumerate(scores) if score >= least]
    return found[min(able, key=lambda k: (size(found[k].network, technology), -scores[k], k))]


def size(network: IntegerNetwork, technology: Technology) -> float:
    """What candidates of one family are compared by: area of gates in um2, nodes of a tree, or weights not zero."""
    first = network.layers[0]
    if isinstance(first, Logic):
        areas = {cell.type.name: cell.area_um2 for cell in technology.cells}
        return float(sum(areas[first.netlist.cell_types[kind].name] for kind in first.netlist.kinds))
    if isinstance(first, DecisionTree):
        return float(len(first.feature))
    return float(sum(np.count_nonzero(layer.weights) for layer in network.layers if isinstance(layer, Dense)))


def _score(network: IntegerNetwork, development: Development) -> float:
    """The mean of the accuracies on both kinds of rows: validation rows alone are few, and mislead."""
    rows = development.train
    return (accuracy(rows.labels, network.predict(rows.codes)) + validation_accuracy(network, development)) / 2


def _gates(development: Development, technology: Technology, effort: Effort, seed: int) -> tuple[Candidate, ...]:
    found = circuits(development, technology, effort, seed) if effort.name != "trial" else ()
    return found or _few_gates(development, technology, effort, seed)


def _few_gates(development: Development, technology: Technology, effort: Effort, seed: int) -> tuple[Candidate, ...]:
    """A short search from trees fitted to the rows themselves, without a teacher."""
    from inkling.approx.gates import search
    from inkling.approx.netlists import tree
    from inkling.approx.quantise import teacher
    from inkling.approx.quantise.networks import inputs_of
    from inkling.hdl.names import port_names

    rows = development.train
    ones = teacher.WeightedRows(rows.codes, rows.labels, np.ones(len(rows.labels), np.int64))
    cells = {cell.type.name: cell for cell in technology.cells if 1 <= len(cell.type.inputs) <= 2}
    types = tuple(cell.type for cell in cells.values())
    starts = [tree.build(teacher.tree(ones, development, leaves, seed=seed), types) for leaves in effort.trees[1:2]]
    short = search.with_settings(sweep=4, effort=3e6)
    areas = {name: cell.area_um2 for name, cell in cells.items()}
    found = search.search(
        starts, rows, development.validation, areas=areas, rounds=4, seed=seed, train=rows, settings=short
    )
    names = port_names(development.columns)
    ports = tuple(Port(name, bits) for name, bits in zip(names, development.input_bits, strict=True))
    nets = [item.netlist for item in found] or starts
    return tuple(
        Candidate(
            "gates",
            "gate-level search",
            (5,),
            IntegerNetwork(inputs_of(development), (Logic(replace(net, inputs=ports)),), len(development.classes)),
        )
        for net in nets
    )


def _network(development: Development, technology: Technology, effort: Effort, seed: int) -> tuple[Candidate, ...]:
    if effort.name != "trial":
        return networks(development, effort, seed)[:1]
    from inkling.approx.quantise import networks as quantise
    from inkling.train.networks import training

    trained = training.train(
        development,
        hidden=(max(4, len(development.classes)),),
        restarts=effort.restarts,
        seed=seed,
        power_of_two=False,
        steps=effort.steps,
    )
    best = max(trained, key=lambda item: item.validation_accuracy + item.train_accuracy)
    return (Candidate("network", "exact 8-bit network", (1,), quantise.exact(best, development)),)


def _power_of_two(
    development: Development, technology: Technology, effort: Effort, seed: int
) -> tuple[Candidate, ...]:
    return networks(development, effort, seed)[1:]


def _trees(development: Development, technology: Technology, effort: Effort, seed: int) -> tuple[Candidate, ...]:
    from inkling.approx.quantise import networks as quantise

    return tuple(
        Candidate("tree", "decision tree", (), quantise.tree(development, leaves, seed=seed))
        for leaves in effort.trees
    )

"""How an `IntegerNetwork` is cut into the loops of a software kernel, and the number widths those loops need.

`inkling.hdl.kernels.c_kernel` and `inkling.hdl.kernels.numba_kernel` write the same plan down in their languages,
each operation as `inkling.hdl.operations` has it; nothing here writes text of either.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from inkling.approx.reference.graph import Node
from inkling.approx.reference.network import INPUTS, IntegerNetwork
from inkling.approx.reference.operations import (
    Bounds,
    Concat,
    Decision,
    DecisionTree,
    Ints,
    Logic,
    Operation,
    Select,
    Tournament,
)
from inkling.hdl.operations.c import C
from inkling.hdl.operations.language import Language, Site, reach
from inkling.hdl.operations.numba import NUMBA
from inkling.train.errors import InputError

# A number that is held: the group (0: the inputs; k: what stage k - 1 gives) and its place there.
Place: TypeAlias = tuple[int, int]
Value: TypeAlias = tuple[Place, ...]


@dataclass(frozen=True, eq=False)
class Stage:
    """One loop: an operation of several numbers or none, and what is done to each of its numbers after it.

    reads: the values that the operation reads, or the one whose numbers are taken as they are; bounds: theirs;
    each_bounds: of what each of `each` reads. width: bits of the two's complement in which all is computed.
    """

    joins: Operation | None
    each: tuple[Operation, ...]
    reads: tuple[Value, ...]
    bounds: tuple[Bounds, ...]
    each_bounds: tuple[Bounds, ...]
    outputs: int
    width: int

    def site(self, output: int) -> Site:
        """Where number `output` of the first operation is written."""
        return Site(output, self.width, self.bounds)

    def sites(self, output: int) -> list[Site]:
        """Where number `output` of each later operation is written."""
        return [Site(output, self.width, (bounds,)) for bounds in self.each_bounds]


@dataclass(frozen=True, eq=False)
class Plan:
    """Stages, then a decision on numbers held in `width` bits (8: unsigned), or None where they are the scores.

    results: the numbers that the decision reads, or the scores. held: bits in which each group is held.
    """

    stages: tuple[Stage, ...]
    decision: Decision | None
    bounds: Bounds
    results: Value
    width: int
    inputs: int
    held: tuple[int, ...]

    @property
    def outputs(self) -> int:
        """Scores of a row, or numbers that are decided on."""
        return len(self.results)

    @property
    def gates(self) -> Logic | None:
        """The netlist of a network that is nothing else."""
        whole = tuple((0, k) for k in range(self.inputs))
        return self.decision if isinstance(self.decision, Logic) and self.results == whole else None

    @property
    def sizes(self) -> list[int]:
        """Numbers of every group."""
        return [self.inputs, *(stage.outputs for stage in self.stages)]


def plan(network: IntegerNetwork) -> Plan:
    """Cut a network into stages. Raises InputError for what no kernel can hold (beyond 64 bits, 256 classes)."""
    if any(not 1 <= item.bits <= 8 for item in network.inputs):
        raise InputError("a software kernel reads inputs of 1 to 8 bits; requantise the wider ones")
    graph, bounds = network.graph, network.graph.intervals(network.bounds)
    last = graph.node(graph.outputs[0]).operation if network.is_classifier else None
    decision = last if isinstance(last, Decision) else None
    if decision is not None and not (bounds[graph.outputs[0]][0][0] >= 0 and bounds[graph.outputs[0]][1][0] <= 255):
        raise InputError("a software kernel gives labels of 8 bits: at most 256 classes")
    values: dict[str, Value] = {INPUTS: tuple((0, k) for k in range(len(network.inputs)))}
    results = graph.node(graph.outputs[0]).reads if decision is not None else graph.outputs
    needed = _needed(network, results)
    stages: list[Stage] = []
    open_value = ""  # the value of the last stage, which can still be worked on
    for node in graph.nodes:
        if node.name not in needed:
            continue
        if isinstance(node.operation, Concat):
            values[node.name] = tuple(place for name in node.reads for place in values[name])
        elif isinstance(node.operation, Select):
            values[node.name] = tuple(values[node.reads[0]][k] for k in node.operation.places)
        elif node.reads == (open_value,) and _is_each(node.operation) and needed[open_value] == 1:
            stages[-1] = _longer(stages[-1], node.operation, bounds[open_value], bounds[node.name])
            values[node.name], open_value = values.pop(open_value), node.name
        else:
            stages.append(_stage(node, values, bounds))
            values[node.name] = tuple((len(stages), k) for k in range(stages[-1].outputs))
            open_value = node.name
    places = tuple(place for name in results for place in values[name])
    low, high = (np.concatenate([bounds[name][end] for name in results]) for end in (0, 1))
    width = _natural(low, high, decision)
    held = _held(stages, places, width)
    return Plan(tuple(stages), decision, (low, high), places, width, len(network.inputs), held)


def check(found: Plan, language: Language) -> None:
    """Raise InputError where the language has no function for an operation of a plan."""
    for stage in found.stages:
        for item in (*((stage.joins,) if stage.joins is not None else ()), *stage.each):
            language.check(item)
    if found.decision is not None:
        language.check(found.decision)


def _needed(network: IntegerNetwork, results: tuple[str, ...]) -> dict[str, int]:
    """How often each value is read, of those that the results depend on; a result counts as read."""
    count = {name: results.count(name) for name in results}
    for node in reversed(network.graph.nodes):
        if node.name in count:
            for name in node.reads:
                count[name] = count.get(name, 0) + 1
    return count


def _is_each(item: Operation) -> bool:
    """Whether an operation works on every number by itself, as the languages have registered it."""
    return type(item) in C.each or type(item) in NUMBA.each


def _stage(node: Node, values: dict[str, Value], bounds: dict[str, Bounds]) -> Stage:
    read = tuple(bounds[name] for name in node.reads)
    outputs, reads = len(bounds[node.name][0]), tuple(values[name] for name in node.reads)
    width = _width([*read, bounds[node.name]], reach(node.operation, read))
    if _is_each(node.operation):
        return Stage(None, (node.operation,), reads, read, read, outputs, width)
    width = max(width, _natural(*read[0], node.operation) if isinstance(node.operation, Decision) else 0)
    return Stage(node.operation, (), reads, read, (), outputs, width)


def _longer(stage: Stage, item: Operation, before: Bounds, after: Bounds) -> Stage:
    """The stage with another operation on each number."""
    width = max(stage.width, _width([before, after], reach(item, [before])))
    return replace(stage, each=(*stage.each, item), each_bounds=(*stage.each_bounds, before), width=width)


def _held(stages: list[Stage], results: Value, width: int) -> tuple[int, ...]:
    """The widest of the types in which each group is read."""
    held = [0] * (len(stages) + 1)
    for stage in stages:
        for group in {group for value in stage.reads for group, _ in value}:
            held[group] = max(held[group], stage.width)
    for group in {group for group, _ in results}:
        held[group] = max(held[group], width)
    return tuple(size or 16 for size in held)


def _width(bounds: list[Bounds], also: tuple[int, int]) -> int:
    low = [int(low.min(initial=0)) for low, _ in bounds]
    high = [int(high.max(initial=0)) for _, high in bounds]
    return _signed(min(*low, also[0]), max(*high, also[1]))


def _signed(low: int, high: int) -> int:
    for width in (16, 32, 64):
        if -(1 << (width - 1)) < low and high < 1 << (width - 1):
            return width
    raise InputError("a sum of this network can exceed 64 bits; use smaller weights or fewer input bits")


def _natural(low: Ints, high: Ints, decision: object) -> int:
    if isinstance(decision, Tournament):
        # Masks of a key are not negative, so they need a bit more than what they mask.
        low, high = 2 * low, 2 * high + 1
    if isinstance(decision, DecisionTree | Logic) and low.min(initial=0) >= 0 and high.max(initial=0) <= 255:
        return 8
    return max(_signed(int(low.min(initial=0)), int(high.max(initial=0))), 16 if decision is not None else 32)

"""A whole integer network as one Amaranth component: parts in order, each made from an operation, and what they read.

The parts of operations, and of pairs that are drawn as one, are in `inkling.hdl.operations.amaranth.table`.
"""

from dataclasses import dataclass

from inkling.approx.reference.network import INPUTS, IntegerNetwork, label_bits
from inkling.approx.reference.operations import Concat, Select
from inkling.hdl.names import port_names
from inkling.hdl.operations.amaranth.part import Chain, Part, Place
from inkling.hdl.operations.amaranth.table import PAIRS, SHARING, part_of


@dataclass(frozen=True)
class Design:
    """parts, and for each of them and last for the outputs the numbers that it reads; None where they are a chain."""

    parts: tuple[Part, ...]
    wiring: tuple[tuple[Place, ...], ...] | None


def design(network: IntegerNetwork, *, sharing: int = SHARING) -> Design:
    """What a network is drawn from. sharing: work that goes into finding shared sums of every dense layer.

    Raises InputError for an operation that nothing draws.
    """
    graph, bounds = network.graph, network.graph.intervals(network.bounds)
    readers: dict[str, list[str]] = {}
    for node in graph.nodes:
        for name in node.reads:
            readers.setdefault(name, []).append(node.name)
    places: dict[str, tuple[Place, ...]] = {INPUTS: tuple((0, k) for k in range(len(network.inputs)))}
    parts: list[Part] = []
    wiring: list[tuple[Place, ...]] = []
    for node in graph.nodes:
        if node.name in places:
            continue
        reads = tuple(place for name in node.reads for place in places[name])
        if isinstance(node.operation, Concat):
            places[node.name] = reads
            continue
        if isinstance(node.operation, Select):
            places[node.name] = tuple(reads[k] for k in node.operation.places)
            continue
        name, made = node.name, tuple[Part, ...]()
        after = readers.get(node.name, [])
        if len(after) == 1 and node.name not in graph.outputs and graph.node(after[0]).reads == (node.name,):
            following = graph.node(after[0])
            if pair := PAIRS.get((type(node.operation), type(following.operation))):
                read = [bounds[item] for item in node.reads]
                name, made = following.name, pair(node.operation, following.operation, read, sharing)
        for part in made or (part_of(node.operation, [bounds[item] for item in node.reads], sharing),):
            parts.append(part)
            wiring.append(reads)
            reads = tuple((len(parts), k) for k in range(len(part.outputs())))
        places[name] = reads
    wiring.append(tuple(place for name in graph.outputs for place in places[name]))
    sizes = [len(network.inputs), *(len(part.outputs()) for part in parts)]
    chain = all(read == tuple((k, i) for i in range(sizes[k])) for k, read in enumerate(wiring))
    return Design(tuple(parts), None if chain else tuple(wiring))


def input_ports(network: IntegerNetwork) -> tuple[tuple[str, int], ...]:
    """Name and width of every input port, in the order of the network's inputs."""
    names = port_names([item.name for item in network.inputs])
    return tuple((name, item.bits) for name, item in zip(names, network.inputs, strict=True))


class Classifier(Chain):
    """One input port for each of the network's inputs, and `label`, or `score_0`, ... if it ends in no label.

    sharing: as in `design`.
    """

    def __init__(self, network: IntegerNetwork, *, sharing: int = SHARING) -> None:
        width = label_bits(network) if network.is_classifier else None
        found = design(network, sharing=sharing)
        super().__init__(input_ports(network), found.parts, width, found.wiring)

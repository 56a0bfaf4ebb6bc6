"""A whole integer network as one Amaranth component: a chain of parts, each made from an operation.

A new operation adds one part in a module of its own and one case here.
"""

from collections.abc import Sequence

from inkling.approx.matrices.ranking import cheapest_same_ranking
from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.network import IntegerNetwork, label_bits
from inkling.approx.reference.operations import (
    ArgMax,
    ClippedReLU,
    DecisionTree,
    Dense,
    Ints,
    Logic,
    MaskedSum,
    Tournament,
)
from inkling.hdl.circuits import activation, argmax, logic, masked, tournament, tree
from inkling.hdl.circuits.part import Chain, Part
from inkling.hdl.circuits.shared_layer import shared_layer
from inkling.hdl.names import port_names

# Work that goes into finding shared sums of a layer where nobody says how much: some tenths of a second.
SHARING = 20_000


def parts(network: IntegerNetwork, *, sharing: int = SHARING) -> tuple[Part, ...]:
    """The parts whose chain is the network. sharing: work that goes into finding shared sums of every dense layer."""
    found: list[Part] = []
    bounds = [(_plain(low), _plain(high)) for low, high in network.intervals()]
    k = 0
    while k < len(network.layers):
        low, high = bounds[k]
        match network.layers[k : k + 2]:
            case [Dense() as dense, ClippedReLU() as relu]:
                rows = tuple(_plain(row) for row in dense.weights)
                each = relu.of_each(len(rows))
                found.append(shared_layer(rows, _plain(dense.bias), low, high, each, work=sharing))
                k += 1
            case [Dense() as dense, ArgMax()]:
                rows = tuple(_plain(row) for row in dense.weights)
                rows, bias = cheapest_same_ranking(rows, _plain(dense.bias), low, high)
                scores = shared_layer(rows, bias, low, high, work=sharing)
                found.append(scores)
                least, most = zip(*scores.ranges, strict=True)
                bounds[k + 1] = least, most
            case [Dense() as dense, *_]:
                rows = tuple(_plain(row) for row in dense.weights)
                found.append(shared_layer(rows, _plain(dense.bias), low, high, work=sharing))
            case [MaskedSum() as sums, ClippedReLU() as relu]:
                found.append(masked.MaskedLayer(*_masked(sums, high), relu.of_each(len(sums.bias))))
                k += 1
            case [MaskedSum() as sums, *_]:
                found.append(masked.MaskedLayer(*_masked(sums, high)))
            case [ClippedReLU() as relu, *_]:
                found.append(activation.Activation(low, high, relu.of_each(len(low))))
            case [Tournament() as knock_out, *_]:
                keys = knock_out.keys(*network.intervals()[k])
                found.append(tournament.Tournament(low, high, knock_out.matches, keys))
            case [ArgMax(), *_]:
                found.append(argmax.ArgMax(low, high))
            case [DecisionTree() as t, *_]:
                widths = tuple(item.bits for item in network.inputs)
                children = _plain(t.left), _plain(t.right)
                labels = _plain(t.label), label_bits(network)
                found.append(tree.Tree(widths, _plain(t.feature), _plain(t.threshold), *children, *labels))
            case [Logic(netlist), *_]:
                found.append(logic.Gates(*_gates(netlist)))
            case _:
                raise TypeError(f"no hardware for {type(network.layers[k]).__name__}")
        k += 1
    return tuple(found)


def input_ports(network: IntegerNetwork) -> tuple[tuple[str, int], ...]:
    """Name and width of every input port, in the order of the network's inputs."""
    names = port_names([item.name for item in network.inputs])
    return tuple((name, item.bits) for name, item in zip(names, network.inputs, strict=True))


class Classifier(Chain):
    """One input port for each of the network's inputs, and `label`, or `score_0`, ... if it ends in no label.

    sharing: as in `parts`.
    """

    def __init__(self, network: IntegerNetwork, *, sharing: int = SHARING) -> None:
        width = label_bits(network) if network.is_classifier else None
        super().__init__(input_ports(network), parts(network, sharing=sharing), width)


def _masked(
    sums: MaskedSum, high: tuple[int, ...]
) -> tuple[tuple[tuple[tuple[int, int, int], ...], ...], tuple[int, ...], tuple[int, ...]]:
    weights = sums.bit_weights([top.bit_length() for top in high])
    rows = tuple(tuple((i, bit, weight) for (i, bit), weight in found.items()) for found in weights)
    return rows, _plain(sums.bias), high


def _gates(netlist: Netlist) -> tuple[tuple[int, ...], tuple[tuple[int, tuple[int, ...]], ...], tuple[int, ...]]:
    cells = [netlist.cell_types[kind] for kind in netlist.kinds]
    gates = tuple(
        (cell.table, tuple(int(node) for node in sources[: len(cell.inputs)]))
        for cell, sources in zip(cells, netlist.sources, strict=True)
    )
    return tuple(port.width for port in netlist.inputs), gates, tuple(int(node) for node in netlist.output_nodes)


def _plain(values: Ints | Sequence[int]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)

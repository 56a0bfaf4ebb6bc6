"""Building a `Netlist` from gates given in any order: sorting, dropping what no output needs, checking.

Formats (JSON, BLIF, Verilog) are read elsewhere and end here, so that equal circuits have one numbering.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.train.errors import InputError


@dataclass(frozen=True)
class Gate:
    """A cell by its type and the nets that it reads, in the order of the type's inputs."""

    type: CellType
    sources: tuple[str, ...]


def build(
    inputs: Sequence[tuple[Port, Sequence[str]]],
    outputs: Sequence[tuple[Port, Sequence[str]]],
    gates: Mapping[str, Gate],
    *,
    zero: str,
    one: str,
    where: str,
) -> Netlist:
    """Number the gates depth first from the outputs; gates that no output needs are left out.

    gates: by the net that each drives; zero, one: the nets of the constants; inputs and outputs: the nets of a
    port's bits, least significant first. Raises InputError for a net that nothing drives, and for a loop.
    """
    node: dict[str, int] = {zero: 0, one: 1}
    for _, nets in inputs:
        for net in nets:
            if net in node or net in gates:
                raise InputError(f"{where}: net {net[:60]!r} is driven twice; correct the netlist")
            node[net] = len(node)
    first = len(node)
    kinds = tuple(sorted({gate.type for gate in gates.values()}, key=lambda kind: kind.name))
    if len(kinds) > 256 or len({kind.name for kind in kinds}) != len(kinds):
        raise InputError(f"{where}: more than 256 cell types, or two of one name; correct the netlist")
    kind_of = {kind: index for index, kind in enumerate(kinds)}
    order: list[tuple[int, list[int]]] = []
    opened: set[str] = set()
    for _, nets in outputs:
        for output in nets:
            stack = [output]
            while stack:
                net = stack[-1]
                if net in node:
                    stack.pop()
                    continue
                gate = gates.get(net)
                if gate is None:
                    raise InputError(f"{where}: nothing drives net {net[:60]!r}; correct the netlist")
                missing = [source for source in gate.sources if source not in node]
                if not missing:
                    order.append((kind_of[gate.type], [node[source] for source in gate.sources]))
                    node[net] = first + len(order) - 1
                    stack.pop()
                elif net in opened:
                    raise InputError(f"{where}: net {net[:60]!r} depends on itself; remove the loop")
                else:
                    opened.add(net)
                    stack.extend(reversed(missing))
    width = max((len(sources) for _, sources in order), default=2)
    table = np.zeros((len(order), width), np.int32)
    for row, (_, sources) in enumerate(order):
        table[row, : len(sources)] = sources
    return with_used_types(
        Netlist(
            tuple(port for port, _ in inputs),
            tuple(port for port, _ in outputs),
            kinds,
            np.array([kind for kind, _ in order], np.uint8),
            table,
            np.array([node[net] for _, nets in outputs for net in nets], np.int32),
        )
    )


def with_used_types(netlist: Netlist) -> Netlist:
    """The same netlist without cell types that no gate has."""
    used = np.unique(netlist.kinds)
    place = np.zeros(256, np.uint8)
    place[used] = np.arange(len(used))
    types = tuple(netlist.cell_types[k] for k in used)
    width = max((len(kind.inputs) for kind in types), default=2)
    return replace(netlist, cell_types=types, kinds=place[netlist.kinds], sources=netlist.sources[:, :width])

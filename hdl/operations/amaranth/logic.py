"""A gate netlist as a part of a design: every gate as the expression of its truth table.

What gates cost and which cells they become is decided by mapping, not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import unsigned

from inkling.hdl.operations.amaranth.bits import Bit, Wires, both, differ, either, invert
from inkling.hdl.operations.amaranth.part import Shape


@dataclass(frozen=True)
class Gates:
    """y_0 = the number whose bits are the nodes `outputs` of a netlist over the bits of every x_i.

    widths: bits of every unsigned x_i. gates: truth table (bit m: output where source k carries bit k of m) and
    sources of every gate in topological order; nodes are numbered as in `inkling.approx.reference.netlist.Netlist`.
    """

    widths: tuple[int, ...]
    gates: tuple[tuple[int, tuple[int, ...]], ...]
    nodes_out: tuple[int, ...]

    def inputs(self) -> list[Shape]:
        return [unsigned(width) for width in self.widths]

    def outputs(self) -> list[Shape]:
        return [unsigned(len(self.nodes_out))]

    def draw(self, wires: Wires, x: Sequence[Sequence[Bit]]) -> list[list[Bit]]:
        nodes: list[Bit] = [
            0,
            1,
            *(bit for number, width in zip(x, self.widths, strict=True) for bit in [*number, *[0] * width][:width]),
        ]
        for k, (table, sources) in enumerate(self.gates):
            nodes.append(expression(wires, f"g{k}", table, [nodes[source] for source in sources]))
        return [[nodes[node] for node in self.nodes_out]]


def expression(wires: Wires, name: str, table: int, bits: Sequence[Bit]) -> Bit:
    """A truth table over bits: Shannon expansion by the last input, with the usual two-input gates by name."""
    if not bits:
        return table & 1
    half = 1 << (len(bits) - 1)
    low, high = table & ((1 << half) - 1), table >> half
    if low == high:
        return expression(wires, name, low, bits[:-1])
    if len(bits) == 2:
        for table_of, combine in ((0b1000, both), (0b1110, either), (0b0110, differ)):
            if table == table_of:
                return wires.name(name, combine(*bits), bits)
            if table == table_of ^ 0b1111:
                return wires.name(name, invert(combine(*bits)), bits)
    return wires.choose(
        name,
        bits[-1],
        expression(wires, f"{name}_1", high, bits[:-1]),
        expression(wires, f"{name}_0", low, bits[:-1]),
    )

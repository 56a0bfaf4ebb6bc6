"""A dense layer as a part of a design: its neurons side by side. How a neuron is built is `hdl.neuron`."""

from collections.abc import Sequence
from dataclasses import dataclass

from hdl.bits import Bit, Wires
from hdl.neuron import Neuron
from hdl.part import Shape, shapes_of


@dataclass(frozen=True)
class Layer:
    """y_o = bias[o] + sum over i of weights[o][i] * x_i, or the clipped ReLU of it.

    low, high: range of every x_i; activations: shift and bits of every output's clipped ReLU.
    """

    weights: tuple[tuple[int, ...], ...]
    bias: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]
    activations: tuple[tuple[int, int], ...] | None = None

    def neurons(self) -> list[Neuron]:
        """One neuron to each output."""
        rows = zip(self.weights, self.bias, self.activations or [None] * len(self.bias), strict=True)
        return [Neuron(row, bias, self.low, self.high, activation) for row, bias, activation in rows]

    def ranges(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The least and the greatest value of every output."""
        ends = [neuron.range() for neuron in self.neurons()]
        return tuple(end[0] for end in ends), tuple(end[1] for end in ends)

    def inputs(self) -> list[Shape]:
        return shapes_of(self.low, self.high)

    def outputs(self) -> list[Shape]:
        return [neuron.outputs()[0] for neuron in self.neurons()]

    def draw(self, wires: Wires, x: Sequence[Sequence[Bit]]) -> list[list[Bit]]:
        return [neuron.draw(wires.within(f"n{o}"), x)[0] for o, neuron in enumerate(self.neurons())]

"""A stage of the field engine: its pace, which loses and repeats no query, and the stage of a dense layer.

The grid's stage is in `inkling.hdl.engine.grid`, the chain of stages in `inkling.hdl.engine.engine`, the numbers of
lanes in `inkling.hdl.engine.schedule`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib.memory import Memory

from inkling.approx.reference.coding import COORDINATE_BITS
from inkling.approx.reference.graph import box
from inkling.approx.reference.operations import CoordinateSum, Dense, Operation
from inkling.hdl.engine.schedule import DENSE_DEPTH, Fold
from inkling.hdl.operations.amaranth.bits import Wires, bits_of
from inkling.hdl.operations.amaranth.table import part_of


class Stage(Elaboratable):  # type: ignore[misc]
    """Takes a query, works on it for `steps` clocks, and shows its answer `depth` clocks after the last of them.

    `go` freezes the whole stage while an answer waits. `flags[k]` follows the last step of a query k clocks later;
    `flags[depth]` is the answer's valid. A query may be taken in the clock of the last step before, so steps follow
    steps without a gap. `carried` travels with a query unchanged.
    """

    def __init__(self, steps: int, depth: int, carried: int) -> None:
        self.steps, self.depth, self.carried = steps, depth, carried
        # Names are given, because the bench and the proof of the control find signals in the emitted text by them.
        names = ("valid", "ready", "out_valid", "out_ready", "go", "take", "active", "last")
        bits = [Signal(name=name) for name in names]
        self.valid, self.ready, self.out_valid, self.out_ready, self.go, self.take, self.active, self.last = bits
        self.side, self.side_out = Signal(carried, name="side"), Signal(carried, name="side_out")
        self.step, self.next_step = Signal(range(steps), name="step"), Signal(range(steps), name="next_step")
        self.held = Signal(carried, name="held")
        self.flags = [self.last, *(Signal(name=f"flag{k}") for k in range(1, depth + 1))]

    def pace(self, m: Module) -> None:
        """Add the control to a module."""
        m.d.comb += [
            self.out_valid.eq(self.flags[-1]),
            self.go.eq(~self.out_valid | self.out_ready),
            self.last.eq(self.active & (self.step == self.steps - 1)),
            self.ready.eq(self.go & (~self.active | self.last)),
            self.take.eq(self.valid & self.ready),
            self.next_step.eq(Mux(self.take | ~self.active | self.last, 0, self.step + 1)),
        ]
        with m.If(self.go):
            m.d.sync += [flag.eq(before) for before, flag in zip(self.flags, self.flags[1:], strict=False)]
            m.d.sync += [self.step.eq(self.next_step), self.active.eq(self.take | (self.active & ~self.last))]
            with m.If(self.take):
                m.d.sync += self.held.eq(self.side)
            # A copy lives for as long as the next query is behind it, which is `steps` clocks at least.
            before = self.held
            for place in range(0, self.depth, self.steps):
                copy = Signal(self.carried, name=f"copy{place}")
                with m.If(self.flags[place]):
                    m.d.sync += copy.eq(before)
                before = copy
        m.d.comb += self.side_out.eq(before)


def rom(m: Module, name: str, width: int, words: Sequence[int], address: Value, enable: Value) -> Value:
    """A read-only memory with a registered answer; a single word is a constant."""
    if len(words) == 1:
        return Const(words[0], width)
    memory: Any = Memory(shape=unsigned(width), depth=len(words), init=words, attrs={})
    m.submodules[name] = memory
    port = memory.read_port()
    m.d.comb += [port.addr.eq(address), port.en.eq(enable)]
    data: Value = port.data
    return data


def packed(values: Sequence[int], width: int) -> int:
    """One word of two's complements, the first in the lowest bits."""
    word = 0
    for k, value in enumerate(values):
        word |= (int(value) & ((1 << width) - 1)) << (k * width)
    return word


def bits_to_hold(low: int, high: int) -> int:
    """Bits of a two's complement that holds low..high."""
    return max(int(high).bit_length(), int(~low).bit_length() if low < 0 else 0) + 1


class DenseStage(Stage):
    """A dense layer and its activation on the lanes of a fold; x and y are lists of signals, one a number.

    The inputs turn round in a shift register and the answers enter one, so lanes need no wide multiplexers. With
    `coordinates`, the lowest 32 bits of `side` are u and v.
    """

    def __init__(
        self,
        dense: Dense,
        layer: Operation,
        fold: Fold,
        given: Sequence[Any],
        bounds: tuple[int, int],
        carried: int,
        coordinates: CoordinateSum | None = None,
    ) -> None:
        super().__init__(fold.steps, DENSE_DEPTH, carried)
        self.dense, self.fold, self.coordinates = dense, fold, coordinates
        self.x = [Signal(shape, name=f"x{k}") for k, shape in enumerate(given)]
        self.width = bits_to_hold(*bounds)
        self.part = part_of(layer, [box(bounds[:1], bounds[1:])])
        self.shape = self.part.outputs()[0]
        self.slots = [Signal(self.shape, name=f"y{k}") for k in range(fold.groups * fold.neurons)]
        self.y = self.slots[: len(dense.bias)]

    def elaborate(self, platform: Any) -> Module:
        """Weights and biases come from memories that are read a clock ahead."""
        m = Module()
        self.pace(m)
        fold, go = self.fold, self.go
        outputs, inputs = self.dense.weights.shape
        weights = np.zeros((fold.groups * fold.neurons, fold.chunks * fold.inputs), np.int64)
        weights[:outputs, :inputs] = self.dense.weights
        tiles = weights.reshape(fold.groups, fold.neurons, fold.chunks, fold.inputs).transpose(0, 2, 1, 3)
        words = [packed(tile.ravel().tolist(), 8) for tile in tiles.reshape(fold.steps, -1, fold.inputs)]
        word = rom(m, "weights", 8 * fold.lanes, words, self.next_step, go)
        # A multiplier takes one shape of operand; the padding of the last chunk is multiplied by zero.
        shape = self.x[0].shape() if self.x else unsigned(8)
        ring = [Signal(shape, name=f"ring{k}") for k in range(fold.chunks * fold.inputs)]
        chunk, next_chunk = (Signal(range(fold.chunks), name=name) for name in ("chunk", "next_chunk"))
        group, next_group = (Signal(range(fold.groups), name=name) for name in ("group", "next_group"))
        end = Signal(name="chunk_end")
        m.d.comb += [end.eq(chunk == fold.chunks - 1), next_chunk.eq(chunk), next_group.eq(group)]
        with m.If(self.take):
            m.d.comb += [next_chunk.eq(0), next_group.eq(0)]
        with m.Elif(self.active):
            m.d.comb += [next_chunk.eq(Mux(end, 0, chunk + 1)), next_group.eq(Mux(self.last, 0, group + end))]
        with m.If(go):
            m.d.sync += [chunk.eq(next_chunk), group.eq(next_group)]
            with m.If(self.take):
                m.d.sync += [slot.eq(x) for slot, x in zip(ring, self.x, strict=False)]
            with m.Elif(self.active):
                turned = ring[fold.inputs :] + ring[: fold.inputs]
                m.d.sync += [slot.eq(x) for slot, x in zip(ring, turned, strict=True)]
        biases = np.zeros(fold.groups * fold.neurons, np.int64)
        biases[:outputs] = self.dense.bias
        starts = [packed(row.tolist(), self.width) for row in biases.reshape(fold.groups, -1)]
        start = rom(m, "biases", self.width * fold.neurons, starts, next_group, go)
        extra = self.coordinate_products(m, next_group)
        first, ends = Signal(name="first"), [Signal(name=f"end{k}") for k in range(2)]
        with m.If(go):
            m.d.sync += [first.eq(chunk == 0), ends[0].eq(self.active & end), ends[1].eq(ends[0])]
        results = []
        for n in range(fold.neurons):
            products = []
            for k in range(fold.inputs):
                at = 8 * (n * fold.inputs + k)
                product = Signal(signed(17), name=f"product{n}_{k}")
                with m.If(go):
                    m.d.sync += product.eq(ring[k] * word[at : at + 8].as_signed())
                products.append(product)
            bias, total = Signal(signed(self.width), name=f"bias{n}"), Signal(signed(self.width), name=f"sum{n}")
            with m.If(go):
                m.d.sync += bias.eq(start[n * self.width : (n + 1) * self.width].as_signed())
                m.d.sync += total.eq(Mux(first, bias + extra[n], total) + tree(products))
            results.append(self.activated(m, n, total))
        with m.If(go & ends[1]):
            entering = self.slots[fold.neurons :] + results
            m.d.sync += [slot.eq(value) for slot, value in zip(self.slots, entering, strict=True)]
        return m

    def activated(self, m: Module, neuron: int, total: Value) -> Value:
        """The operation after the layer on one sum."""
        bits = bits_of(total)[: self.part.inputs()[0].width]
        value = Cat(self.part.draw(Wires(m, f"n{neuron}_"), [bits])[0])
        return value.as_signed() if self.shape.signed else value

    def coordinate_products(self, m: Module, next_group: Value) -> list[Value]:
        """The coordinates' part of every neuron at work, at the time of its first sum."""
        fold, coordinates = self.fold, self.coordinates
        if coordinates is None:
            return [Const(0, 1)] * fold.neurons
        rows = np.zeros((fold.groups * fold.neurons, 2), np.int64)
        rows[: len(coordinates.weights)] = coordinates.weights
        words = [packed(row.ravel().tolist(), 16) for row in rows.reshape(fold.groups, fold.neurons, 2)]
        word = rom(m, "slopes", 32 * fold.neurons, words, next_group, self.go)
        found: list[Value] = []
        for n in range(fold.neurons):
            terms = []
            for k in range(2):
                place = self.held[COORDINATE_BITS * k : COORDINATE_BITS * (k + 1)]
                # Less 2**15: the highest bit turned over, read as a sign.
                centred = Cat(place[:-1], ~place[-1]).as_signed()
                term = Signal(signed(32), name=f"slope{n}_{k}")
                at = 32 * n + 16 * k
                with m.If(self.go):
                    m.d.sync += term.eq(centred * word[at : at + 16].as_signed())
                terms.append(term)
            found.append((terms[0] + terms[1]) >> coordinates.shift)
        return found


def tree(values: Sequence[Value]) -> Value:
    """A balanced sum."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return tree(values[:half]) + tree(values[half:])

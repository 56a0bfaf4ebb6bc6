"""A clocked classifier that shares one adder among many inputs: weights are constants chosen by counters.

Emitted components carry this text with them. Plans are made in `inkling.approx.folding.search`, texts in
`inkling.hdl.folded.texts`.
"""

from collections.abc import Sequence
from typing import Any

from amaranth import Cat, Const, Module, Mux, ResetSignal, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from inkling.approx.folding.plan import ONE, FoldPlan, constant, merged
from inkling.hdl.operations.amaranth.bits import Wires, bits_of
from inkling.hdl.operations.amaranth.clip import clip_bits


class FoldedClassifier(wiring.Component):  # type: ignore[misc]
    """`start` at a clock edge begins; `done` falls, and when it rises `label` is valid until the next start or reset.

    The inputs, one port each as of the combinational circuit, must be stable while it works (printed sensors are).
    A start at any time begins anew, `rst` (synchronous) stops: then `done` and `label` are 0. Nothing else needs a
    reset. Every pass through the first layer adds, for every lane, one product a clock; then the scores of
    neighbouring classes are subtracted in the first lane's sum, which is set to 0 where it falls below, so that no
    best score is kept: the sum is the best score so far less that of the class, and negative where the class wins.
    """

    def __init__(self, plan: FoldPlan) -> None:
        self.plan = plan
        ports: dict[str, Any] = {"start": In(1)}
        ports |= {name: In(bits) for name, bits in plan.inputs}
        super().__init__(ports | {"done": Out(1), "label": Out(plan.label_width)})

    def elaborate(self, platform: object) -> Module:
        """Control, the value that is read, the lanes."""
        m = Module()
        ports: Any = self
        plan = self.plan
        first, second = plan.first_bits, plan.second_bits
        pass_bits, class_bits = (plan.passes - 1).bit_length(), (plan.classes - 2).bit_length()

        # Control. The counters run on when nothing is asked for; `busy` says whether what they do counts.
        label = Signal(plan.label_width, name="winner", reset_less=True)
        step = Signal(max(first, second, 1), reset_less=True)
        group = Signal(max(pass_bits, class_bits, plan.label_width), reset_less=True)
        after = Signal(len(group))
        deciding, busy, finished = (Signal(name=n, reset_less=True) for n in ("deciding", "busy", "finished"))
        go, last, turn, finish = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            go.eq(ports.start | ResetSignal()),
            last.eq(_turns(step, first, second, deciding)),
            turn.eq(last & ~deciding & _at_end(group, plan.passes - 1)),
            finish.eq(busy & last & deciding & _at_end(group, plan.classes - 2)),
            after.eq(group + 1),
            ports.done.eq(finished),
            ports.label.eq(label),
        ]
        # Where a class takes longer than a pass, the counter does not come back to 0 by itself.
        clear = go if first >= second else go | last
        m.d.sync += [
            step.eq((step + 1)[: len(step)] & ~clear.replicate(len(step))),
            group.eq(Mux(last, after, group) & ~(go | turn).replicate(len(group))),
            deciding.eq(~go & (deciding | turn)),
            busy.eq(~ResetSignal() & (ports.start | (busy & ~finish))),
            finished.eq(~go & (finished | finish)),
        ]

        # What is read: an input or the constant 1, and, when classes are compared, a hidden value.
        values = [Const(1, 1) if i == ONE else getattr(self, plan.inputs[i][0]) for i in plan.order]
        read = Signal(max(len(value) for value in values))
        m.d.comb += read.eq(_selected(m, "read", values, step[plan.digit_bits : first]))
        kept = [Signal(bits, name=f"hidden_{n}", reset_less=True) for n, (_, bits) in enumerate(plan.hidden)]
        operands = [Const(1, 1) if source == ONE else kept[source] for source in plan.operands]
        operand = Signal(max(len(value) for value in (*operands, read)))
        m.d.comb += operand.eq(Mux(deciding, _selected(m, "again", operands, step[:second]), read))

        # The lanes; the first compares the classes too.
        scores = _rom(m, "score", plan.scores, Cat(step[:second], group[:class_bits]))
        for lane, tables in enumerate(plan.lanes):
            code = _rom(m, f"lane_{lane}", tables, Cat(step[:first], group[:pass_bits]))
            bits, entering = plan.width, read
            if lane == 0:
                bits, entering = max(bits, plan.score_width), operand
                pairs = zip(_padded(scores, len(code)), _padded(code, len(scores)), strict=True)
                code = [Mux(deciding, one, other) for one, other in pairs]
            total = Signal(signed(bits), name=f"sum_{lane}", reset_less=True)
            following = Signal(signed(bits), name=f"next_{lane}")
            m.d.comb += following.eq(_added(total, entering, code, plan.multiplier))
            if lane == 0:
                empty = go | (last & (~deciding | following[-1]))
                m.d.sync += total.eq(following & ~empty.replicate(bits))
                with m.If(go):
                    m.d.sync += label.eq(0)
                with m.Elif(busy & deciding & last & following[-1]):
                    m.d.sync += label.eq(after)
            elif plan.passes > 1:
                m.d.sync += total.eq(following & ~(go | last).replicate(bits))
            else:
                m.d.sync += total.eq(Mux(deciding, total, following) & ~go.replicate(bits))
            for number, neuron in enumerate(range(lane, len(plan.hidden), len(plan.lanes))):
                source = following if plan.stored[neuron] else total
                clipped = _clipped(m, f"hidden_{neuron}", source, *plan.hidden[neuron])
                if plan.stored[neuron]:
                    with m.If(last & ~deciding & (group[:pass_bits] == number)):
                        m.d.sync += kept[neuron].eq(clipped)
                else:
                    m.d.comb += kept[neuron].eq(clipped)
        return m


def _all(bits: Value) -> Value:
    return bits.all() if len(bits) else Const(1, 1)


def _turns(step: Value, first: int, second: int, deciding: Value) -> Value:
    """Whether a pass, of 2**first clocks, or a class, of 2**second, is at its last clock."""
    if first < second:
        return _all(step[:first]) & (~deciding | _all(step[first:second]))
    return _all(step[:second]) & (deciding | _all(step[second:first]))


def _at_end(counter: Value, last: int) -> Value:
    """Whether a counter that goes up from 0 has come to its last number: then first all its ones are set."""
    return _all(Cat(counter[k] for k in range(last.bit_length()) if last >> k & 1))


def _selected(m: Module, name: str, values: Sequence[Value], address: Value) -> Value:
    """values[address] as AND and OR of decoded addresses, in blocks of 16; 0 beyond the last value."""
    rest, place, level = [*values], 0, 0
    while place < len(address):
        bits = min(4, len(address) - place)
        lines = Signal(1 << bits, name=f"{name}_{level}_line")
        m.d.comb += [line.eq(address[place : place + bits] == k) for k, line in enumerate(lines)]
        blocks = []
        for start in range(0, len(rest), 1 << bits):
            part = rest[start : start + (1 << bits)]
            block = Signal(max(len(value) for value in part), name=f"{name}_{level}_{start >> bits}")
            for k, bit in enumerate(block):
                taken = [value[k] & line for value, line in zip(part, lines, strict=False) if k < len(value)]
                m.d.comb += bit.eq(_either(taken))
            blocks.append(block)
        rest, place, level = blocks, place + bits, level + 1
    return rest[0]


def _either(bits: Sequence[Value]) -> Value:
    """OR as a balanced tree."""
    if len(bits) == 1:
        return bits[0]
    half = len(bits) // 2
    return _either(bits[:half]) | _either(bits[half:])


def _rom(m: Module, name: str, tables: Sequence[str], address: Value) -> list[Value]:
    """The tables' bits at the address, each a decision diagram of multiplexers; equal parts are drawn once."""
    drawn: dict[str, Value] = {}

    def draw(part: str) -> Value:
        value = constant(part)
        if value is not None:
            return Const(value, 1)
        if part not in drawn:
            half = len(part) // 2
            both = merged(part[:half], part[half:])
            if both is not None:
                return draw(both)
            node = Signal(name=f"{name}_{len(drawn)}")
            drawn[part] = node
            m.d.comb += node.eq(Mux(address[half.bit_length() - 1], draw(part[half:]), draw(part[:half])))
        return drawn[part]

    return [draw(table) for table in tables]


def _padded(code: list[Value], size: int) -> list[Value]:
    return code + [Const(0, 1)] * (size - len(code))


def _added(total: Value, x: Value, code: Sequence[Value], multiplier: bool) -> Value:
    """total plus the product that the code tells, in one adder: a negative one enters inverted, with a carry.

    A zero may have any sign: all ones and a carry are nothing.
    """
    sign, bits = code[0], len(total)
    if multiplier:
        product = x * Cat(*code[1:])
        value = product ^ sign.replicate(len(product))
    else:
        value = (x & code[1].replicate(len(x))) ^ sign.replicate(len(x))
        for k, bit in enumerate(code[2:]):
            filled = sign.replicate(1 << k)
            value = Mux(bit, Cat(filled, value), Cat(value, filled))
    extended = Cat(value, sign.replicate(max(bits - len(value), 0)))[:bits]
    return (Cat(Const(1, 1), total) + Cat(sign, extended))[1 : bits + 1].as_signed()


def _clipped(m: Module, name: str, value: Value, shift: int, bits: int) -> Value:
    """clip(value >> shift, 0, 2**bits - 1)."""
    kept = clip_bits(Wires(m, f"{name}_"), bits_of(value)[min(shift, len(value) - 1) :], True, bits)
    return Cat(kept, Const(0, max(bits - len(kept), 0))) if bits else Const(0, 1)

"""A clocked classifier that shares one adder among many inputs: weights are constants chosen by counters.

Schedules are searched in `approx.folding`; flip-flops and cells are counted in `reports.sequential`.
"""

from collections.abc import Sequence
from typing import Any, Literal

from amaranth import Cat, ClockDomain, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from approx.folding import Row, Schedule, encoded, first_weights, layers_of, merged
from approx.network import IntegerNetwork, label_bits, signed_width
from hdl.classifier import input_ports
from hdl.ports import port_names
from hdl.process import python

Entry = Literal["held", "scanned"]
CONTROL = ("clk", "start", "done", "label", "x", "select")

_WRITE = """
from pyosys import libyosys as ys
design = ys.Design()
ys.run_pass("read_rtlil design.il", design)
ys.run_pass("proc; opt_clean", design)
ys.run_pass("write_verilog -noattr design.v", design)
"""


class FoldedClassifier(wiring.Component):
    """`start` high at a clock edge begins; `done` goes low, and when it is high again `label` is valid until a start.

    entry "held": one port per input, as of the combinational circuit, stable while it works (printed sensors are).
    entry "scanned": one port `x`, and `select` says which input of the schedule's order must stand there in the same
    clock, so that one converter behind a sensor multiplexer serves all; the inner multiplexer is then not needed.
    There is no reset: before the first start `done` and `label` mean nothing, and a start at any time begins anew.
    """

    def __init__(self, network: IntegerNetwork, schedule: Schedule, *, entry: Entry = "held") -> None:
        self.network, self.schedule, self.entry = network, schedule, entry
        self.one, self.relu, self.two = layers_of(network)
        if not 1 <= schedule.lanes <= len(self.one.bias):
            raise ValueError(f"lanes must be 1..{len(self.one.bias)}, not {schedule.lanes}")
        ports: dict[str, Any] = {"start": In(1)}
        if entry == "held":
            taken = [f"in_{n}" if n in CONTROL else n for n, _ in input_ports(network)]
            self.names = tuple(port_names(taken))
            ports |= {n: In(item.bits) for n, item in zip(self.names, network.inputs, strict=True)}
        else:
            ports |= {"x": In(max(item.bits for item in network.inputs)), "select": Out(self._step_bits())}
        super().__init__(ports | {"done": Out(1), "label": Out(label_bits(network))})

    def _step_bits(self) -> int:
        return (max(len(self.schedule.order), 2) - 1).bit_length()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        one, two, order = self.one, self.two, self.schedule.order
        hidden, lanes, classes = len(one.bias), self.schedule.lanes, len(two.bias)
        groups = -(-hidden // lanes)
        step_bits = max(self._step_bits(), (hidden - 1).bit_length())
        step = Signal(step_bits)
        group = Signal(max((groups - 1).bit_length(), (classes - 1).bit_length(), 1))
        deciding, done = Signal(), Signal()
        ranges = self.network.intervals()
        width = _width(*ranges[1])
        score_width = max(_width(*ranges[3]), width if groups > 1 else 1)

        # Control.
        first, last, last_group = step == 0, Signal(), Signal()
        m.d.comb += last.eq(Mux(deciding, step == hidden - 1, step == len(order) - 1))
        m.d.comb += last_group.eq(Mux(deciding, group == classes - 1, group == groups - 1))
        with m.If(self.start):
            m.d.sync += [step.eq(0), group.eq(0), deciding.eq(0), done.eq(0)]
        with m.Elif(~done):
            m.d.sync += step.eq(Mux(last, 0, step + 1))
            with m.If(last):
                m.d.sync += group.eq(Mux(last_group, 0, group + 1))
                with m.If(last_group):
                    m.d.sync += [deciding.eq(1), done.eq(deciding)]
        m.d.comb += self.done.eq(done)

        # What enters: an input, or, when classes are scored, a hidden value.
        if self.entry == "held":
            read = _choose([getattr(self, self.names[i]) for i in order], step)
        else:
            m.d.comb += self.select.eq(step[: len(self.select)])
            read = self.x
        shapes = self.relu.of_each(hidden)
        group_bits = (groups - 1).bit_length()
        class_bits = (classes - 1).bit_length()
        hidden_bits = max((hidden - 1).bit_length(), 1)
        score_rows = _table(two.weights.tolist(), hidden_bits, class_bits)
        score_bias: Row = tuple(two.bias.tolist()) + (None,) * ((1 << class_bits) - classes)
        score_address = Cat(step[:hidden_bits], group[:class_bits])
        stored = [Signal(bits, name=f"hidden_{n}") for n, (_, bits) in enumerate(shapes)]
        operand = _choose(stored, step[:hidden_bits])
        score_weights = two.weights.reshape(-1).tolist()

        # Sums of the hidden neurons; the first lane sums the scores too where hidden values are stored.
        total: Value = Const(0)
        for lane in range(lanes):
            shared = lane == 0 and groups > 1
            bits = score_width if shared else width
            acc = Signal(signed(bits), name=f"sum_{lane}")
            address = Cat(step[: self._step_bits()], group[:group_bits])
            rows = first_weights(one, self.schedule, lane)
            biases = [int(b) for b in one.bias[lane::lanes]]
            bias_row: Row = tuple(biases) + (None,) * ((1 << group_bits) - len(biases))
            weights = [w for w in rows if w is not None]
            code = _rom(m, f"w{lane}", [None if w is None else encoded(w) for w in rows], address)
            bias = _rom(m, f"b{lane}", [_wrapped(b, bits) for b in bias_row], group[:group_bits])
            entering: Value = read
            if shared:
                score_code = _rom(m, "ws", [None if w is None else encoded(w) for w in score_rows], score_address)
                score_start = _rom(m, "bs", [_wrapped(b, bits) for b in score_bias], group[:class_bits])
                code, bias = Mux(deciding, score_code, code), Mux(deciding, score_start, bias)
                entering, weights = Mux(deciding, operand, read), weights + score_weights
            following = Signal(signed(bits), name=f"next_{lane}")
            m.d.comb += following.eq(_add(Mux(first, bias[:bits], acc), code, entering, weights, bits))
            if groups > 1:
                m.d.sync += acc.eq(following)
            else:
                with m.If(~deciding):
                    m.d.sync += acc.eq(following)
            for g in range(groups):
                neuron = g * lanes + lane
                if neuron < hidden:
                    value = _clipped(acc if groups == 1 else following, *shapes[neuron])
                    if groups == 1:
                        m.d.comb += stored[neuron].eq(value)
                    else:
                        with m.If(last & ~deciding & (group == g)):
                            m.d.sync += stored[neuron].eq(value)
            if shared:
                total = following
        if groups == 1:
            acc = Signal(signed(score_width), name="score")
            code = _rom(m, "ws", [None if w is None else encoded(w) for w in score_rows], score_address)
            start = _rom(m, "bs", [_wrapped(b, score_width) for b in score_bias], group[:class_bits])
            total = Signal(signed(score_width), name="next_score")
            base = Mux(first, start[:score_width], acc)
            m.d.comb += total.eq(_add(base, code, operand, score_weights, score_width))
            m.d.sync += acc.eq(total)

        # The best so far; among equals the lowest class stays.
        best = Signal(signed(score_width))
        with m.If(~done & deciding & last & ((total > best) | (group == 0))):
            m.d.sync += [best.eq(total), self.label.eq(group)]
        return m


def verilog(component: FoldedClassifier, *, module: str = "top", time_limit_s: float = 60) -> str:
    """Verilog-2005 text; the clock is `clk`. Raises hdl.process.ToolError if yosys fails or outlasts the limit."""
    import tempfile
    from pathlib import Path

    from amaranth.back import rtlil

    with tempfile.TemporaryDirectory(prefix="inkling-") as folder:
        place = Path(folder)
        text = rtlil.convert(component, name=module, emit_src=False)
        (place / "design.il").write_text(text, encoding="ascii")
        python(_WRITE, time_limit_s=time_limit_s, cwd=place)
        # The first line tells yosys' version.
        return (place / "design.v").read_text(encoding="ascii").split("\n", 1)[1]


def _rom(m: Module, name: str, table: Sequence[int | None], address: Value) -> Value:
    """The table's unsigned entries as a decision diagram of multiplexers for every bit, equal parts drawn once."""
    bits = max((value for value in table if value is not None), default=0).bit_length()
    drawn: dict[tuple[int | None, ...], Value] = {}

    def draw(part: tuple[int | None, ...]) -> Value:
        known = {value for value in part if value is not None}
        if len(known) <= 1:
            return Const(known.pop() if known else 0, 1)
        if part not in drawn:
            half = len(part) // 2
            both = merged(part[:half], part[half:])
            if both is not None:
                return draw(both)
            node = Signal(name=f"{name}_{len(drawn)}")
            high, low = draw(part[half:]), draw(part[:half])
            m.d.comb += node.eq(Mux(address[half.bit_length() - 1], high, low))
            drawn[part] = node
        return drawn[part]

    found = [draw(tuple(None if v is None else v >> bit & 1 for v in table)) for bit in range(bits)]
    return Cat(*found) if found else Const(0, 1)


def _table(rows: Sequence[Sequence[int]], step_bits: int, row_bits: int) -> Row:
    found: list[int | None] = []
    for row in rows:
        found += [*row, *[None] * ((1 << step_bits) - len(row))]
    return tuple(found + [None] * ((1 << step_bits + row_bits) - len(found)))


def _choose(values: Sequence[Value], address: Value) -> Value:
    """values[address]; what stands beyond the last never matters."""
    if len(values) == 1:
        return values[0]
    half = 1 << ((len(values) - 1).bit_length() - 1)
    top = address[half.bit_length() - 1]
    return Mux(top, _choose(values[half:], address), _choose(values[:half], address))


def _add(base: Value, code: Value, x: Value, weights: Sequence[int], bits: int) -> Value:
    """base plus the encoded weight times x, in one adder: a negative product enters inverted, with a carry."""
    sign = code[0] if any(w < 0 for w in weights) else Const(0, 1)
    size = code[1:]
    product: Value = Const(0, 1)
    if all(abs(w) & (abs(w) - 1) == 0 for w in weights):
        for k in range(len(size)):
            product = product | Mux(size[k], x << k, 0)
    else:
        product = x * size
    extended = Cat(product, Const(0, bits))[:bits] ^ sign.replicate(bits)
    return (Cat(Const(1, 1), base[:bits]) + Cat(sign, extended))[1 : bits + 1].as_signed()


def _clipped(value: Value, shift: int, bits: int) -> Value:
    shifted = value >> shift
    top = (1 << bits) - 1
    return Mux(shifted < 0, 0, Mux(shifted > top, top, shifted))[:bits] if bits else Const(0, 1)


def _wrapped(value: int | None, bits: int) -> int | None:
    return None if value is None else value & (1 << bits) - 1


def _width(low: Any, high: Any) -> int:
    return signed_width(min(int(low.min()), -1), int(high.max()))

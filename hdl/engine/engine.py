"""The field engine: an Amaranth component with a stream of queries and one of answers, and its Verilog.

Streams are those of `amaranth.lib.stream`: a payload moves in every clock in which valid and ready are both 1. Stages
are in `inkling.hdl.engine.stages` and `inkling.hdl.engine.grid`, the schedule and the model of its clocks in
`inkling.hdl.engine.schedule`.
"""

import itertools
from typing import Any

from amaranth.back import rtlil as back
from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from inkling.approx.programs import yosys
from inkling.approx.reference.field import IntegerField
from inkling.hdl.engine.grid import TEXEL, GridStage
from inkling.hdl.engine.schedule import cycles, schedule
from inkling.hdl.engine.stages import DenseStage, Stage

__all__ = ["FieldEngine", "cycles", "emit"]

CODE_BITS = 32


def query_layout(field: IntegerField) -> Any:
    """The payload of a query, lowest bits first: u, v (16 bits each), entry, and for visibility the signed code."""
    members: dict[str, Any] = {"u": 16, "v": 16, "entry": max((field.entries - 1).bit_length(), 1)}
    if field.meaning == "visibility":
        members["code"] = signed(CODE_BITS)
    return data.StructLayout(members)


def answer_layout(field: IntegerField) -> Any:
    """The payload of an answer: `value0`, `value1`, ... (signed 32 bits each), and for visibility `visible`."""
    members: dict[str, Any] = {f"value{k}": signed(32) for k in range(field.outputs)}
    if field.meaning == "visibility":
        members["visible"] = 1
    return data.StructLayout(members)


class FieldEngine(wiring.Component):  # type: ignore[misc]
    """Answers queries in order with the bits of `IntegerField.evaluate` and `visible`.

    `queries` and `answers` are streams; `rst` forgets the queries that are under way. The ready of `queries` depends
    on that of `answers` in the same clock; no valid depends on a ready. An entry beyond the field's is not checked.
    """

    def __init__(self, field: IntegerField, lanes: int) -> None:
        self.field, self.schedule = field, schedule(field, lanes)
        self.query, self.answer = query_layout(field), answer_layout(field)
        super().__init__({"queries": In(stream.Signature(self.query)), "answers": Out(stream.Signature(self.answer))})

    def stages(self) -> list[Stage]:
        """The grid stage, where there is one, and one stage a dense layer."""
        field, how = self.field, self.schedule
        found: list[Stage] = []
        carried = self.query.size
        shapes: list[Any] = []
        if field.reads:
            entry = self.query.size - 32 - (CODE_BITS if field.meaning == "visibility" else 0)
            grid = GridStage(field.reads, how.blends, how.grid_steps, carried, entry)
            found.append(grid)
            shapes = [TEXEL] * len(grid.y)
        bounds = field.intervals()
        for k, (dense, layer, fold) in enumerate(zip(field.dense, field.activations, how.folds, strict=True)):
            low, high = bounds[field.layered.sums[k]]
            # Partial sums may leave the range: they wrap, and the whole sum is in range again.
            box = (int(low.min()), int(high.max()))
            stage = DenseStage(dense, layer, fold, shapes, box, carried, field.coordinates if k == 0 else None)
            found.append(stage)
            shapes = [stage.shape] * len(stage.y)
        return found

    def elaborate(self, platform: Any) -> Module:
        """The chain of stages and the comparison."""
        m = Module()
        ports: Any = self
        stages: list[Any] = self.stages()
        first, last = stages[0], stages[-1]
        for k, stage in enumerate(stages):
            m.submodules[f"stage{k}"] = stage
        m.d.comb += [
            first.valid.eq(ports.queries.valid),
            first.side.eq(ports.queries.payload.as_value()),
            ports.queries.ready.eq(first.ready),
            ports.answers.valid.eq(last.out_valid),
            last.out_ready.eq(ports.answers.ready),
        ]
        for before, after in itertools.pairwise(stages):
            m.d.comb += [
                after.valid.eq(before.out_valid),
                after.side.eq(before.side_out),
                before.out_ready.eq(after.ready),
            ]
            m.d.comb += [x.eq(y) for x, y in zip(after.x, before.y, strict=True)]
        m.d.comb += [ports.answers.payload[f"value{k}"].eq(y) for k, y in enumerate(last.y)]
        if self.field.meaning == "visibility":
            coding = self.field.coding
            code = last.side_out[-CODE_BITS:].as_signed()
            clipped = Signal(signed(CODE_BITS))
            over = Mux(code > coding.high_code, coding.high_code, code)
            m.d.comb += clipped.eq(Mux(code < coding.low_code, coding.low_code, over))
            m.d.comb += ports.answers.payload["visible"].eq(clipped < last.y[0] + coding.margin)
        return m


def emit(field: IntegerField, lanes: int, *, module: str = "top", time_limit_s: float = 120) -> str:
    """Verilog-2005 text of the engine as a module with clk, rst, and the streams' ports.

    `queries__payload`, `queries__valid`, `queries__ready`, `answers__payload`, `answers__valid`, `answers__ready`;
    payloads as `query_layout` and `answer_layout` say. Stages are modules `top.stage0`, ... Equal arguments give
    byte-identical text. Raises InputError as `inkling.hdl.engine.schedule.schedule`,
    inkling.approx.programs.process.ToolError if yosys fails.
    """
    text: str = back.convert(FieldEngine(field, lanes), name=module, emit_src=False)
    return yosys.verilog(text, time_limit_s=time_limit_s)

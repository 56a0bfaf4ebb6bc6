"""Verilog round an emitted field engine: module `bench`, with ports of 32 bits and points of functional coverage.

A point is a condition on signals of the engine that stays marked once it held; what was never exercised is read from
there by every bench. Nothing here drives or compares.
"""

import re
from dataclasses import dataclass

import numpy as np

from inkling.approx.reference.field import IntegerField
from inkling.approx.reference.operations import ClippedReLU, PeriodicQuadratic
from inkling.hdl.engine.schedule import Fold, schedule

# A register of the emitted text with its value at power-on; memories have an `initial` block instead.
_START = re.compile(r"^(\s*(?:output )?reg (?:signed )?(?:\[\d+:\d+\] )?\S+ *) = \d+'h[0-9a-f]+;", re.MULTILINE)


@dataclass(frozen=True)
class Point:
    """Something that a test ought to exercise, in words, and the Verilog condition that it happens in a clock."""

    name: str
    condition: str


def payload_bits(field: IntegerField) -> tuple[int, int]:
    """Bits of the payloads of queries and of answers."""
    seen = field.meaning == "visibility"
    return 32 + max((field.entries - 1).bit_length(), 1) + 32 * seen, 32 * field.outputs + seen


def payload_words(field: IntegerField) -> tuple[int, int]:
    """Words of 32 bits of the same."""
    queries, answers = payload_bits(field)
    return -(-queries // 32), -(-answers // 32)


def without_start(verilog: str) -> str:
    """The text with registers that have no value at power-on, as on a chip without initialisation; ROMs stay."""
    return _START.sub(r"\1;", verilog)


def wrapper(field: IntegerField, points: tuple[Point, ...] = (), *, public: bool = False) -> str:
    """Verilog of `bench`, which shows the payloads of `top` as ports q0, ..., a0, ... and marked points as c0, ...

    public: for a bench that reaches the ports by their names while the design itself stays private.
    """
    queries, answers = payload_bits(field)
    q, a = payload_words(field)
    note = " /*verilator public_flat_rw*/" if public else ""
    ports = ["input clk", "input rst", "input query_valid", "output query_ready", "output answer_valid"]
    ports += ["input answer_ready", *(f"input [31:0] q{k}" for k in range(q))]
    ports += [f"output [31:0] a{k}" for k in range(a)]
    marks = -(-len(points) // 32)
    ports += [f"output [31:0] c{k}" for k in range(marks)]
    given = "{" + ", ".join(f"q{k}" for k in reversed(range(q))) + "}"
    padding = "answer" if answers == 32 * a else f"{{{32 * a - answers}'d0, answer}}"
    lines = [f"module bench({', '.join(port + note for port in ports)});"]
    lines += [f"  wire [{32 * q - 1}:0] given = {given};"]
    lines += [f"  wire [{answers - 1}:0] answer;", f"  wire [{32 * a - 1}:0] wide = {padding};"]
    lines += [f"  assign a{k} = wide[{32 * k + 31}:{32 * k}];" for k in range(a)]
    lines += ["  top top(.clk(clk), .rst(rst),"]
    lines += [f"    .queries__payload(given[{queries - 1}:0]), .queries__valid(query_valid),"]
    lines += ["    .queries__ready(query_ready), .answers__payload(answer),"]
    lines += ["    .answers__valid(answer_valid), .answers__ready(answer_ready));"]
    if points:
        lines += [
            "  wire asked = query_valid & query_ready & ~rst, answered = answer_valid & answer_ready & ~rst;",
            "  integer under_way = 0;",
            "  reg fresh = 0;",
            "  always @(posedge clk) fresh <= rst;",
            "  always @(posedge clk) under_way <= rst ? 0 : under_way + asked - answered;",
            f"  reg [{32 * marks - 1}:0] marked = 0;",
            *(f"  assign c{k} = marked[{32 * k + 31}:{32 * k}];" for k in range(marks)),
            "  always @(posedge clk) begin",
            *(f"    if ({point.condition}) marked[{k}] <= 1'b1;" for k, point in enumerate(points)),
            "  end",
        ]
    return "\n".join([*lines, "endmodule", ""])


def points(field: IntegerField, lanes: int) -> tuple[Point, ...]:
    """What a test of the engine ought to exercise: control, lanes, saturation, borders, both outcomes.

    A product that no query can make (a sign that no weight of the lane has) is no point.
    """
    how = schedule(field, lanes)
    stages = len(how.folds) + bool(field.reads)
    waits = [f"top.stage{k}.out_valid & ~top.stage{k}.out_ready" for k in range(stages)]
    found = [
        Point("every stage waits at once", "~rst & " + " & ".join(waits)),
        Point("the engine runs empty", "answered & ~asked & under_way == 1"),
        Point("a query goes in and an answer out in one clock", "asked & answered"),
        Point("a reset while queries are under way", "rst & under_way != 0"),
        Point("a query right after a reset", "asked & fresh"),
        Point("a query to an empty engine", "asked & under_way == 0"),
    ]
    for k in range(stages):
        found += _control(k)
    if field.reads:
        found += _borders(field)
    first = int(bool(field.reads))
    for k, fold in enumerate(how.folds):
        found += _products(field, k, fold, first + k) + _saturation(field, k, fold, first + k)
    if field.meaning == "visibility":
        low, high = payload_bits(field)[0] - 32, payload_bits(field)[0] - 1
        code, coding = f"$signed(given[{high}:{low}])", field.coding
        found += [
            Point("a distance below the codes", f"asked & {code} < {coding.low_code}"),
            Point("a distance above the codes", f"asked & {code} > {coding.high_code}"),
            Point("a target seen", f"answered & answer[{32 * field.outputs}]"),
            Point("a target hidden", f"answered & ~answer[{32 * field.outputs}]"),
        ]
    return tuple(found)


def _control(k: int) -> list[Point]:
    """What happens to the pace of stage k."""
    s = f"top.stage{k}"
    return [
        Point(f"stage {k} waits with an answer", f"~rst & {s}.out_valid & ~{s}.out_ready"),
        Point(f"stage {k} is frozen at work", f"~rst & {s}.active & ~{s}.go"),
        Point(f"stage {k} refuses a query", f"~rst & {s}.valid & ~{s}.ready"),
        Point(f"stage {k} takes a query in its last step", f"~rst & {s}.take & {s}.last"),
        Point(f"stage {k} takes a query when idle", f"~rst & {s}.take & ~{s}.active"),
        Point(f"stage {k} falls idle", f"~rst & {s}.go & {s}.last & ~{s}.take"),
        Point(f"stage {k} is reset at work", f"rst & {s}.active"),
        Point(f"stage {k} is reset with an answer waiting", f"rst & {s}.out_valid"),
    ]


def _borders(field: IntegerField) -> list[Point]:
    """Texels at the borders of every level, the banks, the first and the last entry."""
    found, s = [], "top.stage0"
    for k, read in enumerate(field.reads):
        _, height, width, _ = read.table.shape
        for axis, name, size in (("x", "column", width), ("y", "row", height)):
            at = f"({s}.{axis}{k} >> 16)"
            valid = f"~rst & {s}.at0 & "
            found.append(Point(f"level {k}: first {name}", f"{valid}{at} == 0"))
            found.append(Point(f"level {k}: last {name}", f"{valid}{at} == {size - 2}"))
            fraction = f"(({s}.{axis}{k} >> 9) & 127)"
            found.append(Point(f"level {k}: least fraction of a {name}", f"{valid}{fraction} == 0"))
            found.append(Point(f"level {k}: largest fraction of a {name}", f"{valid}{fraction} == 127"))
            if size > 2:
                found.append(Point(f"level {k}: odd {name}", f"{valid}{at} % 2 == 1"))
    bits = max((field.entries - 1).bit_length(), 1)
    for which, value in (("first", 0), ("last", field.entries - 1)):
        found.append(Point(f"the {which} entry", f"asked & given[{31 + bits}:32] == {value}"))
    return found


def _products(field: IntegerField, k: int, fold: Fold, stage: int) -> list[Point]:
    """Every lane of dense layer k with a positive and with a negative product, where its weights and inputs allow."""
    weights = np.zeros((fold.groups * fold.neurons, fold.chunks * fold.inputs), np.int64)
    dense = field.dense[k].weights
    weights[: dense.shape[0], : dense.shape[1]] = dense
    by_lane = weights.reshape(fold.groups, fold.neurons, fold.chunks, fold.inputs)
    unsigned = k > 0 and isinstance(field.activations[k - 1], ClippedReLU)
    found = []
    for n in range(fold.neurons):
        for i in range(fold.inputs):
            own, name = by_lane[:, n, :, i], f"stage {stage}, lane {n}.{i}"
            product = f"top.stage{stage}.product{n}_{i}"
            if (own > 0).any() or (own.any() and not unsigned):
                found.append(Point(f"{name}: a positive product", f"~rst & {product} > 0"))
            if (own < 0).any() or (own.any() and not unsigned):
                found.append(Point(f"{name}: a negative product", f"~rst & {product} < 0"))
    return found


def _saturation(field: IntegerField, k: int, fold: Fold, stage: int) -> list[Point]:
    """The limits of the operation after dense layer k, on any of its accumulators."""
    layer, s = field.activations[k], f"top.stage{stage}"
    sums = [f"{s}.sum{n}" for n in range(fold.neurons)]

    def some(test: str) -> str:
        return f"~rst & {s}.go & {s}.end1 & (" + " | ".join(f"({test.format(x)})" for x in sums) + ")"

    match layer:
        case ClippedReLU(shift, bits):
            assert isinstance(shift, int) and isinstance(bits, int)
            return [
                Point(f"stage {stage}: clipped at 0", some("{} < 0")),
                Point(f"stage {stage}: clipped at the top", some(f"({{}} >>> {shift}) > {(1 << bits) - 1}")),
                Point(f"stage {stage}: not clipped", some(f"{{0}} >= 0 && ({{0}} >>> {shift}) < {(1 << bits) - 1}")),
            ]
        case PeriodicQuadratic():
            return [
                Point(f"stage {stage}: a phase below 0", some("{} < 0")),
                Point(f"stage {stage}: a phase above 0", some("{} > 0")),
            ]
        case _:
            return [
                Point(f"stage {stage}: an answer below 0", some("{} < 0")),
                Point(f"stage {stage}: an answer above 0", some("{} > 0")),
            ]


def missing(found: tuple[Point, ...], words: list[int]) -> list[str]:
    """Names of the points that were never exercised, by the words c0, c1, ... of `bench`."""
    return [point.name for k, point in enumerate(found) if not words[k // 32] >> (k % 32) & 1]

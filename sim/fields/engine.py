"""Verification of emitted field engines: bulk queries to verilated RTL, a sample to Amaranth's simulator.

Both run the real streams with random stalls; the verilated route also resets in mid-stream. The C++ side is
`harness.cpp`; the cocotb bench and proofs of the control are elsewhere.
"""

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs import compiled
from inkling.approx.programs.process import run
from inkling.approx.reference.field import IntegerField
from inkling.hdl.engine.schedule import cycles, schedule
from inkling.sim.fields.queries import Queries, reference, stream_verdict
from inkling.sim.fields.wrapper import payload_words, without_start, wrapper
from inkling.sim.verdicts.verdict import Verdict
from inkling.sim.verilator.bulk import STANDARD, folder_for, model_options, runtime, verilate
from inkling.train.files import checked_json


def query_words(field: IntegerField, queries: Queries) -> NDArray[np.uint32]:
    """uint32 [n, words] of payloads, lowest word first, as `inkling.hdl.engine.engine.query_layout` says."""
    entry_bits = max((field.entries - 1).bit_length(), 1)
    size = 32 + entry_bits + (32 if field.meaning == "visibility" else 0)
    words = np.zeros((len(queries.u), -(-size // 32)), np.uint32)
    words[:, 0] = queries.u | queries.v << 16
    if field.meaning == "visibility":
        rest = queries.entry | (queries.code & 0xFFFFFFFF) << entry_bits
        words[:, 1], words[:, 2] = rest & 0xFFFFFFFF, rest >> 32
    else:
        words[:, 1] = queries.entry
    return words


def answer_words(field: IntegerField, queries: Queries) -> NDArray[np.uint32]:
    """uint32 [n, words] of the reference's payloads, as `inkling.hdl.engine.engine.answer_layout` says."""
    found = reference(field, queries).view(np.uint32)
    if field.meaning == "visibility":
        seen = field.visible(queries.entry, queries.u, queries.v, queries.code)
        found = np.concatenate([found, seen[:, None].astype(np.uint32)], axis=1)
    return found


def verify(
    verilog: str,
    field: IntegerField,
    lanes: int,
    queries: Queries,
    *,
    query_stall: float = 0.0,
    answer_stall: float = 0.0,
    reset_every: int = 0,
    seed: int = 0,
    unknown: bool = False,
    time_limit_s: float = 300.0,
    keep: Path | None = None,
    reuse: bool = False,
) -> Verdict:
    """Compare the emitted engine with the reference on every query.

    query_stall, answer_stall: chance that a stream pauses in a clock, 0 to 0.9; reset_every: clocks between resets
    on average, 0 for none; unknown: registers without a value at power-on, which begin as random bits by the seed,
    so that what a reset leaves unset shows; keep: a folder for the build; reuse: run what was built there. Mismatches
    are wrong answers, lost ones, ones too many, answers that changed while they waited, and, without stalls and
    resets, a latency or an interval that is not the model's. `extra` has the counts. Raises ToolError where it does
    not build.
    """
    with folder_for(keep) as folder:
        start = time.monotonic()
        if not reuse:
            _build(folder, without_start(verilog) if unknown else verilog, field, lanes, time_limit_s, unknown)
        built = time.monotonic() - start
        given, answer = folder / "queries.bin", folder / "answers.bin"
        query_words(field, queries).tofile(given)
        stalls = [str(int(256 * min(stall, 0.9))) for stall in (query_stall, answer_stall)]
        done = run(
            [
                folder / "harness",
                given,
                answer,
                str(len(queries.u)),
                *stalls,
                str(reset_every),
                str(seed),
                str(2 * unknown),
            ],
            time_limit_s=max(time_limit_s - built, 1.0),
            cwd=folder,
        )
        expected = answer_words(field, queries)
        found = np.fromfile(answer, np.uint32).reshape(expected.shape)
    count = dict(checked_json.parse(done.stdout, "the engine's bench", "verify again").data)
    timed = not (query_stall or answer_stall or reset_every)
    return _verdict(field, lanes, queries, expected, found, count, timed, built)


def _verdict(
    field: IntegerField,
    lanes: int,
    queries: Queries,
    expected: NDArray[np.uint32],
    found: NDArray[np.uint32],
    count: dict[str, Any],
    timed: bool,
    built: float,
) -> Verdict:
    total, received = len(expected), int(count["received"])
    wrong = (expected != found).any(1)
    wrong[received:] = False
    first = int(np.flatnonzero(wrong)[0]) if wrong.any() else None
    latency, interval = cycles(field, lanes)
    late = ""
    if timed and received == total and (count["latency"] != latency or count["span"] != interval * (total - 1)):
        per = count["span"] / max(total - 1, 1)
        late = f"latency {count['latency']}, interval {per:.4f}, but the model says {latency}, {interval}"
    extra = {name: float(value) for name, value in count.items()}
    extra |= {"build_seconds": built, "interval": count["span"] / max(received - 1, 1)}
    return stream_verdict(
        queries,
        expected,
        int(wrong.sum()),
        None if first is None else (first, found[first]),
        count,
        route="verilator-field",
        seconds=float(count["seconds"]),
        extra=extra,
        late=late,
    )


def _build(folder: Path, verilog: str, field: IntegerField, lanes: int, time_limit_s: float, unknown: bool) -> None:
    """Verilate and compile the engine with the harness."""
    (folder / "top.v").write_text(verilog)
    (folder / "bench.v").write_text(wrapper(field))
    verilate(folder, ["bench.v", "top.v"], time_limit_s=time_limit_s, unknown=unknown)
    how = schedule(field, lanes)
    q, a = payload_words(field)
    lines = ['#include "Vbench.h"', '#include "verilated.h"', f"constexpr size_t QUERY = {q}, ANSWER = {a};"]
    lines += [f"constexpr uint64_t SILENCE = {4 * (how.latency + how.interval) + 64};"]
    lines += [
        "static inline void drive(Vbench& m, const uint32_t* w) {",
        *(f"    m.q{k} = w[{k}];" for k in range(q)),
    ]
    lines += ["}", "static inline void sample(const Vbench& m, uint32_t* w) {"]
    lines += [*(f"    w[{k}] = m.a{k};" for k in range(a)), "}"]
    (folder / "ports.h").write_text("\n".join(lines) + "\n")
    shutil.copyfile(Path(__file__).with_name("harness.cpp"), folder / "harness.cpp")
    objects = runtime(compiled.cache_folder(), time_limit_s=time_limit_s)
    names = [path.name for path in sorted((folder / "verilated").glob("Vbench*.cpp"))]
    # What fills the memories once is long and need not be fast.
    slow = [name for name in names if name.endswith("Slow.cpp")]
    quick = [name for name in names if name not in slow] + ["harness.cpp"]
    for level, part, sources in (("-O0", "slow", slow), ("-O2", "quick", quick)):
        (folder / f"{part}.cpp").write_text("".join(f'#include "{name}"\n' for name in sources))
        options = [level, *model_options(folder, parsed=level == "-O2", time_limit_s=time_limit_s), "-c"]
        target = folder / f"{part}.o"
        compiled.build(
            [f"{part}.cpp"], target, language="c++", options=options, time_limit_s=time_limit_s, cwd=folder
        )
    compiled.build(
        ["quick.o", "slow.o"],
        folder / "harness",
        language="c++",
        options=STANDARD,
        libraries=objects,
        time_limit_s=time_limit_s,
        cwd=folder,
    )


def simulate(field: IntegerField, lanes: int, queries: Queries, *, stall: float = 0.0, seed: int = 0) -> Verdict:
    """The same comparison in Amaranth's simulator, some hundred clocks a millisecond: for a sample of queries.

    stall: chance that a stream pauses in a clock. Without stalls the clocks must be the model's.
    """
    from amaranth.sim import Simulator

    from inkling.hdl.engine.engine import FieldEngine

    rng = np.random.default_rng(seed)
    engine: Any = FieldEngine(field, lanes)
    words, expected = query_words(field, queries), answer_words(field, queries)
    payloads = [sum(int(word) << 32 * k for k, word in enumerate(row)) for row in words]
    answers, taken, shown = [], [], []
    latency, interval = cycles(field, lanes)
    limit = int((latency + interval * (len(payloads) + 1) + 64) * (1 if not stall else 4 / (1 - stall)))

    async def bench(ctx: Any) -> None:
        offering, sent = False, 0
        for clock in range(limit):
            offering = sent < len(payloads) and (offering or rng.random() >= stall)
            ctx.set(engine.queries.valid, int(offering))
            if offering:
                ctx.set(engine.queries.payload.as_value(), payloads[sent])
            ctx.set(engine.answers.ready, int(rng.random() >= stall))
            sample = (engine.queries.ready, engine.answers.valid, engine.answers.ready)
            _, _, took, valid, ready, payload = await ctx.tick().sample(*sample, engine.answers.payload.as_value())
            if offering and took:
                offering, sent = False, sent + 1
                taken.append(clock)
            if valid and ready:
                answers.append(int(payload))
                shown.append(clock)
            if len(answers) == len(payloads):
                return

    simulator = Simulator(engine)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    start = time.monotonic()
    simulator.run()
    found = np.zeros_like(expected)
    for row, word in enumerate(answers):
        found[row] = [word >> 32 * k & 0xFFFFFFFF for k in range(expected.shape[1])]
    seconds = time.monotonic() - start
    count = {"seconds": seconds, "received": len(answers), "extra": 0, "unstable": 0}
    count |= {"latency": shown[0] - taken[0] if shown else 0, "span": shown[-1] - shown[0] if shown else 0}
    verdict = _verdict(field, lanes, queries, expected, found, count, not stall, 0.0)
    return replace(verdict, route="amaranth-field", subject="FieldEngine")

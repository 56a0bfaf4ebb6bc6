"""Checking folded classifiers: verilated in bulk with resets and restarts, in Amaranth's simulator on a sample.

The harness is `harness.cpp`; unknown values after a reset are followed in `inkling.sim.folded.unknown`.
"""

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.folding.plan import FoldPlan
from inkling.approx.programs import compiled
from inkling.approx.programs.process import run
from inkling.approx.reference.network import IntegerNetwork, label_bits
from inkling.hdl.folded.texts import folded_ports
from inkling.sim.verdicts.comparison import counter_example
from inkling.sim.verdicts.vectors import reference
from inkling.sim.verdicts.verdict import Verdict
from inkling.sim.verilator.bulk import folder_for, model_options, runtime, verilate
from inkling.train.files import checked_json


def verify(
    verilog: str,
    network: IntegerNetwork,
    clocks: int,
    vectors: NDArray[np.uint8],
    *,
    disturb: int = 0,
    seed: int = 1,
    unknown: bool = True,
    route: str = "verilator-folded",
    subject: str = "top.v",
    time_limit_s: float = 300.0,
    keep: Path | None = None,
    reuse: bool = False,
) -> Verdict:
    """Compare a folded module `top` with the reference on vectors, uint8 [n, inputs], n > 0, label by label.

    clocks: from start to done, which every evaluation must take; disturb: one evaluation in so many is broken off, by
    a reset or a new start; unknown: registers begin as random bits (of the seed). Mismatches: wrong labels, missing
    answers, clocks that are not the model's, answers that do not last, outputs that are not 0 after a reset. keep: a
    folder for the build; reuse: run what was built there. Raises ToolError where it does not build or ports differ.
    """
    if vectors.dtype != np.uint8 or vectors.ndim != 2 or vectors.shape[1] != len(network.inputs) or not len(vectors):
        raise ValueError(f"vectors must be uint8 [n, {len(network.inputs)}] with n > 0")
    if label_bits(network) > 8:
        raise ValueError("the harness reads labels of at most 8 bits")
    expected = reference(network, vectors)
    with folder_for(keep) as folder:
        begun = time.monotonic()
        if not reuse:
            _build(folder, verilog, network, clocks, time_limit_s)
        given, answer = folder / "vectors.bin", folder / "labels.bin"
        np.ascontiguousarray(vectors).tofile(given)
        arguments = [str(value) for value in (len(vectors), disturb, seed, 2 * unknown)]
        left = max(time_limit_s - (time.monotonic() - begun), 1.0)
        done = run([folder / "harness", given, answer, *arguments], time_limit_s=left, cwd=folder)
        found = np.fromfile(answer, np.uint8).astype(np.int64)
    count = dict(checked_json.parse(done.stdout, "the circuit's bench", "verify again").data)
    return _verdict(network, clocks, vectors, expected, found, count, route, subject)


def _verdict(
    network: IntegerNetwork,
    clocks: int,
    vectors: NDArray[np.uint8],
    expected: NDArray[np.int64],
    found: NDArray[np.int64],
    count: dict[str, Any],
    route: str,
    subject: str,
) -> Verdict:
    wrong = np.flatnonzero(expected != found)
    detail, example = [], None
    if len(wrong):
        row = int(wrong[0])
        example = counter_example(network, vectors[row], int(expected[row]), int(found[row]))
        detail.append(f"{len(wrong)} wrong labels, the first of vector {row}")
    for name, words in (
        ("unanswered", "starts without an answer"),
        ("unsettled", "clocks in which an answer did not last"),
        ("after_reset", "clocks after a reset with outputs that are not 0"),
    ):
        if count[name]:
            detail.append(f"{count[name]} {words}")
    late = not (count["least"] == count["most"] == clocks)
    if late:
        detail.append(f"{count['least']} to {count['most']} clocks, but the model says {clocks}")
    failures = len(wrong) + sum(int(count[name]) for name in ("unanswered", "unsettled", "after_reset")) + int(late)
    return Verdict(
        route=route,
        subject=subject,
        reference="IntegerNetwork.evaluate",
        vectors=len(vectors),
        mismatches=failures,
        seconds=float(count["seconds"]),
        counter_example=example,
        detail="; ".join(detail)
        or f"{clocks} clocks each, {count['resets']} resets, {count['restarts']} starts while it worked, "
        f"{count['back_to_back']} back to back",
        extra={name: float(value) for name, value in count.items()},
    )


def _build(folder: Path, verilog: str, network: IntegerNetwork, clocks: int, time_limit_s: float) -> None:
    """Verilate and compile module `top` with the harness."""
    names = folded_ports(network)
    ports = ["input clk", "input rst", "input start"]
    ports += [f"input [{item.bits - 1}:0] i{k}" for k, item in enumerate(network.inputs)]
    ports += ["output done", f"output [{label_bits(network) - 1}:0] label"]
    pins = [f".{name}({name})" for name in ("clk", "rst", "start", "done", "label")]
    pins += [f".{name}(i{k})" for k, name in enumerate(names)]
    bench = f"module bench({', '.join(ports)});\n  top dut({', '.join(pins)});\nendmodule\n"
    (folder / "top.v").write_text(verilog)
    (folder / "bench.v").write_text(bench)
    verilate(folder, ["bench.v", "top.v"], time_limit_s=time_limit_s, unknown=True)
    lines = ['#include "Vbench.h"', '#include "verilated.h"']
    lines += [f"constexpr size_t INPUTS = {len(network.inputs)};", f"constexpr uint64_t CLOCKS = {clocks};"]
    lines += ["static inline void drive(Vbench& m, const uint8_t* row) {"]
    lines += [f"    m.i{k} = row[{k}] & {(1 << item.bits) - 1};" for k, item in enumerate(network.inputs)]
    (folder / "ports.h").write_text("\n".join([*lines, "}", ""]))
    shutil.copyfile(Path(__file__).with_name("harness.cpp"), folder / "harness.cpp")
    generated = [f'#include "{path.name}"\n' for path in sorted((folder / "verilated").glob("Vbench*.cpp"))]
    (folder / "everything.cpp").write_text("".join([*generated, '#include "harness.cpp"\n']))
    objects = runtime(compiled.cache_folder(), time_limit_s=time_limit_s)
    compiled.build(
        ["everything.cpp"],
        folder / "harness",
        language="c++",
        options=["-O1", *model_options(folder, parsed=True, time_limit_s=time_limit_s)],
        libraries=objects,
        time_limit_s=time_limit_s,
        cwd=folder,
    )


def simulate(
    plan: FoldPlan, network: IntegerNetwork, vectors: NDArray[np.uint8], *, seed: int = 0, simulation_s: float = 60.0
) -> Verdict:
    """The same comparison in Amaranth's simulator, of as many vectors as fit in `simulation_s`, at least one.

    Every third evaluation is broken off before; half of the breaks are resets, half are starts with other inputs.
    """
    from amaranth.hdl import ClockDomain, Module, ResetSignal, Signal
    from amaranth.sim import Simulator

    from inkling.hdl.folded.circuit import FoldedClassifier

    rng = np.random.default_rng(seed)
    expected = reference(network, vectors)
    top: Any = FoldedClassifier(plan)
    names = [name for name, _ in plan.inputs]
    reset = Signal()
    around: Any = Module()
    around.domains.sync = ClockDomain()
    around.submodules.top = top
    around.d.comb += ResetSignal().eq(reset)
    found: list[int] = []
    waits: set[int] = set()
    after_reset = 0

    async def bench(ctx: Any) -> None:
        nonlocal after_reset

        async def begin(row: NDArray[np.uint8]) -> None:
            for name, value in zip(names, row.tolist(), strict=True):
                ctx.set(getattr(top, name), value)
            ctx.set(top.start, 1)
            await ctx.tick()
            ctx.set(top.start, 0)

        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        for number, row in enumerate(vectors):
            if found and time.monotonic() - begun > simulation_s:
                return
            if number % 3 == 2:
                await begin(vectors[rng.integers(len(vectors))])
                await ctx.tick().repeat(int(rng.integers(1, plan.clocks + 2)))
                if number % 2:
                    ctx.set(reset, 1)
                    await ctx.tick()
                    ctx.set(reset, 0)
                    after_reset += ctx.get(top.done) or ctx.get(top.label)
            await begin(row)
            clocks = 0
            while not ctx.get(top.done) and clocks <= plan.clocks + 8:
                await ctx.tick()
                clocks += 1
            waits.add(clocks)
            found.append(int(ctx.get(top.label)))

    simulator = Simulator(around)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    begun = time.monotonic()
    simulator.run()
    vectors, expected = vectors[: len(found)], expected[: len(found)]
    count = {
        "least": min(waits),
        "most": max(waits),
        "unanswered": 0,
        "unsettled": 0,
        "after_reset": after_reset,
        "resets": len(range(5, len(vectors), 6)),
        "restarts": len(range(2, len(vectors), 6)),
        "back_to_back": len(vectors) - len(range(2, len(vectors), 3)),
        "seconds": time.monotonic() - begun,
    }
    labels = np.array(found, np.int64)
    return _verdict(network, plan.clocks, vectors, expected, labels, count, "amaranth-folded", "component.py")

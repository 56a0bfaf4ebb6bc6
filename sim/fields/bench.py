"""The cocotb test bench of a field engine: ordinary Python, meant to be copied and extended.

It runs inside the simulator and imports nothing of the project. Beside it lie `settings.json`, `queries.npy` (uint32
[n, words] of payloads) and `expected.npy` (uint32 [n, words] of answers); it leaves `result.json`.

A test of your own is one more function:

    @cocotb.test()
    async def one_query(dut):
        engine = Engine(dut)
        await engine.reset()
        assert (await engine.ask([0, 0]))[0] == 17
"""

import json
import random
import time
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Timer

FOLDER = Path(__file__).resolve().parent
PRINTED = 5


class Engine:
    """The engine under test, a clock at a time: what is put on the wires before the edge, and what was there."""

    def __init__(self, dut: Any) -> None:
        self.settings = json.loads((FOLDER / "settings.json").read_text())
        self.clk, self.rst = dut.clk, dut.rst
        self.query_valid, self.query_ready = dut.query_valid, dut.query_ready
        self.answer_valid, self.answer_ready = dut.answer_valid, dut.answer_ready
        # Looking a handle up is slow, so it is done once; so is making a trigger.
        self.query = [getattr(dut, f"q{k}") for k in range(self.settings["query_words"])]
        self.answer = [getattr(dut, f"a{k}") for k in range(self.settings["answer_words"])]
        self.marks = [getattr(dut, f"c{k}") for k in range(self.settings["mark_words"])]
        self.settle = Timer(1, "step")

    async def clock(
        self, query: list[int] | None, ready: bool, *, reset: bool = False, noise: list[int] | None = None
    ) -> tuple[bool, list[int] | None]:
        """One clock: whether the query was taken, and the answer that is shown, or None.

        noise: what stands on the wires where there is no query.
        """
        self.rst.value = int(reset)
        self.query_valid.value = int(query is not None)
        self.answer_ready.value = int(ready)
        for handle, word in zip(self.query, query or noise or [], strict=False):
            handle.value = word
        self.clk.value = 0
        await self.settle
        taken = query is not None and bool(int(self.query_ready.value))
        shown = [int(handle.value) for handle in self.answer] if int(self.answer_valid.value) else None
        self.clk.value = 1
        await self.settle
        return taken, shown

    async def reset(self, clocks: int = 2) -> None:
        """Forget every query."""
        for _ in range(clocks):
            await self.clock(None, False, reset=True)

    async def ask(self, query: list[int]) -> list[int]:
        """The answer to one query of an idle engine."""
        taken = False
        while not taken:
            taken, _ = await self.clock(query, True)
        shown = None
        while shown is None:
            _, shown = await self.clock(None, True)
        return shown

    def covered(self) -> list[int]:
        """The marks of functional coverage, 32 a word."""
        return [int(handle.value) for handle in self.marks]


class Pauses:
    """Random pauses of a stream: mostly a clock, at times a few, now and then long enough to fill or empty it all."""

    def __init__(self, draw: random.Random, chance: float, longest: int) -> None:
        self.draw, self.chance, self.longest, self.left = draw, chance, longest, 0

    def now(self) -> bool:
        """Whether the stream pauses in this clock."""
        if self.left:
            self.left -= 1
            return True
        if self.draw.random() >= self.chance:
            return False
        kind = self.draw.random()
        self.left = 0 if kind < 0.6 else self.draw.randrange(1, 8) if kind < 0.97 else self.longest
        return True


@cocotb.test()  # type: ignore[untyped-decorator]
async def every_query(dut: Any) -> None:
    """All queries against the reference's answers, with random pauses on both streams and resets in mid-stream."""
    engine = Engine(dut)
    settings = engine.settings
    queries = np.load(FOLDER / "queries.npy", allow_pickle=False).tolist()
    expected = np.load(FOLDER / "expected.npy", allow_pickle=False).tolist()
    draw = random.Random(settings["seed"])
    asking = Pauses(draw, settings["query_stall"], settings["longest"])
    taking = Pauses(draw, settings["answer_stall"], settings["longest"])
    wrong: list[tuple[int, list[int]]] = []
    sent = got = extra = unstable = resets = clocks = quiet = after = 0
    held: list[int] | None = None
    offering = False
    start = time.process_time()
    await engine.reset()
    while after < settings["silence"] and quiet < 64 * settings["silence"]:
        clocks += 1
        if settings["reset_every"] and got < len(queries) and draw.randrange(settings["reset_every"]) == 0:
            await engine.reset(1)
            resets, sent, held, offering = resets + 1, got, None, False
            continue
        offering = offering or (sent < len(queries) and not asking.now())
        ready = not taking.now()
        noise = [draw.getrandbits(32) for _ in engine.query]
        taken, shown = await engine.clock(queries[sent] if offering else None, ready, noise=noise)
        quiet += 1
        if taken:
            sent, offering = sent + 1, False
        # An answer that was shown and not taken must still be there, unchanged.
        unstable += held is not None and shown != held
        held = shown if shown is not None and not ready else None
        if shown is not None and ready:
            quiet = 0
            if got >= len(queries):
                extra += 1
            elif shown != expected[got]:
                wrong.append((got, shown))
            got += 1
        after += got >= len(queries)
    seconds = time.process_time() - start
    for number, found in wrong[:PRINTED]:
        dut._log.error(f"query {number}, words {queries[number]}: expected {expected[number]}, found {found}")
    counts: dict[str, Any] = {"queries": len(queries), "received": min(got, len(queries)), "wrong": len(wrong)}
    counts |= {"extra": extra, "unstable": unstable, "resets": resets, "clocks": clocks, "cpu_seconds": seconds}
    counts |= {"first": wrong[0] if wrong else None, "covered": engine.covered()}
    beside = FOLDER / "result.json.part"
    beside.write_text(json.dumps(counts))
    beside.replace(FOLDER / "result.json")
    assert not wrong and got == len(queries) and not unstable, f"{len(wrong)} wrong answers, {got} of {len(queries)}"

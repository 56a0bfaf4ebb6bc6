"""The grid stage of the field engine: four banks of memory a level, so four texels are read in a clock, and blend.

What a read means is `inkling.approx.reference.operations.GridRead`; the pace of a stage is in
`inkling.hdl.engine.stages`.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value, signed

from inkling.approx.reference.coding import COORDINATE_BITS
from inkling.approx.reference.operations import FRACTION_BITS, GridRead
from inkling.hdl.engine.schedule import GRID_DEPTH
from inkling.hdl.engine.stages import Stage, packed, rom

TEXEL = signed(8)


def bank_words(read: GridRead, wide: int, row: int, column: int) -> list[int]:
    """The words of the bank of texels whose row and column are odd or even as told: [entry, y, x, group] in order."""
    entries, height, width, features = read.table.shape
    groups = -(-features // wide)
    own = np.zeros((entries, -(-height // 2), -(-width // 2), groups * wide), np.int64)
    part = read.table[:, row::2, column::2]
    own[:, : part.shape[1], : part.shape[2], :features] = part
    return [packed(texels.tolist(), read.bits) for texels in own.reshape(-1, wide)]


class GridStage(Stage):
    """All levels side by side, each on its own blend lanes; the lowest bits of `side` are u, v and the entry.

    y lists the features of all levels in order.
    """

    def __init__(
        self, reads: Sequence[GridRead], blends: Sequence[int], steps: int, carried: int, entry: int
    ) -> None:
        super().__init__(steps, GRID_DEPTH, carried)
        self.reads, self.blends, self.entry = reads, blends, entry
        self.slots = [
            [Signal(TEXEL, name=f"y{k}_{f}") for f in range(-(-read.table.shape[3] // wide) * wide)]
            for k, (read, wide) in enumerate(zip(reads, blends, strict=True))
        ]
        self.y = [
            signal for read, slots in zip(reads, self.slots, strict=True) for signal in slots[: read.table.shape[3]]
        ]

    def elaborate(self, platform: Any) -> Module:
        """Positions, addresses, memories, rows, columns: a clock each."""
        m = Module()
        self.pace(m)
        active = [Signal(name=f"at{k}") for k in range(GRID_DEPTH - 1)]
        step = [Signal.like(self.step, name=f"step{k}") for k in range(GRID_DEPTH - 1)]
        with m.If(self.go):
            m.d.sync += [now.eq(before) for before, now in zip([self.active, *active], active, strict=False)]
            m.d.sync += [now.eq(before) for before, now in zip([self.step, *step], step, strict=False)]
        for k, (read, wide) in enumerate(zip(self.reads, self.blends, strict=True)):
            self.level(m, k, read, wide, step, active)
        return m

    def level(
        self, m: Module, k: int, read: GridRead, wide: int, step: Sequence[Value], active: Sequence[Value]
    ) -> None:
        """One level's reads and blends."""
        entries, height, width, features = read.table.shape
        groups = -(-features // wide)
        half = COORDINATE_BITS
        entry = self.held[2 * half : 2 * half + self.entry] if entries > 1 else 0
        x, y = Signal(range(width << half), name=f"x{k}"), Signal(range(height << half), name=f"y{k}")
        who = Signal(range(max(entries, 2)), name=f"entry{k}")
        with m.If(self.go):
            m.d.sync += [x.eq(self.held[:half] * (width - 1)), y.eq(self.held[half : 2 * half] * (height - 1))]
            m.d.sync += who.eq(entry)
        column, row = x[half:], y[half:]
        tall, broad = -(-height // 2), -(-width // 2)
        words: dict[tuple[int, int], Value] = {}
        for r, c in product(range(2), range(2)):
            # The even bank holds the right-hand texel where the left-hand one is odd.
            at_row, at_column = (row + 1 - r) >> 1, (column + 1 - c) >> 1
            content = bank_words(read, wide, r, c)
            address = Signal(range(max(len(content), 2)), name=f"address{k}_{r}{c}")
            with m.If(self.go):
                m.d.sync += address.eq(((who * tall + at_row) * broad + at_column) * groups + step[0])
            words[r, c] = rom(m, f"texels{k}_{r}{c}", wide * read.bits, content, address, self.go)
        below = half - FRACTION_BITS
        later = [
            (Signal(name=f"odd_x{k}_{d}"), Signal(name=f"odd_y{k}_{d}"),
             Signal(FRACTION_BITS, name=f"fx{k}_{d}"), Signal(FRACTION_BITS, name=f"fy{k}_{d}"))
            for d in range(3)
        ]  # fmt: skip
        stages = [(column[0], row[0], x[below:half], y[below:half]), *later]
        with m.If(self.go):
            for before, now in zip(stages, later, strict=False):
                m.d.sync += [b.eq(a) for a, b in zip(before, now, strict=True)]
        odd_x, odd_y, fx, _ = later[1]
        fy = later[2][3]
        entering: list[Value] = []
        for f in range(wide):
            texel = {key: word[f * read.bits : (f + 1) * read.bits].as_signed() for key, word in words.items()}
            rows: list[Value] = []
            for which in range(2):
                from_odd = odd_y ^ which
                even = Mux(from_odd, texel[1, 0], texel[0, 0])
                odd = Mux(from_odd, texel[1, 1], texel[0, 1])
                left, right = Mux(odd_x, odd, even), Mux(odd_x, even, odd)
                line = Signal(signed(9 + FRACTION_BITS), name=f"line{k}_{f}_{which}")
                with m.If(self.go):
                    m.d.sync += line.eq((left << FRACTION_BITS) + fx * (right - left))
                rows.append(line)
            blend = (rows[0] << FRACTION_BITS) + fy * (rows[1] - rows[0])
            rounded = ((blend << 8 - read.bits) + (1 << 2 * FRACTION_BITS - 1)) >> 2 * FRACTION_BITS
            entering.append(rounded)
        with m.If(self.go & active[3] & (step[3] < groups)):
            slots = self.slots[k]
            m.d.sync += [slot.eq(v) for slot, v in zip(slots, [*slots[wide:], *entering], strict=True)]

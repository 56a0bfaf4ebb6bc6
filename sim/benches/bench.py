"""The cocotb test bench of an emitted design: ordinary Python, meant to be copied and extended.

It runs inside the simulator and imports nothing of the project. Beside it lie `ports.json` (names, widths and signs),
`vectors.npy` (uint8 [n, inputs]) and `expected.npy` (int64 [n, outputs]); it leaves `result.json`.

A test of your own is one more function:

    @cocotb.test()
    async def hot_and_dry(dut):
        design = Design(dut)
        assert (await design.answer(temperature=15, humidity=0))["label"] == 2
"""

import json
import time
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Timer
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent
PRINTED = 10


class Design:
    """The design under test by the names of its ports; the wrapper packs them, so a vector is one write, one read."""

    def __init__(self, dut: Any) -> None:
        ports = json.loads((FOLDER / "ports.json").read_text())
        self.inputs: list[tuple[str, int]] = [(name, width) for name, width in ports["inputs"]]
        self.outputs: list[tuple[str, int, bool]] = [
            (name, width, signed) for name, width, signed in ports["outputs"]
        ]
        self.write, self.read = dut.packed_inputs, dut.packed_outputs
        # Looking a handle up is slow, so it is done once; so is making a trigger.
        self.settle = Timer(1, "step")

    async def answer(self, **values: int) -> dict[str, int]:
        """The outputs by name for inputs by name; an input that is not given is 0."""
        unknown = set(values) - {name for name, _ in self.inputs}
        assert not unknown, f"the design has no input {sorted(unknown)}"
        row = np.array([[values.get(name, 0) for name, _ in self.inputs]], np.uint8)
        self.write.value = pack(row, [width for _, width in self.inputs])[0]
        await self.settle
        return self.named_outputs(int(self.read.value))

    def named_inputs(self, row: NDArray[np.uint8]) -> dict[str, int]:
        """Feature values by name of one vector, uint8 [inputs]."""
        return {name: int(value) for (name, _), value in zip(self.inputs, row, strict=True)}

    def named_outputs(self, packed: int) -> dict[str, int]:
        """Outputs by name of the packed word."""
        found = {}
        for name, width, signed in self.outputs:
            value = packed & ((1 << width) - 1)
            found[name] = value - (1 << width) if signed and value >> (width - 1) else value
            packed >>= width
        return found


def pack(rows: NDArray[np.integer], widths: list[int]) -> list[int]:
    """One integer for each row of [n, ports]; the first port takes the lowest bits."""
    packed = []
    shifts = [(column, bit) for column, width in enumerate(widths) for bit in range(width)]
    for start in range(0, len(rows), 10_000):
        part = rows[start : start + 10_000].astype(np.int64)
        bits = np.stack([(part[:, column] >> bit) & 1 for column, bit in shifts], axis=1).astype(np.uint8)
        packed += [int.from_bytes(row.tobytes(), "little") for row in np.packbits(bits, axis=1, bitorder="little")]
    return packed


@cocotb.test()  # type: ignore[untyped-decorator]
async def every_vector(dut: Any) -> None:
    """All vectors against the reference's answers; prints the first failures by name."""
    design = Design(dut)
    vectors = np.load(FOLDER / "vectors.npy", allow_pickle=False)
    expected = np.load(FOLDER / "expected.npy", allow_pickle=False)
    inputs = pack(vectors, [width for _, width in design.inputs])
    answers = pack(expected, [width for _, width, _ in design.outputs])
    write, read, settle = design.write, design.read, design.settle
    wrong: list[tuple[int, int]] = []
    start = time.process_time()
    for number, (given, answer) in enumerate(zip(inputs, answers, strict=True)):
        write.value = given
        await settle
        found = int(read.value)
        if found != answer:
            wrong.append((number, found))
    seconds = time.process_time() - start
    for number, found in wrong[:PRINTED]:
        values = ", ".join(f"{name}={value}" for name, value in design.named_inputs(vectors[number]).items())
        dut._log.error(
            f"vector {number}: {values}: expected {design.named_outputs(answers[number])}, "
            f"found {design.named_outputs(found)}"
        )
    result: dict[str, Any] = {"vectors": len(inputs), "mismatches": len(wrong), "cpu_seconds": seconds, "first": None}
    if wrong:
        result["first"] = {"vector": wrong[0][0], "found": list(design.named_outputs(wrong[0][1]).values())}
    beside = FOLDER / "result.json.part"
    beside.write_text(json.dumps(result))
    beside.replace(FOLDER / "result.json")
    assert not wrong, f"{len(wrong)} of {len(inputs)} vectors are wrong"

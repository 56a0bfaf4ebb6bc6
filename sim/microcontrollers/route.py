"""The route `mcu-TARGET`: a compiled kernel, run in an emulator, gives the reference's labels."""

import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs.process import ToolError
from inkling.approx.reference.network import IntegerNetwork
from inkling.sim.microcontrollers.targets import Built, Entry, Target, answers, build
from inkling.sim.verdicts.comparison import REFERENCE, failed, mismatches, plain
from inkling.sim.verdicts.verdict import Verdict


def verify_mcu(
    network: IntegerNetwork,
    source: str,
    header: str,
    target: Target,
    vectors: NDArray[np.uint8],
    *,
    name: str = "inkling",
    counts: NDArray[np.uint16] | None = None,
) -> tuple[Verdict, Built | None]:
    """Compile, run, compare, and what was built, of `<name>_classify` or, with counts, of `<name>_read`.

    vectors: uint8 [rows, inputs], values that enter the network; counts: uint16 [rows, columns], of which the
    vectors are the codes. `extra` of the verdict holds bytes of flash, ram and stack, and what an answer takes.
    A kernel that does not compile without a warning, crashes or hangs gives a failing verdict.
    """
    route = f"mcu-{target.name}"
    subject = "kernel_mcu.c" if counts is None else "kernel_mcu.c from counts"
    entry = Entry(f"{name}_classify", "uint8_t", vectors.shape[1])
    if counts is not None:
        entry = Entry(f"{name}_read", "uint16_t", counts.shape[1])
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="inkling-mcu-") as place:
        folder = Path(place)
        try:
            built = build(folder, source, header, entry, target)
            found = answers(built, vectors if counts is None else counts, entry)
        except ToolError as error:
            return failed(route, subject, vectors, plain(error, folder)), None
    wrong, example = mismatches(network, vectors, network.evaluate(vectors), found.labels.astype(np.int64))
    extra = {"flash": float(built.flash), "ram": float(built.ram), "stack": float(built.stack), "each": found.each}
    detail = f"{target.title}, {target.compiler}, {target.emulator}"
    seconds = time.perf_counter() - begin
    return Verdict(
        route, subject, REFERENCE, len(vectors), wrong, seconds, example, detail=detail, extra=extra
    ), built

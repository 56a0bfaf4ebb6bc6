"""One run of ABC: a `Netlist` in some order and a script go in, a mapped `Netlist` comes out and is compared.

Which scripts are worth running is in `reports.recipes`; choosing among results is in `reports.mapping`.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from approx import netlist_blif
from approx.netlist import CellType, Netlist
from hdl import process

SAMPLES = 64 * 64


@dataclass(frozen=True)
class Run:
    """A script and the number of the permutation of inputs, outputs and gates' pins (0: as they came)."""

    script: str
    permutation: int


def map_once(
    netlist: Netlist, run: Run, cells: Sequence[CellType], genlib: str, *, seed: int, time_limit_s: float
) -> Netlist:
    """Synthesise and map. Raises hdl.process.ToolError where ABC fails, is late, or changes the function."""
    rng = np.random.default_rng((seed, run.permutation))
    if run.permutation == 0:
        text = netlist_blif.write(netlist)
    else:
        text = netlist_blif.write(
            netlist,
            input_order=rng.permutation(netlist.first_gate - 2).tolist(),
            output_order=rng.permutation(len(netlist.output_nodes)).tolist(),
            swapped=rng.random(len(netlist.kinds)) < 0.5,
        )
    with tempfile.TemporaryDirectory(prefix="inkling-") as folder:
        place = Path(folder)
        (place / "cells.genlib").write_text(genlib, encoding="ascii")
        (place / "in.blif").write_text(text, encoding="ascii")
        # A script file, because ABC cuts long command lines.
        script = f"read_genlib cells.genlib\nread_blif in.blif\nstrash\n{run.script}\nwrite_blif out.blif\n"
        (place / "script").write_text(script.replace("; ", "\n"), encoding="ascii")
        process.run([process.abc_binary(), "-q", "source script"], time_limit_s=time_limit_s, cwd=place)
        if not (place / "out.blif").exists():
            raise process.ToolError(f"yosys-abc wrote no netlist for {run.script!r}")
        result = (place / "out.blif").read_text(encoding="ascii")
    mapped = netlist_blif.read(result, cells, netlist.inputs, netlist.outputs, "what yosys-abc wrote")
    if not agree(netlist, mapped, seed):
        raise process.ToolError(f"yosys-abc changed the function with {run.script!r}")
    return mapped


def agree(first: Netlist, second: Netlist, seed: int) -> bool:
    """Whether the outputs are the same for some thousand random inputs: a sieve, not a proof."""
    from approx.netlist_evaluate import evaluate

    rng = np.random.default_rng(seed)
    packed = rng.integers(0, 2**64, (first.first_gate - 2, SAMPLES // 64), np.uint64)
    return bool((evaluate(first, packed) == evaluate(second, packed)).all())

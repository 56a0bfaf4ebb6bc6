"""`inkling fpga`: LUTs, block RAMs and the fastest clock of a design, or of any Verilog file, on an FPGA.

The tools are run in `inkling.hdl.mapping.fpga`; here a file is found, bounded, and results are shown.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inkling.sim.designs.foreign_verilog import check_verilog, own_verilog
from inkling.train.errors import InputError
from inkling.train.files.text import text


@dataclass(frozen=True)
class FpgaRequest:
    """source: a design folder, whose top.v is taken, or a Verilog file; route: also place and route."""

    source: Path
    device: str
    module: str
    clock: str
    route: bool
    seed: int
    limit_s: float
    as_json: bool


def report_fpga(asked: FpgaRequest) -> None:
    """Synthesise, place where nextpnr is at hand, print. Raises InputError,
    inkling.approx.programs.process.ToolError.
    """
    found = measure(verilog_of(asked.source), asked)
    if asked.as_json:
        print(json.dumps(found, indent=1))
        return
    print(
        f"{found['device']}: {found['luts']} LUTs ({found['carries']} carries), {found['flip_flops']} flip-flops, "
        f"{found['block_rams']} block RAMs, {found['multipliers']} multipliers"
    )
    placed = found["placed"]
    if placed is None:
        print(f"not placed: {found['reason']}")
        return
    print(
        f"placed: {placed['logic_cells']} of {placed['available']} logic cells, among them the shift registers that "
        f"stand for pins ({placed['wrapper_flip_flops']}); at most {placed['fmax_mhz']:g} MHz"
    )


def measure(verilog: str, asked: FpgaRequest) -> dict[str, Any]:
    """What --json prints: counts of synthesis, and `placed`, or None with the reason."""
    from inkling.hdl.mapping import fpga

    device = fpga.device_of(asked.device)
    if not re.search(rf"\bmodule\s+\\?{re.escape(asked.module)}\b", verilog):
        raise InputError(f"{asked.source} has no module {asked.module!r}; name its top with --module")
    counts = fpga.synthesise(verilog, device, module=asked.module, time_limit_s=asked.limit_s)
    reason = fpga.missing(device) if asked.route else "it was not asked for"
    placed = None
    if not reason:
        placed = fpga.place(
            verilog, device, module=asked.module, clock=asked.clock, seed=asked.seed, time_limit_s=asked.limit_s
        )
    return {
        "schema": "inkling.fpga/1",
        "device": device.name,
        "what": device.what,
        "module": asked.module,
        **asdict(counts),
        "placed": asdict(placed) if placed else None,
        "reason": reason,
    }


def verilog_of(source: Path) -> str:
    """top.v of a design folder, or a file of the user's own without its comments. Raises InputError.

    Both are read word by word before any tool sees them (`inkling.sim.designs.foreign_verilog`).
    """
    path = source / "top.v" if source.is_dir() else source
    found = text(path)
    if not (source / "design.json").is_file():
        return own_verilog(found, str(path))
    check_verilog(found, str(path))
    return found

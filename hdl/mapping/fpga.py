"""What a Verilog module takes on an FPGA: synthesis by yosys, placing and routing by nextpnr, in child processes.

nextpnr comes with the optional extra `fpga`; without it there are counts of synthesis only.
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inkling.approx.programs import process
from inkling.hdl.mapping.elaboration import synthesised
from inkling.train.errors import InputError
from inkling.train.extras import advice
from inkling.train.files import checked_json


@dataclass(frozen=True)
class Device:
    """A part: yosys' command, nextpnr's wheel ("" where nothing places for it) and options."""

    name: str
    what: str
    synthesis: str
    nextpnr: str = ""
    options: tuple[str, ...] = ()


_ICE40, _ECP5 = "ice40", "ecp5"
DEVICES = {
    device.name: device
    for device in (
        Device("lut6", "LUTs of six inputs, no part", "synth -flatten -lut 6"),
        Device(
            "up5k", "Lattice iCE40 UltraPlus", "synth_ice40 -device u -dsp", _ICE40, ("--up5k", "--package", "sg48")
        ),
        Device("hx1k", "Lattice iCE40 HX", "synth_ice40 -device hx", _ICE40, ("--hx1k", "--package", "tq144")),
        Device("hx8k", "Lattice iCE40 HX", "synth_ice40 -device hx", _ICE40, ("--hx8k", "--package", "ct256")),
        Device(
            "ecp5-25k",
            "Lattice ECP5",
            "synth_lattice -family ecp5 -nowidelut",
            _ECP5,
            ("--25k", "--package", "CABGA381"),
        ),
        Device(
            "ecp5-85k",
            "Lattice ECP5",
            "synth_lattice -family ecp5 -nowidelut",
            _ECP5,
            ("--85k", "--package", "CABGA381"),
        ),
    )
}
# Cells by what they are; those of a kind that takes several LUTs count as many.
_LUTS = {"$lut": 1, "SB_LUT4": 1, "LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4}
_CARRIES = {"SB_CARRY": 1, "CCU2C": 1}
_RAMS = ("SB_RAM40_4K", "DP16KD", "PDPW16KD", "SB_SPRAM256KA")
_MULTIPLIERS = ("SB_MAC16", "MULT18X18D")
# Where nextpnr tells what is used: logic (with LUTs of carries and those that only lead to a flip-flop), memories.
_USED = {_ICE40: ("ICESTORM_LC", ("ICESTORM_RAM",)), _ECP5: ("TRELLIS_COMB", ("DP16KD",))}
WRAPPER = "inkling_pins"


@dataclass(frozen=True)
class Counts:
    """Cells of a module after synthesis. luts: with those that carries take, where a carry is made of LUTs."""

    luts: int
    carries: int
    flip_flops: int
    block_rams: int
    multipliers: int


@dataclass(frozen=True)
class Placed:
    """After routing: logic cells, with the wrapper's, of how many; memories; the fastest clock in MHz."""

    logic_cells: int
    available: int
    block_rams: int
    wrapper_flip_flops: int
    fmax_mhz: float


def device_of(name: str) -> Device:
    """Raises InputError for a part that is not known."""
    if name not in DEVICES:
        raise InputError(f"--device {name!r} is not one of {', '.join(DEVICES)}")
    return DEVICES[name]


def synthesise(verilog: str, device: Device, *, module: str = "top", time_limit_s: float = 300.0) -> Counts:
    """Counts of a module's cells, without pins. Raises inkling.approx.programs.process.ToolError where yosys fails
    or is late.
    """
    return _counts(_synthesised(verilog, device, module, time_limit_s)["modules"][module])


def missing(device: Device) -> str:
    """Why nothing can be placed for the device, or ""."""
    if not device.nextpnr:
        return f"{device.name} is no part that nextpnr places"
    if find_spec(f"yowasp_nextpnr_{device.nextpnr}") is None:
        return f"nextpnr is not installed: {advice('fpga', f'yowasp-nextpnr-{device.nextpnr}')}"
    return ""


def place(
    verilog: str,
    device: Device,
    *,
    module: str = "top",
    clock: str = "clk",
    seed: int = 1,
    target_mhz: float = 100.0,
    time_limit_s: float = 600.0,
) -> Placed:
    """Place and route a module between shift registers, which stand for its pins, so that any number of ports fits.

    clock: the module's clock port, if it has one of that name; a combinational module is timed from register to
    register. Raises InputError where nextpnr is missing, inkling.approx.programs.process.ToolError where a tool is
    late or fails, as where the module does not fit.
    """
    if reason := missing(device):
        raise InputError(reason)
    with tempfile.TemporaryDirectory(prefix="inkling-") as folder:
        at = Path(folder)
        around, registers = wrapped(verilog, module=module, clock=clock, time_limit_s=time_limit_s)
        design = _synthesised(verilog + around, device, WRAPPER, time_limit_s)
        (at / "design.json").write_text(json.dumps(design), encoding="utf-8")
        tool = Path(sys.executable).parent / f"yowasp-nextpnr-{device.nextpnr}"
        command: list[str | Path] = [
            tool,
            *device.options,
            "--json",
            "design.json",
            "--report",
            "report.json",
            "--seed",
            str(seed),
        ]
        command += ["--freq", f"{target_mhz:g}", "--timing-allow-fail", "--quiet"]
        process.run(command, time_limit_s=time_limit_s, cwd=at)
        report = checked_json.load(at / "report.json", "nextpnr wrote it", 2**28).data
    logic, memories = _USED[device.nextpnr]
    used = report["utilization"]
    clocks = [float(found["achieved"]) for found in report["fmax"].values()]
    return Placed(
        int(used[logic]["used"]),
        int(used[logic]["available"]),
        sum(int(used[name]["used"]) for name in memories),
        registers,
        round(min(clocks), 2) if clocks else 0.0,
    )


def wrapped(verilog: str, *, module: str, clock: str, time_limit_s: float = 60.0) -> tuple[str, int]:
    """Verilog of WRAPPER, a module of four pins round `module`, and the number of its flip-flops."""
    ports = synthesised(verilog, module, ("proc",), time_limit_s)["modules"][module]["ports"]
    pins, given, answered = [], 0, 0
    for name, port in ports.items():
        width = len(port["bits"])
        if name == clock:
            pins.append(f".{name}(clk)")
        elif port["direction"] == "input":
            pins.append(f".\\{name} (given[{given + width - 1}:{given}])")
            given += width
        elif port["direction"] == "output":
            pins.append(f".\\{name} (answer[{answered + width - 1}:{answered}])")
            answered += width
        else:
            raise InputError(f"module {module}: port {name} is neither input nor output; give a plain circuit")
    if not answered:
        raise InputError(f"module {module} has no output; there is nothing to place")
    lines = [
        f"module {WRAPPER}(input clk, input serial, input take, output shown);",
        f"  reg [{max(given, 1)}:0] given;",
        f"  reg [{answered}:0] taken;",
        f"  wire [{answered - 1}:0] answer;",
        f"  {module} dut({', '.join(pins)});",
        "  always @(posedge clk) given <= {given, serial};",
        "  always @(posedge clk) taken <= take ? {answer, 1'b0} : {taken, 1'b0};",
        f"  assign shown = taken[{answered}];",
        "endmodule",
    ]
    return "\n" + "\n".join(lines) + "\n", given + answered


def _synthesised(verilog: str, device: Device, module: str, time_limit_s: float) -> dict[str, Any]:
    return synthesised(verilog, module, (f"{device.synthesis} -top {module}", "opt_clean"), time_limit_s)


def _counts(module: dict[str, Any]) -> Counts:
    kinds = [str(cell["type"]) for cell in module["cells"].values()]
    return Counts(
        luts=sum(_LUTS.get(kind, 0) for kind in kinds),
        carries=sum(_CARRIES.get(kind, 0) for kind in kinds),
        flip_flops=sum(kind.startswith(("SB_DFF", "TRELLIS_FF", "$_DFF", "$_SDFF")) for kind in kinds),
        block_rams=sum(kind in _RAMS for kind in kinds),
        multipliers=sum(kind in _MULTIPLIERS for kind in kinds),
    )

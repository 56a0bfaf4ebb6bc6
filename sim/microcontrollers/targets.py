"""Families of microcontrollers: their compilers, flags and emulators, and one function that builds and one that runs.

A family whose tools are missing says so in one line; what a kernel answers is compared in
`inkling.sim.microcontrollers.route`.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs.process import ToolError, run
from inkling.train.errors import InputError

_HERE = Path(__file__).parent
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
# As users compile for small parts: for size, and what nobody calls is left out.
OPTIONS = ("-Os", "-ffreestanding", "-ffunction-sections", "-fdata-sections")
LONGEST_S = 120.0
_KINDS = {"uint8_t": "u1", "uint16_t": "<u2", "int16_t": "<i2"}


@dataclass(frozen=True)
class Target:
    """A part that a kernel is compiled for and run on.

    machine: of the emulator; counts: what its figure of speed is, "instructions" or "clocks"; packages: Debian's that
    bring its tools.
    """

    name: str
    title: str
    prefix: str
    flags: tuple[str, ...]
    machine: str
    counts: str
    packages: tuple[str, ...]

    @property
    def compiler(self) -> str:
        return f"{self.prefix}-gcc"

    @property
    def emulator(self) -> str:
        """The program that runs it."""
        return {"arm-none-eabi": "qemu-system-arm", "avr": "simavr"}.get(self.prefix, "qemu-system-riscv32")

    def missing(self) -> str:
        """What is missing, with what brings it; empty where nothing is."""
        absent = [name for name in (self.compiler, self.emulator) if shutil.which(name) is None]
        return (
            f"{' and '.join(absent)} not found (Debian: apt-get install {' '.join(self.packages)})" if absent else ""
        )


_ARM = ("gcc-arm-none-eabi", "qemu-system-arm")
_RISCV = ("gcc-riscv64-unknown-elf", "qemu-system-misc")
_AVR = ("gcc-avr", "avr-libc", "simavr", "libsimavr-dev", "libelf-dev")
_CORTEX = "arm-none-eabi"
TARGETS = {
    target.name: target
    for target in (
        Target("cortex-m0", "Cortex-M0", _CORTEX, ("-mcpu=cortex-m0", "-mthumb"), "microbit", "instructions", _ARM),
        Target("cortex-m3", "Cortex-M3", _CORTEX, ("-mcpu=cortex-m3", "-mthumb"), "mps2-an385", "instructions", _ARM),
        Target("cortex-m4", "Cortex-M4", _CORTEX, ("-mcpu=cortex-m4", "-mthumb"), "mps2-an386", "instructions", _ARM),
        Target("avr", "ATmega328P", "avr", ("-mmcu=atmega328p",), "atmega328p", "clocks", _AVR),
        Target(
            "rv32imc",
            "RV32IMC",
            "riscv64-unknown-elf",
            ("-march=rv32imc_zicsr", "-mabi=ilp32"),
            "virt",
            "instructions",
            _RISCV,
        ),
    )
}


def target_of(name: str) -> Target:
    """The target of that name. Raises InputError that lists them, or tells what is missing."""
    if name not in TARGETS:
        raise InputError(f"there is no target {name!r}; take one of {', '.join(TARGETS)}")
    if absent := TARGETS[name].missing():
        raise InputError(f"target {name}: {absent}")
    return TARGETS[name]


@dataclass(frozen=True)
class Entry:
    """What is measured: a function of kernel_mcu.h that takes a row and gives a label.

    call: its name; kind: the C type of a row's numbers, uint8_t, uint16_t or int16_t; features: numbers in a row.
    """

    call: str
    kind: str
    features: int


@dataclass(frozen=True)
class Built:
    """A program in `folder`. flash, ram, stack: bytes that the kernel adds to a program and, of the stack, uses."""

    target: Target
    folder: Path
    flash: int
    ram: int
    stack: int


@dataclass(frozen=True, eq=False)
class Answers:
    """labels: uint8 [rows]; each: instructions or clocks an answer, the call and the loop around it not counted."""

    labels: NDArray[np.uint8]
    each: float


def build(
    folder: Path, source: str, header: str, entry: Entry, target: Target, *, warnings: Sequence[str] = WARNINGS
) -> Built:
    """Compile a kernel with its bench into a folder. Raises ToolError where the compiler has anything to say.

    warnings: other flags for the text of somebody else, which may be careless.
    """
    for name, text in (("kernel_mcu.c", source), ("kernel_mcu.h", header)):
        (folder / name).write_text(text, encoding="ascii")
    stub = f'#include "kernel_mcu.h"\nuint8_t {entry.call}(const {entry.kind} *row) {{ return (uint8_t)row[0]; }}\n'
    (folder / "stub.c").write_text(stub, encoding="ascii")
    family = {"arm-none-eabi": "cortex", "avr": "avr"}.get(target.prefix, "riscv")
    names = [f"{family}.c", *([] if family == "avr" else [f"{family}.ld"])]
    for name in names:
        shutil.copyfile(_HERE / name, folder / name)
    defines = [f"-DCALL={entry.call}", f"-DROW_TYPE={entry.kind}", f"-DFEATURES={entry.features}"]
    compiler = [target.compiler, *target.flags, *OPTIONS]
    run(
        [*compiler, *(warnings or ("-std=gnu99", "-w")), "-fstack-usage", "-c", "kernel_mcu.c", "-o", "kernel_mcu.o"],
        time_limit_s=LONGEST_S,
        cwd=folder,
    )
    run([*compiler, "-std=c99", "-c", "stub.c", "-o", "stub.o"], time_limit_s=LONGEST_S, cwd=folder)
    run([*compiler, "-std=gnu99", *defines, "-c", names[0], "-o", "bench.o"], time_limit_s=LONGEST_S, cwd=folder)
    link = [] if family == "avr" else ["-nostartfiles", "-nostdlib", "-T", names[1]]
    sizes = []
    for part in ("stub", "kernel_mcu"):
        last = [] if family == "avr" else ["-lgcc"]
        objects = ["bench.o", f"{part}.o"]
        run(
            [*compiler, *link, "-Wl,--gc-sections", *objects, *last, "-o", f"{part}.elf"],
            time_limit_s=LONGEST_S,
            cwd=folder,
        )
        printed = run([f"{target.prefix}-size", f"{part}.elf"], time_limit_s=30, cwd=folder).stdout
        sizes.append([int(number) for number in printed.splitlines()[1].split()[:3]])
    (base_code, base_data, base_bss), (code, data, bss) = sizes
    used = [int(line.split("\t")[1]) for line in (folder / "kernel_mcu.su").read_text().splitlines()]
    flash, ram = code + data - base_code - base_data, data + bss - base_data - base_bss
    return Built(target, folder, flash, ram, sum(used))


def answers(built: Built, rows: NDArray[np.integer], entry: Entry, *, time_limit_s: float = LONGEST_S) -> Answers:
    """Run a program on rows, [rows, features], of the entry's kind. Raises ToolError where it fails or hangs."""
    folder = built.folder
    np.ascontiguousarray(rows, _KINDS[entry.kind]).tofile(folder / "vectors.bin")
    (folder / "labels.bin").unlink(missing_ok=True)
    if built.target.prefix == "avr":
        each = _simulated(built, len(rows), entry, time_limit_s)
    else:
        each = _emulated(built, len(rows), time_limit_s)
    labels = np.fromfile(folder / "labels.bin", np.uint8)
    if len(labels) != len(rows):
        raise ToolError(f"{built.target.title} answered {len(labels)} of {len(rows)} rows")
    return Answers(labels, each)


def _emulated(built: Built, rows: int, time_limit_s: float) -> float:
    """QEMU, one instruction a nanosecond of its clock; files by semihosting."""
    (built.folder / "figures.bin").unlink(missing_ok=True)
    command = [built.target.emulator, "-M", built.target.machine, "-icount", "shift=0", "-semihosting-config"]
    command += ["enable=on,target=native", "-display", "none", "-monitor", "none", "-serial", "none"]
    bios = ["-bios", "none"] if built.target.machine == "virt" else []
    run([*command, *bios, "-kernel", "kernel_mcu.elf"], time_limit_s=time_limit_s, cwd=built.folder)
    calibration, empty, spent = (int(number) for number in np.fromfile(built.folder / "figures.bin", "<u4"))
    return float(spent - empty) * 200_000 / max(calibration, 1) / max(rows, 1)


def _simulated(built: Built, rows: int, entry: Entry, time_limit_s: float) -> float:
    """simavr, through a program of ours that is linked to it."""
    host = built.folder / "avr_host"
    if not host.exists():
        shutil.copyfile(_HERE / "avr_host.c", built.folder / "avr_host.c")
        run(["cc", "-O2", "avr_host.c", "-lsimavr", "-lelf", "-o", "avr_host"], time_limit_s=60, cwd=built.folder)
    clocks = []
    for part in ("stub", "kernel_mcu"):
        listed = run(["avr-nm", f"{part}.elf"], time_limit_s=30, cwd=built.folder).stdout
        place = {name: int(at, 16) & 0xFFFF for at, name in re.findall(r"^(\w+) \w (row|label|flag)$", listed, re.M)}
        size = entry.features * np.dtype(_KINDS[entry.kind]).itemsize
        order = [place["row"], size, place["label"], place["flag"]]
        done = run([host, f"{part}.elf", *map(str, order)], time_limit_s=time_limit_s, cwd=built.folder)
        clocks.append(int(done.stdout.split()[-1]))
    return (clocks[1] - clocks[0]) / max(rows, 1)

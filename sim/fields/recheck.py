"""Checking a field's folder again from its files alone: kernels, PyTorch in integers, the engine where there is one.

Trusted are field.json with its arrays, which define the function, and this program. A text that would be executed or
verilated is used where it is byte for byte what is emitted now; any other only when the caller says so.
"""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inkling.approx.programs.process import ToolError
from inkling.approx.reference import field_files
from inkling.approx.reference.field import IntegerField
from inkling.sim.designs import manifest
from inkling.sim.fields import kernels
from inkling.sim.fields.queries import compare, failed, random_places, reference
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.errors import InputError
from inkling.train.files.checked_json import document
from inkling.train.files.text import MOST_BYTES, text

ENGINE = "engine.v"
ENGINE_JSON = "engine.json"
SCHEMA = "inkling.field-engine/1"
PACKED = ("packed.bin", "unpack.c", "unpack.h")
KERNELS = ("kernel.c", "kernel.h", "kernel.py", "tables.bin")


@dataclass(frozen=True)
class FieldBudget:
    """Queries of the kernels; clocks of the verilated engine, of cocotb and of Amaranth's simulator; seconds of a
    proof and of any one tool."""

    queries: int = 1_000_000
    clocks: int = 20_000_000
    slow_clocks: int = 40_000
    simulator_clocks: int = 3_000
    proof_s: float = 120.0
    time_limit_s: float = 600.0


def engine_facts(field: IntegerField, lanes: int) -> dict[str, Any]:
    """What engine.json holds. Raises as `inkling.hdl.engine.schedule.schedule` does."""
    from inkling.hdl.engine.schedule import cycles, multipliers

    latency, interval = cycles(field, lanes)
    facts = {"schema": SCHEMA, "lanes": lanes, "latency_clocks": latency, "interval_clocks": interval}
    return facts | {"multipliers": multipliers(field, lanes)}


def write_engine(field: IntegerField, lanes: int, folder: Path) -> None:
    """Emit engine.v and engine.json into a folder. Raises as `inkling.hdl.engine.schedule.schedule` does."""
    from inkling.hdl.engine.engine import emit
    from inkling.train.files import atomic

    atomic.write(folder / ENGINE, emit(field, lanes).encode())
    atomic.write(folder / ENGINE_JSON, (json.dumps(engine_facts(field, lanes), indent=1) + "\n").encode())


def recheck(
    folder: Path,
    *,
    budget: FieldBudget | None = None,
    trust: bool = False,
    seed: int = 0,
    done: Callable[[Verdict], None] | None = None,
) -> tuple[Verdict, ...]:
    """Every route against `IntegerField.evaluate`. Raises InputError where a file is missing or malformed."""
    how = budget or FieldBudget()
    field = field_files.load(folder)
    verdicts: list[Verdict] = []

    def take(found: Verdict) -> None:
        verdicts.append(found)
        if done is not None:
            done(found)

    required = (folder / "run.json").is_file() and bool(document(folder / "run.json").get("manifest"))
    take(manifest.verdict(folder, required=required, trusted=trust))
    for verdict in (*_kernels(field, folder, how, trust, seed), *check_packed(field, folder, how, trust=trust)):
        take(verdict)
    if (folder / "report.json").is_file():
        take(check_report(field, folder))
    take(check_torch(field, how.queries, seed))
    if (folder / ENGINE).is_file() != (folder / ENGINE_JSON).is_file():
        take(failed("engine", ENGINE, f"{ENGINE} and {ENGINE_JSON} belong together, and one is missing"))
    elif (folder / ENGINE).is_file():
        check_engine(field, folder, take, budget=how, trust=trust, seed=seed)
    return tuple(verdicts)


def check_engine(
    field: IntegerField,
    folder: Path,
    take: Callable[[Verdict], None],
    *,
    budget: FieldBudget,
    trust: bool = False,
    seed: int = 0,
) -> None:
    """Give every verdict on engine.v to `take`."""
    from inkling.hdl.engine.engine import emit
    from inkling.hdl.engine.schedule import cycles
    from inkling.sim.fields import cocotb_route, control_proof
    from inkling.sim.fields.engine import simulate, verify
    from inkling.sim.fields.queries import random_queries

    engine = document(folder / ENGINE_JSON)
    lanes = engine.get("lanes")
    if not isinstance(lanes, int) or isinstance(lanes, bool) or not 1 <= lanes <= 10**9:
        raise InputError(f"{folder / ENGINE_JSON}: lanes is no whole number above 0; make the run again")
    facts = engine_facts(field, lanes)
    wrong = [key for key in facts if engine.get(key) != facts[key]]
    said = f"{wrong[0]} is {str(engine.get(wrong[0]))[:40]}, not {facts[wrong[0]]}" if wrong else "as the model says"
    take(Verdict("engine", ENGINE_JSON, "the schedule", len(facts), len(wrong), 0.0, detail=said, unit="figures"))
    verilog, limit = text(folder / ENGINE), budget.time_limit_s
    if verilog != emit(field, lanes) and not trust:
        take(failed("verilator-field", ENGINE, "differs from what this version emits"))
        return
    interval = cycles(field, lanes)[1]
    many, some = (min(max(clocks // interval, 16), budget.queries) for clocks in (budget.clocks, budget.slow_clocks))
    queries, few = random_queries(field, many, seed), random_queries(field, some, seed + 1)
    stops: dict[str, Any] = {"query_stall": 0.3, "answer_stall": 0.3, "reset_every": 50 * interval}

    def stalled() -> Verdict:
        with tempfile.TemporaryDirectory(prefix="inkling-field-") as name:
            place: dict[str, Any] = {"keep": Path(name), "time_limit_s": limit, "unknown": True}
            runs = [verify(verilog, field, lanes, few, **stops, **place, seed=k, reuse=k > 1) for k in range(1, 4)]
        bad = [item for item in runs if item.failed]
        told = bad[0].detail if bad else "random stalls, resets in mid-stream, registers that begin at random"
        total, seconds = sum(item.vectors for item in runs), sum(item.seconds for item in runs)
        mismatches = sum(item.mismatches for item in runs)
        sample = (bad or runs)[0]
        return replace(sample, vectors=total, mismatches=mismatches, seconds=seconds, detail=told)

    def cocotb() -> Verdict:
        reset_every = 100 * interval
        found = cocotb_route.verify(verilog, field, lanes, few, reset_every=reset_every, time_limit_s=limit)
        return replace(found.verdict, coverage={"points": found.points, "never_exercised": list(found.never)})

    def proof() -> Verdict:
        return control_proof.prove(verilog, field, lanes, time_limit_s=budget.proof_s)

    sample = random_queries(field, max(budget.simulator_clocks // interval, 4), seed + 2)
    routes: dict[str, Callable[[], Verdict]] = {
        "verilator-field": lambda: verify(verilog, field, lanes, queries, time_limit_s=limit),
        "verilator-field-stalls": stalled,
        "cocotb-field": cocotb,
        "amaranth-field": lambda: simulate(field, lanes, sample),
        "control-proof": proof,
    }
    for name, check in routes.items():
        subject = ENGINE if name != "amaranth-field" else "FieldEngine"
        try:
            take(replace(check(), route=name, subject=subject))
        except (ToolError, ValueError, OSError) as error:
            take(failed(name, subject, f"could not be checked: {' '.join(str(error).split())[-300:]}"))


def _kernels(field: IntegerField, folder: Path, how: FieldBudget, trust: bool, seed: int) -> list[Verdict]:
    """numba, and every path of C."""
    from inkling.hdl.fields.plan import plan

    planned = plan(field)
    differ = differing(field, folder)
    if differ and not trust:
        told = f"not run: {differ[0]} differs from what this version emits; --trust runs it"
        return [failed(route, differ[0], told) for route in ("numba", "c")]
    return kernels.check(planned, folder, how.queries, seed, how.time_limit_s)


def differing(field: IntegerField, folder: Path) -> list[str]:
    """Which of KERNELS are not what this version emits. Raises InputError where one is missing."""
    from inkling.hdl.fields import numba_kernel
    from inkling.hdl.fields.c_kernel import emit
    from inkling.hdl.fields.plan import plan

    planned = plan(field)
    kernel = emit(planned)
    emitted = {"kernel.c": kernel.source.encode(), "kernel.h": kernel.header.encode(), "tables.bin": kernel.tables}
    emitted["kernel.py"] = numba_kernel.emit(planned).encode()
    return [name for name in KERNELS if not _same(folder / name, emitted[name])]


def check_packed(field: IntegerField, folder: Path, how: FieldBudget, *, trust: bool) -> list[Verdict]:
    """A picture's packed file and what unpacks it; nothing for a field without them."""
    from inkling.hdl.fields import unpack
    from inkling.hdl.fields.plan import plan

    there = [name for name in PACKED if (folder / name).is_file()]
    if not there:
        return []
    if len(there) < len(PACKED):
        lacking = next(name for name in PACKED if name not in there)
        return [failed("unpack", lacking, f"{lacking} is missing, without which {there[0]} is of no use")]
    planned = plan(field)
    emitted = {"unpack.c": unpack.source(planned).encode(), "unpack.h": unpack.header(planned).encode()}
    differ = [name for name in emitted if not _same(folder / name, emitted[name])]
    if differ and not trust:
        told = f"not run: {differ[0]} differs from what this version emits; --trust runs it"
        return [failed("unpack", differ[0], told)]
    return [kernels.check_unpacked(planned, folder, how.time_limit_s)]


def check_report(field: IntegerField, folder: Path) -> Verdict:
    """What report.json says of sizes and of the engine, worked out again."""
    told = document(folder / "report.json")
    size = kernels.size(field, folder)
    figures: dict[str, Any] = {"bytes_in_memory": size, "bytes_per_entry": field.bytes_per_entry}
    if not (folder / "packed.bin").is_file():
        figures["bytes"] = size
    if (folder / ENGINE_JSON).is_file():
        figures["engine"] = document(folder / ENGINE_JSON)
    differ = {key: value for key, value in figures.items() if told.get(key) != value}
    wrong = [f"{key} is {str(told.get(key))[:40]}, not {value}" for key, value in differ.items()]
    said = "; ".join(wrong) or "sizes and the engine's figures, worked out again"
    return Verdict("report", "report.json", "the files", len(figures), len(wrong), 0.0, detail=said, unit="figures")


def check_torch(field: IntegerField, count: int, seed: int) -> Verdict:
    """PyTorch in 32-bit integers, which reads the same arrays."""
    from inkling.sim.fields.torch_route import evaluate

    places = random_places(field, count, seed)
    start = time.perf_counter()
    found = evaluate(field, places.entry, places.u, places.v)
    seconds = time.perf_counter() - start
    return compare(
        places, reference(field, places), found, route="torch", subject="field.npz", seconds=seconds, detail="int32"
    )


def _same(path: Path, emitted: bytes) -> bool:
    """Whether a file is what is emitted; of texts the kind of line ends, and the last one, do not count."""
    found = _content(path, 2 * len(emitted))
    if path.suffix == ".bin":
        return found == emitted
    return found.replace(b"\r\n", b"\n").rstrip(b"\n") == emitted.rstrip(b"\n")


def _content(path: Path, size: int) -> bytes:
    """The bytes of a file, one more than there should be at most. Raises InputError where it is not there."""
    try:
        with path.open("rb") as stream:
            return stream.read(max(size, MOST_BYTES) + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); make the run again") from error

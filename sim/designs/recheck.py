"""Checking a design folder again from its files alone, by every route there is.

What is trusted: network.json, which is parsed and defines the function, and this program. A text that would be
executed (kernel.c, kernel.h, kernel.py, component.py) is run where it is byte for byte what is emitted now from
network.json; any other is foreign code, and is run only when the caller says so; else its route fails, as a check
that was not made is no passed one. Verilog was searched by `inkling.sim.designs.folder` before any tool reads it.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs.process import ToolError
from inkling.approx.reference.operations import Ints
from inkling.hdl.cells.verilog_reader import read as read_mapped
from inkling.hdl.kernels.gates_c import has_label_entry
from inkling.sim.designs.folder import DesignFolder, differences, emission
from inkling.sim.verdicts.comparison import compare
from inkling.sim.verdicts.vectors import reference, stimuli
from inkling.sim.verdicts.verdict import Outcome, Verdict
from inkling.train.errors import InputError

EXHAUSTIVE_BITS = 24
# Routes by the text that they run.
RUNS = {"numba": ("kernel.py",), "c": ("kernel.c", "kernel.h"), "amaranth": ("component.py",)}
RUNS["component"] = RUNS["amaranth"]


_NETWORK = ("network.json", "network.npz")
# What the verdict on each file is about, besides the file.
ABOUT = {
    **dict.fromkeys(("kernel.py", "component.py", "top.v", "mapped.v", "netlist.json"), _NETWORK),
    "kernel.c": ("kernel.h", *_NETWORK),
    "design.json": (*_NETWORK, "readings.json"),
}


@dataclass(frozen=True)
class Budget:
    """How much is tried: vectors of the fast routes and the slow ones, seconds of one proof, of the simulator and of
    the bulk vectors behind a proof that did not close, and how many these are at most."""

    vectors: int = 1_000_000
    slow_vectors: int = 2_000
    proof_s: float = 60.0
    simulation_s: float = 20.0
    bulk_vectors: int = 10**9
    bulk_s: float = 60.0
    time_limit_s: float = 300.0


@dataclass(frozen=True, eq=False)
class Rechecked:
    """The verdicts of a design; the texts as they are emitted now, and how the folder's differ; what was tried."""

    verdicts: tuple[Verdict, ...]
    emitted: dict[str, str]
    differs: dict[str, str]
    values: NDArray[np.uint8]
    expected: Ints


def recheck(
    design: DesignFolder,
    *,
    sharings: Sequence[int],
    rows: NDArray[np.uint8] | None = None,
    budget: Budget | None = None,
    trust: bool = False,
    seed: int = 0,
    only: Collection[str] | None = None,
    emitted: dict[str, str] | None = None,
    done: Callable[[Verdict], None] | None = None,
) -> Rechecked:
    """Every route on the same vectors, every value there is where the inputs have at most 24 bits.

    rows: uint8 [n, inputs], data rows to try first, as values that enter; sharings: as in
    `inkling.sim.designs.folder.differences`; trust: run texts that this version does not emit; only: routes to take,
    all where None. A tool that cannot be run, or that refuses a text, fails the route.
    """
    from inkling.sim.benches import cocotb_route
    from inkling.sim.benches import component as component_bench
    from inkling.sim.kernels import children, gates, gates_bulk
    from inkling.sim.proofs import equivalence, named_logic
    from inkling.sim.verilator import bulk as verilator

    how, network, texts, netlist = budget or Budget(), design.network, design.texts, design.netlist
    emitted = emission(design, sharings) if emitted is None else emitted
    differs = differences(design, emitted)
    chosen = stimuli(network, rows, count=how.vectors, seed=seed, exhaustive_bits=EXHAUSTIVE_BITS)
    values, expected = chosen.values, reference(network, chosen.values)
    some, limit = slice(None, how.slow_vectors), how.time_limit_s
    labels = network.is_classifier and has_label_entry(netlist)
    verdicts: list[Verdict] = []

    def route(name: str, subject: str, check: Callable[[], Verdict]) -> Verdict | None:
        if only is not None and name not in only:
            return None
        foreign = [text for text in RUNS.get(name, ()) if text in differs]
        if foreign and not trust:
            found = Verdict(name, subject, "network.json", 0, 1, 0.0)
            found = replace(found, detail=f"not run: {foreign[0]}, {differs[foreign[0]]}; --trust runs it")
        else:
            try:
                found = check()
            except (ToolError, InputError, ValueError) as error:
                why = " ".join(str(error).split())[-300:]
                found = Verdict(name, subject, "network.json", 0, 1, 0.0, detail=f"could not be checked: {why}")
        found = replace(found, route=name, subject=subject)
        if chosen.exhaustive and found.passed and found.vectors == len(values):
            found = replace(found, proven=True, detail="every value of the inputs was tried")
        verdicts.append(found)
        if done is not None:
            done(found)
        return found

    def component() -> Verdict:
        begin = time.monotonic()
        logic = named_logic.read([component_bench.to_rtlil(network, texts["component.py"])], network)[0]
        found = named_logic.labels(logic, network, values)
        seconds = time.monotonic() - begin
        return compare(network, values, expected, found, route="component", subject="component.py", seconds=seconds)

    def same_gates() -> Verdict:
        begin = time.monotonic()
        read = read_mapped(texts["mapped.v"], netlist.cell_types)
        found = gates.verify_gates(read, network, values, expected=expected)
        detail = "its cells, with the truth tables of netlist.json"
        spent = time.monotonic() - begin
        return replace(found, route="mapped-cells", subject="mapped.v", seconds=spent, detail=detail)

    def verilated(name: str, text: str) -> Verdict:
        return verilator.verify(
            texts[text], network, values, expected=expected, route=name, subject=text, time_limit_s=limit
        )

    def proof(text: str, subject: str) -> Verdict:
        source = "network.json" if "top.v" in differs else "top.v"
        return equivalence.prove(emitted["top.v"], text, subject=subject, reference=source, time_limit_s=how.proof_s)

    kernel: dict[str, Any] = {"expected": expected, "time_limit_s": limit}
    route("numba", "kernel.py", lambda: children.verify_numba(network, texts["kernel.py"], values, **kernel))
    route("c", "kernel.c", lambda: children.verify_c(network, texts["kernel.c"], texts["kernel.h"], values, **kernel))
    route("gates", "netlist.json", lambda: gates.verify_gates(netlist, network, values, expected=expected))
    if labels:
        route("gates-c", "netlist.json", lambda: gates.verify_gates_c(netlist, network, values, **kernel))
    route("mapped-cells", "mapped.v", same_gates)
    route("component", "component.py", component)
    amaranth = component_bench.verify_component
    slow: dict[str, Any] = {"expected": expected[some], "simulation_s": how.simulation_s, "time_limit_s": limit}
    route("amaranth", "component.py", lambda: amaranth(network, texts["component.py"], values[some], **slow))
    route("verilator", "top.v", lambda: verilated("verilator", "top.v"))
    bench: dict[str, Any] = {"expected": expected[some], "time_limit_s": limit}
    route("cocotb", "top.v", lambda: cocotb_route.verify(texts["top.v"], network, values[some], **bench))
    route("verilator-mapped", "mapped.v", lambda: verilated("verilator-mapped", "mapped.v"))
    # What is emitted from network.json is the left side of every proof, so that two texts that are wrong alike, or a
    # netlist that its cells do not follow, are refuted. A text that is not emitted has a proof of its own.
    proven = route("proof", "mapped.v", lambda: proof(texts["mapped.v"], "mapped.v"))
    if "top.v" in differs:
        route("proof-top", "top.v", lambda: proof(texts["top.v"], "top.v"))
    if "mapped.v" in differs:
        route("proof-netlist", "netlist.json", lambda: proof(emitted["mapped.v"], "netlist.json"))
    if proven and proven.outcome is Outcome.UNDECIDED and not chosen.exhaustive and labels:
        many: dict[str, Any] = {"vectors": how.bulk_vectors, "seconds": how.bulk_s, "seed": seed}
        route("bulk", "netlist.json", lambda: gates_bulk.verify_bulk(netlist, network, **many))
    return Rechecked(tuple(verdicts), emitted, differs, values, expected)

"""A folded design checked again from its files alone.

Its texts are emitted again from the network and the schedule, the cells between the flip-flops proven, both texts
simulated, and its area counted.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from inkling.approx.folding import search
from inkling.approx.folding.plan import FoldPlan
from inkling.approx.programs.process import ToolError
from inkling.approx.reference import netlist_files, network_files
from inkling.approx.reference.netlist import Netlist, Port
from inkling.approx.reference.network import IntegerNetwork
from inkling.designs.fold import unknowns
from inkling.sim.designs import manifest
from inkling.sim.designs.foreign_verilog import check_verilog
from inkling.sim.proofs import equivalence
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.errors import InputError
from inkling.train.files.checked_json import Fields, document, load
from inkling.train.files.text import text

MOST_VECTORS = 20_000
MAPPED_VECTORS = 2000


def is_folded(folder: Path) -> bool:
    return (folder / "folded.json").is_file()


def recheck(
    folder: Path, *, vectors: int, proof_s: float, seed: int = 0, done: Callable[[Verdict], None] | None = None
) -> list[Verdict]:
    """Every check of a folded design. Raises InputError where a file is missing or malformed.

    vectors: 0 for what the files say alone, without a proof and without a simulation.
    """
    from inkling.hdl.folded.texts import component, verilog
    from inkling.hdl.mapping.sequential import emit_cells
    from inkling.sim.folded import clocked

    if not (folder / "network.json").is_file():
        raise InputError(f"{folder} holds no network.json, so it cannot be checked; run `inkling fold` again")
    network, fields = network_files.load(folder), load(folder / "folded.json")
    plan = plan_of(network, fields)
    logic = netlist_files.from_json(text(folder / "netlist.json"), str(folder / "netlist.json"))
    texts = {name: text(folder / name).replace("\r\n", "\n") for name in ("top.v", "mapped.v", "component.py")}
    for name in ("top.v", "mapped.v"):
        check_verilog(texts[name], str(folder / name))
    source = verilog(plan)
    emitted = {
        "top.v": source,
        "mapped.v": emit_cells(logic, fields.text("clock"), fields.integer("flip_flops"), fields.text("flip_flop")),
        "component.py": component(plan, class_names=_classes(folder)),
    }
    top = np.array([2**item.bits - 1 for item in network.inputs], np.uint8)
    count = min(vectors, MOST_VECTORS)
    values = np.random.default_rng(seed).integers(0, 256, (count, len(top)), dtype=np.uint8) & top
    verdicts: list[Verdict] = []

    def take(route: str, subject: str, check: Callable[[], Verdict]) -> None:
        try:
            found = replace(check(), route=route, subject=subject)
        except (ToolError, InputError, ValueError, KeyError, IndexError) as error:
            told = f"could not be checked: {' '.join(str(error).split())[-300:]}"
            found = Verdict(route, subject, "network.json", 0, 1, 0.0, detail=told)
        verdicts.append(found)
        if done is not None:
            done(found)

    take("manifest", manifest.MANIFEST, lambda: manifest.verdict(folder))
    for name, expected in emitted.items():
        take("emission", name, lambda name=name, expected=expected: _same(name, texts[name], expected))  # type: ignore[misc]
    take("cost", "folded.json", lambda: _cost(logic, fields))
    if not vectors:
        return verdicts
    take("proof", "netlist.json", lambda: _proof(source, logic, proof_s))
    take("verilator-folded", "top.v", lambda: clocked.verify(texts["top.v"], network, plan.clocks, values, disturb=4))
    some = values[:MAPPED_VECTORS]
    cells = texts["mapped.v"]
    take("verilator-folded-mapped", "mapped.v", lambda: clocked.verify(cells, network, plan.clocks, some, disturb=4))
    take("amaranth-folded", "component.py", lambda: clocked.simulate(plan, network, values[:20], simulation_s=30))
    take("unknown-values", "netlist.json", lambda: unknowns(logic, plan, network, values[:4]))
    return verdicts


def plan_of(network: IntegerNetwork, fields: Fields) -> FoldPlan:
    """The plan of the schedule that folded.json tells. Raises InputError where it is none of this network."""
    from inkling.hdl.folded.texts import folded_ports

    told = fields.inner("schedule")
    weights, order = told.text("weights"), told.items("order")
    if weights not in ("digits", "whole") or not all(type(item) is int for item in order):
        raise InputError(f"{told.where}: is no schedule; run `inkling fold` again")
    smaller = search.without_constant_neurons(network)
    lanes, digits = told.integer("lanes"), told.integer("digits")
    kind: Any = weights
    try:
        if not 1 <= lanes <= 4096 or not 1 <= digits <= 64:
            raise ValueError("lanes or digits are out of range")
        plan = search.plan(smaller, search.Schedule(lanes, kind, digits, tuple(order)), folded_ports(smaller))
    except (ValueError, IndexError, KeyError) as error:
        raise InputError(f"{told.where}: is no schedule of this network; fold again") from error
    if plan.clocks != fields.integer("clocks"):
        raise InputError(f"{fields.where}: clocks are {fields.data['clocks']}, not {plan.clocks}; fold again")
    return plan


def _classes(folder: Path) -> tuple[str, ...]:
    if not (folder / "design.json").is_file():
        return ()
    output = document(folder / "design.json").get("output")
    classes = output.get("classes") if isinstance(output, dict) else None
    return tuple(map(str, classes)) if isinstance(classes, list) else ()


def _same(name: str, given: str, expected: str) -> Verdict:
    lines, others = given.rstrip("\n").split("\n"), expected.rstrip("\n").split("\n")
    pairs = enumerate(zip(lines, others, strict=False), 1)
    at = next((number for number, (one, other) in pairs if one != other), min(len(lines), len(others)) + 1)
    same = lines == others
    said = "byte for byte what is emitted" if same else f"line {at} differs from what this version emits"
    return Verdict("emission", name, "network.json", len(others), int(not same), 0.0, detail=said, unit="lines")


def _proof(source: str, logic: Netlist, proof_s: float) -> Verdict:
    """The logic between the flip-flops of the emitted text against netlist.json, for every input and state."""
    from inkling.hdl.cells.verilog_writer import emit
    from inkling.hdl.mapping.sequential import COMPLEMENT, STATE, elaborate

    plain = elaborate(source)[0]
    # Yosys' own gates have names that only yosys may use.
    cells = tuple(replace(cell, name=f"plain{number}") for number, cell in enumerate(plain.cell_types))
    plain = replace(plain, cell_types=cells)
    ports = [port for port in logic.inputs if port.name != COMPLEMENT]
    names = [port.name for port in (*ports, *logic.outputs)]
    held = next((port for port in ports if port.name == STATE), Port(STATE, 0))
    lines = [f"module top ({', '.join(names)});"]
    lines += [f"  input {_range(port)}{port.name};" for port in ports]
    lines += [f"  output {_range(port)}{port.name};" for port in logic.outputs]
    pins = [f".{name}({name})" for name in names]
    if any(port.name == COMPLEMENT for port in logic.inputs):
        lines.append(f"  wire {_range(held)}{COMPLEMENT} = ~{STATE};")
        pins.append(f".{COMPLEMENT}({COMPLEMENT})")
    around = "\n".join([*lines, f"  mapped_logic between ({', '.join(pins)});", "endmodule", ""])
    return equivalence.prove(
        emit(plain), around + emit(logic, module="mapped_logic"), subject="netlist.json", time_limit_s=proof_s
    )


def _range(port: Port) -> str:
    return "" if port.width == 1 else f"[{port.width - 1}:0] "


def _cost(logic: Netlist, fields: Fields) -> Verdict:
    """Area, gates and flip-flops of folded.json, counted again where its technology is the built-in one."""
    from inkling.hdl.cells.egfet import technology as built_in
    from inkling.hdl.mapping.sequential import STATE

    technology = built_in()
    width = next((port.width for port in logic.inputs if port.name == STATE), 0)
    figures: dict[str, float] = {"gates": len(logic.kinds), "flip_flops": width}
    if fields.text("technology") == technology.name:
        areas = {cell.type.name: cell.area_um2 for cell in technology.cells}
        area = sum(areas[logic.cell_types[kind].name] for kind in logic.kinds.tolist())
        cell = {item.name: item for item in technology.other_cells}[fields.text("flip_flop")]
        figures |= {"logic_cm2": area / 1e8, "area_cm2": (area + width * cell.area_um2) / 1e8}
    wrong = [
        f"{key} is {json.dumps(fields.data.get(key))[:20]}, not {value:.6g}"
        for key, value in figures.items()
        if abs(fields.number(key) - value) > 1e-6
    ]
    said = "; ".join(wrong) or "area, gates and flip-flops, counted again"
    return Verdict("cost", "folded.json", "netlist.json", len(figures), len(wrong), 0.0, detail=said, unit="figures")

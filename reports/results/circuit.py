"""`Circuit`: what is inside one design or rival, as report.json tells it and the page shows it.

Which rows are wrong for which class, which bits of which columns are read, where the area is. Finding it out of a
netlist lives here as well; drawing is `inkling.reports.page.circuit`'s.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inkling.approx.reference.netlist import Netlist
from inkling.hdl.cells.technology import Technology
from inkling.reports.results.point import significant
from inkling.train.errors import InputError
from inkling.train.files.checked_json import Fields

# Circuits of up to so many gates are told gate by gate, so that they can be drawn.
DRAWN_GATES = 60

# A line of emitted Verilog, whose wires begin with the part of the design that they belong to.
_ASSIGN = re.compile(r"^  assign ([a-z]+\d+)_\w+(?:\[\d+\])? = (.*);$", re.MULTILINE)
_PARTS = {
    "sharedlayer": "sums of layer",
    "maskedlayer": "sums of layer",
    "activation": "activation",
    "argmax": "arg-max",
    "tournament": "arg-max",
}


@dataclass(frozen=True)
class UsedInput:
    """A column that the circuit reads through a port of `bits` bits; read: the bits that some gate depends on.

    reference: of the one comparator that a threshold is, as a fraction of low to high; None for a binary code.
    """

    column: str
    port: str
    bits: int
    read: tuple[int, ...]
    low: float
    high: float
    reference: float | None = None


@dataclass(frozen=True)
class Share:
    """So many cells or operators of one name, and the area in cm2 that they take."""

    name: str
    count: int
    area_cm2: float


@dataclass(frozen=True)
class Schematic:
    """A small netlist to draw: node names of input bits, gates as (cell, nodes it reads), nodes of the output bits.

    Nodes are numbered as in `inkling.approx.reference.netlist.Netlist`, the two constants first.
    """

    bits: tuple[str, ...]
    gates: tuple[tuple[str, tuple[int, ...]], ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Circuit:
    """confusion[t][a]: test rows of class t that were answered with class a; a last column more is "no class".

    inputs: columns that are read; cells: the mapped cells by type, exact; parts: the mapped area shared out by the
    operators of the emitted text, an estimate, () where there is one part; power_mw: static power at every supply
    voltage; faults: what `inkling faults` found; schematic: of small circuits.
    """

    confusion: tuple[tuple[int, ...], ...] = ()
    inputs: tuple[UsedInput, ...] = ()
    cells: tuple[Share, ...] = ()
    parts: tuple[Share, ...] = ()
    power_mw: Mapping[str, float] = field(default_factory=dict)
    faults: "Faults | None" = None
    schematic: Schematic | None = None

    def recalls(self) -> tuple[float | None, ...]:
        """The share of each class's rows that is right; None for a class without rows."""
        return tuple(row[k] / sum(row) if sum(row) else None for k, row in enumerate(self.confusion))

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is not known is left out."""
        data: dict[str, Any] = {
            "confusion": [list(row) for row in self.confusion],
            "inputs": [_written_input(item) for item in self.inputs],
            "cells": [_share(item) for item in self.cells],
            "parts": [_share(item) for item in self.parts],
            "power_mw": {volts: significant(value) for volts, value in self.power_mw.items()},
        }
        if self.faults is not None:
            data["faults"] = dict(vars(self.faults))
        if self.schematic is not None:
            data["schematic"] = {
                "bits": list(self.schematic.bits),
                "gates": [[cell, list(nodes)] for cell, nodes in self.schematic.gates],
                "outputs": list(self.schematic.outputs),
            }
        return data


@dataclass(frozen=True)
class Faults:
    """Stuck-at defects: how many there are, which share of them rows reveal, and what is left under one of them.

    measure: "accuracy" or "agreement with the sound circuit", the fractions sound, mean and worst are of.
    """

    measure: str
    rows: int
    faults: int
    coverage: float
    sound: float
    mean_under_one_fault: float
    worst_under_one_fault: float


def describe(
    netlist: Netlist, technology: Technology, inputs: Sequence[UsedInput], power_mw: Mapping[str, float], verilog: str
) -> Circuit:
    """What a mapped netlist is made of. inputs: one for every port, by the ports' names; `read` is found here."""
    inputs = [next(item for item in inputs if item.port == port.name) for port in netlist.inputs]
    counts = np.bincount(netlist.kinds, minlength=len(netlist.cell_types)).tolist()
    cells = tuple(
        Share(kind.name, count, count * technology.cell(kind.name).area_um2 * 1e-8)
        for kind, count in zip(netlist.cell_types, counts, strict=True)
        if count
    )
    live, start, used = netlist.live(), 2, []
    for item, port in zip(inputs, netlist.inputs, strict=True):
        read = tuple(bit for bit in range(port.width) if live[start + bit])
        used.append(replace(item, read=read))
        start += port.width
    return Circuit(
        inputs=tuple(used),
        cells=tuple(sorted(cells, key=lambda cell: -cell.area_cm2)),
        parts=parts(verilog, sum(cell.area_cm2 for cell in cells)),
        power_mw=dict(power_mw),
        schematic=_schematic(netlist, [item.port for item in inputs]),
    )


def parts(verilog: str, area_cm2: float) -> tuple[Share, ...]:
    """The area shared out among the parts of an emitted text in proportion to their operators; () for one part.

    An exclusive-or counts as three operators, which is about what it is in cells of two inputs.
    """
    weights: dict[str, list[int]] = {}
    for part, expression in _ASSIGN.findall(verilog):
        gates = expression.count("&") + expression.count("|") + expression.count("^")
        found = weights.setdefault(part, [0, 0])
        found[0] += gates
        found[1] += gates + 2 * expression.count("^")
    total = sum(weight for _, weight in weights.values())
    if len(weights) < 2 or not total:
        return ()
    ordered = sorted(weights, key=lambda part: int(re.sub(r"\D", "", part)))
    return tuple(
        Share(_named(part), weights[part][0], area_cm2 * weights[part][1] / total)
        for part in ordered
        if weights[part][1]
    )


def _named(part: str) -> str:
    kind, number = re.sub(r"\d", "", part), int(re.sub(r"\D", "", part))
    name = _PARTS.get(kind, kind)
    return f"{name} {number + 1}" if "layer" in name else name


def _schematic(netlist: Netlist, ports: Sequence[str]) -> Schematic | None:
    if not 0 < len(netlist.kinds) <= DRAWN_GATES:
        return None
    bits = [f"{name}[{bit}]" for name, port in zip(ports, netlist.inputs, strict=True) for bit in range(port.width)]
    gates = []
    for kind, sources in zip(netlist.kinds, netlist.sources.tolist(), strict=True):
        cell = netlist.cell_types[kind]
        gates.append((cell.name, tuple(sources[: len(cell.inputs)])))
    return Schematic(tuple(bits), tuple(gates), tuple(netlist.output_nodes.tolist()))


def _written_input(item: UsedInput) -> dict[str, Any]:
    data = {**vars(item), "read": list(item.read)}
    return data if item.reference is not None else {k: v for k, v in data.items() if k != "reference"}


def _share(item: Share) -> dict[str, Any]:
    return {"name": item.name, "count": item.count, "area_cm2": significant(item.area_cm2)}


def from_fields(fields: Fields) -> Circuit:
    """Read what `Circuit.to_json` writes. Raises InputError on anything else."""
    power = fields.inner("power_mw", optional=True)
    return Circuit(
        confusion=_confusion(fields),
        inputs=tuple(_input(item) for item in fields.objects("inputs", optional=True)),
        cells=tuple(_shares(item) for item in fields.objects("cells", optional=True)),
        parts=tuple(_shares(item) for item in fields.objects("parts", optional=True)),
        power_mw={volts: power.number(volts) for volts in power.data},
        faults=read_faults(fields.inner("faults")) if fields.has("faults") else None,
        schematic=_read_schematic(fields.inner("schematic")) if fields.has("schematic") else None,
    )


def read_faults(fields: Fields) -> Faults:
    """The figures of `inkling faults`' summary, of which there may be more. Raises InputError."""
    shares = ("coverage", "sound", "mean_under_one_fault", "worst_under_one_fault")
    figures = {name: fields.number(name, 0, 1) for name in shares}
    return Faults(fields.text("measure"), fields.integer("rows"), fields.integer("faults"), **figures)


def _confusion(fields: Fields) -> tuple[tuple[int, ...], ...]:
    rows = fields.items("confusion", optional=True)
    whole = all(
        isinstance(row, list)
        and len(row) in (len(rows), len(rows) + 1)
        and len(row) == len(rows[0])
        and all(isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**53 for count in row)
        for row in rows
    )
    if not whole or len(rows) > 1000:
        raise fields.fail("confusion", "a matrix of counts, classes by classes")
    return tuple(tuple(row) for row in rows)


def _input(fields: Fields) -> UsedInput:
    bits = fields.integer("bits")
    if not 1 <= bits <= 64:
        raise fields.fail("bits", "within 1..64")
    return UsedInput(
        fields.text("column"),
        fields.text("port"),
        bits,
        tuple(_integers(fields, "read", bits)),
        fields.number("low", -math.inf),
        fields.number("high", -math.inf),
        fields.number("reference", 0, 1) if fields.has("reference") else None,
    )


def _shares(fields: Fields) -> Share:
    return Share(fields.text("name"), fields.integer("count"), fields.number("area_cm2"))


def _integers(fields: Fields, key: str, below: int) -> list[int]:
    found = fields.items(key)
    if not all(isinstance(item, int) and not isinstance(item, bool) and 0 <= item < below for item in found):
        raise fields.fail(key, f"a list of integers below {below}")
    return found


def _read_schematic(fields: Fields) -> Schematic:
    bits, gates = fields.texts("bits"), fields.items("gates")
    if len(bits) > 20_000 or len(gates) > DRAWN_GATES:
        raise fields.fail("gates", f"at most {DRAWN_GATES} gates")
    read: list[tuple[str, tuple[int, ...]]] = []
    for k, gate in enumerate(gates):
        try:
            cell, nodes = gate
            fine = isinstance(cell, str) and len(cell) < 100 and 0 < len(nodes) <= 6
            fine = fine and all(isinstance(n, int) and 0 <= n < 2 + len(bits) + k for n in nodes)
        except (TypeError, ValueError):
            fine = False
        if not fine:
            raise InputError(f"{fields.where}: gate {k} is none; write the report again")
        read.append((cell, tuple(nodes)))
    return Schematic(bits, tuple(read), tuple(_integers(fields, "outputs", 2 + len(bits) + len(gates))))

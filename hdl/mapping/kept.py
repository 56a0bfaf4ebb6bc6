"""What a search for cells found, and a folder that keeps it, so that a search that was stopped or killed goes on.

A file that cannot be read, or is of another question, is a search to be made again, never an error.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from inkling.approx.reference import netlist_files
from inkling.approx.reference.netlist import Netlist
from inkling.hdl.cells.technology import Technology
from inkling.train.errors import InputError
from inkling.train.files import atomic
from inkling.train.files.checked_json import load

MOST_NETLIST = 1 << 27  # characters


@dataclass(frozen=True)
class Run:
    """An ABC script and the number of the random order of inputs and pins it began with (0: as they came)."""

    script: str
    permutation: int


@dataclass(frozen=True, eq=False)
class Mapping:
    """The best netlist and its area in um2, and what shows the spread: the runs from the circuit as it was given.

    areas and runs: of every such run that ended, in order, in um2. The best may be smaller than all of them, because
    the best netlists are restructured and mapped again. late: runs that a time limit ended or kept from beginning;
    where there are some, another machine may find another netlist.
    """

    netlist: Netlist
    area_um2: float
    areas: tuple[float, ...]
    runs: tuple[Run, ...]
    late: int = 0


def digest(netlist: Netlist, technology: Technology, *parts: str) -> str:
    """SHA-256 of what a search was asked: a circuit, the cells, and what else decides it."""
    text = "\0".join((netlist_files.to_json(netlist), repr(technology), *parts))
    return hashlib.sha256(text.encode()).hexdigest()


def read(folder: Path, question: str) -> Mapping | None:
    """What was found for a question before."""
    try:
        fields = load(_path(folder, question))
        runs = tuple(Run(item.text("script"), item.integer("permutation")) for item in fields.objects("runs"))
        areas = tuple(item.number("area_um2") for item in fields.objects("runs"))
        netlist = netlist_files.from_json(fields.text("netlist", most=MOST_NETLIST))
        return Mapping(netlist, fields.number("area_um2"), areas, runs, fields.integer("late"))
    except (InputError, ValueError, TypeError):
        return None


def write(folder: Path, question: str, found: Mapping) -> None:
    """Keep what was found for a question."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "area_um2": found.area_um2,
        "late": found.late,
        "runs": [
            {"script": run.script, "permutation": run.permutation, "area_um2": area}
            for run, area in zip(found.runs, found.areas, strict=True)
        ],
        "netlist": netlist_files.to_json(found.netlist),
    }
    atomic.write(_path(folder, question), json.dumps(document).encode())


def _path(folder: Path, question: str) -> Path:
    return folder / f"{question[:32]}.json"

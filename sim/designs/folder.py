"""Reading one design folder back: its network, its netlist and its texts, each bounded and checked before it is used.

What is trusted: nothing. network.json is parsed and defines the function; Verilog is searched for anything beyond
plain logic before a tool reads it; of the texts that would be executed it is told whether they are byte for byte
what this version emits. Running and comparing them lives in `inkling.sim.designs.recheck`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkling.approx.reference import netlist_files, network_files
from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.network import IntegerNetwork
from inkling.sim.designs.foreign_verilog import check_verilog
from inkling.train.errors import InputError
from inkling.train.files.checked_json import document
from inkling.train.files.text import text

TEXTS = ("top.v", "mapped.v", "component.py", "kernel.c", "kernel.h", "kernel.py")


@dataclass(frozen=True, eq=False)
class DesignFolder:
    """The files of a design; `classes` are the texts of the output codes, () for a network of scores."""

    name: str
    network: IntegerNetwork
    netlist: Netlist
    texts: dict[str, str]
    described: dict[str, Any]
    classes: tuple[str, ...]


def read(folder: Path) -> DesignFolder:
    """All files of a design. Raises InputError, one line, where one is missing, too large or malformed."""
    if not folder.is_dir():
        raise InputError(f"there is no design folder {str(folder)!r}; give a folder that holds network.json")
    network = network_files.load(folder)
    netlist = netlist_files.from_json(text(folder / "netlist.json"), str(folder / "netlist.json"))
    # A carriage return alone is no line end: what follows it must not hide behind one.
    texts = {name: text(folder / name).replace("\r\n", "\n") for name in TEXTS}
    for name in ("top.v", "mapped.v"):
        check_verilog(texts[name], str(folder / name))
    described = document(folder / "design.json")
    return DesignFolder(folder.name, network, netlist, texts, described, _classes(folder, described, network))


def emission(design: DesignFolder, sharings: Sequence[int]) -> dict[str, str]:
    """What this version emits from network.json and netlist.json: texts by name.

    sharings: the amounts of work on shared sums (`inkling.hdl.circuits.classifier.design`) that may have been used;
    the first whose Verilog equals top.v is taken, else the first.
    """
    from inkling.hdl.cells.verilog_writer import emit as emit_netlist
    from inkling.hdl.circuits import component_file
    from inkling.hdl.circuits.verilog import behavioural
    from inkling.hdl.kernels import c_kernel, numba_kernel, readings

    try:
        read_as = readings.of_described(design.described.get("inputs"))
    except InputError:
        read_as = ()  # what is wrong with design.json is told elsewhere
    kernel_c, kernel_h = c_kernel.emit(design.network, labels=design.classes, readings=read_as)
    emitted: dict[str, str] = {}
    for sharing in dict.fromkeys(sharings):
        verilog = behavioural(design.network, sharing=sharing)
        if not emitted or verilog == design.texts["top.v"]:
            component = component_file.emit(design.network, class_names=design.classes, sharing=sharing)
            emitted = {"top.v": verilog, "component.py": component}
        if verilog == design.texts["top.v"]:
            break
    emitted |= {"kernel.c": kernel_c, "kernel.h": kernel_h}
    emitted["kernel.py"] = numba_kernel.emit(design.network, labels=design.classes, readings=read_as)
    emitted["mapped.v"] = emit_netlist(design.netlist)
    return emitted


def differences(design: DesignFolder, emitted: Mapping[str, str]) -> dict[str, str]:
    """Where the folder's texts differ from those that are emitted now: for every text that does, a sentence."""
    return {
        name: f"line {line} differs from what this version emits"
        for name in TEXTS
        if (line := first_line(_lines(design.texts[name]), _lines(emitted[name]))) is not None
    }


def _lines(text: str) -> list[str]:
    """Its lines, whose ends are line feeds alone."""
    return text.rstrip("\n").split("\n")


def first_line(found: Sequence[str], expected: Sequence[str]) -> int | None:
    """The number, from 1, of the first line that differs, or None."""
    pairs: Iterable[tuple[str, str]] = zip(found, expected, strict=False)
    for number, (one, other) in enumerate(pairs, 1):
        if one != other:
            return number
    return None if len(found) == len(expected) else min(len(found), len(expected)) + 1


def _classes(folder: Path, described: dict[str, Any], network: IntegerNetwork) -> tuple[str, ...]:
    if not network.is_classifier:
        return ()
    output = described.get("output")
    classes = output.get("classes") if isinstance(output, dict) else None
    if not isinstance(classes, list) or not all(isinstance(item, str) for item in classes):
        raise InputError(f"{folder / 'design.json'}: output.classes is no list of texts; make the run again")
    return tuple(classes)

"""netlist.json: a `Netlist` as text and back; what is read is checked field by field before it is believed.

BLIF is in `inkling.approx.netlists.blif`, Verilog in `inkling.hdl.cells.verilog_writer`.
"""

import json
import re
from typing import Any

import numpy as np

from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.train.errors import InputError
from inkling.train.files import checked_json

SCHEMA = "inkling.netlist/1"
MOST_CHARACTERS = 256 * 2**20
MOST_BITS = 1_000_000
MOST_GATES = 5_000_000
MOST_PINS = 6

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,127}")


def to_json(netlist: Netlist) -> str:
    """Text with one gate a line: its cell type's index and the nodes it reads. Equal netlists give equal text."""
    heads = [
        f'"schema": {json.dumps(SCHEMA)}',
        f'"inputs": {json.dumps([[port.name, port.width] for port in netlist.inputs])}',
        f'"outputs": {json.dumps([[port.name, port.width] for port in netlist.outputs])}',
        '"cell_types": [\n'
        + ",\n".join(
            "  " + json.dumps({"name": t.name, "inputs": list(t.inputs), "output": t.output, "table": t.table})
            for t in netlist.cell_types
        )
        + "\n ]",
        f'"output_nodes": {json.dumps(netlist.output_nodes.tolist())}',
    ]
    arity = [len(kind.inputs) for kind in netlist.cell_types]
    gates = ",\n".join(
        "  " + json.dumps([kind, *sources[: arity[kind]]])
        for kind, sources in zip(netlist.kinds.tolist(), netlist.sources.tolist(), strict=True)
    )
    return "{\n " + ",\n ".join([*heads, '"gates": [\n' + gates + "\n ]"]) + "\n}\n"


def from_json(text: str, where: str = "netlist.json") -> Netlist:
    """Read what `to_json` writes. Raises InputError for anything that is no well-formed, loop-free netlist."""
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"{where}: longer than {MOST_CHARACTERS >> 20} MiB; give a smaller netlist")
    data = checked_json.value_of(text, where, "write the netlist again")
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise InputError(f"{where}: 'schema' is not {SCHEMA!r}; give a netlist.json of this version")
    reader = _Reader(where)
    inputs = reader.ports(data, "inputs")
    outputs = reader.ports(data, "outputs")
    if len({port.name for port in inputs + outputs}) != len(inputs) + len(outputs):
        raise reader.error("two ports have the same name")
    types = tuple(reader.cell_type(item) for item in reader.items(data, "cell_types", 256))
    if len({kind.name for kind in types}) != len(types):
        raise reader.error("two cell types have the same name")
    first = 2 + sum(port.width for port in inputs)
    gates = reader.items(data, "gates", MOST_GATES)
    kinds = np.zeros(len(gates), np.uint8)
    sources = np.zeros((len(gates), max((len(kind.inputs) for kind in types), default=2)), np.int32)
    for index, gate in enumerate(gates):
        row = reader.integers(gate, f"gate {index}")
        if not row or not 0 <= row[0] < len(types) or len(row) != 1 + len(types[row[0]].inputs):
            raise reader.error(f"gate {index} has no known cell type or another number of sources")
        if not all(0 <= source < first + index for source in row[1:]):
            raise reader.error(f"gate {index} reads a node that does not come before it")
        kinds[index] = row[0]
        sources[index, : len(row) - 1] = row[1:]
    nodes = reader.integers(data.get("output_nodes"), "output_nodes")
    if len(nodes) != sum(port.width for port in outputs) or not all(0 <= n < first + len(gates) for n in nodes):
        raise reader.error("output_nodes does not name one node for every output bit")
    return Netlist(inputs, outputs, types, kinds, sources, np.array(nodes, np.int32))


class _Reader:
    """Typed access to parsed JSON; every complaint names the file."""

    def __init__(self, where: str) -> None:
        self.where = where

    def error(self, what: str) -> InputError:
        return InputError(f"{self.where}: {what}; write the netlist again")

    def items(self, data: dict[str, Any], name: str, most: int) -> list[Any]:
        found = data.get(name)
        if not isinstance(found, list) or len(found) > most:
            raise self.error(f"{name!r} is no list of at most {most}")
        return found

    def integers(self, found: Any, what: str) -> list[int]:
        if not isinstance(found, list) or not all(type(item) is int for item in found):
            raise self.error(f"{what} is no list of integers")
        return found

    def name(self, found: Any, what: str) -> str:
        if not isinstance(found, str) or not _NAME.fullmatch(found):
            raise self.error(f"{what} {str(found)[:40]!r} is no identifier")
        return found

    def ports(self, data: dict[str, Any], name: str) -> tuple[Port, ...]:
        found = []
        for item in self.items(data, name, MOST_BITS):
            if not isinstance(item, list) or len(item) != 2 or type(item[1]) is not int or item[1] < 1:
                raise self.error(f"{name!r} holds something other than [name, width]")
            found.append(Port(self.name(item[0], "a port"), item[1]))
        if sum(port.width for port in found) > MOST_BITS:
            raise self.error(f"{name!r} have more than {MOST_BITS} bits")
        return tuple(found)

    def cell_type(self, item: Any) -> CellType:
        if not isinstance(item, dict) or item.keys() != {"name", "inputs", "output", "table"}:
            raise self.error("a cell type is not {name, inputs, output, table}")
        pins = self.items(item, "inputs", MOST_PINS)
        names = [self.name(pin, "a pin") for pin in (*pins, item["output"])]
        if len(set(names)) != len(names):
            raise self.error("two pins of a cell type have the same name")
        table = item["table"]
        if type(table) is not int or not 0 <= table < 1 << (1 << len(pins)):
            raise self.error("the table of a cell type has other than one bit for each input state")
        return CellType(self.name(item["name"], "a cell type"), tuple(names[:-1]), names[-1], table)

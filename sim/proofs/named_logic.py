"""Verilog or RTLIL text as a netlist that also gives the value of every named wire; two texts compared wire by wire.

Yosys turns the text into single gates without optimising any away, so that names stay; evaluation is that of
`inkling.approx.netlists.evaluate`, 64 vectors a machine word.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.netlists.build import Gate, build
from inkling.approx.netlists.evaluate import outputs as values_of
from inkling.approx.programs import yosys
from inkling.approx.programs.process import ToolError
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import Ints
from inkling.hdl.names import port_names
from inkling.sim.verdicts import ports as wrapper
from inkling.train.errors import InputError
from inkling.train.files import checked_json

# Readings by text and network (by its identity), the oldest first.
MOST_RECENT = 8
MOST_BYTES = 2**30  # of a text's gates
_recent: dict[tuple[str, IntegerNetwork], "NamedLogic"] = {}

# They keep every name; nothing after them removes a wire.
_GATES = ("hierarchy -check -top top", "proc", "flatten -noscopeinfo", "techmap", "simplemap")


def _cell(name: str, pins: str, function: Any) -> CellType:
    """A cell of yosys' gate library; `function` takes its inputs as bits."""
    states = [[m >> k & 1 for k in range(len(pins))] for m in range(1 << len(pins))]
    return CellType(name, tuple(pins), "Y", sum((int(function(*state)) & 1) << m for m, state in enumerate(states)))


_CELLS = {
    cell.name: cell
    for cell in (
        _cell("$_BUF_", "A", lambda a: a),
        _cell("$_NOT_", "A", lambda a: 1 - a),
        _cell("$_AND_", "AB", lambda a, b: a & b),
        _cell("$_NAND_", "AB", lambda a, b: 1 - (a & b)),
        _cell("$_OR_", "AB", lambda a, b: a | b),
        _cell("$_NOR_", "AB", lambda a, b: 1 - (a | b)),
        _cell("$_XOR_", "AB", lambda a, b: a ^ b),
        _cell("$_XNOR_", "AB", lambda a, b: 1 - (a ^ b)),
        _cell("$_ANDNOT_", "AB", lambda a, b: a & (1 - b)),
        _cell("$_ORNOT_", "AB", lambda a, b: a | (1 - b)),
        _cell("$_MUX_", "ABS", lambda a, b, s: b if s else a),
        _cell("$_NMUX_", "ABS", lambda a, b, s: 1 - (b if s else a)),
    )
}


@dataclass(frozen=True, eq=False)
class NamedLogic:
    """A netlist whose outputs are the `answers` outputs of the text and after them all its named wires.

    order: for every output port the largest node that it reads, so that what comes first in the logic comes first.
    """

    netlist: Netlist
    answers: int
    order: tuple[int, ...]

    def wires(self) -> list[str]:
        """Names of all output ports and wires, in the order of `evaluate`'s columns."""
        return [port.name for port in self.netlist.outputs]

    def evaluate(self, values: NDArray[np.uint8]) -> Ints:
        """Values of the inputs, uint8 [rows, inputs] -> unsigned values of outputs and wires, int64 [rows, ports]."""
        return values_of(self.netlist, values)


def read(texts: Sequence[str], network: IntegerNetwork, *, time_limit_s: float = 120.0) -> list[NamedLogic]:
    """Module `top` of every text (RTLIL where it begins with a comment or `attribute`, else Verilog).

    Texts read a moment ago are not read again. Raises ToolError where a text is no combinational logic with the
    network's ports, or holds a net that nothing drives or that depends on itself.
    """
    fresh = [text for text in dict.fromkeys(texts) if (text, network) not in _recent]
    if fresh:
        for text, logic in zip(fresh, _read(fresh, network, time_limit_s), strict=True):
            _recent[text, network] = logic
    found = [_recent[text, network] for text in texts]
    while len(_recent) > MOST_RECENT:
        del _recent[next(iter(_recent))]
    return found


def _read(texts: Sequence[str], network: IntegerNetwork, time_limit_s: float) -> list[NamedLogic]:
    with tempfile.TemporaryDirectory(prefix="inkling-") as name:
        folder, passes = Path(name), []
        for number, text in enumerate(texts):
            language = "rtlil" if text.startswith(("attribute", "#")) else "verilog"
            # Names of cells hold the path, so it must be short and the same wherever it is run.
            (folder / f"{number}").write_text(text, encoding="utf-8")
            passes += ["design -reset", f"read_{language} {number}", *_GATES, f"write_json {number}.json"]
        yosys.run_in(folder, passes, time_limit_s=time_limit_s)
        documents = [
            checked_json.load(folder / f"{number}.json", "yosys wrote it", MOST_BYTES) for number in range(len(texts))
        ]
    return [_logic(item.inner("modules").inner("top").data, network) for item in documents]


def first_difference(
    suspect: NamedLogic, sound: NamedLogic, values: NDArray[np.uint8]
) -> tuple[str, int, int] | None:
    """The first wire in the suspect's logic that differs for one vector, uint8 [inputs]: name, expected, found."""
    found, expected = (
        dict(zip(one.wires(), one.evaluate(values[None])[0].tolist(), strict=True)) for one in (suspect, sound)
    )
    place = dict(zip(suspect.wires(), suspect.order, strict=True))
    widths = {port.name: port.width for port in sound.netlist.outputs}
    same = {port.name for port in suspect.netlist.outputs if widths.get(port.name) == port.width}
    # An output and a wire that drives it are one node; the wire's own name says more.
    answers = suspect.wires()[: suspect.answers]
    differing = [name for name in found if name in same and found[name] != expected[name]]
    if not differing:
        return None
    first = min(differing, key=lambda name: (place[name], name in answers, name))
    return first, expected[first], found[first]


def labels(logic: NamedLogic, network: IntegerNetwork, values: NDArray[np.uint8]) -> Ints:
    """Labels, int64 [rows], or scores, int64 [rows, outputs], for values, uint8 [rows, inputs]; no other wires."""
    ports = logic.netlist.outputs[: logic.answers]
    nodes = logic.netlist.output_nodes[: sum(port.width for port in ports)]
    found = values_of(replace(logic.netlist, outputs=ports, output_nodes=nodes), values)
    if network.is_classifier:
        return found[:, 0]
    signs = np.array([np.int64(1) << item.width - 1 if item.signed else 0 for item in wrapper.outputs(network)])
    scores: Ints = (found ^ signs) - signs
    return scores


def _logic(module: Mapping[str, Any], network: IntegerNetwork) -> NamedLogic:
    names = port_names([item.name for item in network.inputs])
    widths = {name: item.bits for name, item in zip(names, network.inputs, strict=True)}
    answers = {item.name: item.width for item in wrapper.outputs(network)}
    ports = module["ports"]
    expected = {**{n: ("input", w) for n, w in widths.items()}, **{n: ("output", w) for n, w in answers.items()}}
    if {name: (port["direction"], len(port["bits"])) for name, port in ports.items()} != expected:
        raise ToolError("the ports of `top` are not those of the network")
    gates: dict[str, Gate] = {}
    for cell in module["cells"].values():
        kind = _CELLS.get(cell["type"])
        if kind is None:
            raise ToolError(f"the text holds a {cell['type'][:40]}: only combinational logic is compared")
        driven = _net(cell["connections"]["Y"][0])
        if driven in gates:
            raise ToolError("a net is driven twice")
        gates[driven] = Gate(kind, tuple(_net(cell["connections"][pin][0]) for pin in kind.inputs))
    shown = {name: module["ports"][name]["bits"] for name in answers}
    for name, net in module["netnames"].items():
        if not net["hide_name"] and name not in ports and "." not in name and len(net["bits"]) < 63:
            shown[name] = net["bits"]
    driven_nets = {*gates, "0", "1", *(_net(bit) for name in names for bit in ports[name]["bits"])}
    kept = {
        name: bits for name, bits in shown.items() if name in answers or all(_net(bit) in driven_nets for bit in bits)
    }
    try:
        netlist = build(
            [(Port(name, widths[name]), [_net(bit) for bit in ports[name]["bits"]]) for name in names],
            [(Port(name, len(bits)), [_net(bit) for bit in bits]) for name, bits in kept.items()],
            gates,
            zero="0",
            one="1",
            where="the text",
        )
    except InputError as error:
        raise ToolError(str(error)) from error
    order, at = [], 0
    for bits in kept.values():
        order.append(int(netlist.output_nodes[at : at + len(bits)].max()))
        at += len(bits)
    return NamedLogic(netlist, len(answers), tuple(order))


def _net(bit: int | str) -> str:
    return str(bit)

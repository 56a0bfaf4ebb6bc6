"""From a failed verdict to the place of the fault: one small vector, and the first named node that goes wrong.

A suspect text is compared with what is emitted now, node by node: wires of Verilog, components and cells, variables
and layers of kernels. Where the two are one text, the fault is in the netlist or in an emitter, and gates whose
inversion would repair every failing vector, or the layer that goes wrong first, are named.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs.process import ToolError
from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import Dense, MaskedSum
from inkling.hdl.names import port_names
from inkling.sim.benches import component
from inkling.sim.blame import kernel_probe
from inkling.sim.blame.shrink import shrink
from inkling.sim.blame.waveform import Scope
from inkling.sim.designs.folder import DesignFolder
from inkling.sim.designs.recheck import Rechecked
from inkling.sim.faults.simulation import wrong_rows
from inkling.sim.kernels.gates import port_columns
from inkling.sim.proofs import named_logic
from inkling.sim.proofs.named_logic import NamedLogic
from inkling.sim.verdicts.vectors import reference
from inkling.sim.verdicts.verdict import Verdict

MOST_FAILING_ROWS = 4096


@dataclass(frozen=True)
class Blame:
    """Where a route goes wrong.

    vector: values of the inputs by port name; node: the first named node that differs ("" where none can be named),
    with the value it should have and has (0 and 0 where only a place is known); told: a sentence; scopes: what a
    waveform shows.
    """

    route: str
    subject: str
    vector: dict[str, int]
    node: str
    expected: int
    found: int
    told: str
    scopes: tuple[Scope, ...] = ()


def blame(
    design: DesignFolder, checked: Rechecked, verdict: Verdict, usual: NDArray[np.uint8] | None = None
) -> Blame | None:
    """The place of the fault behind a failed verdict with a counter-example; None where there is none to show.

    usual: the most frequent value of every input, uint8 [inputs], or None. Executes the text that the route ran.
    """
    if not verdict.failed or verdict.counter_example is None:
        return None
    names = port_names([item.name for item in design.network.inputs])
    vector = np.array([verdict.counter_example.get(name, 0) for name in names], np.uint8)
    try:
        if verdict.route in ("c", "numba"):
            return _kernel(design, checked, verdict, vector, usual)
        return _logic(design, checked, verdict, vector, usual)
    except (ToolError, ValueError) as error:
        why = " ".join(str(error).split())[-200:]
        return _told(design, verdict, vector, "", 0, 0, f"the fault could not be traced: {why}")


def _kernel(
    design: DesignFolder,
    checked: Rechecked,
    verdict: Verdict,
    vector: NDArray[np.uint8],
    usual: NDArray[np.uint8] | None,
) -> Blame:
    network, subject = design.network, verdict.subject
    with tempfile.TemporaryDirectory(prefix="inkling-blame-") as name:
        folders = [Path(name) / part for part in ("suspect", "sound")]
        for folder in folders:
            folder.mkdir()
        header = checked.emitted["kernel.h"]
        suspect = kernel_probe.prepare(network, verdict.route, design.texts[subject], header, folders[0])
        sound = kernel_probe.prepare(network, verdict.route, checked.emitted[subject], header, folders[1])
        small = shrink(vector, lambda rows: kernel_probe.wrong(suspect, rows), usual)
        seen = kernel_probe.look(suspect, small[None])
        if subject in checked.differs:
            expected = kernel_probe.look(sound, small[None])
        else:  # the emitter itself is at fault: the layers of the reference tell
            layers = layer_values(network, small)
            expected = kernel_probe.Seen({}, {function: [layers] * 2 for function in seen.values})
        place = kernel_probe.first_difference(seen, expected)
    if place is None:
        return _told(design, verdict, small, "", 0, 0, "no variable differs")
    function, node, wanted, found = place
    if not node:
        node = "label" if network.is_classifier else "scores"
        return _told(
            design, verdict, small, node, 0, 0, f"every variable is right, the answer of the {function} is not"
        )
    scopes = tuple(
        Scope(title, dict.fromkeys(values, 64), [values])
        for title, values in (("found", seen.values[function][0]), ("expected", expected.values[function][0]))
    )
    return _told(design, verdict, small, node, wanted, found, f"in the function for a {function}", scopes)


def layer_values(network: IntegerNetwork, row: NDArray[np.uint8]) -> dict[str, int]:
    """What a kernel's arrays v0, v1, ... should hold for one row, uint8 [inputs], by "v1[3]"; v0 are the inputs."""
    found: dict[str, int] = {}
    values, group = row[None].astype(np.int64), 0
    layers = network.layers[:-1] if network.is_classifier else network.layers
    for k, layer in enumerate((*layers, None)):
        if k == 0 or layer is None or isinstance(layer, Dense | MaskedSum):
            if k or layer is not None:
                found |= {f"v{group}[{i}]": int(value) for i, value in enumerate(values[0])}
            group += 1
        if layer is not None:
            values = layer.evaluate(values)
    return found


def _logic(
    design: DesignFolder,
    checked: Rechecked,
    verdict: Verdict,
    vector: NDArray[np.uint8],
    usual: NDArray[np.uint8] | None,
) -> Blame:
    network = design.network
    suspect, sound, same = _texts(design, checked, verdict)
    logic = named_logic.read([suspect] if same else [suspect, sound], network)

    def fails(rows: NDArray[np.uint8]) -> NDArray[np.bool_]:
        found, expected = named_logic.labels(logic[0], network, rows), reference(network, rows)
        wrong: NDArray[np.bool_] = (found != expected).reshape(len(rows), -1).any(axis=1)
        return wrong

    if not fails(vector[None])[0]:
        return _told(design, verdict, vector, "", 0, 0, "yosys' reading of the text is right on this vector")
    small = shrink(vector, fails, usual)
    if same or fails_too(logic[1], network, small):
        gates = repairing_gates(design, checked) if verdict.subject != "top.v" else []
        node = f"g{gates[0]}" if gates else "label" if network.is_classifier else "score_0"
        told = "the text is what is emitted now, so the fault is in the netlist or in an emitter"
        if gates:
            told = f"inverting any of {len(gates)} gates, this one first, would repair every failing vector"
        return _told(design, verdict, small, node, 0, 0, told, _scopes(logic[:1], small))
    place = named_logic.first_difference(logic[0], logic[1], small)
    if place is None:
        return _told(design, verdict, small, "", 0, 0, "no wire of a common name differs", _scopes(logic, small))
    return _told(design, verdict, small, *place, "the first wire that differs", _scopes(logic, small))


def fails_too(sound: NamedLogic, network: IntegerNetwork, row: NDArray[np.uint8]) -> bool:
    """Whether what should be right answers this row, uint8 [inputs], wrongly as well."""
    return bool((named_logic.labels(sound, network, row[None]) != reference(network, row[None])).any())


def _texts(design: DesignFolder, checked: Rechecked, verdict: Verdict) -> tuple[str, str, bool]:
    """The suspect's text, the text to compare it with, and whether they are one."""
    network, texts, emitted = design.network, design.texts, checked.emitted
    if verdict.route in ("component", "amaranth"):
        same = "component.py" not in checked.differs
        suspect = component.to_rtlil(network, texts["component.py"])
        return suspect, suspect if same else component.to_rtlil(network, emitted["component.py"]), same
    subject = verdict.subject
    if verdict.route == "proof":  # either side may be the wrong one
        subject = "mapped.v"
        failed = [other.subject for other in checked.verdicts if other.failed and other.route != "proof"]
        if "top.v" in failed and "mapped.v" not in failed:
            subject = "top.v"
    if subject == "top.v":
        return texts["top.v"], emitted["top.v"], "top.v" not in checked.differs
    same = "mapped.v" not in checked.differs
    if subject == "mapped.v":
        return texts["mapped.v"], emitted["mapped.v"], same
    return emitted["mapped.v"], texts["mapped.v"], same  # netlist.json, by the text that is emitted from it


def repairing_gates(design: DesignFolder, checked: Rechecked) -> list[int]:
    """Gates of netlist.json whose output inverted makes every failing vector right, in topological order.

    A single wrong gate or wire is always among them (Abramovici, Breuer, Friedman, section 6: fault location by
    simulation).
    """
    netlist, network = design.netlist, design.network
    if not network.is_classifier:
        return []
    columns = port_columns(netlist, network)
    from inkling.approx.netlists.evaluate import labels

    found = labels(netlist, checked.values[:, columns])
    failing = np.flatnonzero(found != checked.expected)[:MOST_FAILING_ROWS]
    if not len(failing):
        return []
    gates = np.flatnonzero(netlist.live()[netlist.first_gate :])
    node = np.repeat(gates + netlist.first_gate, 2).astype(np.int32)
    nowhere, value = np.full(len(node), -1, np.int32), np.tile(np.array([0, 1], np.uint8), len(gates))
    codes = checked.values[failing][:, columns]
    # Stuck at the value it has, a gate leaves the row wrong; so the two counts add up to the rows that it repairs.
    _, right = wrong_rows(netlist, codes, checked.expected[failing], node, nowhere, np.zeros_like(node), value)
    repaired = right.reshape(-1, 2).sum(axis=1)
    return [int(gate) for gate, rows in zip(gates, repaired, strict=True) if rows == len(failing)]


def _scopes(logic: list[NamedLogic], row: NDArray[np.uint8]) -> tuple[Scope, ...]:
    """All wires of the suspect and of the sound text: at the first step with inputs of 0, then for the row."""
    scopes = []
    for title, one in zip(("found", "expected"), logic, strict=False):
        ports = (*one.netlist.inputs, *one.netlist.outputs)
        widths = {port.name: port.width for port in ports}
        rows = np.stack([np.zeros_like(row), row])
        values = np.concatenate([rows.astype(np.int64), one.evaluate(rows)], axis=1)
        scopes.append(Scope(title, widths, [dict(zip(widths, step, strict=True)) for step in values.tolist()]))
    return tuple(scopes)


def _told(
    design: DesignFolder,
    verdict: Verdict,
    vector: NDArray[np.uint8],
    node: str,
    expected: int,
    found: int,
    told: str,
    scopes: tuple[Scope, ...] = (),
) -> Blame:
    names = port_names([item.name for item in design.network.inputs])
    named = dict(zip(names, (int(value) for value in vector), strict=True))
    return Blame(verdict.route, verdict.subject, named, node, expected, found, told, scopes)

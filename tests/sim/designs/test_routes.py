"""All routes at once: a good design passes each, and a fault in one text fails exactly the routes that read it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inkling.approx.programs.process import ToolError
from inkling.approx.reference.network import IntegerNetwork
from inkling.hdl.cells.egfet import technology
from inkling.hdl.cells.verilog_writer import emit as emit_netlist
from inkling.hdl.circuits.verilog import behavioural
from inkling.hdl.kernels import c_kernel, numba_kernel
from inkling.hdl.mapping import search
from inkling.sim.benches import cocotb_route
from inkling.sim.designs.routes import Emitted, verify_all
from inkling.sim.kernels import children, gates
from inkling.sim.proofs import equivalence
from inkling.sim.verdicts.verdict import Verdict
from inkling.sim.verilator import bulk

ROUTES = ("numba", "c", "verilator", "cocotb", "gates", "verilator-mapped", "proof")


@pytest.fixture(scope="module")
def emitted(network: IntegerNetwork) -> Emitted:
    verilog = behavioural(network)
    with pytest.MonkeyPatch.context() as patch:
        # One run will do: what is mapped here need not be small.
        full = search.plan
        patch.setattr(search, "plan", lambda *sizes: replace(full(*sizes), first=full(*sizes).first[:1], rounds=0))
        netlist = search.map_verilog(verilog, technology(), seed=1, time_limit_s=200).netlist
    return Emitted(verilog, emit_netlist(netlist), *c_kernel.emit(network), numba_kernel.emit(network), netlist)


@pytest.fixture(scope="module", autouse=True)
def remembered() -> Iterator[None]:
    """Routes remember what they found for a text, so that only those whose text was changed run again."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in (
            *((children, "verify_numba"), (children, "verify_c"), (bulk, "verify"), (cocotb_route, "verify")),
            *((gates, "verify_gates"), (equivalence, "prove")),
        ):
            patch.setattr(module, name, _remembering(getattr(module, name)))
        yield


def _remembering(route: Callable[..., Verdict]) -> Callable[..., Verdict]:
    found: dict[object, Verdict] = {}

    def remembered(*arguments: Any, **options: Any) -> Verdict:
        # Texts by value, everything else, which does not change in this module, by identity or not at all.
        key = (options.get("route"), *(part if isinstance(part, str) else "" for part in arguments))
        if route.__name__ == "verify_gates":
            key = (arguments[0].kinds.tobytes(), arguments[0].sources.tobytes())
        if key not in found:
            found[key] = route(*arguments, **options)
        return found[key]

    return remembered


def _verify(emitted: Emitted, network: IntegerNetwork, heard: list[Verdict] | None = None) -> dict[str, Verdict]:
    rows = np.random.default_rng(5).integers(0, 16, (40, len(network.inputs))).astype(np.uint8)
    verdicts = verify_all(
        emitted,
        network,
        rows,
        vectors=20_000,
        cocotb_vectors=600,
        proof_s=100,
        seed=4,
        done=None if heard is None else heard.append,
    )
    assert tuple(verdict.route for verdict in verdicts) == ROUTES
    return {verdict.route: verdict for verdict in verdicts}


def _changed(text: str, old: str, new: str) -> str:
    assert old in text, f"the text has no {old!r} to change"
    return text.replace(old, new, 1)


def _other_gate(emitted: Emitted) -> Emitted:
    """The netlist with another function in the gate that gives the label's lowest bit."""
    netlist = emitted.netlist
    gate = int(netlist.output_nodes[0]) - netlist.first_gate
    pins = len(netlist.cell_types[netlist.kinds[gate]].inputs)
    others = [k for k, kind in enumerate(netlist.cell_types) if len(kind.inputs) == pins and k != netlist.kinds[gate]]
    kinds = netlist.kinds.copy()
    kinds[gate] = others[0]
    return replace(emitted, netlist=replace(netlist, kinds=kinds))


def _other_cell(emitted: Emitted) -> Emitted:
    """mapped.v as it would be written of that netlist; the netlist itself stays right."""
    return replace(emitted, mapped=emit_netlist(_other_gate(emitted).netlist))


def test_a_good_design_passes_every_route(emitted: Emitted, network: IntegerNetwork) -> None:
    heard: list[Verdict] = []
    verdicts = _verify(emitted, network, heard)
    assert [verdict.route for verdict in heard] == list(ROUTES)
    assert all(verdict.passed for verdict in verdicts.values())
    assert verdicts["proof"].proven
    assert not any(verdict.proven for route, verdict in verdicts.items() if route != "proof")
    counts = {route: verdict.vectors for route, verdict in verdicts.items() if route != "proof"}
    assert counts.pop("cocotb") == 600
    assert set(counts.values()) == {20_000}


FAULTS: dict[str, tuple[Callable[[Emitted], Emitted], set[str]]] = {
    "kernel.py": (
        lambda good: replace(good, kernel_py=_changed(good.kernel_py, "s > best", "s < best")),
        {"numba"},
    ),
    "kernel.c, one row": (
        lambda good: replace(good, kernel_c=_changed(good.kernel_c, " > best ? 1", " < best ? 1")),
        {"c"},
    ),
    "kernel.c, batch": (
        lambda good: replace(good, kernel_c=_changed(good.kernel_c, "2 * l + 1", "2 * l")),
        {"c"},
    ),
    "kernel.h": (
        lambda good: replace(good, kernel_h=_changed(good.kernel_h, "_batch(const uint8_t *", "_batch(const int *")),
        {"c"},
    ),
    "top.v": (
        lambda good: replace(good, behavioural=_changed(good.behavioural, "assign label = {", "assign label = ~{")),
        {"verilator", "cocotb", "proof"},
    ),
    "mapped.v": (_other_cell, {"verilator-mapped", "proof"}),
    "netlist": (_other_gate, {"gates"}),
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_in_one_text_fails_exactly_the_routes_that_read_it(
    text: str, emitted: Emitted, network: IntegerNetwork
) -> None:
    plant, readers = FAULTS[text]
    verdicts = _verify(plant(emitted), network)
    assert {route for route, verdict in verdicts.items() if not verdict.passed} == readers
    for route in readers:
        assert verdicts[route].counter_example is not None or "compile" in verdicts[route].detail
        assert not verdicts[route].proven


def test_a_tool_that_cannot_run_is_no_passed_check(
    emitted: Emitted, network: IntegerNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ToolError("verilator_bin was not found; run `make` to install the pinned tools")

    monkeypatch.setattr(bulk, "verify", missing)
    with pytest.raises(ToolError, match="was not found"):
        _verify(emitted, network)

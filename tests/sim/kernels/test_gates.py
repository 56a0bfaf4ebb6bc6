"""Netlists built from truth tables, verified as they are and with a gate changed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense
from inkling.hdl.kernels.gates_c import emit
from inkling.hdl.names import port_names
from inkling.sim.kernels.gates import verify_gates, verify_gates_c

CELLS = (CellType("MUX2", ("A", "B", "S"), "Y", 0xCA), CellType("MUXI2", ("A", "B", "S"), "Y", 0x35))


def network() -> IntegerNetwork:
    layers = (
        *(Dense(np.array([[3, -5, 7], [-2, 6, 1]]), np.array([4, -9])), ClippedReLU(1, 3)),
        *(Dense(np.array([[1, 2], [2, -3], [-1, 4]]), np.array([5, 9, 1])), ArgMax()),
    )
    items = (Input("first (cm)", 0, 3), Input("2nd", 1, 2), Input("wire", 2, 3))
    return IntegerNetwork(items, layers, 3)


def vectors() -> NDArray[np.uint8]:
    """Every vector twice, in a fixed random order."""
    grid = np.stack(np.meshgrid(np.arange(8), np.arange(4), np.arange(8)), -1).reshape(-1, 3)
    return np.random.default_rng(0).permutation(np.vstack((grid, grid))).astype(np.uint8)


def netlist_of(net: IntegerNetwork) -> Netlist:
    """A tree of multiplexers for every bit of the label: slow, large and obviously right."""
    widths = [item.bits for item in net.inputs]
    bits = sum(widths)
    shifts = np.cumsum([0, *widths[:-1]])
    codes = np.arange(2**bits)[:, None] >> shifts & [2**w - 1 for w in widths]
    table = net.evaluate(codes)
    sources: list[list[int]] = []
    roots = []
    for k in range(2):
        level = [int(label >> k & 1) for label in table]
        for bit in range(bits):
            sources += [[level[i], level[i + 1], 2 + bit] for i in range(0, len(level), 2)]
            level = list(range(2 + bits + len(sources) - len(level) // 2, 2 + bits + len(sources)))
        roots.append(level[0])
    return Netlist(
        tuple(Port(n, w) for n, w in zip(port_names([i.name for i in net.inputs]), widths, strict=True)),
        (Port("label", 2),),
        CELLS,
        np.zeros(len(sources), np.uint8),
        np.array(sources, np.int32),
        np.array(roots, np.int32),
    )


def values_of(netlist: Netlist, row: NDArray[np.uint8]) -> int:
    """The label for one row, gate by gate."""
    nodes = [0, 1, *(int(v) >> k & 1 for v, p in zip(row, netlist.inputs, strict=True) for k in range(p.width))]
    for kind, (a, b, s) in zip(netlist.kinds, netlist.sources, strict=True):
        nodes.append((nodes[b] if nodes[s] else nodes[a]) ^ int(kind))
    return sum(nodes[node] << k for k, node in enumerate(netlist.output_nodes))


def test_equal_circuits_pass() -> None:
    x = vectors()
    for verdict in (
        verify_gates(netlist_of(network()), network(), x),
        verify_gates_c(netlist_of(network()), network(), x, expected=network().evaluate(x)),
    ):
        assert verdict.passed, verdict
        assert verdict.vectors == len(x) and verdict.counter_example is None
        assert verdict.extra["ns_per_vector"] > 0


@pytest.mark.parametrize("what", ["kind", "source", "output"])
@pytest.mark.parametrize("position", [-1, -2, 20, 255])
def test_a_changed_gate_is_found(what: str, position: int) -> None:
    right = netlist_of(network())
    if what == "kind":
        kinds = right.kinds.copy()
        kinds[position] = 1
        faulty = replace(right, kinds=kinds)
    elif what == "source":
        sources = right.sources.copy()
        sources[position, 0] ^= 1
        faulty = replace(right, sources=sources)
    else:
        faulty = replace(right, output_nodes=right.output_nodes[::-1].copy())
    x = vectors()
    expected = network().evaluate(x)
    found = np.array([values_of(faulty, row) for row in x])
    wrong = np.flatnonzero(found != expected)
    verdict = verify_gates(faulty, network(), x)
    assert verdict.mismatches == len(wrong)
    assert verdict.passed == (len(wrong) == 0)
    if len(wrong):
        first = int(wrong[0])
        values = {p.name: int(v) for p, v in zip(faulty.inputs, x[first], strict=True)}
        labels = {"expected label": int(expected[first]), "found label": int(found[first])}
        assert verdict.counter_example == values | labels
    # Not one of these changes is harmless everywhere, or the test would show nothing.
    if position == -1:
        assert len(wrong)
        if what == "kind":
            through_c = verify_gates_c(faulty, network(), x)
            assert (through_c.mismatches, through_c.counter_example) == (verdict.mismatches, verdict.counter_example)


def test_a_fault_in_the_c_text_is_found() -> None:
    right = netlist_of(network())
    source = emit(right)
    node = right.output_nodes[0]
    changed = source.replace(f"out[0] = g{node};", f"out[0] = ~g{node};")
    assert changed != source
    verdict = verify_gates_c(right, network(), vectors(), source=changed)
    assert verdict.mismatches == verdict.vectors
    assert verdict.counter_example is not None
    assert verdict.counter_example["found label"] == verdict.counter_example["expected label"] ^ 1
    broken = verify_gates_c(right, network(), vectors(), source="int x\n")
    assert not broken.passed and "compile" in broken.detail
    crashing = "#include <stddef.h>\n#include <stdlib.h>\nvoid inkling_gates_classify_batch(void) { abort(); }\n"
    crashed = verify_gates_c(right, network(), vectors(), source=crashing)
    assert not crashed.passed and "run" in crashed.detail
    assert str(Path("/tmp")) not in crashed.detail


def test_ports_are_found_by_name() -> None:
    right = netlist_of(network())
    first, second, third = right.inputs
    with pytest.raises(ValueError, match="no input"):
        verify_gates(replace(right, inputs=(Port("other", 3), second, third)), network(), vectors())
    with pytest.raises(ValueError, match="no input"):
        verify_gates(replace(right, inputs=(Port(first.name, 4), second, third)), network(), vectors())
    # A circuit that reads its second input alone, whose other ports the synthesis dropped.
    constant = Dense(np.array([[0, 0, 0], [0, 1, 0]]), np.array([1, 0]))
    net = IntegerNetwork(network().inputs, (constant, ArgMax()), 2)
    upper = Netlist(
        (second,), (Port("label", 1),), CELLS, np.zeros(0, np.uint8), np.zeros((0, 3), np.int32), np.array([3])
    )
    assert verify_gates(upper, net, vectors()).passed
    assert verify_gates_c(upper, net, vectors()).passed
    lower = replace(upper, output_nodes=np.array([2]))
    assert not verify_gates(lower, net, vectors()).passed

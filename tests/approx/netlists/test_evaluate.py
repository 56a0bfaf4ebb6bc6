"""Word-parallel evaluation against truth tables read bit by bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inkling.approx.netlists import evaluate as netlist_evaluate
from inkling.approx.netlists.evaluate import algebraic_form, evaluate, labels, node_values, outputs, pack, unpack
from inkling.approx.reference.netlist import CellType, Netlist, Port


def random_netlist(seed: int, widths: list[int], arities: list[int], gates: int, output_widths: list[int]) -> Netlist:
    rng = np.random.default_rng(seed)
    cells = tuple(
        CellType(f"C{i}", tuple("ABCDEF"[:k]), "Y", int.from_bytes(rng.bytes(8), "little") % 2 ** (2**k))
        for i, k in enumerate(arities)
    )
    first = 2 + sum(widths)
    kinds = rng.integers(0, len(cells), gates).astype(np.uint8)
    sources = np.zeros((gates, max(arities)), np.int32)
    for gate, kind in enumerate(kinds):
        sources[gate, : arities[kind]] = rng.integers(0, first + gate, arities[kind])
    return Netlist(
        tuple(Port(f"i{k}", width) for k, width in enumerate(widths)),
        tuple(Port(f"o{k}", width) for k, width in enumerate(output_widths)),
        cells,
        kinds,
        sources,
        rng.integers(0, first + gates, sum(output_widths)).astype(np.int32),
    )


def definition(netlist: Netlist, row: NDArray[np.int64]) -> list[int]:
    """The value of every node for one row."""
    bits = [int(value) >> k & 1 for value, port in zip(row, netlist.inputs, strict=True) for k in range(port.width)]
    nodes = [0, 1, *bits]
    for kind, sources in zip(netlist.kinds, netlist.sources, strict=True):
        cell = netlist.cell_types[kind]
        minterm = sum(nodes[sources[k]] << k for k in range(len(cell.inputs)))
        nodes.append(cell.table >> minterm & 1)
    return nodes


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    widths=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    arities=st.lists(st.integers(0, 6), min_size=1, max_size=5),
    gates=st.integers(0, 40),
    output_widths=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    rows=st.integers(0, 150),
)
def test_equals_the_truth_tables(
    seed: int, widths: list[int], arities: list[int], gates: int, output_widths: list[int], rows: int
) -> None:
    netlist = random_netlist(seed, widths, arities, gates, output_widths)
    values = np.random.default_rng(seed).integers(0, [2**w for w in widths], (rows, len(widths)))
    packed = pack(values, netlist)
    assert packed.shape == (sum(widths), -(-rows // 64))
    np.testing.assert_array_equal(unpack(packed, netlist.inputs, rows), values)
    expected = np.array([definition(netlist, row) for row in values], np.int64)
    expected = expected.reshape(rows, netlist.first_gate + gates)
    nodes = unpack(node_values(netlist, packed), [Port("n", 1)] * expected.shape[1], rows)
    np.testing.assert_array_equal(nodes, expected)
    planes = unpack(evaluate(netlist, packed), [Port("n", 1)] * len(netlist.output_nodes), rows)
    np.testing.assert_array_equal(planes, expected[:, netlist.output_nodes])
    at = 0
    for column, width in zip(outputs(netlist, values).T, output_widths, strict=True):
        weights = 1 << np.arange(width)
        np.testing.assert_array_equal(column, expected[:, netlist.output_nodes[at : at + width]] @ weights)
        at += width


def test_many_blocks_of_words() -> None:
    netlist = random_netlist(5, [4, 4], [1, 2, 2, 3], 30, [4])
    values = np.random.default_rng(5).integers(0, 16, (64 * 71 + 3, 2))
    table = {(a, b): definition(netlist, np.array([a, b])) for a in range(16) for b in range(16)}
    expected = [sum(table[int(a), int(b)][n] << k for k, n in enumerate(netlist.output_nodes)) for a, b in values]
    np.testing.assert_array_equal(labels(netlist, values), expected)


def test_a_changed_gate_changes_what_is_found() -> None:
    cells = (CellType("NAND2", ("A", "B"), "Y", 0b0111), CellType("NOR2", ("A", "B"), "Y", 0b0001))

    def single(kind: int, sources: list[int]) -> list[int]:
        netlist = Netlist(
            (Port("a", 1), Port("b", 1)),
            (Port("label", 1),),
            cells,
            np.array([kind], np.uint8),
            np.array([sources], np.int32),
            np.array([4], np.int32),
        )
        return [int(value) for value in labels(netlist, np.array([[0, 0], [1, 0], [0, 1], [1, 1]]))]

    assert single(0, [2, 3]) == [1, 1, 1, 0]
    assert single(1, [2, 3]) == [1, 0, 0, 0]
    assert single(0, [2, 2]) == [1, 0, 1, 0]
    assert single(0, [2, 1]) == [1, 0, 1, 0]


@given(inputs=st.integers(0, 6), table=st.integers(0, 2**64 - 1))
def test_algebraic_form(inputs: int, table: int) -> None:
    form = algebraic_form(table, inputs)
    for m in range(1 << inputs):
        products = [p for p in range(1 << inputs) if form >> p & 1 and p & m == p]
        assert len(products) % 2 == table >> m & 1


def test_wrong_values_and_netlists_are_refused() -> None:
    netlist = random_netlist(1, [2, 3], [2], 4, [1])
    with pytest.raises(ValueError, match="2 bits"):
        pack(np.array([[4, 0]]), netlist)
    with pytest.raises(ValueError, match="2 bits"):
        pack(np.array([[-1, 0]]), netlist)
    with pytest.raises(ValueError, match="column"):
        pack(np.zeros((3, 5), np.int64), netlist)
    with pytest.raises(ValueError, match="packed"):
        evaluate(netlist, np.zeros((4, 1), np.uint64))
    packed = np.zeros((5, 1), np.uint64)
    for sources, nodes in (([[0, 7]], [0]), ([[0, -1]], [0]), ([[0, 0]], [8]), ([[0, 0]], [-1])):
        bad = Netlist(
            netlist.inputs,
            netlist.outputs,
            netlist.cell_types,
            np.zeros(1, np.uint8),
            np.array(sources, np.int32),
            np.array(nodes, np.int32),
        )
        with pytest.raises(ValueError, match="node"):
            evaluate(bad, packed)


def test_no_cache_folder_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    def without_cache(*arguments: Any, **options: Any) -> Callable[..., Any]:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return arguments[0]  # type: ignore[no-any-return]

    monkeypatch.setattr(numba, "njit", without_cache)
    compiled = netlist_evaluate._compiled.__wrapped__(netlist_evaluate._evaluate)
    assert compiled is netlist_evaluate._evaluate

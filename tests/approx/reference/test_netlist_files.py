"""netlist.json and BLIF: round trips of random netlists, and wrong files that end in one line."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.netlists import blif
from inkling.approx.netlists.build import Gate, build
from inkling.approx.netlists.evaluate import evaluate
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.netlist_files import from_json, to_json
from inkling.train.errors import InputError

CELLS = (
    CellType("INV", ("A",), "Y", 0b01),
    CellType("NAND2", ("A", "B"), "Y", 0b0111),
    CellType("ANDN2", ("A", "B"), "Y", 0b0010),
    CellType("MUX", ("A", "B", "S"), "Z", 0b11001010),
)


@st.composite
def netlists(draw: st.DrawFn) -> Netlist:
    """Any netlist of a few gates of up to three inputs, constants and inputs as outputs included."""
    inputs = tuple(Port(f"a{k}", w) for k, w in enumerate(draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))))
    outputs = tuple(Port(f"y{k}", w) for k, w in enumerate(draw(st.lists(st.integers(1, 3), min_size=1, max_size=2))))
    first = 2 + sum(port.width for port in inputs)
    count = draw(st.integers(0, 12))
    kinds = np.array([draw(st.integers(0, 3)) for _ in range(count)], np.uint8)
    sources = np.zeros((count, 3), np.int32)
    for gate, kind in enumerate(kinds):
        for pin in range(len(CELLS[kind].inputs)):
            sources[gate, pin] = draw(st.integers(0, first + gate - 1))
    bits = sum(port.width for port in outputs)
    nodes = np.array([draw(st.integers(0, first + count - 1)) for _ in range(bits)], np.int32)
    return Netlist(inputs, outputs, CELLS, kinds, sources, nodes)


def everything(netlist: Netlist) -> np.ndarray:
    """All inputs as bit planes."""
    bits = netlist.first_gate - 2
    rows = np.arange(2**bits)
    planes = np.zeros((bits, -(-len(rows) // 64) * 8), np.uint8)
    for bit in range(bits):
        packed = np.packbits((rows >> bit & 1).astype(np.uint8), bitorder="little")
        planes[bit, : len(packed)] = packed
    return planes.view(np.uint64)


@settings(max_examples=60, deadline=None)
@given(netlists())
def test_json_round_trip(netlist: Netlist) -> None:
    text = to_json(netlist)
    again = from_json(text)
    assert to_json(again) == text
    assert (again.inputs, again.outputs, again.cell_types) == (netlist.inputs, netlist.outputs, netlist.cell_types)
    for name in ("kinds", "sources", "output_nodes"):
        assert (getattr(again, name) == getattr(netlist, name)).all()
        assert getattr(again, name).dtype == getattr(netlist, name).dtype


def mapped_blif(netlist: Netlist) -> str:
    """The netlist as gates, the way ABC writes them, in reversed order."""
    bits = netlist.first_gate - 2
    names = ["zero", "one", *(f"i{k}" for k in range(bits)), *(f"w{k}" for k in range(len(netlist.kinds)))]
    lines = [
        f".gate {netlist.cell_types[kind].name} "
        + " ".join(f"{pin}={names[s]}" for pin, s in zip(netlist.cell_types[kind].inputs, sources, strict=False))
        + f" {netlist.cell_types[kind].output}=w{gate}"
        for gate, (kind, sources) in enumerate(zip(netlist.kinds, netlist.sources, strict=True))
    ]
    lines += [".gate _const1_ y=one", ".gate _const0_ y=zero"]
    lines += [f".names {names[node]} o{k}\n1 1" for k, node in enumerate(netlist.output_nodes)]
    return "\n".join([".model x", *reversed(lines), ".end"])


@settings(max_examples=60, deadline=None)
@given(netlists())
def test_gates_of_a_blif_compute_the_same(netlist: Netlist) -> None:
    again = blif.read(mapped_blif(netlist), CELLS, netlist.inputs, netlist.outputs, "x.blif")
    assert (again.inputs, again.outputs) == (netlist.inputs, netlist.outputs)
    assert (evaluate(again, everything(netlist)) == evaluate(netlist, everything(netlist))).all()
    assert len(again.kinds) <= len(netlist.kinds)


def test_blif_lists_what_it_is_told_in_the_order_it_is_told() -> None:
    netlist = build(
        [(Port("a", 2), ["p", "q"])],
        [(Port("y", 1), ["n"])],
        {"n": Gate(CELLS[2], ("p", "q"))},
        zero="0",
        one="1",
        where="test",
    )
    text = blif.write(netlist, input_order=[1, 0], output_order=[0], swapped=np.array([True]))
    assert ".inputs i1 i0\n" in text
    assert ".names i1 i0 n0\n01 1\n" in text
    assert ".names i0 i1 n0\n10 1\n" in blif.write(netlist)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".gate INV A=i0 Y=o0\n.gate INV A=i1 Y=o0", "driven twice"),
        (".gate INV A=o0 Y=o0", "depends on itself"),
        (".gate NAND2 A=n B=i0 Y=m\n.gate NAND2 A=m B=i0 Y=n\n.names m o0\n1 1", "depends on itself"),
        (".names b o0\n1 1\n.names o0 b\n1 1", "depends on itself"),
        (".gate INV A=nowhere Y=o0", "nothing drives"),
        (".gate BIG A=i0 Y=o0", "not expected"),
        (".gate INV A=i0 B=i1 Y=o0", "other pins"),
        (".names i0 i1 o0\n11 1", "is not expected|neither constant"),
        (".names i0 o0\n0 1", "neither constant nor connection"),
        (".latch i0 o0 0", "not expected"),
        ("", "nothing drives"),
    ],
)
def test_wrong_blif(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        blif.read(text, CELLS, [Port("a", 2)], [Port("y", 1)], "x.blif")


def good() -> dict[str, Any]:
    return {
        "schema": "inkling.netlist/1",
        "inputs": [["a", 1], ["b", 2]],
        "outputs": [["y", 1]],
        "cell_types": [{"name": "NAND2", "inputs": ["A", "B"], "output": "Y", "table": 7}],
        "output_nodes": [6],
        "gates": [[0, 2, 3], [0, 5, 4]],
    }


def test_the_good_file_is_good() -> None:
    assert len(from_json(json.dumps(good())).kinds) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "inkling.netlist/2"}, "schema"),
        ({"inputs": None}, "no list"),
        ({"inputs": [["a", 0]]}, "other than"),
        ({"inputs": [["a", True]]}, "other than"),
        ({"inputs": [["a b", 1]]}, "no identifier"),
        ({"inputs": [["a", 10**9]]}, "bits"),
        ({"outputs": [["a", 1]]}, "same name"),
        ({"gates": [[0, 2, 5], [0, 5, 4]]}, "does not come before"),
        ({"gates": [[0, -1, 2], [0, 5, 4]]}, "does not come before"),
        ({"gates": [[1, 2, 3], [0, 5, 4]]}, "no known cell type"),
        ({"gates": [[0, 2], [0, 5, 4]]}, "number of sources"),
        ({"gates": [[0, 2, 3.0], [0, 5, 4]]}, "no list of integers"),
        ({"gates": [[]]}, "no known cell type"),
        ({"output_nodes": [7]}, "output_nodes"),
        ({"output_nodes": [2, 3]}, "output_nodes"),
        ({"cell_types": [{"name": "NAND2", "inputs": ["A", "B"], "output": "Y", "table": 16}]}, "table"),
        ({"cell_types": [{"name": "NAND2", "inputs": ["A", "A"], "output": "Y", "table": 7}]}, "same name"),
        ({"cell_types": [{"name": "NAND2"}]}, "is not"),
    ],
)
def test_wrong_json(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_json(json.dumps(good() | change))


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"schema": NaN}', "1" * 10_000, "\0", '"x"'])
def test_text_that_is_no_netlist(text: str) -> None:
    with pytest.raises(InputError):
        from_json(text)

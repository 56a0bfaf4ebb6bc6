"""The Verilog text, read again by yosys and evaluated over every input, and by Verilator's linter."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.programs import process
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, DecisionTree, Dense
from inkling.hdl.circuits import verilog

_TABLE = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for command in ["read_verilog design.v", "hierarchy -check -top top", "check -assert", sys.argv[1]]:
    ys.run_pass(command, design)
"""


def numbers(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, np.int64)


NETWORKS = {
    "mlp": IntegerNetwork(
        (Input("Wert 1", 0, 3), Input("reg", 1, 2), Input("unread", 2, 1)),
        (
            Dense(np.array([[3, -2, 0], [-7, 5, 0], [1, 1, 0]]), numbers(1, 4, -2)),
            ClippedReLU(1, 3),
            Dense(np.array([[1, 2, -1], [-3, 4, 2], [0, 1, 3]]), numbers(0, 5, 9)),
            ArgMax(),
        ),
        3,
    ),
    "tree": IntegerNetwork(
        (Input("a", 0, 3), Input("unread", 1, 2), Input("b", 2, 3)),
        (
            DecisionTree(
                numbers(0, -1, 2, -1, -1),
                numbers(3, 0, 5, 0, 0),
                numbers(1, -1, 3, -1, -1),
                numbers(2, -1, 4, -1, -1),
                numbers(0, 1, 0, 0, 2),
            ),
        ),
        3,
    ),
    # A column may be called as a wire inside is.
    "clash": IntegerNetwork(
        (Input("layer0_n0_y0", 0, 2), Input("layer0_n0_add0_s", 1, 2)),
        (Dense(np.array([[3, -2], [1, 3]]), numbers(1, 0)), ClippedReLU(1, 2), ArgMax()),
        2,
    ),
    "constant": IntegerNetwork((Input("a", 0, 2),), (Dense(np.array([[0], [0]]), numbers(1, 2)), ArgMax()), 2),
}


def table_of(text: str, ports: list[str], folder: Path) -> list[tuple[int, ...]]:
    """Every row of inputs with its label, as yosys evaluates the text."""
    (folder / "design.v").write_text(text)
    command = f"eval -show label -table {','.join(ports)} top"
    log = process.python(_TABLE, command, time_limit_s=60, cwd=folder).stdout
    rows = re.findall(r"^((?: *\d+'[01]+)+) *\|((?: *\d+'[01]+)+)", log, flags=re.MULTILINE)
    return [tuple(int(cell.split("'")[1], 2) for cell in f"{left} {right}".split()) for left, right in rows]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_text_computes_the_network(name: str, tmp_path: Path) -> None:
    network = NETWORKS[name]
    text = verilog.behavioural(network)
    header = re.search(r"module top\(([^)]*)\);", text)
    assert header is not None
    *ports, output = header[1].split(", ")
    assert len(ports) == len(network.inputs) and output == "label"
    for port, item in zip(ports, network.inputs, strict=True):
        assert re.search(rf"^  input {rf'.{item.bits - 1}:0. ' if item.bits > 1 else ''}{port};$", text, re.MULTILINE)
    rows = table_of(text, ports, tmp_path)
    assert len(rows) == 2 ** sum(item.bits for item in network.inputs)
    x, labels = np.array(rows)[:, :-1], np.array(rows)[:, -1]
    np.testing.assert_array_equal(labels, network.evaluate(x))


def test_a_planted_fault_is_seen(tmp_path: Path) -> None:
    network = NETWORKS["mlp"]
    text = verilog.behavioural(network).replace(" | ", " & ")
    rows = np.array(table_of(text, ["wert_1", "col_reg", "unread"], tmp_path))
    assert (rows[:, -1] != network.evaluate(rows[:, :-1])).any()


def test_scores_are_signed_where_they_can_be_negative() -> None:
    layer = Dense(np.array([[3, -2], [1, 3]]), numbers(1, 0))
    text = verilog.behavioural(IntegerNetwork((Input("a", 0, 2), Input("b", 1, 2)), (layer,), 2))
    assert "module top(a, b, score_0, score_1);" in text
    assert "  output signed [4:0] score_0;" in text and "  output [3:0] score_1;" in text


def test_equal_networks_give_equal_text_without_traces_of_tools() -> None:
    text = verilog.behavioural(NETWORKS["mlp"])
    assert text == verilog.behavioural(NETWORKS["mlp"])
    assert "osys" not in text and "src" not in text and "/*" not in text and text.isascii()
    assert "module other(" in verilog.behavioural(NETWORKS["tree"], module="other")


@pytest.mark.parametrize("name", NETWORKS)
def test_verilator_has_nothing_to_say_but_that_an_input_is_unread(name: str, tmp_path: Path) -> None:
    (tmp_path / "top.v").write_text(verilog.behavioural(NETWORKS[name]))
    root = process.package_folder("verilator")
    environment = dict(os.environ, VERILATOR_ROOT=str(root), PATH=f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}")
    argv = [root / "bin" / "verilator", "--lint-only", "-Wall", "-Wno-UNUSEDSIGNAL", "top.v"]
    done = process.run(argv, time_limit_s=60, cwd=tmp_path, environment=environment)
    assert "%" not in done.stderr


def test_wires_are_folded_in_whatever_order_yosys_writes_them() -> None:
    text = "module top(a, y);\n  wire _1_;\n  wire _2_;\n  assign y = _2_ | a;\n  assign _2_ = ~ _1_;\n"
    text += "  assign _1_ = a & b;\nendmodule\n"
    assert verilog.folded(text) == "module top(a, y);\n  assign y = (~ (a & b)) | a;\nendmodule\n"

"""The stand-alone component file: same hardware, from Amaranth alone."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.programs import process
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, DecisionTree, Dense
from inkling.hdl.circuits import component_file

# Nothing but Amaranth may be imported; the folder of the file is the only one added to the path.
_RTLIL = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("train", "approx", "hdl", "sim", "reports", "inkling", "numpy", "torch"):
            raise ImportError(f"not allowed: {name}")

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import component
from amaranth.back import rtlil
print(rtlil.convert(component.Top(), name="top", emit_src=False))
"""


def inputs(*names: str) -> tuple[Input, ...]:
    return tuple(Input(name, k, 3) for k, name in enumerate(names))


def numbers(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, np.int64)


MLP = IntegerNetwork(
    inputs('"""\nimport os', "größe", "# x"),
    (
        Dense(np.array([[3, -2, 7], [0, 5, -9]]), numbers(1, -4)),
        ClippedReLU(1, 4),
        Dense(np.array([[1, 2], [-3, 4], [0, 1]]), numbers(0, 5, 9)),
        ArgMax(),
    ),
    3,
)
TREE = IntegerNetwork(
    inputs("a", "b"),
    (
        DecisionTree(
            numbers(0, -1, 1, -1, -1),
            numbers(3, 0, 5, 0, 0),
            numbers(1, -1, 3, -1, -1),
            numbers(2, -1, 4, -1, -1),
            numbers(0, 1, 0, 0, 2),
        ),
    ),
    3,
)
SCORES = IntegerNetwork(inputs("a"), (ClippedReLU(1, 2), Dense(np.array([[3], [-2]]), numbers(-1, 0))), 2)


@pytest.mark.parametrize("network", [MLP, TREE, SCORES])
def test_the_file_alone_gives_the_same_hardware(network: IntegerNetwork, tmp_path: Path) -> None:
    from amaranth.back import rtlil

    from inkling.hdl.circuits.classifier import Classifier

    text = component_file.emit(network, class_names=["x", "'''\n", "é"])
    assert text.isascii() and text == component_file.emit(network, class_names=["x", "'''\n", "é"])
    (tmp_path / "component.py").write_text(text, encoding="ascii")
    found = process.python(_RTLIL, tmp_path, time_limit_s=60, cwd=tmp_path).stdout
    assert found.strip() == rtlil.convert(Classifier(network), name="top", emit_src=False).strip()
    # A different constant or adder is different hardware.
    wrong = re.sub(r"(threshold=\(|outputs=\(\n +\()\d+", r"\g<1>1", text.replace("kind='full'", "kind='mixed'"))
    assert wrong != text
    (tmp_path / "component.py").write_text(wrong, encoding="ascii")
    assert process.python(_RTLIL, tmp_path, time_limit_s=60, cwd=tmp_path).stdout != found


def test_run_as_a_script_it_prints_verilog(tmp_path: Path) -> None:
    (tmp_path / "component.py").write_text(component_file.emit(TREE), encoding="ascii")
    text = process.python(
        "import runpy; runpy.run_path('component.py', run_name='__main__')", time_limit_s=120, cwd=tmp_path
    ).stdout
    assert "module top(" in text and "endmodule" in text


@pytest.mark.parametrize("network", [MLP, TREE, SCORES])
def test_no_name_is_defined_twice(network: IntegerNetwork) -> None:
    body = ast.parse(component_file.emit(network)).body
    names = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert len(names) == len(set(names))
    assert names[-1] == "Top"

"""`inkling import`: an ONNX file and a table become a verified run folder; wrong input is one line and code 2."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(0)


def write(path: Path, outputs: int, activation: str = "Relu") -> None:
    """Two layers of 4-3-outputs with fixed random weights."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node(activation, ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "v"], ["y"]),
    ]
    weights = {"w": RNG.normal(size=(4, 3)).astype("f"), "v": RNG.normal(size=(3, outputs)).astype("f")}
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", k]) for name, k in (("x", 4), ("y", outputs))
    ]
    constants = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    path.write_bytes(
        helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)).SerializeToString()
    )


def inkling(folder: Path, *arguments: str) -> Any:
    script = "from inkling.cli.main import main; main()"
    argv = [sys.executable, "-P", "-c", script, *arguments]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=400)


@pytest.mark.parametrize("regression", [False, True])
def test_a_file_becomes_a_verified_run_folder(tmp_path: Path, regression: bool) -> None:
    write(tmp_path / "net.onnx", 1 if regression else 3)
    data = "iris"
    if regression:
        rows = RNG.normal(size=(60, 4))
        lines = [",".join(f"{v:.6f}" for v in (*row, row.sum())) for row in rows]
        (tmp_path / "t.csv").write_text("a,b,c,d,t\n" + "\n".join(lines) + "\n")
        data = "t.csv"
    small = ("--bits", "3", "--weight-bits", "3", "--hidden-bits", "2")
    flags = ("--regression",) if regression else ()
    done = inkling(tmp_path, "import", "net.onnx", "--data", data, "--out", "run", *small, *flags)
    assert done.returncode == 0, done.stderr
    design = tmp_path / "run" / "designs" / "imported"
    verdicts = json.loads((design / "verdict.json").read_text())
    assert {item["route"] for item in verdicts} >= {"numba", "c", "verilator", "cocotb", "gates", "verilator-mapped"}
    assert all(item["mismatches"] == 0 for item in verdicts)
    conversion = json.loads((tmp_path / "run" / "conversion.json").read_text())
    assert conversion["bits"] == {"inputs": 3, "weights": 3, "hidden": 2}
    assert conversion["sweep"]
    described = json.loads((design / "design.json").read_text())
    if regression:
        assert described["outputs"][0]["port"] == "score_0"
        assert described["outputs"][0]["scale"] > 0
        report = json.loads((tmp_path / "run" / "report.json").read_text())
        assert report["schema"] == "inkling.regression/1" and len(report["test_pairs"]) == report["rows"]["test"]
        truth, answers = np.array(report["test_pairs"]).T
        root = float(np.sqrt(((truth - answers) ** 2).mean()))
        assert abs(root - report["errors"]["test"]["rmse_integer"]) < 1e-3 * root
        html = (tmp_path / "run" / "report.html").read_bytes()
        assert b"answers against the truth" in html
        again = inkling(tmp_path, "report", "run", "--json")
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout) == report and (tmp_path / "run" / "report.html").read_bytes() == html
        report["test_pairs"] = [[1, "x"]]
        (tmp_path / "run" / "report.json").write_text(json.dumps(report))
        again = inkling(tmp_path, "report", "run")
        assert (again.returncode, again.stderr.count("\n")) == (2, 1), again.stderr
    else:
        assert described["output"]["classes"] == ["setosa", "versicolor", "virginica"]
        (point,) = json.loads((tmp_path / "run" / "report.json").read_text())["points"]
        assert point["verified"]
        assert "conversion" not in point
        assert set(conversion["test"]) == {"float", "agreement"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["none.onnx", "--data", "iris"], "cannot be read"),
        (["text.onnx", "--data", "iris"], "ONNX"),
        (["tanh.onnx", "--data", "iris"], "Tanh"),
        (["net.onnx", "--data", "wine"], "takes 4 inputs"),
        (["net.onnx", "--data", "iris", "--bits", "9"], "1 to 8"),
        (["net.onnx", "--data", "iris", "--weight-bits", "1"], "2 to 16"),
        (["net.onnx", "--data", "iris", "--regression"], "not numeric"),
    ],
)
def test_wrong_input_is_one_line(tmp_path: Path, arguments: list[str], named: str) -> None:
    write(tmp_path / "net.onnx", 3)
    write(tmp_path / "tanh.onnx", 3, "Tanh")
    (tmp_path / "text.onnx").write_text("hello")
    done = inkling(tmp_path, "import", *arguments, "--out", "run")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert named in done.stderr
    assert not (tmp_path / "run").exists()

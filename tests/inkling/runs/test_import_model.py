"""`inkling import`: an ONNX file and a table become a verified run folder; wrong input is one line and code 2."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from inkling.approx.quantise.from_onnx import load
from inkling.approx.quantise.models import convert
from inkling.runs import import_model
from inkling.runs.model_table import ModelTable, model_table
from inkling.train.errors import InputError
from inkling.train.tables import sources
from inkling.train.tables.reading import Reading

RNG = np.random.default_rng(0)


def write(path: Path, outputs: int, activation: str = "Relu") -> None:
    """Two layers of 4-3-outputs: of three outputs one that tells irises apart, else with fixed random weights."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node(activation, ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "v"], ["y"]),
    ]
    weights = {"w": RNG.normal(size=(4, 3)).astype("f"), "v": RNG.normal(size=(3, outputs)).astype("f")}
    if outputs == 3:  # hidden: petal length, sepal width, petal width
        weights["w"] = np.eye(4, dtype="f")[:, [2, 1, 3]].copy()
        weights["v"] = np.array([[-1.0, 0.2, -0.5], [1.5, 0.0, 0.0], [0.0, 0.0, 2.0]], "f")
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
    # Three bits cannot say all that the file says: a limit of 1 is not reached, and the exit code says so.
    flags = ("--regression", "--agreement", "0") if regression else ("--agreement", "1")
    done = inkling(tmp_path, "import", "net.onnx", "--data", data, "--out", "run", *small, *flags)
    assert done.returncode == (0 if regression else 1), done.stderr
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
        assert set(conversion["test"]) == {"file", "agreement"}
        assert "less than --agreement 1" in done.stderr and done.stderr.count("\n") == 1
        assert 0.3 < conversion["file"]["agreement"] < 1 == conversion["file"]["reading"]
        assert conversion["file"]["rows"] == 150 and "largest column of output y" in conversion["file"]["decision"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["none.onnx", "--data", "iris"], "cannot be read"),
        (["text.onnx", "--data", "iris"], "ONNX"),
        (["tanh.onnx", "--data", "iris"], "(Tanh), which cannot be converted inside a network"),
        (["net.joblib", "--data", "iris"], "export with skl2onnx"),
        (["net.onnx", "--data", "iris", "--agreement", "90"], "from 0 to 1"),
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
    (tmp_path / "net.joblib").write_bytes(b"")
    done = inkling(tmp_path, "import", *arguments, "--out", "run")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert named in done.stderr
    assert not (tmp_path / "run").exists()


def labelled(path: Path, labels: Any, names: list[str] | None = None) -> Path:
    """A linear classifier of scikit-learn's kind, with its labels, and an input for each column where named."""
    kind = "classlabels_strings" if isinstance(labels[0], str) else "classlabels_ints"
    rng = np.random.default_rng(5)
    node = helper.make_node(
        "LinearClassifier", ["f" if names else "x"], ["l", "s"], domain="ai.onnx.ml", post_transform="SOFTMAX",
        coefficients=rng.normal(size=4 * len(labels)), intercepts=rng.normal(size=len(labels)), **{kind: labels},
    )  # fmt: skip
    join = [helper.make_node("Concat", names, ["f"], axis=1)] if names else []
    starts = dict.fromkeys(names, 1) if names else {"x": 4}
    graph = helper.make_graph(
        [*join, node],
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width]) for name, width in starts.items()],
        [
            helper.make_tensor_value_info(
                "l", TensorProto.STRING if kind.endswith("strings") else TensorProto.INT64, ["n"]
            )
        ],
    )
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    path.write_bytes(helper.make_model(graph, opset_imports=versions, ir_version=8).SerializeToString())
    return path


def of_iris(path: Path) -> ModelTable:
    table, note = sources.find_table("iris")
    return model_table(table, load(path), path, Reading("iris"), note)


def test_names_of_classes_and_columns_that_differ(tmp_path: Path) -> None:
    same = of_iris(labelled(tmp_path / "a.onnx", ["virginica", "setosa", "versicolor"]))
    assert same.classes == ("virginica", "setosa", "versicolor") and not any("number" in note for note in same.notes)
    numbered = of_iris(labelled(tmp_path / "b.onnx", [0, 1, 2]))
    assert numbered.classes == ("setosa", "versicolor", "virginica")
    assert any("0 is setosa, 1 is versicolor" in note for note in numbered.notes)
    with pytest.raises(InputError, match=r"classes rose, lily, iris, the target of iris has setosa, versicolor"):
        of_iris(labelled(tmp_path / "c.onnx", ["rose", "lily", "iris"]))
    with pytest.raises(InputError, match="classes 0, 1, the target"):
        of_iris(labelled(tmp_path / "d.onnx", [0, 1]))
    names = ["petal_width_cm", "sepal length (cm)", "sepal_width_cm", "petal_length_cm"]
    moved = of_iris(labelled(tmp_path / "e.onnx", [0, 1, 2], names))
    np.testing.assert_array_equal(moved.values, numbered.values[:, [3, 0, 1, 2]])
    assert moved.columns[0] == "petal width (cm)"


def test_a_reading_that_is_wrong_is_seen_by_running_the_file(tmp_path: Path) -> None:
    """Two classes exchanged in what was read: the agreement is with the file, not with the reading."""
    path = labelled(tmp_path / "net.onnx", [0, 1, 2])
    read, table = load(path), of_iris(path)
    answers = read.answers()
    file = import_model._File(answers.evaluate(table.values), answers.evaluator)
    last = read.model.layers[-1]
    wrong = import_model.replace(read.model, layers=(import_model.replace(
        last, weights=last.weights[::-1], bias=last.bias[::-1]),))  # fmt: skip
    for model, right in ((read.model, True), (wrong, False)):
        conversion = convert(model, table.values, input_bits=8, sweep=False)
        assert conversion.found.same > 0.95
        comparison = import_model._compared(model, conversion, table, file)
        assert (comparison.agreement > 0.95) == (comparison.reading == 1) == right


def test_a_table_is_read_by_the_same_options_as_by_a_run(tmp_path: Path) -> None:
    """Semicolons, decimal commas, a row of units, batches, a column to leave out, test rows of one's own."""
    write(tmp_path / "net.onnx", 3)
    read = load(tmp_path / "net.onnx")
    rng = np.random.default_rng(1)

    def table(path: Path, rows: int) -> None:
        lines = ["a;b;c;d;serial;batch;label", "cm;cm;cm;cm;;;"]
        for k in range(rows):
            values = ";".join(f"{v:.3f}".replace(".", ",") for v in rng.uniform(0, 9, 4))
            lines.append(f"{values};{k};batch {k // 6};{'xyz'[k % 3]}")
        path.write_text("\n".join(lines) + "\n")

    table(tmp_path / "t.csv", 90)
    table(tmp_path / "tests.csv", 12)
    ways: dict[str, Any] = {"separator": "semicolon", "decimal": ",", "units_row": True, "drop": ("serial",)}
    reading = Reading(str(tmp_path / "t.csv"), "label", **ways, group="batch")

    def made(reading: Reading) -> ModelTable:
        found, note = sources.find_table(reading)
        return model_table(found, read, tmp_path / "net.onnx", reading, note, sources.tests_of(reading))

    found = made(reading)
    assert (
        found.columns == ("a", "b", "c", "d") and found.values.shape == (90, 4) and found.classes == ("x", "y", "z")
    )
    sides = [{row // 6 for row in part.tolist()} for part in found.split]
    assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]
    given = made(
        Reading(str(tmp_path / "t.csv"), "label", **ways, group="batch", test_file=str(tmp_path / "tests.csv"))
    )
    assert given.split.test.tolist() == list(range(90, 102))
    columns = Reading(str(tmp_path / "t.csv"), "label", **ways | {"drop": (), "columns": ("d", "c", "b", "a")})
    assert set(made(columns).columns) == {"a", "b", "c", "d"}
    with pytest.raises(InputError, match="takes 4 inputs"):
        made(Reading(str(tmp_path / "t.csv"), "label", **ways | {"drop": ("serial", "batch", "a")}))

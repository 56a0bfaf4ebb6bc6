"""Classifiers one against the rest with a logistic loss, as skl2onnx writes them, are read as what they compute."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from inkling.approx.quantise.from_onnx import load
from inkling.train.errors import InputError


def write(path: Path, **changes: Any) -> None:
    """SGDClassifier(loss="log_loss") of three classes, node by node as skl2onnx 1.20 exports it."""
    rng = np.random.default_rng(7)
    constants: dict[str, Any] = {
        "coef": rng.normal(0, 1, (4, 3)).astype("f"),
        "intercept": rng.normal(0, 1, 3).astype("f"),
        "negate": np.array([-1], "f"),
        "unity": np.array([1], "f"),
        "axis": np.array([1], np.int64),
        "num_classes": np.array([3], "f"),
        "classes": np.array([0, 1, 2], np.int64),
        "shape_tensor": np.array([-1], np.int64),
    } | changes
    made: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("MatMul", ["X", "coef"], "matmul_result", {}),
        ("Add", ["matmul_result", "intercept"], "score", {}),
        ("Mul", ["score", "negate"], "negated_scores", {}),
        ("Exp", ["negated_scores"], "exp_result", {}),
        ("Add", ["exp_result", "unity"], "add_result", {}),
        ("Reciprocal", ["add_result"], "proba", {}),
        ("ReduceSum", ["proba", "axis"], "reduced", {}),
        ("Cast", ["reduced"], "bool_reduced", {"to": TensorProto.BOOL}),
        ("Not", ["bool_reduced"], "bool_not_reduced", {}),
        ("Cast", ["bool_not_reduced"], "not_reduced", {"to": TensorProto.FLOAT}),
        ("Add", ["proba", "not_reduced"], "proba_updated", {}),
        ("Mul", ["not_reduced", "num_classes"], "mask", {}),
        ("Add", ["reduced", "mask"], "reduced_updated", {}),
        ("Div", ["proba_updated", "reduced_updated"], "probabilities", {}),
        ("ArgMax", ["probabilities"], "predicted", {"axis": 1, "keepdims": 1}),
        ("Reshape", ["predicted", "shape_tensor"], "label", {}),
    ]
    nodes = [helper.make_node(kind, inputs, [output], **attributes) for kind, inputs, output, attributes in made]
    ends = [
        helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 4]),
        helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 3]),
    ]
    held = [numpy_helper.from_array(values, name) for name, values in constants.items() if name != "classes"]
    graph = helper.make_graph(nodes, "sgd", ends[:1], ends[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def test_the_reading_answers_as_the_file_does(tmp_path: Path) -> None:
    write(tmp_path / "sgd.onnx")
    read = load(tmp_path / "sgd.onnx")
    rows = np.random.default_rng(1).normal(0, 1, (2000, 4)).astype("f").astype(np.float64)
    file = read.answers().evaluate(rows)
    assert np.array_equal(read.model.predict(rows), file) and set(file.tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unity", np.array([2], "f")),  # no sigmoid
        ("axis", np.array([0], np.int64)),  # the sum of a column
        ("num_classes", np.array([-3], "f")),
    ],
)
def test_what_only_looks_like_it_is_refused(name: str, value: Any, tmp_path: Path) -> None:
    write(tmp_path / "sgd.onnx", **{name: value})
    with pytest.raises(InputError):
        load(tmp_path / "sgd.onnx")

"""Kinds of ONNX files that once went wrong, each made here: read as the file runs, or refused by node and advice.

The evaluators say what the file does; random graphs are tried in tests/fuzz/test_onnx_graphs.py.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from inkling.approx.quantise import from_onnx
from inkling.approx.quantise.models import convert
from inkling.train.errors import InputError

RNG = np.random.default_rng(11)
X = RNG.normal(0, 2, (150, 4))
W1, B1 = RNG.normal(size=(4, 6)).astype("f"), RNG.normal(size=6).astype("f")
W2, B2 = RNG.normal(size=(6, 3)).astype("f"), RNG.normal(size=3).astype("f")
V, C = RNG.normal(size=(3, 4)).astype("f"), np.array([-1.0, 0.5, 0.2], "f")
P, Q = np.array([[0.4, -0.9, 2.3, 1.0]], "f"), np.array([-0.7], "f")
ML = "ai.onnx.ml"
N = helper.make_node


def write(path: Path, nodes: list[Any], constants: dict[str, Any], *, outputs: dict[str, int] | None = None,
          inputs: Any = None, version: int = 17) -> Path:  # fmt: skip
    ends = outputs or {nodes[-1].output[0]: TensorProto.FLOAT}
    starts = inputs or {"x": ["n", 4]}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in starts.items()],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in ends.items()],
        [
            helper.make_tensor(name, TensorProto.STRING, [len(v)], [t.encode() for t in v])
            if isinstance(v, list)
            else numpy_helper.from_array(np.asarray(v), name)
            for name, v in constants.items()
        ],
    )
    versions = [helper.make_opsetid("", version), helper.make_opsetid(ML, 3), helper.make_opsetid("qonnx", 1)]
    made = helper.make_model(graph, opset_imports=versions)
    made.ir_version = 8
    path = path / "model.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def check(path: Path, values: np.ndarray = X) -> from_onnx.OnnxModel:
    """Read, and compared with both evaluators on every row."""
    read = from_onnx.load(path)
    for runtime in (False, True):
        np.testing.assert_array_equal(read.answers(runtime=runtime).evaluate(values), read.model.predict(values))
    assert len(set(read.model.predict(values).tolist())) > 1
    return read


SINGLE = N("Gemm", ["x", "P", "Q"], ["a"], transB=1)
THREE = N("Gemm", ["x", "V", "C"], ["a"], transB=1)
SIGMOID = [SINGLE, N("Sigmoid", ["a"], ["p"])]
OTHER = [*SIGMOID, N("Sub", ["one", "p"], ["q"])]
BASE = {"V": V, "C": C, "P": P, "Q": Q, "one": np.float32(1), "half": np.float32(0.5)}


@pytest.mark.parametrize("first", [True, False])
def test_the_other_probability_is_where_the_file_has_it(tmp_path: Path, first: bool) -> None:
    nodes = [*OTHER, N("Concat", ["p", "q"] if first else ["q", "p"], ["y"], axis=1)]
    read = check(write(tmp_path, nodes, BASE))
    above = 1 / (1 + np.exp(-(X @ P[0] + Q))) > 0.5
    np.testing.assert_array_equal(read.model.predict(X), above != first)


def test_what_comes_behind_a_softmax_is_honoured(tmp_path: Path) -> None:
    softmax = [THREE, N("Softmax", ["a"], ["s"], axis=1)]
    plain = from_onnx.read(write(tmp_path, softmax, BASE)).predict(X)
    permuted = check(
        write(tmp_path, [*softmax, N("Gather", ["s", "i"], ["y"], axis=1)], BASE | {"i": np.array([2, 0, 1])})
    )
    np.testing.assert_array_equal(np.array([2, 0, 1])[permuted.model.predict(X)], plain)
    # On small scores: 1 - s of many tiny s is 1 in float32, a tie that is of the evaluator.
    less = check(write(tmp_path, [*softmax, N("Sub", ["one", "s"], ["y"])], BASE), X / 8)
    np.testing.assert_array_equal(less.model.predict(X), (X @ V.T + C).argmin(axis=1))
    labels = [*softmax, N("ArgMax", ["s"], ["k"], axis=1, keepdims=0), N("Gather", ["t", "k"], ["y"], axis=0)]
    named = write(tmp_path, labels, BASE | {"t": ["zeta", "eta", "iota"]}, outputs={"y": TensorProto.STRING})
    assert check(named).model.classes == ("zeta", "eta", "iota")
    for axis, kind in ((0, "Softmax"), (0, "ArgMax")):
        with pytest.raises(InputError, match=rf"node 1 \({kind}\).*axis"):
            from_onnx.read(write(tmp_path, [THREE, N(kind, ["a"], ["y"], axis=axis)], BASE))


@pytest.mark.parametrize(
    ("nodes", "more"),
    [
        ([N("Greater", ["p", "half"], ["y"])], {}),
        ([N("LessOrEqual", ["p", "low"], ["y"])], {"low": np.float32(0.2)}),
        ([N("Greater", ["p", "half"], ["b"]), N("Not", ["b"], ["y"])], {}),
        ([N("GreaterOrEqual", ["p", "half"], ["b"]), N("Where", ["b", "u", "v"], ["y"])],
         {"u": np.array([4]), "v": np.array([9])}),
        ([N("Round", ["p"], ["r"]), N("Cast", ["r"], ["y"], to=TensorProto.INT64)], {}),
    ],
)  # fmt: skip
def test_thresholds_are_honoured(tmp_path: Path, nodes: list[Any], more: dict[str, Any]) -> None:
    kind = TensorProto.INT64 if nodes[-1].op_type in ("Where", "Cast") else TensorProto.BOOL
    check(write(tmp_path, [*SIGMOID, *nodes], BASE | more, outputs={"y": kind}))


@pytest.mark.parametrize("transform", ["NONE", "SOFTMAX", "LOGISTIC"])
@pytest.mark.parametrize("labels", [{"classlabels_ints": [3, 5, 9]}, {"classlabels_strings": ["x", "w", "v"]}])
def test_linear_models_of_scikit_learn(tmp_path: Path, transform: str, labels: dict[str, Any]) -> None:
    node = N("LinearClassifier", ["x"], ["l", "s"], domain=ML, coefficients=V.ravel(), intercepts=C,
             post_transform=transform, **labels)  # fmt: skip
    nodes = [
        node,
        N("Normalizer", ["s"], ["z"], domain=ML, norm="L1"),
        N("ZipMap", ["z"], ["m"], domain=ML, **labels),
    ]
    kind = TensorProto.STRING if "classlabels_strings" in labels else TensorProto.INT64
    read = check(write(tmp_path, nodes, {}, outputs={"l": kind, "m": TensorProto.FLOAT}))
    assert list(read.model.classes) == [str(v) for v in next(iter(labels.values()))]
    binary = N("LinearClassifier", ["x"], ["l", "s"], domain=ML, coefficients=P.ravel(), intercepts=Q,
               post_transform="LOGISTIC", classlabels_ints=[0, 1])  # fmt: skip
    check(write(tmp_path, [binary], {}, outputs={"l": TensorProto.INT64}))
    value = N("LinearRegressor", ["x"], ["y"], domain=ML, coefficients=P.ravel(), intercepts=Q)
    found = from_onnx.load(write(tmp_path, [value], {}), task="regression")
    np.testing.assert_allclose(found.answers().evaluate(X), found.model.evaluate(X), rtol=1e-5)


def test_exporters_forms_of_columns_and_clamps(tmp_path: Path) -> None:
    dense = [N("Gemm", ["x", "W1", "B1"], ["h"])]
    layers = {"W1": W1, "B1": B1, "W2": W2, "B2": B2, "zero": np.float32(0), "six": np.float32(6)}
    for clamp in ([N("Max", ["h", "zero"], ["r"])], [N("Max", ["zero", "h"], ["m"]), N("Min", ["m", "six"], ["r"])],
                  [N("Clip", ["h", "", "six"], ["m"]), N("Relu", ["m"], ["r"])]):  # fmt: skip
        check(write(tmp_path, [*dense, *clamp, N("Gemm", ["r", "W2", "B2"], ["y"])], layers))
    view = [N("Shape", ["x"], ["s"]), N("Gather", ["s", "i0"], ["b"], axis=0), N("Unsqueeze", ["b", "a0"], ["u"]),
            N("Concat", ["u", "m1"], ["t"], axis=0), N("Reshape", ["x", "t"], ["f"]),
            N("Gemm", ["f", "V", "C"], ["y"], transB=1)]  # fmt: skip
    check(write(tmp_path, view, BASE | {"i0": np.array(0), "a0": np.array([0]), "m1": np.array([-1])}))
    columns = {"V2": V[:, :2].copy(), "C": C, "st": np.array([1]), "en": np.array([3]), "ax": np.array([1])}
    last = N("Gemm", ["f", "V2", "C"], ["y"], transB=1)
    unused = N("Tan", ["x"], ["nobody"])
    check(write(tmp_path, [N("Slice", ["x", "st", "en", "ax"], ["f"]), unused, last], columns))
    picked = N("ArrayFeatureExtractor", ["x", "pick"], ["f"], domain=ML)
    check(write(tmp_path, [picked, last], columns | {"pick": np.array([3, 0])}))
    imputer = N("Imputer", ["x"], ["g"], domain=ML, imputed_value_floats=[0.5] * 4, replaced_value_float=float("nan"))
    scaler = N("Scaler", ["g"], ["f"], domain=ML, offset=[5.0, 3.0, 4.0, 1.0], scale=[1.0, 2.0, 0.5, 1.0])
    check(write(tmp_path, [imputer, scaler, N("Gemm", ["f", "V", "C"], ["y"], transB=1)], BASE))
    ports = {name: ["n", 1] for name in ("sl", "sw", "pl", "pw")}
    joined = N("FeatureVectorizer", list(ports), ["f"], domain=ML, inputdimensions=[1, 1, 1, 1])
    read = check(write(tmp_path, [joined, N("Gemm", ["f", "V", "C"], ["y"], transB=1)], BASE, inputs=ports))
    assert read.columns == ("sl", "sw", "pl", "pw")


def test_one_row_at_a_time_and_branches(tmp_path: Path) -> None:
    fixed = write(tmp_path, [N("Reshape", ["x", "r"], ["f"]), N("Gemm", ["f", "V", "C"], ["y"], transB=1)],
                  BASE | {"r": np.array([1, -1])}, inputs={"x": [1, 4]})  # fmt: skip
    check(fixed)
    residual = [N("MatMul", ["x", "D"], ["h"]), N("Relu", ["h"], ["r"]), N("Add", ["r", "x"], ["z"]),
                N("Relu", ["z"], ["q"]), N("Concat", ["q", "x"], ["c"], axis=1),
                N("MatMul", ["c", "E"], ["y"])]  # fmt: skip
    square, wide = RNG.normal(size=(4, 4)).astype("f"), RNG.normal(size=(8, 3)).astype("f")
    read = check(write(tmp_path, residual, {"D": square, "E": wide}))
    conversion = convert(read.model, X, input_bits=8, hidden_bits=8, sweep=False)
    assert conversion.found.same >= 0.97


def test_a_half_is_rounded_to_the_even_number(tmp_path: Path) -> None:
    scalars = {"s": np.float32(0.5), "t": np.float32(1), "z": np.float32(0), "b": np.float32(4), "c": np.float32(3)}
    for mode in ("ROUND", "FLOOR", "CEIL", "HALF_UP", "HALF_DOWN", "UP", "DOWN"):
        options = {"domain": "qonnx", "signed": 0, "narrow": 0}
        nodes = [N("Quant", ["x", "s", "z", "b"], ["q"], rounding_mode="ROUND", **options),
                 N("MatMul", ["q", "w"], ["a"]),
                 N("Relu", ["a"], ["r"]), N("Quant", ["r", "t", "z", "c"], ["h"], rounding_mode=mode, **options),
                 N("MatMul", ["h", "v"], ["y"])]  # fmt: skip
        path = write(tmp_path, nodes, scalars | {"w": np.ones((1, 1), "f"), "v": np.ones((1, 1), "f")},
                     inputs={"x": ["n", 1]})  # fmt: skip
        read = from_onnx.load(path, task="regression")
        x = np.arange(10)[:, None] * 0.5
        np.testing.assert_array_equal(read.model.evaluate(x), read.answers().evaluate(x))
        if mode == "ROUND":
            assert read.model.evaluate(x)[:, 0].tolist() == [0, 0, 1, 2, 2, 2, 3, 4, 4, 4]
        conversion = convert(read.model, x, sweep=False)
        # What integers round otherwise is said, and they are then not called exact.
        exact = (conversion.outputs_of(x) == read.model.evaluate(x)).all()
        assert conversion.exact == (mode != "ROUND") == bool(exact)
        assert any("halves" in note for note in conversion.notes) == (mode == "ROUND")


@pytest.mark.parametrize(
    ("nodes", "more", "named"),
    [
        ([THREE, N("Sigmoid", ["a"], ["s"], name="act"), N("MatMul", ["s", "S"], ["y"])],
         {"S": np.ones((3, 3), "f")},
         r"\(MatMul\) reads node 'act' \(Sigmoid\), which cannot be converted inside a network.*retrain with ReLU"),
        ([N("TreeEnsembleClassifier", ["x"], ["l", "y"], domain=ML)], {}, "a forest cannot be converted"),
        ([N("Normalizer", ["x"], ["f"], domain=ML, norm="L2")], {}, "norm of the inputs"),
        ([N("Imputer", ["x"], ["y"], domain=ML, imputed_value_floats=[1.0], replaced_value_float=-9.0)], {}, "-9"),
        ([THREE, N("Transpose", ["a"], ["y"])], {}, "turns rows into columns"),
        ([THREE, N("Reshape", ["a", "r"], ["y"])], {"r": np.array([-1, 6])}, "mixes rows"),
        ([THREE, N("Mul", ["a", "i"], ["y"])], {"i": np.float32("inf")}, "not finite"),
        ([THREE, N("Quant", ["a", "half", "z", "b"], ["y"], domain="qonnx", narrow=1, rounding_mode="ROUND")],
         {"z": np.float32(0), "b": np.float32(4)}, "15 levels"),
        ([THREE, N("Magic", ["a"], ["y"], domain="acme")], {}, "of the domain 'acme'"),
        ([THREE, N("Softmax", ["a"], ["s"], axis=1), N("Greater", ["s", "half"], ["y"])], {}, "several scores"),
    ],
)  # fmt: skip
def test_what_cannot_be_converted_is_named(tmp_path: Path, nodes: Any, more: Any, named: str) -> None:
    with pytest.raises(InputError, match=named) as caught:
        from_onnx.read(write(tmp_path, nodes, BASE | more))
    assert "\n" not in str(caught.value) and str(caught.value).startswith(str(tmp_path))


@pytest.mark.parametrize("suffix", [".joblib", ".pkl", ".pt", ".keras", ".txt"])
def test_files_of_other_kinds_say_what_to_do(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"model{suffix}").write_bytes(b"\x80\x04")
    with pytest.raises(InputError, match=r"export with|torch\.onnx\.export"):
        from_onnx.read(tmp_path / f"model{suffix}")


def test_convolutions_and_pools_of_torchs_exporter(tmp_path: Path) -> None:
    """The old exporter needs no other package; convolution, both pools, a view and a clamp."""
    import torch
    from torch import nn

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.out = nn.Conv1d(1, 3, 3, padding=1), nn.Linear(6, 3)

        def forward(self, x: Any) -> Any:
            x = torch.clamp(self.conv(x.unsqueeze(1)), min=0, max=4)
            x = nn.functional.max_pool1d(x, 2) + nn.functional.avg_pool1d(x, 2)
            return self.out(x.view(x.size(0), -1))

    torch.manual_seed(3)
    rows = torch.tensor(X[:2], dtype=torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Small().eval(), (rows,), str(tmp_path / "model.onnx"), dynamo=False, opset_version=17,
                          input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}})  # fmt: skip
    check(tmp_path / "model.onnx")

"""Models brought along: scikit-learn, torch, ONNX and QONNX go in, the same function comes out, or one clear line."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler

from inkling.approx.quantise import from_onnx, from_sklearn, from_torch
from inkling.approx.quantise.models import convert
from inkling.approx.reference.operations import ClippedReLU, Dense
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import Affine, Clip, relu
from inkling.train.networks.piecewise_linear import model

X, Y = load_iris(return_X_y=True)


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(clip=True), RobustScaler(), "passthrough"])
@pytest.mark.parametrize("labels", [Y, Y > 1, np.array(["a", "b", "c"])[Y]])
def test_scikit_learn_classifiers(scaler: Any, labels: np.ndarray) -> None:
    fitted = make_pipeline(scaler, MLPClassifier((6, 4), max_iter=300, random_state=1)).fit(X, labels)
    found = from_sklearn.read(fitted)
    assert (fitted.classes_[found.predict(X)] == fitted.predict(X)).all()
    assert found.classes == tuple(str(label) for label in fitted.classes_)
    conversion = convert(found, X, sweep=False)
    assert conversion.found.same >= 0.95
    codes = conversion.codes(X)
    assert (conversion.network.predict(codes) == found.predict(X)).mean() == conversion.found.same


def test_a_linear_model_and_a_regression() -> None:
    logistic = LogisticRegression(max_iter=500).fit(X, Y == 1)
    found = from_sklearn.read(logistic)
    assert (found.predict(X) == logistic.predict(X)).all()
    values, target = load_diabetes(return_X_y=True)
    targets = np.stack([target, -2 * target], axis=1)
    network = MLPRegressor(hidden_layer_sizes=(8,), max_iter=500, learning_rate_init=0.05, random_state=0)
    fitted = make_pipeline(StandardScaler(), network).fit(values, targets)
    conversion = convert(from_sklearn.read(fitted), values, labels=targets, input_bits=8, output_names=["a", "b"])
    assert conversion.found.same > 0.99
    assert [output.name for output in conversion.outputs] == ["a", "b"]
    error = conversion.outputs_of(values) - fitted.predict(values)
    assert np.abs(error).max() < 0.1 * np.ptp(targets)
    assert conversion.found.before == pytest.approx(fitted.score(values, targets))
    assert len({of for of, _, _ in conversion.sweep}) == 3


@pytest.mark.parametrize(
    ("fitted", "named"),
    [
        (RandomForestClassifier(5).fit(X, Y), "RandomForestClassifier"),
        (MLPClassifier((3,), activation="tanh", max_iter=20).fit(X, Y), "tanh"),
        (make_pipeline(PolynomialFeatures(), LogisticRegression()).fit(X, Y), "PolynomialFeatures"),
        (MLPClassifier((3,)), "fit"),
        (MLPClassifier((3,), max_iter=20).fit(X, np.stack([Y == 1, Y > 0], axis=1)), "several labels"),
        ("text", "not a fitted"),
    ],
)
def test_what_scikit_learn_has_and_we_have_not_is_named(fitted: Any, named: str) -> None:
    with pytest.raises(InputError, match=named):
        from_sklearn.read(fitted)


def test_a_torch_sequential() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Flatten(), nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Hardtanh(), nn.Dropout()),
        nn.Sequential(nn.Linear(6, 5, bias=False), nn.ReLU6(), nn.Identity()),
        *(nn.Linear(5, 3), nn.Softmax(1)),
    )
    net(torch.tensor(X, dtype=torch.float32))  # moves the running statistics
    net.eval()
    found = from_torch.read(net)
    given = torch.softmax(torch.tensor(found.evaluate(X)), 1).numpy()
    np.testing.assert_allclose(given, net(torch.tensor(X, dtype=torch.float32)).detach().numpy(), atol=1e-5)
    assert convert(found, X, sweep=False).found.same >= 0.95
    with pytest.raises(InputError, match=r"layer 1, Conv1d, cannot be converted: use Linear"):
        from_torch.read(nn.Sequential(nn.Linear(4, 4), nn.Conv1d(1, 1, 1)))
    with pytest.raises(InputError, match="after Softmax"):
        from_torch.read(nn.Sequential(nn.Linear(4, 4), nn.Softmax(1), nn.Linear(4, 4)))
    open_below = nn.Sequential(nn.Linear(4, 4), nn.Hardtanh(-float("inf"), 1.0), nn.Linear(4, 4))
    values = open_below(torch.tensor(X, dtype=torch.float32)).detach().numpy()
    np.testing.assert_allclose(from_torch.read(open_below).evaluate(X), values, atol=1e-5)
    with pytest.raises(InputError, match="not finite"):
        bad = nn.Linear(4, 3)
        bad.weight.data[0, 0] = float("nan")
        from_torch.read(nn.Sequential(bad))


def constant(name: str, values: Any) -> Any:
    return numpy_helper.from_array(np.asarray(values), name)


def write(folder: Path, nodes: list[Any], weights: dict[str, Any], inputs: Any = 4) -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", inputs])],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)],
        [constant(name, values) for name, values in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("qonnx", 1)])
    made.ir_version = 8
    path = folder / "model.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def plain(folder: Path, width: Any = 4) -> Path:
    """Scaling, two layers in different notations, batch normalisation, clip and softmax."""
    rng = np.random.default_rng(3)
    weights = {
        **{"mean": X.mean(axis=0).astype("f"), "std": X.std(axis=0).astype("f"), "two": np.float32(2)},
        **{"w1": rng.normal(size=(4, 6)).astype("f"), "b1": rng.normal(size=6).astype("f")},
        **{name: rng.uniform(0.5, 1.5, 6).astype("f") for name in ("g", "s", "m", "v")},
        **{"low": np.float32(0), "high": np.float32(1.5), "w2": rng.normal(size=(3, 6)).astype("f")},
        "b2": rng.normal(size=3).astype("f"),
    }
    nodes = [
        helper.make_node("Sub", ["x", "mean"], ["a"]),
        helper.make_node("Div", ["a", "std"], ["b"]),
        helper.make_node("Mul", ["two", "b"], ["c"]),
        helper.make_node("MatMul", ["c", "w1"], ["d"]),
        helper.make_node("Add", ["d", "b1"], ["e"]),
        helper.make_node("BatchNormalization", ["e", "g", "s", "m", "v"], ["f"]),
        helper.make_node("Clip", ["f", "low", "high"], ["h"]),
        helper.make_node("Gemm", ["h", "w2", "b2"], ["i"], transB=1, alpha=0.5),
        helper.make_node("Softmax", ["i"], ["y"], axis=1),
    ]
    return write(folder, nodes, weights, width)


@pytest.mark.parametrize("width", [4, "features"])
def test_an_onnx_file(tmp_path: Path, width: Any) -> None:
    path = plain(tmp_path, width)
    found = from_onnx.read(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.run(None, {"x": X.astype(np.float32)})
    scores = np.exp(found.evaluate(X))
    np.testing.assert_allclose(scores / scores.sum(axis=1, keepdims=True), given, atol=1e-5)
    assert convert(found, X, sweep=False).found.same >= 0.97


def quantised(folder: Path, **last: Any) -> Path:
    """QONNX: 5-bit signed input, 4-bit weights, an unsigned 3-bit and a signed 4-bit activation, scales of 2**-k."""
    rng = np.random.default_rng(5)
    weights = {
        **{"w1": rng.normal(size=(4, 6)).astype("f"), "w2": rng.normal(size=(6, 5)).astype("f")},
        **{"w3": rng.normal(size=(5, 3)).astype("f"), "b": np.array([0.5, -0.25, 1.0], "f"), "zero": np.float32(0)},
        **{"s": np.float32(0.5), "ws": np.float32(0.25), "a1": np.float32(1.0), "a2": np.float32(0.5)},
        **{f"n{bits}": np.float32(bits) for bits in (3, 4, 5)},
    }

    def quant(name: str, scale: str, bits: int, to: str, **options: Any) -> Any:
        return helper.make_node("Quant", [name, scale, "zero", f"n{bits}"], [to], domain="qonnx", **options)

    nodes = [
        quant("x", "s", 5, "q0", signed=1, narrow=0, rounding_mode="ROUND"),
        *(quant(f"w{k}", "ws", 4, f"q{k}", signed=1, narrow=0, rounding_mode="ROUND") for k in (1, 2, 3)),
        helper.make_node("MatMul", ["q0", "q1"], ["a"]),
        helper.make_node("Relu", ["a"], ["r"]),
        quant("r", "a1", 3, "c", signed=0, narrow=0, rounding_mode="FLOOR"),
        helper.make_node("MatMul", ["c", "q2"], ["d"]),
        quant("d", "a2", 4, "e", signed=1, **({"narrow": 0, "rounding_mode": "FLOOR"} | last)),
        helper.make_node("MatMul", ["e", "q3"], ["f"]),
        helper.make_node("Add", ["f", "b"], ["y"]),
    ]
    return write(folder, nodes, weights)


def quantised_reference(x: np.ndarray) -> np.ndarray:
    """The file's function by QONNX's definition of Quant, written down again."""
    rng = np.random.default_rng(5)
    w = [rng.normal(size=shape).astype("f") for shape in ((4, 6), (6, 5), (5, 3))]
    w1, w2, w3 = (np.clip(np.rint(m / 0.25), -8, 7) * 0.25 for m in w)
    x = np.clip(np.rint(x / 0.5), -16, 15) * 0.5
    x = np.clip(np.floor(np.maximum(x @ w1, 0)), 0, 7)
    x = np.clip(np.floor(x @ w2 / 0.5), -8, 7) * 0.5
    return x @ w3 + np.array([0.5, -0.25, 1.0])


def test_a_qonnx_file_is_taken_over_exactly(tmp_path: Path) -> None:
    found = from_onnx.read(quantised(tmp_path))
    x = np.random.default_rng(0).normal(0, 4, (3000, 4))
    np.testing.assert_array_equal(found.evaluate(x), quantised_reference(x))
    conversion = convert(found, x)
    assert conversion.exact
    assert conversion.found.same == 1.0
    assert [layer.bits for layer in conversion.network.layers if isinstance(layer, ClippedReLU)] == [3, 4]
    assert {item.bits for item in conversion.network.inputs} == {5}
    regression = convert(from_onnx.read(tmp_path / "model.onnx", task="regression"), x)
    np.testing.assert_array_equal(regression.outputs_of(x), quantised_reference(x))


def test_quantisers_that_are_no_fixed_point_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="narrow"):
        from_onnx.read(quantised(tmp_path, narrow=1))
    with pytest.raises(InputError, match="'UP' values of both signs: use ROUND, FLOOR or CEIL"):
        from_onnx.read(quantised(tmp_path, rounding_mode="UP"))


W = {"w": np.ones((4, 3), "f")}
MATMUL = helper.make_node("MatMul", ["x", "w"], ["a"])


@pytest.mark.parametrize(
    ("nodes", "weights", "named"),
    [
        ([MATMUL, helper.make_node("Gelu", ["a"], ["y"], name="act")], W, r"node 'act' \(Gelu\) cannot be converted"),
        ([MATMUL, helper.make_node("Mul", ["a", "a"], ["y"])], W, "multiplies two computed values"),
        ([MATMUL, helper.make_node("Relu", ["b"], ["y"])], W, "reads 'b'"),
        ([helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": np.ones((5, 3), "f")}, "do not fit 4"),
        ([helper.make_node("Relu", ["w"], ["y"])], W, "Relu"),
        ([helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": np.full((4, 3), np.nan, "f")}, "not finite"),
        (
            [MATMUL, helper.make_node("Softmax", ["a"], ["b"]), helper.make_node("Relu", ["b"], ["y"])],
            W,
            "only at its end",
        ),
        ([MATMUL, helper.make_node("Add", ["a", "v"], ["y"])], {**W, "v": np.ones(2, "f")}, "3 values with 2"),
    ],
)
def test_what_onnx_has_and_we_have_not_is_named(tmp_path: Path, nodes: Any, weights: Any, named: str) -> None:
    with pytest.raises(InputError, match=named):
        from_onnx.read(write(tmp_path, nodes, weights))


def test_hostile_onnx_files(tmp_path: Path) -> None:
    path = plain(tmp_path)
    outside = onnx.load(path)
    outside.graph.initializer[0].data_location = TensorProto.EXTERNAL
    outside.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")
    large = onnx.load(path)
    large.graph.initializer[0].dims[:] = [2**40, 2**40]
    short = onnx.load(path)
    short.graph.initializer[0].raw_data = b"12"
    for bad, named in ((outside, "another file"), (large, "too large"), (short, "damaged")):
        path.write_bytes(bad.SerializeToString())
        with pytest.raises(InputError, match=named):
            from_onnx.read(path)
    with pytest.raises(InputError, match="cannot be read"):
        from_onnx.read(tmp_path / "none.onnx")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_onnx_file_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    content = bytearray((quantised if data.draw(st.booleans()) else plain)(folder).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert"])):
            case "flip":
                content[at] = data.draw(st.integers(0, 255))
            case "cut":
                del content[at : at + data.draw(st.integers(1, 40))]
            case _:
                content[at:at] = data.draw(st.binary(max_size=20))
        if not content:
            break
    (folder / "model.onnx").write_bytes(content)
    try:
        found = from_onnx.read(folder / "model.onnx")
        assert np.isfinite(found.affine[0].weights).all()
        if found.shape[0] == 4:
            convert(found, X, sweep=False)
    except InputError as error:
        assert "\n" not in str(error)


def test_constant_inputs_and_clips_that_are_reached() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (400, 3))
    x[:, 1] = 0.37
    layers = [Affine(rng.normal(size=(5, 3)), rng.normal(size=5)), Clip(-0.3, 0.4), relu(0.2)]
    found = model([*layers, Affine(rng.normal(size=(2, 5)), np.zeros(2))], 3, "classification")
    conversion = convert(found, x, input_bits=8, sweep=False, names=["a", "b", "c"])
    assert [item.name for item in conversion.network.inputs] == ["a", "c"]
    assert "b" in conversion.notes[0]
    assert conversion.found.same > 0.97
    dense = [layer for layer in conversion.network.layers if isinstance(layer, Dense)]
    assert max(int(np.abs(layer.weights).max()) for layer in dense) < 128


def test_fewer_bits_cost_agreement_and_wrong_rows_are_refused() -> None:
    fitted = make_pipeline(StandardScaler(), MLPClassifier((6,), max_iter=500, random_state=1)).fit(X, Y)
    found = from_sklearn.read(fitted)
    conversion = convert(found, X, labels=Y)
    same = {(of, bits): item.same for of, bits, item in conversion.sweep}
    assert same["inputs", 1] < same["inputs", 8]
    assert same["weights", 2] < same["weights", 8]
    assert conversion.to_json() == convert(found, X, labels=Y).to_json()
    with pytest.raises(InputError, match="takes 4 inputs"):
        convert(found, X[:, :3])
    with pytest.raises(InputError, match="not finite"):
        convert(found, np.full((3, 4), np.inf))
    with pytest.raises(InputError, match="2 to 16"):
        convert(found, X, weight_bits=1)

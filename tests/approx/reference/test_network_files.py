"""Files: what is written is read back, bytes are stable, and hostile files are refused in one line."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inkling.approx.reference import network_files
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, DecisionTree, Dense, MaskedSum
from inkling.train.errors import InputError
from inkling.train.files import arrays as npz

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def same(a: IntegerNetwork, b: IntegerNetwork) -> bool:
    if (a.inputs, a.classes, len(a.layers)) != (b.inputs, b.classes, len(b.layers)):
        return False
    for one, other in zip(a.layers, b.layers, strict=True):
        if type(one) is not type(other):
            return False
        for name, value in vars(one).items():
            if not np.array_equal(value, getattr(other, name)):
                return False
    return True


def perceptron(seed: int = 0) -> IntegerNetwork:
    random = np.random.default_rng(seed)
    return IntegerNetwork(
        tuple(Input(f"température {i}", 2 * i, 4, i % 2) for i in range(3)),
        (
            Dense(random.integers(-128, 128, (2, 3)), random.integers(-999, 999, 2)),
            ClippedReLU(3, 4),
            Dense(random.integers(-9, 9, (4, 2)), random.integers(-9, 9, 4)),
            ArgMax(),
        ),
        4,
    )


def small_tree() -> IntegerNetwork:
    columns = ([1, -1, 0, -1, -1], [7, 0, 3, 0, 0], [1, -1, 3, -1, -1], [2, -1, 4, -1, -1], [0, 2, 0, 1, 0])
    tree = DecisionTree(*(np.array(column, np.int64) for column in columns))
    return IntegerNetwork((Input("a", 0, 4), Input("b", 1, 4)), (tree,), 3)


def per_neuron() -> IntegerNetwork:
    network = perceptron(1)
    first, _, *rest = network.layers
    return IntegerNetwork(network.inputs, (first, ClippedReLU((3, 0), (4, 0)), *rest), network.classes)


def masked() -> IntegerNetwork:
    columns = ([0, 0, 1], [0, 1, 1], [1, -1, 1], [2, 0, 1], [15, 6, 3], [5, -7])
    layer = MaskedSum(*(np.array(column, np.int64) for column in columns))
    return IntegerNetwork((Input("a", 0, 4), Input("b", 1, 4)), (layer, ArgMax()), 2)


@pytest.fixture(params=[perceptron, per_neuron, small_tree, masked], ids=lambda build: build.__name__)
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[IntegerNetwork, Path]:
    network = request.param()
    network_files.save(network, tmp_path)
    return network, tmp_path


@QUICK
@given(st.data())
def test_round_trip(tmp_path: Path, data: st.DataObject) -> None:
    inputs = data.draw(st.integers(1, 5))
    classes = data.draw(st.integers(1, 5))
    hidden = data.draw(st.integers(1, 5))
    names = data.draw(st.lists(st.text(max_size=20), min_size=inputs, max_size=inputs))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    layers: list = [
        Dense(random.integers(-(2**20), 2**20, (classes, inputs)), random.integers(-(2**40), 2**40, classes))
    ]
    if data.draw(st.booleans()):
        first = Dense(random.integers(-99, 99, (hidden, inputs)), random.integers(-99, 99, hidden))
        second = Dense(random.integers(-99, 99, (classes, hidden)), random.integers(-99, 99, classes))
        layers = [first, ClippedReLU(data.draw(st.integers(0, 9)), data.draw(st.integers(1, 9))), second]
    if data.draw(st.booleans()):
        layers.append(ArgMax())
    network = IntegerNetwork(tuple(Input(n, i, 4) for i, n in enumerate(names)), tuple(layers), classes)
    network_files.save(network, tmp_path)
    assert same(network_files.load(tmp_path), network)


def test_bytes_are_stable_and_nothing_is_left_beside(saved: tuple[IntegerNetwork, Path]) -> None:
    _, folder = saved
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"network.json", "network.npz"}
    network_files.save(network_files.load(folder), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    with np.load(folder / "network.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype == np.int64 for name in arrays.files)


def load_or_refuse(folder: Path) -> None:
    """A network, and then a sound one, or an InputError of one line that names the folder's file."""
    try:
        network = network_files.load(folder)
    except InputError as error:
        assert "\n" not in str(error) and str(folder / "network.") in str(error)
        return
    rows = np.array([[2**item.bits - 1 for item in network.inputs], [0] * len(network.inputs)])
    labels = network.evaluate(rows)
    if network.is_classifier:
        assert ((labels >= 0) & (labels < network.classes)).all()
    for low, high in network.intervals():
        assert (low <= high).all() and int(high.max()) < 2**62


@QUICK
@given(data=st.data())
def test_damaged_bytes(saved: tuple[IntegerNetwork, Path], data: st.DataObject) -> None:
    network, folder = saved
    network_files.save(network, folder)
    path = folder / data.draw(st.sampled_from(["network.json", "network.npz"]))
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    load_or_refuse(folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: object, path: tuple = ()) -> list[tuple]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, child in children for place in places(child, (*path, key))]


@QUICK
@given(data=st.data())
def test_damaged_fields(saved: tuple[IntegerNetwork, Path], data: st.DataObject) -> None:
    network, folder = saved
    network_files.save(network, folder)
    document = {"": json.loads((folder / "network.json").read_text())}
    place = data.draw(st.sampled_from(places(document[""])))
    holder, key = document, ""
    for step in place:
        holder, key = holder[key], step
    if data.draw(st.booleans()) and place and isinstance(holder, dict):
        del holder[key]
    else:
        holder[key] = data.draw(JSON)
    (folder / "network.json").write_text(json.dumps(document.get("")))
    load_or_refuse(folder)


def put(folder: Path, **arrays: np.ndarray) -> None:
    """Overwrite arrays of the archive, written the way `save` writes."""
    with np.load(folder / "network.npz") as old:
        content = dict(old)
    content |= arrays
    (folder / "network.npz").write_bytes(npz.write(content))


def edit(folder: Path, change: dict) -> None:
    document = json.loads((folder / "network.json").read_text())
    (folder / "network.json").write_text(json.dumps(document | change))


def refused(folder: Path, *parts: str) -> None:
    with pytest.raises(InputError) as caught:
        network_files.load(folder)
    for part in parts:
        assert part in str(caught.value)


def test_refuses_overflow(tmp_path: Path) -> None:
    network_files.save(perceptron(), tmp_path)
    put(tmp_path, **{"dense0.weights": np.full((2, 3), 2**58)})
    refused(tmp_path, "network.json", "node dense0", "weights", "62 bits")
    put(tmp_path, **{"dense0.weights": np.full((2, 3), -(2**63))})
    refused(tmp_path, "network.json", "node dense0", "weights", "62 bits")


@pytest.mark.parametrize(
    ("name", "values", "part"),
    [
        ("decision_tree0.left", [1, -1, 2, -1, -1], "after its parent"),
        ("decision_tree0.left", [1, -1, 9, -1, -1], "after its parent"),
        ("decision_tree0.right", [2, 3, 4, -1, -1], "leaf must be -1"),
        ("decision_tree0.right", [2, -1, 3, -1, -1], "exactly one"),
        ("decision_tree0.feature", [2, -1, 0, -1, -1], "below 2"),
        ("decision_tree0.feature", [-2, -1, 0, -1, -1], "below 2"),
        ("decision_tree0.label", [0, 3, 0, 1, 0], "below 3"),
        ("decision_tree0.label", [0, -1, 0, 1, 0], "not be negative"),
        ("decision_tree0.threshold", [-(2**63), 0, 0, 0, 0], "62 bits"),
    ],
)
def test_refuses_bad_trees(tmp_path: Path, name: str, values: list[int], part: str) -> None:
    network_files.save(small_tree(), tmp_path)
    put(tmp_path, **{name: np.array(values, np.int64)})
    refused(tmp_path, "network.json", "node ", part)


NODE = {"name": "one", "kind": "dense", "reads": ["inputs"], "outputs": 1, "inputs": 1}


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"schema": "other"}, ["schema"]),
        ({"version": 3}, ["schema"]),
        ({"version": True}, ["schema"]),
        ({"classes": 5}, ["arg_max0"]),
        ({"classes": 0}, ["classes"]),
        ({"inputs": []}, ["inputs"]),
        ({"inputs": [{"name": "a", "column": 0, "bits": 4, "drop": 0}]}, ["dense0", "inputs"]),
        ({"nodes": []}, ["nodes"]),
        ({"nodes": [NODE | {"kind": "softmax"}]}, ["nodes[0].kind", "softmax"]),
        ({"nodes": [NODE | {"outputs": 2**40}]}, ["nodes[0].outputs"]),
        ({"nodes": [NODE | {"outputs": 2**20, "inputs": 2**20}]}, ["nodes hold more"]),
        ({"nodes": [NODE | {"name": "../x"}]}, ["nodes[0].name"]),
        ({"outputs": []}, ["at least one output"]),
        ({"outputs": ["nothing"]}, ["no node 'nothing'"]),
        ({"extra": 1}, ["exactly the fields"]),
    ],
)
def test_refuses_bad_documents(tmp_path: Path, change: dict, parts: list[str]) -> None:
    network_files.save(perceptron(), tmp_path)
    edit(tmp_path, change)
    refused(tmp_path, "network.", *parts)


@pytest.mark.parametrize(
    ("name", "values", "part"),
    [
        ("masked_sum0.output", [0, 2, 1], "output"),
        ("masked_sum0.source", [0, 2, 1], "source"),
        ("masked_sum0.sign", [1, 0, 1], "sign"),
        ("masked_sum0.shift", [63, 0, 0], "shift"),
        ("masked_sum0.shift", [60, 0, 0], "62 bits"),
        ("masked_sum0.mask", [-1, 0, 0], "mask"),
    ],
)
def test_refuses_bad_terms(tmp_path: Path, name: str, values: list[int], part: str) -> None:
    network_files.save(masked(), tmp_path)
    assert same(network_files.load(tmp_path), masked())
    put(tmp_path, **{name: np.array(values, np.int64)})
    refused(tmp_path, "network.json", "node ", part)


def test_a_layer_that_has_no_form_in_the_file_is_never_dropped(tmp_path: Path) -> None:
    class Softmax:
        pass

    with pytest.raises(TypeError, match="Softmax"):
        network_files.save(IntegerNetwork((Input("a", 0, 1),), (Softmax(),), 2), tmp_path)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_refuses_unknown_layers(tmp_path: Path) -> None:
    network_files.save(perceptron(), tmp_path)
    document = json.loads((tmp_path / "network.json").read_text())
    document["nodes"][1]["kind"] = "softmax"
    (tmp_path / "network.json").write_text(json.dumps(document))
    refused(tmp_path, "nodes[1].kind", "softmax")


def test_refuses_a_wrong_number_of_neurons(tmp_path: Path) -> None:
    network_files.save(per_neuron(), tmp_path)
    assert same(network_files.load(tmp_path), per_neuron())
    document = json.loads((tmp_path / "network.json").read_text())
    document["nodes"][1]["bits"] = [4, 4, 4]
    (tmp_path / "network.json").write_text(json.dumps(document))
    refused(tmp_path, "clipped_relu0", "bits must be one number or 2")


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return buffer.getvalue()


def test_refuses_packed_foreign_and_pickled_arrays(tmp_path: Path) -> None:
    network_files.save(perceptron(), tmp_path)
    with zipfile.ZipFile(tmp_path / "network.npz") as opened:
        good = {name: opened.read(name) for name in opened.namelist()}
    path = tmp_path / "network.npz"

    bomb = dict(good) | {"dense0.weights.npy": good["dense0.weights.npy"] + bytes(2**20)}
    path.write_bytes(archive(bomb, zipfile.ZIP_DEFLATED))
    refused(tmp_path, "network.npz", "dense0.weights", "stored")

    path.write_bytes(archive(good | {"../outside.npy": b""}))
    refused(tmp_path, "network.npz", "members")

    path.write_bytes(archive({name: good[name] for name in list(good)[1:]}))
    refused(tmp_path, "network.npz", "members")

    pickled = io.BytesIO()
    np.save(pickled, np.array([[print, 1, 2]] * 2, dtype=object), allow_pickle=True)
    size = len(good["dense0.weights.npy"])
    path.write_bytes(archive(good | {"dense0.weights.npy": pickled.getvalue()[:size].ljust(size, b"\0")}))
    refused(tmp_path, "network.npz", "dense0.weights", "int64")

    path.write_bytes(bytes(2**20))
    refused(tmp_path, "network.npz", "larger")


def test_missing_files_and_deep_json(tmp_path: Path) -> None:
    refused(tmp_path, "network.json", "is missing")
    (tmp_path / "network.json").write_text("[" * 200_000)
    refused(tmp_path, "network.json", "not valid JSON")
    network_files.save(perceptron(), tmp_path)
    (tmp_path / "network.npz").unlink()
    refused(tmp_path, "network.npz", "no such file")

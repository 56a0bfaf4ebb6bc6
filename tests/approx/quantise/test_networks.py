"""From floats to integers: powers of two exactly, eight bits nearly, rivals as good as scikit-learn's own."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split

from inkling.approx.quantise import networks
from inkling.approx.reference.operations import ArgMax, DecisionTree, Dense
from inkling.train.networks import training
from inkling.train.tables.dataset import Development, Rows
from inkling.train.tables.quantiser import fit

SETS = {"iris": load_iris, "wine": load_wine, "breast": load_breast_cancer}


def development(name: str, bits: int | tuple[int, ...] = 4) -> Development:
    """A packaged table with a stratified split."""
    values, labels = SETS[name](return_X_y=True)
    train, validation = train_test_split(np.arange(len(labels)), test_size=0.4, random_state=0, stratify=labels)
    width = values.shape[1]
    per_column = (bits,) * width if isinstance(bits, int) else (bits * width)[:width]
    quantisers = [fit(values[train, j], b) for j, b in enumerate(per_column)]
    codes = np.stack([q.codes(values[:, j]) for j, q in enumerate(quantisers)], axis=1)
    labels = labels.astype(np.int64)
    return Development(
        name,
        tuple(f"column {j}" for j in range(width)),
        tuple(map(str, range(labels.max() + 1))),
        per_column,
        Rows(codes[train], labels[train]),
        Rows(codes[validation], labels[validation]),
    )


def population(table: Development, power: bool) -> list:
    return training.train(table, hidden=(3,), restarts=6, seed=1, power_of_two=power, epochs=200, device="cpu")


def random_codes(table: Development, rows: int = 2000) -> np.ndarray:
    highs = 2 ** np.array(table.input_bits)
    return np.random.default_rng(0).integers(0, highs, (rows, len(highs))).astype(np.uint8)


@pytest.mark.parametrize(("name", "bits"), [("iris", 4), ("wine", (4, 2, 6)), ("breast", (1, 8))])
def test_powers_of_two_are_exact(name: str, bits: int | tuple[int, ...]) -> None:
    table = development(name, bits)
    for floats in population(table, power=True):
        network = networks.power_of_two(floats, table)
        for layer in network.layers:
            if isinstance(layer, Dense):
                magnitudes = np.abs(layer.weights[layer.weights != 0])
                assert (magnitudes & (magnitudes - 1) == 0).all()
        codes = np.concatenate([table.train.codes, table.validation.codes, random_codes(table)])
        assert network.predict(codes).tolist() == floats.predict(codes).tolist()
        assert networks.accuracy(network, table) == (floats.train_accuracy, floats.validation_accuracy)


@pytest.mark.parametrize(("name", "bits"), [("iris", 4), ("wine", (4, 2, 6)), ("breast", 4)])
def test_eight_bits_lose_little(name: str, bits: int | tuple[int, ...]) -> None:
    table = development(name, bits)
    losses = []
    for floats in population(table, power=False):
        network = networks.exact(floats, table)
        assert max(int(np.abs(layer.weights).max()) for layer in network.layers if isinstance(layer, Dense)) <= 127
        losses.append(floats.validation_accuracy - networks.accuracy(network, table)[1])
        agreement = (network.predict(random_codes(table)) == floats.predict(random_codes(table))).mean()
        assert agreement > 0.9
    assert np.mean(losses) < 0.02


def test_more_weight_bits_come_closer() -> None:
    table = development("wine")
    floats = population(table, power=False)[0]
    codes = random_codes(table)
    agreement = [
        (networks.exact(floats, table, weight_bits=bits).predict(codes) == floats.predict(codes)).mean()
        for bits in (2, 8)
    ]
    assert agreement[0] < agreement[1]


def test_only_power_of_two_networks_are_exact() -> None:
    table = development("iris")
    with pytest.raises(ValueError, match="power_of_two"):
        networks.power_of_two(population(table, power=False)[0], table)
    with pytest.raises(ValueError, match="another table"):
        networks.exact(population(table, power=False)[0], development("iris", 3))


@pytest.mark.parametrize("name", SETS)
def test_logistic(name: str) -> None:
    table = development(name)
    network = networks.logistic(table)
    assert isinstance(network.layers[0], Dense) and isinstance(network.layers[1], ArgMax)
    assert np.abs(network.layers[0].weights).max() <= 127
    assert networks.accuracy(network, table)[1] > 0.85


def test_logistic_with_a_class_that_has_no_training_rows() -> None:
    table = development("iris")
    kept = table.train.labels != 1
    partial = Development(
        table.name,
        table.columns,
        table.classes,
        table.input_bits,
        Rows(table.train.codes[kept], table.train.labels[kept]),
        table.validation,
    )
    for network in (networks.logistic(partial), networks.tree(partial, 4)):
        assert network.classes == 3
        assert set(network.predict(table.validation.codes).tolist()) == {0, 2}


@pytest.mark.parametrize("leaves", [2, 5, 40])
@pytest.mark.parametrize("name", SETS)
def test_tree_is_the_one_that_scikit_learn_grows(name: str, leaves: int) -> None:
    from sklearn.tree import DecisionTreeClassifier

    table = development(name)
    network = networks.tree(table, leaves, seed=3)
    layer = network.layers[0]
    assert isinstance(layer, DecisionTree)
    inner = layer.feature >= 0
    assert (~inner).sum() <= leaves
    assert (layer.left[inner] > np.flatnonzero(inner)).all() and (layer.right[inner] > np.flatnonzero(inner)).all()
    codes = np.concatenate([table.validation.codes, random_codes(table)])
    grown = [
        DecisionTreeClassifier(max_leaf_nodes=leaves, criterion=criterion, random_state=3)
        .fit(table.train.codes, table.train.labels)
        .predict(codes)
        .tolist()
        for criterion in ("gini", "entropy")
    ]
    assert network.predict(codes).tolist() in grown


def test_siblings_of_one_class_are_merged() -> None:
    for leaves in (8, 40):
        layer = networks.tree(development("breast"), leaves).layers[0]
        assert isinstance(layer, DecisionTree)
        for node in np.flatnonzero(layer.feature >= 0):
            left, right = layer.left[node], layer.right[node]
            assert not (
                layer.feature[left] < 0 and layer.feature[right] < 0 and layer.label[left] == layer.label[right]
            )


def test_digits_with_unused_inputs() -> None:
    values, labels = load_digits(return_X_y=True)
    codes = np.minimum(values, 15).astype(np.uint8)
    table = Development(
        "digits",
        tuple(f"p{i}" for i in range(64)),
        tuple(map(str, range(10))),
        (4,) * 64,
        Rows(codes[:1000], labels[:1000].astype(np.int64)),
        Rows(codes[1000:], labels[1000:].astype(np.int64)),
    )
    network = networks.tree(table, 20)
    assert len(network.inputs) < 30
    assert all(item.name == f"p{item.column}" for item in network.inputs)
    assert networks.accuracy(network, table)[1] > 0.6

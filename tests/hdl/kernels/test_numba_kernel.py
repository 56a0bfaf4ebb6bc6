"""The numba kernel's text, run by itself, against the definition."""

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, DecisionTree, Dense, Operation
from inkling.hdl.kernels.numba_kernel import emit


def inputs(count: int, bits: int) -> tuple[Input, ...]:
    return tuple(Input(f"f{i}", i, bits) for i in range(count))


def dense(rng: np.random.Generator, outputs: int, sources: int, largest: int) -> Dense:
    weights = rng.integers(-largest, largest + 1, (outputs, sources))
    return Dense(weights, rng.integers(-largest * 4, largest * 4 + 1, outputs))


def networks() -> dict[str, IntegerNetwork]:
    rng = np.random.default_rng(3)
    tree = DecisionTree(
        feature=np.array([1, 0, -1, -1, -1]),
        threshold=np.array([100, 7, 0, 0, 0]),
        left=np.array([1, 3, 0, 0, 0]),
        right=np.array([2, 4, 0, 0, 0]),
        label=np.array([0, 0, 201, 3, 0]),
    )
    layers: dict[str, tuple[Operation, ...]] = {
        "mlp": (dense(rng, 3, 5, 7), ClippedReLU(2, 4), dense(rng, 4, 3, 7), ArgMax()),
        "wide": (dense(rng, 2, 4, 127), ClippedReLU(6, 8), dense(rng, 3, 2, 2**30), ArgMax()),
        "scores": (ClippedReLU(1, 3), dense(rng, 2, 3, 40)),
        "tree": (tree,),
        "ties": (Dense(np.eye(2, 1, dtype=np.int64), np.array([0, 1])), ArgMax()),
    }
    shapes = {"mlp": (5, 4), "wide": (4, 8), "scores": (3, 8), "tree": (2, 8), "ties": (1, 2)}
    return {name: IntegerNetwork(inputs(*shapes[name]), layers[name], 202) for name in layers}


def load(text: str) -> dict[str, Callable[..., Any]]:
    names: dict[str, Any] = {}
    exec(compile(text, "kernel.py", "exec"), names)
    return names


@pytest.mark.parametrize("name", networks())
def test_equals_the_definition(name: str) -> None:
    network = networks()[name]
    kernel = load(emit(network))
    top = 2 ** network.inputs[0].bits
    x = np.random.default_rng(1).integers(0, top, (64 * 2 + 9, len(network.inputs))).astype(np.uint8)
    x[0], x[1] = 0, top - 1
    expected = network.evaluate(x)
    verb = "classify" if network.is_classifier else "scores"
    found = kernel[verb](x)
    assert found.dtype == (np.uint8 if network.is_classifier else np.int32)
    np.testing.assert_array_equal(found, expected)
    for rows in (0, 1, 64):
        np.testing.assert_array_equal(kernel[verb](x[:rows]), expected[:rows])
    np.testing.assert_array_equal([kernel[f"{verb}_one"](row) for row in x[:5]], expected[:5])
    # Rows that do not lie one behind the other.
    np.testing.assert_array_equal(kernel[verb](x[::-2]), expected[::-2])
    with pytest.raises(ValueError, match="uint8"):
        kernel[verb](x.astype(np.int64))
    with pytest.raises(ValueError, match="uint8"):
        kernel[verb](np.zeros((3, 9), np.uint8))


def test_text_needs_numpy_and_numba_alone() -> None:
    for network in networks().values():
        tree = ast.parse(emit(network))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert imported == {"numpy", "numba"}


def test_hostile_names_stay_in_their_comment() -> None:
    rng = np.random.default_rng(0)
    names = ["a\nraise SystemExit", 'b"""', "class", "\u2028x", "c\\"]
    wild = IntegerNetwork(
        tuple(Input(name, i, 2) for i, name in enumerate(names)), (dense(rng, 2, 5, 3), ArgMax()), 2
    )
    text = emit(wild, labels=["yes\nimport os"])
    assert text.isascii()
    ast.parse(text)
    assert "\nraise" not in text and "\nimport os" not in text


def test_equal_networks_give_equal_texts() -> None:
    assert [emit(network) for network in networks().values()] == [emit(network) for network in networks().values()]

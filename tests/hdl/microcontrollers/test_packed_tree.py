"""A tree as bytes: what a plain reader of the format finds in them is the tree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.reference.operations import DecisionTree
from inkling.hdl.microcontrollers.packed_tree import pack, packs


def random_tree(leaves: int, seed: int) -> DecisionTree:
    generator = np.random.default_rng(seed)
    nodes = [[-1, 0, 0, 0, int(generator.integers(128))]]
    open_leaves = [0]
    while len(open_leaves) < leaves:
        node = open_leaves.pop(int(generator.integers(len(open_leaves))))
        children = (len(nodes), len(nodes) + 1)
        nodes[node] = [int(generator.integers(64)), int(generator.integers(256)), *children, 0]
        nodes += [[-1, 0, 0, 0, int(generator.integers(128))] for _ in children]
        open_leaves += children
    return DecisionTree(*np.array(nodes).T)


def walk(stream: list[int], skip_bytes: int, features: np.ndarray) -> int:
    at = 0
    while stream[at] < 128:
        second = bool(features[stream[at] % 64] > stream[at + 1]) != bool(stream[at] & 64)
        at += 2
        if stream[at] >= 128:
            at += second
        else:
            skip = int.from_bytes(bytes(stream[at : at + skip_bytes]), "big")
            at += skip_bytes + (skip if second else 0)
    return stream[at] - 128


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 400), st.integers(0, 10**6))
def test_the_bytes_are_the_tree(leaves: int, seed: int) -> None:
    tree = random_tree(leaves, seed)
    assert packs(tree)
    stream, skip_bytes = pack(tree)
    assert all(0 <= byte < 256 for byte in stream) and len(stream) <= (3 + skip_bytes) * leaves
    for features in np.random.default_rng(seed).integers(0, 256, (50, 64)):
        node = 0
        while tree.feature[node] >= 0:
            right = features[tree.feature[node]] > tree.threshold[node]
            node = int(tree.right[node] if right else tree.left[node])
        assert walk(stream, skip_bytes, features) == tree.label[node]


@pytest.mark.parametrize("field, value", [("feature", 64), ("threshold", 256), ("threshold", -1), ("label", 128)])
def test_what_does_not_fit_a_byte_is_not_packed(field: str, value: int) -> None:
    tree = random_tree(5, 0)
    node = int(np.flatnonzero((tree.feature < 0) == (field == "label"))[0])
    parts = {name: array.copy() for name, array in vars(tree).items()}
    parts[field][node] = value
    assert not packs(DecisionTree(**parts))

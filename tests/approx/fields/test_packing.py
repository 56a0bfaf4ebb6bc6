"""Packing a field's texels: what comes back, how small it is, and that outside bytes are harmless."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inkling.approx.fields.packing import HEADER, logistic, order, pack, parents, unpack
from inkling.train.errors import InputError


def texels(seed: int, sizes: list[tuple[int, int, int, float]], entries: int = 1) -> list[NDArray[np.int8]]:
    """Levels of Laplace texels of a given spread."""
    rng = np.random.default_rng(seed)
    return [
        np.clip(np.round(rng.laplace(size=(entries, h, w, f)) * spread), -128, 127).astype(np.int8)
        for h, w, f, spread in sizes
    ]


@given(
    seed=st.integers(0, 2**32 - 1),
    entries=st.integers(1, 3),
    sizes=st.lists(
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.sampled_from([0.0, 0.3, 4.0, 300.0])),
        min_size=1,
        max_size=4,
    ),
    shift=st.integers(0, 4),
)
@settings(max_examples=60, deadline=None)
def test_what_is_packed_comes_back(
    seed: int, entries: int, sizes: list[tuple[int, int, int, float]], shift: int
) -> None:
    tables = texels(seed, sizes, entries)
    tables[0] = tables[0] << shift
    found = unpack(pack(tables), [table.shape for table in tables])
    for table, back in zip(tables, found, strict=True):
        np.testing.assert_array_equal(table, back)


def test_the_size_is_the_entropy_for_texels_without_neighbours() -> None:
    """And well below it where neighbours tell something."""

    def entropy(values: NDArray[np.int8]) -> float:
        _, counts = np.unique(values, return_counts=True)
        return float(-(counts * np.log2(counts / counts.sum())).sum() / 8)

    tables = texels(1, [(160, 160, 1, 0.4), (80, 80, 3, 0.8)])
    most = sum(entropy(table[..., f]) for table in tables for f in range(table.shape[3]))
    assert 0.98 * most < len(pack(tables)) < 1.04 * most
    smooth = np.outer(np.sin(np.arange(160) / 20), np.cos(np.arange(160) / 30)) ** 2 > 0.5
    clustered = np.where(smooth[None, :, :, None], texels(2, [(160, 160, 1, 2.0)])[0], np.int8(0))
    assert len(pack([clustered])) < 0.9 * entropy(clustered)


def test_the_same_texels_give_the_same_bytes() -> None:
    tables = texels(3, [(20, 30, 2, 1.0), (10, 15, 2, 1.0)])
    assert pack(tables) == pack([table.copy() for table in tables])


@given(content=st.binary(max_size=200))
@settings(max_examples=30, deadline=None)
def test_any_bytes_give_texels_or_a_line(content: bytes) -> None:
    tables = texels(4, [(9, 7, 3, 1.0)])
    whole = pack(tables)
    found = unpack(whole[: HEADER + 1] + content, [tables[0].shape])
    assert found[0].shape == tables[0].shape
    with pytest.raises(InputError, match="packed tables"):
        unpack(content, [tables[0].shape])


def test_a_changed_byte_changes_the_texels() -> None:
    tables = texels(5, [(40, 40, 1, 2.0)])
    content = bytearray(pack(tables))
    content[40] ^= 16
    assert not np.array_equal(unpack(bytes(content), [tables[0].shape])[0], tables[0])


def test_levels_are_coded_from_coarse_to_fine() -> None:
    shapes = [(1, 9, 9, 1), (1, 5, 5, 3), (1, 3, 3, 3)]
    assert order(shapes) == [2, 1, 0]
    assert parents(shapes) == [1, 2, -1]
    assert parents([(4, 9, 9, 1), (1, 5, 5, 3)]) == [-1, -1]


def test_the_logistic_tables_are_inverse() -> None:
    stretch, squash = logistic()
    assert (np.diff(squash) >= 0).all() and squash.min() >= 1 and squash.max() <= 4095
    middle = np.arange(200, 3900)
    assert np.abs(squash[stretch[middle] + 2048] - middle).max() <= 12

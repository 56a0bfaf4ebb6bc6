"""The definition of a field's integers, held against numbers worked out by hand and against plain arithmetic."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.fields.random_field import random_field
from inkling.approx.reference import field_files
from inkling.approx.reference.coding import Coding, coordinate_code, distance_code, encode, pixel_codes
from inkling.approx.reference.field import IntegerField, check, check_packed, layered
from inkling.approx.reference.operations import (
    ClippedReLU,
    CoordinateSum,
    Dense,
    GridRead,
    PeriodicQuadratic,
    Rescale,
)
from inkling.train.errors import InputError
from inkling.train.scenes.octahedral import to_uv


def test_a_read_blends_four_texels_and_rounds_once() -> None:
    table = np.array([[[[10], [20]], [[-30], [40]]]], np.int8)
    read = GridRead(table)
    zero = np.zeros(5, np.int64)
    u = np.array([0, 2**15, 0, 2**15, 2**16 - 1])
    v = np.array([0, 0, 2**15, 2**15, 2**16 - 1])
    # The last code is 127/128 of the way in both directions.
    corner = (1 * (1 * 10 + 127 * 20) + 127 * (1 * -30 + 127 * 40)) / 128**2
    assert read.evaluate(zero, u, v)[:, 0].tolist() == [10, 15, -10, 10, round(corner)]
    # Four bits stand sixteen times higher, and keep four bits of the blend.
    low = GridRead(np.array([[[[1], [2]], [[1], [2]]]], np.int8), 4)
    assert low.evaluate(zero[:3], np.array([0, 2**14, 2**15]), zero[:3])[:, 0].tolist() == [16, 20, 24]


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([4, 8]))
def test_reads_stay_within_eight_bits_and_near_the_exact_blend(seed: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    limit = 2 ** (bits - 1)
    shape = (2, int(rng.integers(2, 9)), int(rng.integers(2, 9)), 3)
    table = rng.choice(np.array([-limit, limit - 1], np.int8), shape)
    entry, u, v = rng.integers(0, 2, 50), rng.integers(0, 2**16, 50), rng.integers(0, 2**16, 50)
    got = GridRead(table, bits).evaluate(entry, u, v)
    assert got.min() >= -128 and got.max() <= 127
    x, y = u * (shape[2] - 1) / 2**16, v * (shape[1] - 1) / 2**16
    x0, y0 = x.astype(int), y.astype(int)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    top = (1 - fx) * table[entry, y0, x0] + fx * table[entry, y0, x0 + 1]
    bottom = (1 - fx) * table[entry, y0 + 1, x0] + fx * table[entry, y0 + 1, x0 + 1]
    exact = ((1 - fy) * top + fy * bottom) * 2 ** (8 - bits)
    # Rounding to 8 bits, and 1/128 of a texel's span lost in each direction.
    assert np.abs(got - exact).max() <= 0.5 + 2 * 255 / 128


def test_the_periodic_activation_is_a_parabola_with_a_period() -> None:
    activation = PeriodicQuadratic(0)
    phase = np.arange(-(2**17), 2**17, 7)
    got = activation.evaluate(phase)
    turns = phase / 2**16
    g = turns - np.floor(turns + 0.5)
    assert np.abs(got - np.minimum(128 * 16 * g * (0.5 - np.abs(g)), 127)).max() <= 1
    assert (activation.evaluate(phase + 2**16) == got).all()
    assert (PeriodicQuadratic(-3).evaluate(phase) == activation.evaluate(phase * 8)).all()
    assert (PeriodicQuadratic(3).evaluate(phase) == activation.evaluate(phase >> 3)).all()


def test_evaluate_chains_the_operations() -> None:
    layers = (
        Dense(np.array([[3], [-2]]), np.array([100, 1000])),
        ClippedReLU(1, 8),
        Dense(np.array([[1, 2]]), np.array([-7])),
        Rescale(1),
    )
    read = GridRead(np.array([[[[10], [10]], [[10], [10]]]], np.int8))
    field = IntegerField(
        layered((read,), CoordinateSum(np.array([[4, 0], [0, -4]]), 2), layers),
        "sdf",
        Coding((1.0,), (0.0,), margin=3),
        np.zeros((0, 3), np.float32),
    )
    check(field)
    # (30 + 100 + 20) >> 1 = 75; (-20 + 1000 - 40) >> 1 = 470, clipped; (75 + 510 - 7) >> 1 = 289.
    u, v = np.array([2**15 + 20]), np.array([2**15 + 40])
    assert field.evaluate(np.zeros(1, int), u, v).tolist() == [[289]]
    assert field.visible(np.zeros(2, int), u.repeat(2), v.repeat(2), np.array([291, 292])).tolist() == [True, False]


def of(field: IntegerField, **changed: Any) -> IntegerField:
    """The field with other reads or layers."""
    parts = {"reads": field.reads, "coordinates": field.coordinates, "layers": field.layers} | changed
    return replace(field, graph=layered(**parts))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: of(f, layers=(*f.layers[:-1], ClippedReLU((3,), 7))), "one shift for all"),
        (lambda f: of(f, layers=f.layers[:-1]), "alternate"),
        (lambda f: of(f, layers=(f.layers[0], Rescale(1), *f.layers[2:])), "cannot stand between"),
        (lambda f: of(f, reads=f.reads[:1]), "inputs must be"),
        (lambda f: of(f, reads=(GridRead(f.reads[0].table, 4), *f.reads[1:])), "beyond 4 bits"),
        (lambda f: replace(f, positions=np.zeros((2, 3), np.float32)), "positions"),
        (lambda f: replace(f, coding=replace(f.coding, high_code=2**31)), "codes"),
        (
            lambda f: of(f, layers=(Dense(f.dense[0].weights, f.dense[0].bias + 2**31), *f.layers[1:])),
            "overflow int32",
        ),
        (
            lambda f: of(f, layers=(Dense(f.dense[0].weights + 200, f.dense[0].bias), *f.layers[1:])),
            "beyond -127",
        ),
    ],
)
def test_unsound_fields_are_refused(change: object, message: str) -> None:
    field = random_field(1)
    with pytest.raises(InputError, match=message):
        check_packed(change(field))  # type: ignore[operator]


def test_codes_of_places_and_distances() -> None:
    assert coordinate_code(np.array([0, 0.5, 1.0, 1.5, -1])).tolist() == [0, 2**15, 2**16 - 1, 2**16 - 1, 0]
    assert pixel_codes(3).tolist() == [0, 2**15, 2**16 - 1] and pixel_codes(1).tolist() == [0]
    squared = np.sort(np.random.default_rng(0).random(1000).astype(np.float32)) * 100
    assert (np.diff(distance_code(squared, 10)) >= 0).all()
    rng = np.random.default_rng(1)
    offsets = rng.normal(size=(5000, 3)) * np.array([1, 1, 0.3])
    u, v, code = encode(offsets, Coding((1.0,), (0.0,), drop=8, stretch=2.0))
    uv = to_uv(offsets * np.array([1, 1, 2.0]))
    assert np.abs(np.stack([u, v], 1) - np.minimum(np.floor(uv * 65536.0), 65535)).max() <= 1
    assert np.abs(code - distance_code((offsets**2).sum(1), 8)).max() <= 1
    assert encode(np.zeros((1, 3)), Coding((1.0,), (0.0,)))[0].tolist() == [2**15]


@pytest.mark.parametrize("periodic", [False, True])
def test_files_keep_a_field(tmp_path: Path, periodic: bool) -> None:
    field = random_field(3, periodic=periodic, coordinates=periodic, shared=(0,), levels=((4, 5, 3, 4), (6, 7, 2, 8)))
    field_files.save(field, tmp_path)
    first = (tmp_path / "field.json").read_bytes(), (tmp_path / "field.npz").read_bytes()
    again = field_files.load(tmp_path)
    rng = np.random.default_rng(0)
    entry, u, v = rng.integers(0, 3, 200), rng.integers(0, 2**16, 200), rng.integers(0, 2**16, 200)
    assert (field.evaluate(entry, u, v) == again.evaluate(entry, u, v)).all()
    assert again.coding == field.coding and (again.positions == field.positions).all()
    field_files.save(again, tmp_path)
    assert first == ((tmp_path / "field.json").read_bytes(), (tmp_path / "field.npz").read_bytes())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"meaning": "visibility"', '"meaning": "smell"', "meaning"),
        ('"bits": 8', '"bits": 9', "bits"),
        ('"entries": 3', '"entries": 4', "positions|entries"),
        ('"kind": "clipped_relu"', '"kind": "sine"', "kind"),
        ('"stretch": 1.0', '"stretch": NaN', "NaN"),
        ('"stretch": 1.0', '"stretch": -1.0', "stretch"),
        ('"version": 2', '"version": 3', "version"),
        ('"margin": 5', '"margin": 0.5', "whole"),
        ("[\n", "[[[", "JSON"),
    ],
)
def test_hostile_documents_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    field_files.save(random_field(3, levels=((4, 4, 2, 8),), hidden=(4,)), tmp_path)
    text = (tmp_path / "field.json").read_text()
    assert old in text
    (tmp_path / "field.json").write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        field_files.load(tmp_path)


def test_damaged_arrays_are_refused(tmp_path: Path) -> None:
    field_files.save(random_field(3, levels=((4, 4, 2, 8),), hidden=(4,)), tmp_path)
    whole = (tmp_path / "field.npz").read_bytes()
    for damaged in (whole[:-40], whole.replace(b"|i1", b"|u1"), b"", whole + bytes(2**16)):
        (tmp_path / "field.npz").write_bytes(damaged)
        with pytest.raises(InputError, match=r"field\.npz"):
            field_files.load(tmp_path)
    (tmp_path / "field.npz").unlink()
    with pytest.raises(InputError, match="no such file"):
        field_files.load(tmp_path)

"""`FloatField`: evaluation against a slow definition, the octahedral map, distance codes, and hostile files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkling.train.errors import InputError
from inkling.train.fields import files
from inkling.train.fields.float_field import (
    FloatField,
    Grid,
    Sight,
    activate,
    check,
    distance_code,
    distance_of,
    evaluate,
    visible,
)
from inkling.train.scenes.octahedral import to_direction, to_uv


def small_field(seed: int = 0, activation: str = "relu") -> FloatField:
    """Two levels (one shared by the entries), coordinates, one hidden layer of 5, one answer."""
    rng = np.random.default_rng(seed)

    def array(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    return FloatField(
        (Grid(array(3, 4, 5, 2)), Grid(array(1, 2, 3, 1))),
        True,
        (array(5, 5), array(1, 5)),
        (array(5), array(1)),
        activation,  # type: ignore[arg-type]
        np.array([-1], np.float32),
        np.array([1], np.float32),
        "visibility",
        sight=Sight(-10.0, 20.0, 0.01, array(3, 3)),
    )


@pytest.mark.parametrize("activation", ["relu", "sine", "periodic_quadratic"])
def test_evaluate_is_its_definition(activation: str) -> None:
    field = small_field(1, activation)
    rng = np.random.default_rng(2)
    entry, uv = rng.integers(3, size=40), rng.random((40, 2))
    uv[:4] = [[0, 0], [1, 1], [0, 1], [1, 0]]
    answers = evaluate(field, entry, uv)
    assert answers.shape == (40, 1)
    for n in range(40):
        x: list[float] = []
        for grid in field.grids:
            entries, height, width, features = grid.table.shape
            for f in range(features):
                image = grid.table[entry[n] if entries > 1 else 0, :, :, f]
                tents_x = np.maximum(0, 1 - np.abs(np.arange(width) - uv[n, 0] * (width - 1)))
                tents_y = np.maximum(0, 1 - np.abs(np.arange(height) - uv[n, 1] * (height - 1)))
                x.append(tents_y @ image @ tents_x)
        x += list(2 * uv[n] - 1)
        hidden = field.weights[0] @ np.array(x) + field.biases[0]
        if activation == "relu":
            hidden = np.maximum(hidden, 0)
        elif activation == "sine":
            hidden = np.sin(2 * np.pi * hidden)
        else:
            turn = (hidden + 0.5) % 1 - 0.5
            hidden = 16 * turn * (0.5 - np.abs(turn))
        assert answers[n] == pytest.approx(field.weights[1] @ hidden + field.biases[1], abs=1e-3)


def test_the_periodic_quadratic_is_nearly_a_sine_of_turns() -> None:
    x = np.linspace(-3, 3, 1001).astype(np.float32)
    difference = activate("periodic_quadratic", x) - activate("sine", x)
    assert 0.02 < np.abs(difference).max() < 0.06


def test_the_octahedral_map_has_an_inverse() -> None:
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(2000, 3))
    uv = to_uv(direction)
    assert uv.min() >= 0 and uv.max() <= 1
    unit = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    assert np.abs(to_direction(uv) - unit).max() < 1e-5
    assert np.array_equal(to_uv(np.array([[0, 0, 2.0], [0, 0, -2.0], [3, 0, 0], [0, 0, 0]]))[:, 0], [0.5, 1, 1, 0.5])


def test_distance_codes_are_monotone_and_invertible() -> None:
    distance = np.sort(np.random.default_rng(0).uniform(0.1, 200, 5000))
    code = distance_code(distance**2, -7, 16)
    assert (np.diff(code) >= 0).all() and code.min() > 0 and code.max() < 1
    assert np.allclose(distance_of(code, -7, 16), distance, rtol=1e-5)
    assert distance_code(np.array([0.0, np.inf]), -7, 16).tolist() == [0, 1]


def test_visible_compares_codes() -> None:
    field = small_field()
    assert field.sight is not None
    flat = replace(
        field,
        grids=tuple(Grid(0 * grid.table) for grid in field.grids),
        weights=tuple(0 * weights for weights in field.weights),
        biases=(0 * field.biases[0], distance_code(np.array([25.0]), -10, 20)),
    )
    direction = to_direction(np.random.default_rng(1).random((50, 2)))
    assert visible(flat, np.zeros(50, int), field.sight.positions[0] + 4.9 * direction).all()
    assert not visible(flat, np.zeros(50, int), field.sight.positions[0] + 9.0 * direction).any()


def test_a_field_survives_its_files(tmp_path: Path) -> None:
    field = small_field()
    files.save(field, tmp_path)
    first = (tmp_path / "field.npz").read_bytes(), (tmp_path / "field.json").read_bytes()
    again = files.load(tmp_path)
    entry, uv = np.arange(30) % 3, np.random.default_rng(0).random((30, 2))
    assert np.array_equal(evaluate(field, entry, uv), evaluate(again, entry, uv))
    assert again.sight is not None and field.sight is not None and again.sight.margin == field.sight.margin
    files.save(again, tmp_path)
    assert first == ((tmp_path / "field.npz").read_bytes(), (tmp_path / "field.json").read_bytes())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["field.json", "field.npz"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"grids": [[3, 4, 5, 2], [1, 2, 3, 2**40]]}, "whole numbers"),
        ({"grids": [[3, 4, 5, 2]]}, "members"),
        ({"grids": [[3, 4, 5, 2], [1, 3, 2, 1]]}, "float32 of shape"),
        ({"layers": []}, "empty"),
        ({"activation": "tanh"}, "activation"),
        ({"activation": 3}, "text"),
        ({"sight": {"low": 1}}, "sight"),
        ({"sight": {"low": 1e400, "high": 2, "margin": 0, "stretch": 1}}, "finite"),
        ({"version": 2}, "version"),
        ({"extra": 1}, "exactly"),
    ],
)
def test_a_wrong_document_is_refused(tmp_path: Path, change: dict[str, object], word: str) -> None:
    files.save(small_field(), tmp_path)
    document = json.loads((tmp_path / "field.json").read_text()) | change
    (tmp_path / "field.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=word) as error:
        files.load(tmp_path)
    assert "\n" not in str(error.value)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    files.save(small_field(), tmp_path)
    content = (tmp_path / "field.npz").read_bytes()
    for damaged in (content[:-30], b"", content[:200] + b"\xff" * 40 + content[240:], content + bytes(10**6)):
        (tmp_path / "field.npz").write_bytes(damaged)
        with pytest.raises(InputError):
            files.load(tmp_path)


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    field = small_field()
    bad = replace(field, biases=(field.biases[0] * np.float32(np.nan), field.biases[1]))
    with pytest.raises(InputError, match="finite"):
        check(bad)
    with pytest.raises(InputError, match="finite"):
        files.save(bad, tmp_path)
    assert not list(tmp_path.iterdir())

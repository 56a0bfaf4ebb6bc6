"""`FloatField`: evaluation against a slow definition, the octahedral map, distance codes and its checks."""

from dataclasses import replace

import numpy as np
import pytest

from inkling.train.errors import InputError
from inkling.train.fields.float_field import (
    FloatField,
    Grid,
    Sight,
    activate,
    check,
    distance_code,
    evaluate,
    visible,
)
from inkling.train.scenes.octahedral import to_uv


def distance_of(code: np.ndarray, low: float, high: float) -> np.ndarray:
    """The distance (not squared) that a code stands for."""
    bits = np.round((code.astype(np.float64) * (high - low) + low + 127) * 2**23).astype(np.int32)
    distance: np.ndarray = np.sqrt(bits.view(np.float32))
    return distance


def to_direction(uv: np.ndarray) -> np.ndarray:
    """uv, float [N, 2] in [0, 1] -> unit directions, float32 [N, 3]: the inverse of `to_uv`."""
    p = 2 * np.asarray(uv, np.float64) - 1
    z = 1 - np.abs(p).sum(axis=1)
    folded = (1 - np.abs(p[:, ::-1])) * np.where(p >= 0, 1.0, -1.0)
    xy = np.where(z[:, None] >= 0, p, folded)
    d = np.concatenate([xy, z[:, None]], axis=1)
    unit: np.ndarray = (d / np.sqrt((d * d).sum(axis=1, keepdims=True))).astype(np.float32)
    return unit


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


def test_numbers_that_are_not_finite_are_refused() -> None:
    field = small_field()
    bad = replace(field, biases=(field.biases[0] * np.float32(np.nan), field.biases[1]))
    with pytest.raises(InputError, match="finite"):
        check(bad)

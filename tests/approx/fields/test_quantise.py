"""Integer fields made from float fields: near them on inputs like those of the calibration, or refused."""

from dataclasses import replace

import numpy as np
import pytest

from inkling.approx.fields.quantise import TRIED, decisions, quantise
from inkling.approx.reference.coding import coordinate_code, encode
from inkling.approx.reference.field import IntegerField
from inkling.train.errors import InputError
from inkling.train.fields.float_field import Activation, FloatField, Grid, Sight, evaluate, visible
from inkling.train.scenes.signals import Meaning


def float_field(
    meaning: Meaning, activation: Activation, *, coordinates: bool, grids: int = 2, entries: int = 3, outputs: int = 1
) -> FloatField:
    """Random smooth grids and a perceptron of 24x2."""
    rng = np.random.default_rng(7)
    tables = [(rng.normal(size=(entries, 8 + 4 * k, 10, 3)) * 0.4).astype(np.float32) for k in range(grids)]
    width = 3 * grids + 2 * coordinates
    weights, biases = [], []
    for out in (24, 24, outputs):
        weights.append((rng.normal(size=(out, width)) * 1.2 / np.sqrt(width)).astype(np.float32))
        biases.append((rng.normal(size=out) * 0.1).astype(np.float32))
        width = out
    sight = None
    if meaning == "visibility":
        biases[-1] += np.float32(0.5)
        sight = Sight(-2.0, 8.0, 0.01, rng.normal(size=(entries, 3)).astype(np.float32), 2.0)
    low, high = np.full(outputs, -3, np.float32), np.full(outputs, 3, np.float32)
    return FloatField(
        tuple(Grid(table) for table in tables),
        coordinates,
        tuple(weights),
        tuple(biases),
        activation,
        low,
        high,
        meaning,
        None,
        sight,
    )


@pytest.mark.parametrize(
    ("meaning", "activation", "coordinates", "grids", "outputs", "decibels"),
    [
        ("visibility", "relu", False, 2, 1, 28),
        ("sdf", "relu", True, 1, 2, 30),
        ("picture", "relu", True, 2, 3, 28),
        # Random weights of whole turns make eight bits of a weight a large part of a turn.
        ("picture", "periodic_quadratic", True, 1, 3, 14),
        ("signal", "periodic_quadratic", True, 0, 1, 14),
    ],
)
def test_answers_stay_near_the_float_field(
    meaning: Meaning, activation: Activation, coordinates: bool, grids: int, outputs: int, decibels: float
) -> None:
    entries = 3 if grids else 1
    field = float_field(meaning, activation, coordinates=coordinates, grids=grids, entries=entries, outputs=outputs)
    rng = np.random.default_rng(0)
    entry, uv = rng.integers(0, entries, 6000), rng.random((6000, 2)).astype(np.float32)
    made = quantise(field, entry[:3000], uv[:3000])
    assert made.entries == entries and made.meaning == meaning
    u, v = coordinate_code(uv[3000:, 0]), coordinate_code(uv[3000:, 1])
    got = made.evaluate(entry[3000:], u, v) * np.array(made.coding.scale) + np.array(made.coding.offset)
    exact = evaluate(field, entry[3000:], uv[3000:])
    if meaning == "picture":
        exact = np.clip(exact, -3, 3)
    noise = ((got - exact) ** 2).mean() / exact.var()
    assert -10 * np.log10(noise) > decibels


def test_four_bits_lose_more_than_eight_and_decisions_agree() -> None:
    field = float_field("visibility", "relu", coordinates=False)
    assert field.sight is not None
    rng = np.random.default_rng(1)
    entry, uv = rng.integers(0, 3, 4000), rng.random((4000, 2)).astype(np.float32)
    targets = field.sight.positions[entry] + rng.normal(size=(4000, 3)) * 4
    exact = visible(field, entry, targets)
    agreement = []
    for bits in (8, 4):
        made = quantise(field, entry, uv, grid_bits=bits)
        assert made.bytes_per_entry == (8 + 12) * 10 * 3 * bits / 8
        u, v, code = encode(targets - field.sight.positions[entry], made.coding)
        agreement.append(float((made.visible(entry, u, v, code) == exact).mean()))
    assert 0.1 < exact.mean() < 0.9
    assert agreement[0] > 0.99 and 0.9 < agreement[1] < agreement[0]


def test_a_judge_chooses_among_the_locally_best() -> None:
    field = float_field("visibility", "relu", coordinates=False)
    assert field.sight is not None
    rng = np.random.default_rng(5)
    entry, uv = rng.integers(0, 3, 3000), rng.random((3000, 2)).astype(np.float32)
    offset = (rng.normal(size=(3000, 3)) * 4).astype(np.float32)
    exact = visible(field, entry, field.sight.positions[entry] + offset)
    share = decisions(entry, offset, exact)
    told: list[float] = []

    def judge(made: IntegerField) -> float:
        told.append(share(made))
        return told[-1]

    best = quantise(field, entry, uv, judge=judge)
    assert len(told) == TRIED == 16 and len(set(told)) > 1
    assert share(best) == max(told) and told[0] == share(quantise(field, entry, uv))
    u, v, code = encode(offset, best.coding)
    assert share(best) == (best.visible(entry, u, v, code) == exact).mean()


@pytest.mark.parametrize("bits", [4, 8])
def test_texels_on_steps_of_a_power_of_two_stay_exact(bits: int) -> None:
    field = float_field("visibility", "relu", coordinates=False)
    rng = np.random.default_rng(4)
    half = 2 ** (bits - 1)
    # Features whose largest texel is far below, just below and at the end of the range.
    most = np.array([half // 4, half - 2, half])
    whole = np.clip(np.round(rng.uniform(-most, most, (3, 8, 10, 3))), -half, half - 1)
    whole[0, 0, 0] = -most
    tables = (whole / half).astype(np.float32), field.grids[1].table
    changed = replace(field, grids=tuple(Grid(table) for table in tables))
    entry, uv = rng.integers(0, 3, 500), rng.random((500, 2))
    read = quantise(changed, entry, uv, grid_bits=bits).reads[0]
    assert (read.table == whole).all()


def test_what_cannot_become_integer_is_refused() -> None:
    field = float_field("sdf", "relu", coordinates=True)
    entry, uv = np.zeros(10, int), np.zeros((10, 2))
    with pytest.raises(InputError, match="sine"):
        quantise(replace(field, activation="sine"), entry, uv)
    with pytest.raises(InputError, match="grid_bits"):
        quantise(field, entry, uv, grid_bits=[8, 6])
    with pytest.raises(InputError, match="samples"):
        quantise(field, entry[:0], uv[:0])
    with pytest.raises(InputError, match="sight"):
        quantise(replace(field, meaning="visibility"), entry, uv)

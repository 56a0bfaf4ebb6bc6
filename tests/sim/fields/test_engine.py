"""Field engines: the reference's bits and the model's clocks, under stalls and resets; faults are caught."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkling.approx.fields.random_field import random_field
from inkling.approx.reference.field import IntegerField, layered
from inkling.approx.reference.operations import Dense
from inkling.hdl.engine.engine import emit
from inkling.hdl.engine.schedule import cycles
from inkling.sim.fields.engine import simulate, verify
from inkling.sim.fields.queries import random_queries

FIELDS: dict[str, dict[str, Any]] = {
    "visibility": {"levels": ((4, 4, 4, 8), (5, 3, 3, 4)), "hidden": (6, 5)},
    "picture": {
        "levels": ((3, 5, 3, 8), (4, 4, 2, 4)),
        "hidden": (4, 3),
        "outputs": 3,
        "periodic": True,
        "coordinates": True,
        "meaning": "picture",
        "shared": (1,),
    },
}
LANES = (1, 13, 1000)


@pytest.fixture(scope="module")
def field() -> IntegerField:
    return random_field(5, **FIELDS["visibility"])


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("lanes", LANES)
def test_simulated_engine_has_the_references_bits_and_the_models_clocks(name: str, lanes: int) -> None:
    field = random_field(5, **FIELDS[name])
    assert simulate(field, lanes, random_queries(field, 16, 1)).detail == ""
    assert simulate(field, lanes, random_queries(field, 16, 2), stall=0.4).passed


def test_coordinates_alone_make_an_engine() -> None:
    field = random_field(6, levels=(), hidden=(4,), coordinates=True, periodic=True, entries=1, meaning="picture")
    assert simulate(field, 5, random_queries(field, 12, 1)).detail == ""


@pytest.mark.parametrize(("name", "lanes"), [("visibility", 13), ("picture", 1000)])
def test_verilated_engine_in_bulk_with_stalls_and_resets(name: str, lanes: int, tmp_path: Path) -> None:
    field = random_field(5, **FIELDS[name])
    text, queries = emit(field, lanes), random_queries(field, 100_000, 3)
    free = verify(text, field, lanes, queries, keep=tmp_path)
    assert free.passed and free.vectors == 100_000, free.detail
    assert (free.extra["latency"], free.extra["interval"]) == cycles(field, lanes)
    few = random_queries(field, 20_000, 4)
    stalled = verify(
        text, field, lanes, few, query_stall=0.3, answer_stall=0.5, reset_every=999, seed=2, keep=tmp_path, reuse=True
    )
    assert stalled.passed, stalled.detail
    assert min(stalled.extra[what] for what in ("resets", "stalled", "refused")) > 10


def test_a_changed_weight_and_a_dropped_handshake_are_caught(field: IntegerField, tmp_path: Path) -> None:
    layer = field.layers[0]
    assert isinstance(layer, Dense)
    weights = layer.weights.copy()
    weights[0, 0] += 1 if weights[0, 0] < 0 else -1
    other = dataclasses.replace(
        field, graph=layered(field.reads, field.coordinates, (Dense(weights, layer.bias), *field.layers[1:]))
    )
    queries = random_queries(field, 3000, 1)
    text = emit(field, 13)
    caught = verify(text, other, 13, queries, keep=tmp_path)
    assert caught.mismatches and caught.counter_example is not None and "wrong answers" in caught.detail
    # A stage that takes every answer as taken forgets those that wait.
    dropped = text.replace("input answers__ready;", "input answers__ready; wire answers__taken = 1'b1;", 1)
    dropped = dropped.replace("(answers__ready)", "(answers__taken)")
    assert dropped != text
    lost = verify(dropped, field, 13, queries, answer_stall=0.5, keep=tmp_path)
    assert lost.mismatches, "an answer that was not taken must not be forgotten"


def test_random_registers_matter_only_where_a_reset_is_dropped(field: IntegerField, tmp_path: Path) -> None:
    text, queries = emit(field, 13), random_queries(field, 1000, 1)
    for seed in (1, 2):
        assert verify(text, field, 13, queries, unknown=True, seed=seed, keep=tmp_path, reuse=seed > 1).passed
    stage = text.index("module \\top.stage1")
    driven = re.search(r"^    active <= (_\d+_);", text[stage:], re.MULTILINE)
    assert driven
    dropped = text[:stage] + re.sub(rf"(assign {driven[1]} = )rst \? 1'h0 : ", r"\1", text[stage:])
    assert dropped != text
    wrong = [
        verify(dropped, field, 13, queries, unknown=True, seed=seed, keep=tmp_path, reuse=seed > 1).mismatches
        for seed in range(1, 5)
    ]
    assert any(wrong), "a stage that is at work after a reset must show"


def test_text_is_repeatable_and_codes_reach_both_outcomes(field: IntegerField) -> None:
    assert emit(field, 3) == emit(field, 3)
    queries = random_queries(field, 500, 1)
    seen = field.visible(queries.entry, queries.u, queries.v, queries.code)
    assert 0.1 < np.mean(seen) < 0.9

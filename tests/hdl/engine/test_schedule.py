"""The schedule of the field engine: what the lanes allow, and its refusals."""

import pytest

from inkling.approx.fields.random_field import random_field
from inkling.hdl.engine.schedule import cycles, fewest_lanes, multipliers, schedule
from inkling.train.errors import InputError


def test_a_32x2_field_answers_every_32_clocks_with_49_multipliers() -> None:
    field = random_field(1, hidden=(32, 32))
    used = multipliers(field, 41)
    # 41 products, and 2 levels of one blend lane, where a step between texels costs 3 narrow products.
    assert cycles(field, 41)[1] == 32 and used["dense"] + used["blend"] <= 49


@pytest.mark.parametrize("lanes", [1, 3, 10, 41, 100, 500, 1312])
def test_a_schedule_covers_every_layer_within_its_lanes(lanes: int) -> None:
    field = random_field(1, hidden=(32, 32))
    how = schedule(field, lanes)
    assert how.lanes <= max(lanes, 3)
    for fold, dense in zip(how.folds, field.dense, strict=True):
        outputs, inputs = dense.weights.shape
        assert fold.groups * fold.neurons >= outputs and fold.chunks * fold.inputs >= inputs
        assert fold.steps <= how.interval
    more = cycles(field, lanes + 40)
    assert more[1] <= how.interval and (lanes < 1312 or how.interval == 1)


def test_fewest_lanes_is_least_by_trying_all() -> None:
    for clocks in (1, 5, 12, 40):
        tried = [n * q for n in range(1, 8) for q in range(1, 10) if -(-7 // n) * -(-9 // q) <= clocks]
        assert fewest_lanes(7, 9, clocks).lanes == min(tried)


def test_refusals_name_the_cause() -> None:
    with pytest.raises(InputError, match="at least 1 lane"):
        schedule(random_field(1, hidden=(4,)), 0)
    with pytest.raises(InputError, match="on the chip"):
        schedule(random_field(1, levels=((512, 512, 8, 8),), hidden=(4,), entries=5), 4)

"""Counts of a converter to codes: exact at every threshold's neighbours, whatever the ranges are."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.hdl.microcontrollers.readings import Scale, check, shift_of, thresholds
from inkling.train.errors import InputError
from inkling.train.tables.quantiser import Quantiser

numbers = st.floats(-1e6, 1e6, allow_nan=False)


@settings(deadline=None, max_examples=50)
@given(numbers, numbers, numbers, numbers, st.integers(1, 8), st.sampled_from((8, 10, 12)))
def test_a_code_begins_at_its_threshold(zero, span, low, width, bits, converter):
    """The definition in rational numbers, written here once more for single counts."""
    if span <= 0 or width <= 0 or zero + span == zero or low + width == low:
        return
    scale, quantiser = Scale(converter, zero, zero + span), Quantiser(low, low + width, bits)

    def code(count: int) -> int:
        reading = Fraction(scale.zero) + (Fraction(scale.full) - Fraction(scale.zero)) * count / 2**converter
        place = (reading - Fraction(low)) / (Fraction(quantiser.high) - Fraction(low)) * 2**bits
        return min(max(place.__floor__(), 0), 2**bits - 1)

    levels = thresholds(quantiser, scale)
    codes = scale.codes(quantiser)
    assert list(levels) == sorted(levels) and len(levels) == 2**bits - 1
    for wanted, level in enumerate(levels, 1):
        for count in (level - 1, level, level + 1):
            if 0 <= count < 2**converter:
                assert code(count) == codes[count] == sum(count >= other for other in levels)
                assert (code(count) >= wanted) == (count >= level)


def test_a_converter_that_spans_the_range_is_a_shift():
    quantiser = Quantiser(-0.1, 0.7, 4)
    assert shift_of(thresholds(quantiser, Scale(12, -0.1, 0.7)), 12, 4) == 8
    assert shift_of(thresholds(quantiser, Scale(12, -0.1, 0.8)), 12, 4) is None
    assert shift_of(thresholds(Quantiser(0, 1, 8), Scale(6, 0, 1)), 6, 8) is None
    assert np.array_equal(Scale(10, -0.1, 0.7).codes(quantiser), np.arange(1024) >> 6)


@pytest.mark.parametrize("scale", [Scale(0, 0, 1), Scale(17, 0, 1), Scale(10, 1, 1), Scale(10, 0, float("inf"))])
def test_impossible_converters_are_refused(scale):
    with pytest.raises(InputError):
        check(scale, "glucose")

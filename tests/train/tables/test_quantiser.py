import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkling.train.errors import InputError
from inkling.train.tables.quantiser import Quantiser, fit

reals = st.floats(-1e12, 1e12)


@given(st.lists(reals, min_size=2, max_size=30), st.integers(1, 8))
def test_codes_are_monotone_and_span_the_range(values: list[float], bits: int) -> None:
    array = np.sort(np.array(values))
    if array[0] == array[-1]:
        with pytest.raises(InputError, match="range"):
            fit(array, bits)
        return
    codes = fit(array, bits).codes(array).astype(int)
    assert codes[0] == 0 and codes[-1] == 2**bits - 1
    assert (np.diff(codes) >= 0).all()


def test_the_definition_on_round_numbers() -> None:
    quantiser = Quantiser(0.0, 16.0, 4)
    values = np.array([-5.0, 0.0, 0.999, 1.0, 7.5, 15.999, 16.0, 1e9])
    assert quantiser.codes(values).tolist() == [0, 0, 0, 1, 7, 15, 15, 15]
    assert quantiser.codes(values).dtype == np.uint8


def test_values_whose_difference_overflows_saturate() -> None:
    assert Quantiser(-1e300, 1.0, 8).codes(np.array([1.7e308, -1.7e308])).tolist() == [255, 0]


@pytest.mark.parametrize("bits", [-1, 0, 9])
def test_bits_out_of_range(bits: int) -> None:
    with pytest.raises(InputError, match=f"{bits} bits for an input code: give 1 to 8"):
        fit(np.array([0.0, 1.0]), bits)


def test_a_range_that_overflows_is_refused() -> None:
    with pytest.raises(InputError, match="finite"):
        fit(np.array([-1.7e308, 1.7e308]), 4)

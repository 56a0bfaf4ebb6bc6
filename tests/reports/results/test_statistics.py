"""Statistics over splits: against published definitions worked by hand, scipy, and what must never count."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkling.reports.results.statistics import (
    Circuit,
    chosen,
    corrected_t,
    holm,
    levels,
    spread,
    volume,
    wilcoxon,
    within,
)


def circuit(area: float, validation: float, test: float = 0.5) -> Circuit:
    return Circuit(area, area, validation, validation, test)


shares = st.floats(0, 1)
circuits = st.lists(st.builds(circuit, st.floats(1e-3, 10), shares, shares), max_size=12)


@given(circuits)
def test_a_staircase_climbs_and_the_test_rows_have_no_part_in_it(found: list[Circuit]) -> None:
    stairs = chosen(found)
    assert all(a.area_cm2 < b.area_cm2 and a.validation < b.validation for a, b in pairwise(stairs))
    for item in found:
        best = within(stairs, item.area_cm2)
        assert best is not None and best.validation >= item.validation
    blind = [item._replace(held_out=0.0) for item in stairs]
    assert chosen([item._replace(held_out=0.0) for item in found]) == blind


def test_what_fits() -> None:
    stairs = chosen([circuit(1, 0.9), circuit(2, 0.8), circuit(3, 0.95), circuit(0.5, 0.7)])
    assert [item.area_cm2 for item in stairs] == [0.5, 1, 3]
    assert within(stairs, 0.4) is None
    assert [within(stairs, limit).area_cm2 for limit in (0.5, 2.9, 3, 99)] == [0.5, 1, 3, 3]  # type: ignore[union-attr]


def test_the_corrected_t_test_by_hand() -> None:
    differences = [0.01, 0.02, 0.03, 0.02]
    # mean 0.02, variance 2e-4 / 3, (1/4 + 30/70) of it: 4.5238e-5; t = 2.9735 with 3 degrees of freedom.
    assert 0.02 / math.sqrt(2e-4 / 3 * (1 / 4 + 30 / 70)) == pytest.approx(2.9735, abs=1e-4)
    assert corrected_t(differences, 30, 70) == pytest.approx(0.0589, abs=2e-4)
    # Without the correction the same splits would count as significant, which is the point of it.
    assert corrected_t(differences, 0, 70) < 0.02
    assert corrected_t([0.0] * 5, 30, 70) == corrected_t([0.3], 30, 70) == 1.0
    assert corrected_t([0.1] * 5, 30, 70) == 0.0


def test_wilcoxon_is_exact_for_few_splits() -> None:
    # All of five differences positive: 2 of 2**5 orders of signs are as extreme.
    assert wilcoxon([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx(2 / 32)
    assert wilcoxon([0.0, 0.0]) == 1.0


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_never_flatters(probabilities: list[float]) -> None:
    adjusted = holm(probabilities)
    assert all(after >= before and after <= 1 for before, after in zip(probabilities, adjusted, strict=True))


def test_spread_and_volume() -> None:
    assert spread([1.0, 2.0, 3.0]) == (2.0, 1.0)
    assert spread([4.0]) == (4.0, 0.0)
    stairs = chosen([circuit(0.1, 0.9, 0.75)])
    assert volume(stairs, 0.5, 1.0) == pytest.approx(0.25)  # one decade times a quarter
    assert volume([], 0.5, 1.0) == 0.0


def test_levels_are_round_and_cover() -> None:
    found = levels([0.012, 0.3, 4.0])
    assert len(found) == 6 and found[0] <= 0.02 and found[-1] >= 4.0
    assert all(f"{value:g}".strip("0.")[0] in "125" for value in found)
    assert levels([0.05]) == (0.05, 0.1)

"""Shrinking of failing vectors, and waveforms of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.sim.blame.shrink import shrink
from inkling.sim.blame.waveform import Scope, vcd


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 15), min_size=1, max_size=20), st.data())
def test_what_matters_stays_and_everything_else_goes(values: list[int], data: st.DataObject) -> None:
    vector = np.array(values, np.uint8)
    kept = data.draw(st.sets(st.integers(0, len(values) - 1), max_size=3))
    bounds = {k: data.draw(st.integers(0, int(vector[k]))) for k in kept}

    def fails(rows: np.ndarray) -> np.ndarray:
        found = np.ones(len(rows), bool)
        for k, bound in bounds.items():
            found &= rows[:, k] >= bound
        return found

    small = shrink(vector, fails)
    assert small.tolist() == [bounds.get(k, 0) for k in range(len(values))]


def test_the_usual_value_counts_as_nothing_said() -> None:
    usual = np.array([5, 5, 5], np.uint8)
    small = shrink(np.array([9, 8, 7], np.uint8), lambda rows: (rows[:, :2] > 3).all(axis=1), usual)
    assert small.tolist() == [5, 5, 0]


def test_a_vector_that_does_not_fail_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fail"):
        shrink(np.zeros(3, np.uint8), lambda rows: rows.any(axis=1))


def test_a_waveform_holds_every_change_once() -> None:
    scopes = [
        Scope("found", {"a": 1, "b": 4}, [{"a": 0, "b": 3}, {"a": 1, "b": 3}]),
        Scope("x y", {"s": 4}, [{"s": -1}] * 2),
    ]
    text = vcd(scopes)
    changes = '#0\n$dumpvars\n0!\nb11 "\nb1111 #\n$end\n#10\n1!\n#20\n'
    assert text.split("$enddefinitions $end\n")[1] == changes
    assert "$scope module x_y $end" in text
    many = vcd([Scope("m", {f"w{k}": 1 for k in range(9000)}, [{f"w{k}": 1 for k in range(9000)}])])
    assert len({line.split()[3] for line in many.splitlines() if line.startswith("$var")}) == 9000

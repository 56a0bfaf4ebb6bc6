"""Port names: hostile column names become good identifiers."""

import keyword

from hypothesis import given
from hypothesis import strategies as st

from inkling.hdl.names import LONGEST, port_names


@given(st.lists(st.text(max_size=80), max_size=20))
def test_any_names_become_unique_identifiers(names: list[str]) -> None:
    found = port_names(names)
    assert len(found) == len(names) == len(set(found))
    for name in found:
        assert name.isidentifier() and name.isascii() and name == name.lower() and len(name) <= LONGEST
        assert name[0].isalpha() and "__" not in name and not keyword.iskeyword(name)
    assert port_names(names) == found


def test_examples() -> None:
    cases = {
        "Área (mm²)": "area_mm2",
        "reg": "col_reg",
        "Label": "col_label",
        "a b": "a_b",
        "a_b": "a_b_2",
        "a_b_2": "a_b_2_2",
        "": "col",
        "9 lives": "col_9_lives",
        "score_0": "col_score_0",
        "linux": "col_linux",
        "None": "col_none",
    }
    assert port_names(list(cases)) == tuple(cases.values())


def test_long_names_stay_apart() -> None:
    found = port_names(["m" * 100] * 12)
    assert len(set(found)) == 12 and max(map(len, found)) == LONGEST

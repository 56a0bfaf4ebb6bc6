"""Liberty files: what is understood, and that everything else ends in one line with the line's number."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inkling.hdl.cells.liberty import load
from inkling.hdl.cells.liberty_function import pin_tables, truth_table
from inkling.hdl.cells.technology import Technology
from inkling.train.errors import InputError

SMALL = r"""
/* a comment
   of two lines */
library (small) {
  time_unit : "10ps";
  leakage_power_unit : "1uW" ;
  capacitive_load_unit (100, ff)
  nom_voltage : 1.2;  // at the line's end
  default_cell_leakage_power : 3;
  lu_table_template (loads) {
    variable_1 : total_output_net_capacitance;
    index_1 ("1, 2");
  }
  lu_table_template (turned) {
    variable_1 : total_output_net_capacitance;
    variable_2 : input_net_transition;
    index_1 ("1, 2"); index_2 ("10, 20, 30");
  }
  cell (AOI21) {
    area : 2.5;
    leakage_power () { when : "a b"; value : 7; related_pg_pin : VDD; }
    leakage_power () { when : "a b"; value : 1; related_pg_pin : VSS; }
    leakage_power () { value : 5; }
    pin (c) { direction : input; capacitance : 0.3; }
    pin (a) { direction : input; capacitance : 0.1; rise_capacitance : 0.2; }
    pin (b) { direction : input; capacitance : 0.2; }
    pin (y) { direction : output; function : "!(a*b | c)";
      timing () { related_pin : "a b";
        cell_rise (loads) { values ("1, 2"); } rise_transition (scalar) { values ("4"); }
        cell_fall (turned) { values ("1, 2, 3", \
          "4, 5, 6"); } fall_transition (scalar) { values ("4"); } }
    }
  }
  cell (TIE) { area : 1; pin (y) { direction : output; function : "1"; } }
  cell (DLY) { area : 1; dont_use : true;
    pin (a) { direction : input; } pin (y) { direction : output; function : "a"; } }
  cell (FF) { area : 9; cell_leakage_power : 2; ff (IQ, IQN) { clocked_on : "ck"; } }
}
"""


def read(folder: Path, text: str) -> Technology:
    path = folder / "x.lib"
    path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    return load(path)


def test_units_functions_states_and_axes(tmp_path: Path) -> None:
    found = read(tmp_path, SMALL)
    assert (found.name, found.voltages) == ("small", ("1.2",))
    (cell,) = found.cells
    assert (cell.type.inputs, cell.type.output, cell.area_um2) == (("a", "b", "c"), "y", 2.5)
    assert cell.type.table == sum(1 << m for m in range(8) if not ((m & 1 and m & 2) or m & 4))
    corner = cell.corners["1.2"]
    assert corner.capacitance == pytest.approx((0.02, 0.02, 0.03))
    both, other = 8000, 5000
    assert corner.static_power == pytest.approx([other, other, other, both, other, other, other, both])
    assert [(arc.pin, arc.sense) for arc in corner.arcs] == [(0, -1), (1, -1)]
    arc = corner.arcs[0]
    assert arc.rise.look_up(0, 0.2) == pytest.approx(0.02)
    assert arc.rise_transition.values == ((pytest.approx(0.04),),)
    assert arc.fall.slews == pytest.approx((0.1, 0.2, 0.3))
    assert arc.fall.look_up(0.2, 0.2) == pytest.approx(0.05)
    assert {item.name: item.reason for item in found.other_cells} == {
        "TIE": "0 inputs",
        "DLY": "marked dont_use",
        "FF": "it stores",
    }
    assert len(found.notes) == 3


def test_several_voltages_are_merged(tmp_path: Path) -> None:
    low = tmp_path / "low.lib"
    low.write_text(SMALL.replace("nom_voltage : 1.2", "nom_voltage : 0.9").replace("value : 5", "value : 4"))
    high = tmp_path / "high.lib"
    high.write_text(SMALL)
    found = load(high, low)
    assert found.voltages == ("1.2", "0.9")
    assert found.cells[0].corners["0.9"].static_power[0] == pytest.approx(4000)
    with pytest.raises(InputError, match=r"1.2 V was given"):
        load(high, high)
    low.write_text(low.read_text().replace("area : 2.5", "area : 2.6"))
    with pytest.raises(InputError, match="AOI21 has other pins, function or area"):
        load(high, low)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("area : 2.5", "area : big", r"x.lib:19: 'big' is no number"),
        ("area : 2.5", "area : -1", "an area is negative"),
        ("area : 2.5;", "", "'area' is missing"),
        ("!(a*b | c)", "!(a*b | d)", r"a pin is expected, not 'd'"),
        ("!(a*b | c)", "!(a*b | c", r"'\)' is missing"),
        ('"10ps"', '"10 parsecs"', "no unit that is known"),
        ("nom_voltage : 1.2;", "", "nom_voltage"),
        ('values ("1, 2")', 'values ("1, 2, 3")', "a table has 3 values"),
        ('index_1 ("1, 2"); index_2', 'index_1 ("2, 1"); index_2', "does not ascend"),
        ("of two lines */", "of two lines", "a comment is not closed"),
        ('"10ps"', '"10ps', "is expected|is not closed|is not expected"),
        ("library (small) {", "library (small) {{", "a name is expected"),
        ("cell (TIE)", "cell (AOI21)", "a second cell is named AOI21"),
        ("cell (AOI21)", "cell (../AOI)", "no identifier"),
        ("library (small)", "librarian (small)", "not a Liberty file"),
        ("cell (AOI21) {", "cell (AOI21) { ff (a, b) { }", "no cell can be mapped to"),
        ('related_pin : "a b"', 'related_pin : "a z"', "is no input"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in SMALL
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, SMALL.replace(old, new, 1))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a {" * 100_000,
        "a () {" * 100_000,
        "library (x) { " + "a : 1 " * 3,
        'library (x) { a : "' + "\\" * 1001,
        'library (x) { cell (y) { area : 1; pin (y) { direction : output; function : "' + "(" * 5000 + '"; } } }',
        "\0\0\0",
    ],
)
def test_hostile_texts_end_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError):
        read(tmp_path, text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Liberty file"):
        load(tmp_path / "none.lib")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.integers(0, len(SMALL) - 1),
    length=st.integers(0, 30),
    text=st.text(st.sampled_from("(){};:,\"'!*+^\\ \nab1.-e/\0é"), max_size=8),
)
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, at: int, length: int, text: str) -> None:
    try:
        assert read(tmp_path, SMALL[:at] + text + SMALL[at + length :]).cells
    except InputError as error:
        assert "\n" not in str(error)


A, B, C = pin_tables(3)


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("a b + c", A & B | C),
        ("a + b * c", A | B & C),
        ("a ^ b c", (A ^ B) & C),
        ("a' b", ~A & B),
        ("!a'", A),
        ("(a b)' & !c", ~(A & B) & ~C),
        ("a (b | c)", A & (B | C)),
        ("!(a ^ 1)", A),
        ("a & 0 + 1", 255),
    ],
)
def test_functions(text: str, table: int) -> None:
    assert truth_table(text, {"a": A, "b": B, "c": C}, 255) == table & 255

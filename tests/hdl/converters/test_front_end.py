"""Converters: the published figures, what a design's cost, and files that a user brings."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.reference.network import Input, Threshold
from inkling.hdl.cells import converters, egfet
from inkling.hdl.converters.code_prices import code_prices
from inkling.hdl.converters.encoder import encoder_cost, thermometers, verilog
from inkling.hdl.converters.front_end import front_end
from inkling.hdl.mapping.elaboration import elaborate
from inkling.train.errors import InputError

TECHNOLOGY = egfet.technology()
FILE = """schema = "inkling.converters/2"
name = "mine"
about = "drawn for a test"
[ladder]
area_mm2 = 0.5
power_uw = 2.0
basis = "measured"
source = "bench"
[comparator]
area_mm2 = 0.1
power_uw_by_reference = [10.0, 20.0, 30.0]
basis = "presumed"
source = "a guess"
[supply]
volts = "1.0"
basis = "presumed"
source = "a guess"
[encoder]
basis = "measured"
source = "mapped when it is wanted"
"""


def bit(column: int, level: int, bits: int = 4) -> Input:
    return Input(f"c{column}_ge_{level}", column, 1, 0, Threshold(level, bits))


def test_published_figures_stand_at_their_references_and_between_them_on_a_line() -> None:
    parts = converters.built_in()
    assert parts.comparator_power_uw(1 / 16) == 8.235
    assert parts.comparator_power_uw(15 / 16) == 57.77
    assert parts.comparator_power_uw(3 / 32) == pytest.approx((8.235 + 10.41) / 2)
    assert 0 < parts.comparator_power_uw(1 / 256) < 8.235
    assert parts.comparator_power_uw(255 / 256) > 57.77
    assert converters.built_in("encoded").comparator_power_uw(0.3) == 46.07


def test_a_ladder_is_paid_once_for_a_reading_and_a_comparator_for_every_level() -> None:
    found = front_end([bit(0, 1), bit(0, 2), bit(5, 1)], TECHNOLOGY)
    assert (found.ladders, found.comparators) == (2, 3)
    assert found.area_cm2 == pytest.approx(0.01 * (2 * 0.144 + 3 * 0.032))
    assert found.power_mw == pytest.approx(dict.fromkeys(("1.0", "0.6"), 1e-3 * (2 * 8.235 + 10.41)))


def test_a_binary_code_costs_what_the_published_converters_cost() -> None:
    found = front_end([Input("x", 0, 4)], TECHNOLOGY)
    assert found.area_cm2 * 100 == pytest.approx(8.359) and found.power_mw["1.0"] == pytest.approx(0.68, abs=0.001)
    encoded = front_end([Input("x", 0, 4)], TECHNOLOGY, converters.built_in("encoded"))
    assert encoded.area_cm2 * 100 == pytest.approx(17.06, abs=0.1)  # published with one comparator more
    narrower = front_end([Input("x", 0, 4)], TECHNOLOGY, unread=[2])
    assert narrower.area_cm2 == front_end([Input("x", 0, 2)], TECHNOLOGY).area_cm2


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_the_encoder_gives_the_code_of_every_thermometer(bits: int) -> None:
    from inkling.approx.netlists.evaluate import labels

    netlist = elaborate(verilog(bits))
    order = [int(port.name.removeprefix("t_")) - 1 for port in netlist.inputs]
    assert labels(netlist, thermometers(bits)[:, order]).tolist() == list(range(2**bits))


def test_an_encoder_without_figures_is_mapped_in_the_technologys_cells() -> None:
    bare = replace(converters.built_in().encoder, by_bits={})
    area, power = encoder_cost(replace(converters.built_in(), encoder=bare), TECHNOLOGY, 2)
    assert area * 100 == pytest.approx(0.953, rel=0.05) and power["1.0"] > power["0.6"] > 0


def test_a_users_file_is_read_and_a_wrong_one_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    mine = converters.find(str(path))
    assert mine.comparator_power_uw(0.5) == 20.0 and mine.ladder.basis == "measured"
    assert any("presumed" in sentence for sentence in mine.sources())
    assert np.isclose(front_end([bit(0, 8)], TECHNOLOGY, mine).power_mw["1.0"], 1e-3 * (2 + 20))
    for old, new in (
        ("measured", "hoped"), ("0.5", "-1"), ("[10.0, 20.0, 30.0]", "[]"), ("/2", "/9"), ('"1.0"', '"x"'),
        ("[ladder]", "[other]"), ('source = "bench"', 'source = ""'), ("name", "name = ["),
    ):  # fmt: skip
        path.write_text(FILE.replace(old, new, 1))
        with pytest.raises(InputError, match=r"mine\.toml") as caught:
            converters.read(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="bespoke"):
        converters.find(str(tmp_path / "none.toml"))


def test_leading_bits_of_codes_cost_the_search_what_their_converters_cost() -> None:
    prices = code_prices((4, 2), TECHNOLOGY)
    for read, inputs in (
        ([2, 3], [(0, 2)]),
        ([0, 1, 2, 3, 5], [(0, 4), (1, 1)]),
        ([4, 5], [(1, 2)]),
    ):
        which = np.isin(np.arange(6), read)
        area, power = prices.cost(which)
        parts = front_end([Input(f"c{column}", column, made) for column, made in inputs], TECHNOLOGY)
        assert area == pytest.approx(1e8 * parts.area_cm2)
        assert power == pytest.approx(1e6 * parts.power_mw["0.6"])

"""Port names: hostile column names become good identifiers, and a column keeps its port."""

import builtins
import keyword
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from amaranth.lib.wiring import Component
from hypothesis import given
from hypothesis import strategies as st

from inkling.approx.programs.process import run
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import Logic
from inkling.hdl import reserved
from inkling.hdl.circuits.classifier import Classifier
from inkling.hdl.circuits.verilog import behavioural
from inkling.hdl.names import LONGEST, port_names
from inkling.sim.verilator import bulk

WORDS = sorted(reserved.RESERVED | {"score_0", "x_0", "y_11"})
TEXTS = st.lists(st.text(max_size=80) | st.sampled_from(WORDS) | st.from_regex(r"[A-Za-z_ ]{1,6}[0-9]?"), max_size=20)


@given(TEXTS)
def test_any_names_become_unique_identifiers(names: list[str]) -> None:
    found = port_names(names)
    assert len(found) == len(names) == len(set(found))
    for name in found:
        assert name.isidentifier() and name.isascii() and name == name.lower() and len(name) <= LONGEST
        assert name[0].isalpha() and "__" not in name and name[-1] != "_" and not reserved.reserved(name)
    assert port_names(names) == found


@given(TEXTS)
def test_ports_of_all_columns_stay_in_every_design(names: list[str]) -> None:
    found = port_names(names)
    some = [name for k, name in enumerate(found) if k % 3 != 1]
    assert port_names(some) == tuple(some)


@given(TEXTS)
def test_a_legal_name_stays_whatever_stands_beside_it(names: list[str]) -> None:
    found = port_names([*names, "sensor_1"])
    if "sensor_1" not in names:
        assert found[-1] == "sensor_1"


def test_examples() -> None:
    cases = {
        "Área (mm²)": "area_mm2",
        "reg": "col_reg",
        "Label": "col_label",
        "a b": "a_b_3",
        "a_b": "a_b",
        "a_b_2": "a_b_2",
        "": "col",
        "9 lives": "col_9_lives",
        "score_0": "col_score_0",
        "Score": "score",
        "score ": "col_score_2",
        "linux": "col_linux",
        "None": "col_none",
    }
    assert port_names(list(cases)) == tuple(cases.values())


def test_long_names_stay_apart() -> None:
    found = port_names(["m" * 100] * 12)
    assert len(set(found)) == 12 and max(map(len, found)) == LONGEST


def test_the_list_holds_what_classes_and_languages_keep() -> None:
    network = _reading(("one", "two"))
    ours = {name for name in dir(Classifier(network)) if not name.startswith("_")} - {"one", "two"}
    kept = {name for name in dir(Component) if not name.startswith("_")} | ours
    kept |= {word.lower() for word in (*keyword.kwlist, *dir(builtins))}
    assert kept <= reserved.RESERVED
    assert {"reg", "constexpr", "downto", "foreach", "eval", "errno", "elaborate", "self"} <= reserved.RESERVED


@pytest.mark.parametrize("change", [str, str.upper, str.capitalize])
def test_no_reserved_word_becomes_a_port(change: Callable[[str], str]) -> None:
    for word, port in zip(WORDS, port_names([change(word) for word in WORDS]), strict=True):
        assert port != word and not reserved.reserved(port)


def test_columns_named_by_every_reserved_word_make_a_design(tmp_path: Path) -> None:
    """Amaranth takes the ports, Verilator the text, and a C++ compiler the class that Verilator makes of it."""
    network = _reading(WORDS)
    (tmp_path / "top.v").write_text(behavioural(network))
    ports = re.findall(r"^  input (?:\[\d+:0\] )?(\w+);", (tmp_path / "top.v").read_text(), re.MULTILINE)
    assert set(ports) == set(port_names(WORDS))
    _compile(tmp_path)


@pytest.mark.parametrize("word", ["errno"])
def test_a_reserved_word_as_a_port_would_be_seen(word: str, tmp_path: Path) -> None:
    (tmp_path / "top.v").write_text(f"module top(input {word}, output label); assign label = {word}; endmodule\n")
    with pytest.raises(Exception, match="ended with"):
        _compile(tmp_path)


def _compile(folder: Path) -> None:
    root = bulk.verilator_root()
    words = ["--cc", "top.v", "--top-module", "top", "--prefix", "Vtop", "--Mdir", "model", "-Wno-fatal"]
    environment = {**os.environ, "VERILATOR_ROOT": str(root)}
    run([root / "bin" / "verilator", *words], cwd=folder, time_limit_s=120, environment=environment)
    words = ["-std=c++17", "-fsyntax-only", f"-I{root / 'include'}", "model/Vtop.cpp"]
    run(["c++", *words], cwd=folder, time_limit_s=120)


def _reading(names: Sequence[str]) -> IntegerNetwork:
    """The parity of one bit of every input."""
    ports = tuple(Port(name, 1) for name in port_names(names))
    first = 2 + len(ports)
    sources = [(2 if k == 0 else first + k - 1, k + 3) for k in range(len(ports) - 1)]
    kinds = np.zeros(len(sources), np.uint8)
    last = np.array([first + len(sources) - 1], np.int32)
    cell = CellType("XOR2", ("A", "B"), "Y", 0b0110)
    netlist = Netlist(ports, (Port("label", 1),), (cell,), kinds, np.array(sources, np.int32), last)
    return IntegerNetwork(tuple(Input(name, k, 1) for k, name in enumerate(names)), (Logic(netlist),), 2)

"""Cells that no circuit can be mapped to are refused before the work, by what lacks."""

from pathlib import Path

import pytest

from inkling.hdl.cells.choice import technology_of
from inkling.train.errors import InputError

HEAD = """library (my) {
  time_unit : "1ms"; voltage_unit : "1V"; current_unit : "1mA"; leakage_power_unit : "1uW";
  capacitive_load_unit (1,pf); nom_voltage : 1.0;
"""


def cell(name: str, inputs: str, function: str) -> str:
    arc = " ".join(f'{edge}(scalar) {{ values("1.0"); }}' for edge in ("cell_rise", "cell_fall"))
    pins = "".join(f"    pin({pin}) {{ direction : input; capacitance : 1; }}\n" for pin in inputs)
    arcs = "".join(f'      timing() {{ related_pin : "{pin}"; {arc} }}\n' for pin in inputs)
    return (
        f"  cell ({name}) {{\n    area : 2;\n    cell_leakage_power : 0.2;\n{pins}"
        f'    pin(Y) {{ direction : output; function : "{function}";\n{arcs}    }}\n  }}\n'
    )


INV, NAND, XOR = cell("INV", "A", "!A"), cell("NAND2", "AB", "!(A&B)"), cell("XOR2", "AB", "A^B")


@pytest.mark.parametrize(
    ("cells", "lacks"),
    [((NAND,), "an inverter"), ((INV, XOR), "a NAND, NOR"), ((XOR,), "an inverter, as Y = !A and a NAND")],
)
def test_what_lacks_is_named(cells: tuple[str, ...], lacks: str, tmp_path: Path) -> None:
    path = tmp_path / "my.lib"
    path.write_text(HEAD + "".join(cells) + "}\n")
    with pytest.raises(InputError, match=f"my.lib: lacks {lacks}"):
        technology_of([path])


def test_what_suffices_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "my.lib"
    path.write_text(HEAD + INV + NAND + "}\n")
    assert {item.type.name for item in technology_of([path]).cells} == {"INV", "NAND2"}

"""`inkling mcu`: a design folder becomes a library whose figures and labels come from emulators."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.netlists import tree as trees
from inkling.approx.quantise import networks
from inkling.approx.reference import netlist_files, network_files
from inkling.approx.reference.network import IntegerNetwork
from inkling.designs.microcontroller import McuRequest, execute, scale_of
from inkling.sim.designs.folder import TEXTS
from inkling.sim.microcontrollers.targets import TARGETS
from inkling.train.errors import InputError
from inkling.train.tables.sources import load


@pytest.fixture
def design(tmp_path: Path) -> Path:
    """A tree of iris as a design folder: what `inkling mcu` reads of one."""
    dataset = load("iris")
    fitted = networks.tree(dataset.development, 6, seed=0)
    ports = tuple(replace(item, name=f"p{k}") for k, item in enumerate(fitted.inputs))
    network = IntegerNetwork(ports, fitted.layers, fitted.classes)
    folder = tmp_path / "tree-6"
    folder.mkdir()
    network_files.save(network, folder)
    (folder / "netlist.json").write_text(netlist_files.to_json(trees.build(network)))
    for name in TEXTS:
        (folder / name).write_text("")
    inputs = [
        {"port": f"p{k}", "column": dataset.columns[item.column], "bits": item.bits, "low": 0.0, "high": 8.0}
        for k, item in enumerate(network.inputs)
    ]
    classes = {"port": "label", "classes": list(dataset.classes)}
    described = {"schema": "inkling.design/1", "name": "tree-6", "inputs": inputs, "output": classes}
    (folder / "design.json").write_text(json.dumps(described))
    return folder


def test_a_design_becomes_a_library(design: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if absent := TARGETS["cortex-m0"].missing():
        pytest.skip(absent)
    column = json.loads((design / "design.json").read_text())["inputs"][0]["column"]
    request = McuRequest(
        design, tmp_path / "lib", ("cortex-m0",), "iris", 12, (scale_of(f"{column}=-1..9"),), vectors=300
    )
    assert execute(request)
    shown = capsys.readouterr().out
    assert "verified" in shown and max(map(len, shown.splitlines()[:-1])) <= 80
    document = json.loads((tmp_path / "lib" / "mcu.json").read_text())
    assert document["targets"][0]["read"]["flash"] < 300 and document["targets"][0]["classify"]["passed"]
    for path in (
        "src/kernel_mcu.c",
        "src/iris.h",
        "library.json",
        "library.properties",
        "examples/classify/classify.ino",
    ):
        assert (tmp_path / "lib" / path).stat().st_size > 10
    assert "iris_read(counts)" in (tmp_path / "lib" / "examples" / "classify" / "classify.ino").read_text()
    first = {path: path.read_bytes() for path in (tmp_path / "lib").rglob("*") if path.is_file()}
    assert execute(request)
    assert {path: path.read_bytes() for path in first} == first


@pytest.mark.parametrize("text", ["", "a", "a=1", "a=1..", "a=x..2", "=1..2"])
def test_a_scale_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"COLUMN=ZERO\.\.FULL"):
        scale_of(text)


def test_a_column_that_no_input_reads_is_refused(design: Path, tmp_path: Path) -> None:
    if absent := TARGETS["cortex-m0"].missing():
        pytest.skip(absent)
    with pytest.raises(InputError, match="no such column"):
        execute(McuRequest(design, tmp_path / "lib", ("cortex-m0",), scales=(("none", 0.0, 1.0),)))
    assert np.size(list(tmp_path.glob("lib/*"))) == 0

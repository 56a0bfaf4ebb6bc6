"""The steps of a run one at a time: files in, files out, the same rows all along, wrong files in one line."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from inkling.approx.reference import network_files
from inkling.hdl.cells.egfet import technology
from inkling.runs import steps
from inkling.runs.families import TRIAL
from inkling.sim.designs.folder import read
from inkling.train.errors import InputError
from inkling.train.networks.float_files import from_json, to_json
from inkling.train.tables.reading import Reading

EFFORT = replace(TRIAL, rounds=2, circuits=2, vectors=2000, cocotb_vectors=100, proof_s=10)
QUIET = Console(quiet=True)
COMMON: dict[str, Any] = {
    "data": None,
    "effort": EFFORT,
    "seed": 1,
    "table": None,
    "technology": technology(),
    "console": QUIET,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A float network of iris and its integers."""
    place = tmp_path_factory.mktemp("steps")
    told = steps.train(
        Reading("iris"), place / "net.json", kind="power_of_two", hidden=(3,), effort=EFFORT, data=None
    )
    integers = approximate(place / "net.json", place / "integers", how="integers")
    return SimpleNamespace(place=place, file=place / "net.json", told=told, integers=integers)


def approximate(source: Path, out: Path, *, how: str, moves: int | None = None, **changes: Any) -> dict[str, Any]:
    return steps.approximate(source, out, how=how, moves=moves, tolerance=0.02, **{**COMMON, **changes})


def test_a_network_goes_through_files_unchanged(made: SimpleNamespace) -> None:
    data = json.loads(made.file.read_text())["network"]
    network = from_json(data, "net.json")
    assert to_json(network) == data and network.shape == (4, 3, 3)
    codes = np.random.default_rng(0).integers(0, 16, (50, 4)).astype(np.uint8)
    exact = network_files.load(made.place / "integers")
    assert (network.predict(codes) == exact.predict(codes)).mean() > 0.9
    assert made.integers["levels"] == [1, 2] and made.integers["accuracy"] == made.told["accuracy"]
    again = made.place / "again.json"
    steps.train(Reading("iris"), again, kind="power_of_two", hidden=(3,), effort=EFFORT, data=None)
    assert again.read_bytes() == made.file.read_bytes()


def test_the_arithmetic_search_starts_from_a_network(made: SimpleNamespace) -> None:
    smaller = approximate(made.place / "integers", made.place / "arithmetic", how="arithmetic", moves=2000)
    assert smaller["levels"] == [1, 2, 3, 4] and smaller["accuracy_before"] == made.integers["accuracy"]


@pytest.fixture(scope="module")
def design(made: SimpleNamespace) -> None:
    """A verified design of what the gate search found from the network."""
    last = approximate(made.place / "integers", made.place / "gates", how="gates")
    assert last["levels"] == [1, 2, 5]
    told, passed = steps.emit(made.place / "gates", made.place / "design", **COMMON)
    design = read(made.place / "design")
    assert passed and told["verified"] and told["static_power_of"] == "training rows"
    assert design.classes == ("setosa", "versicolor", "virginica") and told["gates"] == len(design.netlist.kinds)
    assert design.described["levels"] == [1, 2, 5] and {v["route"] for v in told["verdicts"]} >= {
        "c",
        "gates",
        "proof",
    }


def test_a_netlist_alone_can_be_emitted(made: SimpleNamespace, design: None) -> None:
    alone = made.place / "alone"
    alone.mkdir()
    (alone / "netlist.json").write_bytes((made.place / "design" / "netlist.json").read_bytes())
    told, passed = steps.emit(alone, made.place / "second", **COMMON)
    assert passed and "random" in told["static_power_of"]
    one, other = (read(made.place / name).network for name in ("design", "second"))
    rows = np.random.default_rng(1).integers(0, 16, (200, len(one.inputs)))
    names = [item.name for item in other.inputs]
    order = [names.index(item["port"]) for item in read(made.place / "design").described["inputs"]]
    values = np.zeros_like(rows)
    values[:, order] = rows
    assert (one.evaluate(rows) == other.evaluate(values)).all()


def test_other_rows_than_those_trained_on_are_refused(made: SimpleNamespace) -> None:
    with pytest.raises(InputError, match="has not the rows"):
        approximate(made.file, made.place / "other", how="integers", table="wine")
    assert not (made.place / "other").exists()


def spoiled(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(document))
    *parents, last = path.split(".")
    inner: Any = copy
    for key in parents:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    inner[int(last) if isinstance(inner, list) else last] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", "pickle"),
        ("table.source", 7),
        ("columns", ["a"]),
        ("quantisers.0.bits", 99),
        ("quantisers.0.high", -1e9),
        ("levels", [9]),
        ("network.kind", "lstm"),
        ("network.weights", []),
        ("network.weights.0.0", [1.0]),
        ("network.weights.0.0.0", "x"),
        ("network.biases.0.0", 1e300),
        ("network.input_bits", [4, 4, 4]),
        ("network.input_bits.0", 77),
        ("network.clip", -1),
        ("network.bias_steps", [0.0, 0.0]),
        ("network.activation_bits", 99),
        ("network.train_accuracy", 3),
        ("network", None),
    ],
)
def test_a_spoiled_file_is_one_line(made: SimpleNamespace, tmp_path: Path, path: str, value: Any) -> None:
    file = tmp_path / "net.json"
    file.write_text(json.dumps(spoiled(json.loads(made.file.read_text()), path, value)))
    with pytest.raises(InputError) as error:
        approximate(file, tmp_path / "out", how="integers")
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


def test_what_cannot_be_emitted_is_said(made: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neither network\.json nor netlist\.json"):
        steps.emit(tmp_path, tmp_path / "out", **COMMON)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not a design folder"):
        steps.emit(made.place / "integers", tmp_path, **COMMON)
    with pytest.raises(InputError, match="is not one of"):
        approximate(made.file, tmp_path / "out", how="magic")
    step = json.loads((made.place / "integers" / "step.json").read_text())
    other = tmp_path / "other"
    other.mkdir()
    for name in ("network.json", "network.npz"):
        (other / name).write_bytes((made.place / "integers" / name).read_bytes())
    (other / "step.json").write_text(json.dumps({**step, "classes": ["a", "b"]}))
    with pytest.raises(InputError, match="of another network"):
        steps.emit(other, tmp_path / "out", **COMMON)

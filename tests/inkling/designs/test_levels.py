"""Levels of comparators in design.json: readings become bits by them, and wrong ones are refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.quantise.teacher import WeightedRows
from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.network import IntegerNetwork, without_unused_inputs
from inkling.approx.thresholds.levels import levels_of
from inkling.approx.thresholds.tree import priced
from inkling.designs.rows import design_codes, readings_of
from inkling.hdl.cells import egfet
from inkling.runs.design import Job, build
from inkling.runs.effort import EFFORTS
from inkling.sim.designs.folder import DesignFolder, read
from inkling.sim.designs.meaning import verdicts
from inkling.train.errors import InputError
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load

DATASET = load(Reading("iris", seed=1, bits=6, ranges="span"))
EMPTY = Netlist((), (), (), np.zeros(0, np.uint8), np.zeros((0, 2), np.int32), np.zeros(0, np.int32))


def network() -> IntegerNetwork:
    development = DATASET.development
    rows = WeightedRows(*development.train, np.ones(len(development.train.labels), np.int64))
    tree = priced(levels_of(development), rows, len(DATASET.classes), None, leaves=5, price=0.0)
    return without_unused_inputs(tree)


def folder(**changes: object) -> DesignFolder:
    made, inputs = network(), []
    for item in made.inputs:
        quantiser, threshold = DATASET.quantisers[item.column], item.threshold
        assert threshold is not None
        inputs.append(
            {
                "port": item.name,
                "column": DATASET.columns[item.column],
                "bits": 1,
                "low": quantiser.low,
                "high": quantiser.high,
                "level": threshold.level,
                "grid_bits": threshold.bits,
                "reference": threshold.reference,
                "threshold": quantiser.low + threshold.reference * (quantiser.high - quantiser.low),
            }
        )
    inputs[0] |= changes
    return DesignFolder("node", made, EMPTY, {}, {"inputs": inputs}, DATASET.classes)


def test_raw_readings_give_the_labels_of_the_reference() -> None:
    design = folder()
    rng = np.random.default_rng(0)
    columns = []
    for item in design.network.inputs:
        quantiser = DATASET.quantisers[item.column]
        columns.append(rng.uniform(quantiser.low - 1, quantiser.high + 1, 3000))
    codes = design_codes(design, columns)
    for described, column, bits in zip(design.described["inputs"], columns, codes.T, strict=True):
        assert np.array_equal(bits, column >= described["threshold"])  # what a comparator does


@pytest.mark.parametrize(
    "changes",
    [{"level": 63}, {"reference": 0.99}, {"threshold": 1e3}, {"grid_bits": 5}, {"threshold": "x"}, {"low": -9.0}],
)
def test_a_planted_wrong_level_is_refused(changes: dict[str, object]) -> None:
    assert readings_of(folder())
    with pytest.raises(InputError, match=r"network\.json says"):
        readings_of(folder(**changes))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node's design folder as a run leaves it."""
    development = DATASET.development
    effort = replace(EFFORTS["trial"], vectors=500, cocotb_vectors=20)
    rows = np.concatenate([development.train.codes, development.validation.codes])
    job = Job(
        "node", "a tree", (), network(), DATASET.columns, DATASET.classes, DATASET.quantisers, rows,
        len(development.train.labels), egfet.technology(), effort, 1, DATASET.fingerprint, verified=True,
        converters=True,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("designs") / "node"
    built = build(job, folder)
    assert not built.failed and built.front_end is not None and built.front_end.comparators == len(job.network.inputs)
    assert [item.reference for item in built.circuit.inputs].count(None) == 0
    return folder


def test_a_node_is_verified_from_readings_to_labels(made: Path) -> None:
    design = read(made)
    found = verdicts(design, made, design.texts)
    assert [(item.route, item.mismatches) for item in found] == [("design", 0), ("readings", 0)]
    kept = json.loads((made / "readings.json").read_text())
    assert {code for row in kept["codes"] for code in row} == {0, 1}


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("level", 63, "level"),
        ("threshold", 1e3, "threshold"),
        ("reference", 0.99, "reference"),
        ("grid_bits", 5, "grid"),
        ("low", -99.0, "threshold"),
        ("column", "petal length", "column"),
    ],
)
def test_verify_catches_a_wrong_comparator(made: Path, key: str, value: object, named: str) -> None:
    design = read(made)
    inputs = [dict(item) for item in design.described["inputs"]]
    inputs[0][key] = value
    wrong = replace(design, described={**design.described, "inputs": inputs})
    found = verdicts(wrong, made, design.texts)
    assert any(item.mismatches for item in found)
    assert named in " ".join(item.detail for item in found if item.mismatches) or key == "column"


def test_comparators_that_are_one_and_a_second_code_of_a_column_are_told(made: Path) -> None:
    design = read(made)
    inputs = [dict(item) for item in design.described["inputs"]]
    inputs[1] |= {name: inputs[0][name] for name in ("column", "low", "high", "level", "reference", "threshold")}
    twice = replace(design, described={**design.described, "inputs": inputs})
    assert "two inputs name the same column" in verdicts(twice, made, design.texts)[0].detail

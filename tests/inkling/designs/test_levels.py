"""Levels of comparators in design.json: readings become bits by them, and wrong ones are refused."""

import numpy as np
import pytest

from inkling.approx.quantise.teacher import WeightedRows
from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.network import IntegerNetwork, without_unused_inputs
from inkling.approx.thresholds.levels import levels_of
from inkling.approx.thresholds.tree import priced
from inkling.designs.rows import design_codes, readings_of
from inkling.sim.designs.folder import DesignFolder
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

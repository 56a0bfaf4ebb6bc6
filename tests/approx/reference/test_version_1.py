"""Run folders of version 1, whose files listed layers: they are read, and give the answers that they gave then."""

import json
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.reference import field_files, network_files
from inkling.train.errors import InputError

# Written by the version before graphs, with the answers that it gave for the rows that are drawn here.
SAMPLES = Path(__file__).parent / "samples" / "version_1"
FIELDS = ("field", "periodic_field")


@pytest.mark.parametrize("name", sorted(p.name for p in SAMPLES.iterdir() if p.name not in FIELDS))
def test_a_network_is_read(name: str, tmp_path: Path) -> None:
    network = network_files.load(SAMPLES / name)
    rows = np.random.default_rng(0).integers(0, 16, (40, len(network.inputs)))
    answers = json.loads((SAMPLES / name / "answers.json").read_text())
    assert network.evaluate(rows).tolist() == answers
    network_files.save(network, tmp_path)
    assert json.loads((tmp_path / "network.json").read_text())["version"] == 2
    assert network_files.load(tmp_path).evaluate(rows).tolist() == answers


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_read(name: str, tmp_path: Path) -> None:
    field = field_files.load(SAMPLES / name)
    rng = np.random.default_rng(0)
    query = rng.integers(0, 3, 40) % field.entries, rng.integers(0, 2**16, 40), rng.integers(0, 2**16, 40)
    answers = json.loads((SAMPLES / name / "answers.json").read_text())
    assert field.evaluate(*query).tolist() == answers
    assert len(field.dense) == len(field.activations) == 3
    field_files.save(field, tmp_path)
    assert field_files.load(tmp_path).evaluate(*query).tolist() == answers


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("perceptron", '"layers": [', '"layers": [[], ', "layers must be a list"),
        ("perceptron", '"kind": "arg_max"', '"kind": "smell"', "smell"),
        ("field", '"then": "clip"', '"then": "smell"', "smell"),
        ("field", '"coordinate_shift"', '"coordinate_shirt"', "version 1"),
        ("field", '"meaning"', '"feeling"', "exactly"),
    ],
)
def test_a_damaged_one_is_refused(name: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    for path in (SAMPLES / name).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = next(tmp_path / n for n in ("network.json", "field.json") if (tmp_path / n).is_file())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        (field_files if path.stem == "field" else network_files).load(tmp_path)
    assert "\n" not in str(caught.value)

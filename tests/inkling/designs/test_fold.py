"""`inkling fold`: the files of a folded design from a design folder's network, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

import inkling.hdl.mapping.search
from inkling.approx.reference import network_files
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense
from inkling.designs.fold import FoldRequest, execute
from inkling.hdl.mapping.recipes import Plan, Recipe
from inkling.train.errors import InputError


def request(folder: Path, **changes: object) -> FoldRequest:
    asked = {
        "folder": folder,
        "clocks": 1000,
        "out": None,
        "rows": None,
        "data": None,
        "effort": "quick",
        "seed": 1,
        "vectors": 300,
        "liberty": (),
        "as_json": True,
    }
    return FoldRequest(**asked | changes)  # type: ignore[arg-type]


@pytest.fixture
def design(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    once = Plan((Recipe("ifraig; dc2", ("amap -m",), 0),), (), 0, 0)
    monkeypatch.setattr(inkling.hdl.mapping.search, "plan", lambda gates, effort: once)
    rng = np.random.default_rng(4)
    one = Dense(rng.choice([0, 1, -2, 4], (2, 5)), rng.integers(-5, 9, 2))
    two = Dense(rng.choice([0, 1, -2], (3, 2)), rng.integers(-5, 6, 3))
    inputs = tuple(Input(f"x{k}", k, 2) for k in range(5))
    folder = tmp_path / "design"
    folder.mkdir()
    network_files.save(IntegerNetwork(inputs, (one, ClippedReLU(0, 3), two, ArgMax()), 3), folder)
    return folder


def test_files_are_written_verified_and_replaced(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(request(design))
    made = design / "folded"
    names = ("component.py", "folded.json", "mapped.v", "top.v", "verdict.json")
    assert tuple(sorted(path.name for path in made.iterdir())) == names
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((made / "folded.json").read_text()) and told["verified"]
    assert told["clocks"] <= 1000 and told["flip_flops"] == (made / "mapped.v").read_text().count("DFFX1 ff")
    verdicts = json.loads((made / "verdict.json").read_text())
    assert [item["mismatches"] for item in verdicts] == [0] * 4 and verdicts[0]["vectors"] == 300
    # What is no folded design is left alone.
    (made / "folded.json").unlink()
    with pytest.raises(InputError, match="no folded design"):
        execute(request(design))
    assert (made / "top.v").exists()


def test_a_bound_that_cannot_be_kept_is_told(design: Path) -> None:
    with pytest.raises(InputError, match="no schedule has at most 2 clocks"):
        execute(request(design, clocks=2))
    assert not (design / "folded").exists()

"""`inkling mcu TABLE`: models of a table, compiled and run, and one of them chosen by validation rows."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkling.designs import microcontroller_search
from inkling.designs.microcontroller import McuRequest
from inkling.designs.microcontroller_search import Kernel, candidates, choice, front_of
from inkling.runs.effort import EFFORTS
from inkling.sim.microcontrollers.targets import TARGETS
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.errors import InputError
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load


def test_a_table_becomes_a_library(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if absent := TARGETS["cortex-m0"].missing():
        pytest.skip(absent)
    request = McuRequest(Path("iris"), tmp_path / "lib", ("cortex-m0",), "iris", 10, vectors=200)
    assert microcontroller_search.execute(Reading("iris", bits=6), "trial", request)
    shown = capsys.readouterr().out
    assert "* " in shown and "verified" in shown and max(map(len, shown.splitlines()[:-1])) <= 80
    front = json.loads((tmp_path / "lib" / "front.json").read_text())
    kernels = front["kernels"]
    assert len(kernels) >= 2 and all(kernel["verified"] for kernel in kernels)
    assert [kernel["flash_bytes"] for kernel in kernels] == sorted(kernel["flash_bytes"] for kernel in kernels)
    document = json.loads((tmp_path / "lib" / "mcu.json").read_text())
    (chosen,) = (kernel for kernel in kernels if kernel["name"] == front["chosen"])
    assert document["design"] == front["chosen"] and document["targets"][0]["read"]["flash"] == chosen["flash_bytes"]
    assert chosen["test_accuracy"] > 0.8 and chosen["flash_bytes"] < 300
    wanted = kernels[-1]["name"]
    assert microcontroller_search.execute(Reading("iris", bits=6), "trial", replace(request, design=wanted))
    assert json.loads((tmp_path / "lib" / "mcu.json").read_text())["design"] == wanted


def test_no_model_sees_the_rows_that_choose_or_those_of_the_test() -> None:
    """Labels of both kinds of rows are exchanged: every model stays as it was."""
    development = load(Reading("iris", bits=6)).development
    effort = replace(EFFORTS["trial"], restarts=1, steps=20)
    rows = development.validation
    other = replace(development, validation=rows._replace(labels=(rows.labels + 1) % 3))
    trees = [
        [vars(model.network.layers[0]) for model in candidates(table, effort, 0) if model.name.startswith("tree")]
        for table in (development, other)
    ]
    assert len(trees[0]) == len(trees[1]) > 1
    for one, two in zip(*trees, strict=True):
        assert all(np.array_equal(one[key], two[key]) for key in one)


def _kernel(name: str, flash: float, validation: float, mismatches: int = 0) -> Kernel:
    network = candidates_network()
    figures = {"flash": flash, "each": flash, "ram": 0.0, "stack": 0.0}
    verdict = Verdict("mcu-cortex-m0", "kernel", "reference", 10, mismatches, 0.0, extra=figures)
    row = microcontroller_search.Row(TARGETS["cortex-m0"], verdict, verdict)
    return Kernel(name, "tree", network, "branches", [row], validation)


def candidates_network():
    from inkling.approx.quantise import networks

    return networks.tree(load("iris").development, 2, seed=0)


def test_the_smallest_within_one_standard_error_is_chosen() -> None:
    kernels = [_kernel("a", 40, 0.70), _kernel("b", 60, 0.93), _kernel("c", 90, 0.92), _kernel("d", 300, 0.95)]
    wrong = _kernel("e", 10, 1.0, mismatches=1)
    front = front_of([*kernels[::-1], wrong], "size")
    assert [kernel.name for kernel in front] == ["a", "b", "d"]
    assert choice(front, 100).name == "b" and choice(front, 100_000).name == "d"
    assert choice(front, 100, "a").name == "a"
    with pytest.raises(InputError, match="a, b, d"):
        choice(front, 100, "z")
    with pytest.raises(InputError, match="no model passed"):
        choice([], 100)

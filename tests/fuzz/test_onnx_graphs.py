"""Random ONNX and QONNX graphs answer as the file does when an evaluator runs it, or are refused by node and reason.

A small part of tests/benchmarks/bench_onnx.py, which tries two thousand.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import onnx_graphs

from inkling.approx.quantise.onnx import decisions, quantisers
from inkling.train.networks import affine_model


@pytest.mark.parametrize("runtime", [False, True])
def test_no_graph_is_read_otherwise_than_it_runs(tmp_path: Path, runtime: bool) -> None:
    counts = onnx_graphs.survey(range(100) if runtime else range(100, 400), tmp_path, runtime=runtime)
    assert [key for key in counts if key.startswith("differs") or "differs" in key] == []
    assert counts["agrees"] >= 0.9 * counts.total(), counts


def half_up(x: Any, mode: str) -> Any:
    return np.floor(x + 0.5)


def test_faults_in_the_reading_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = range(450, 530)

    def differing() -> int:
        return sum("differs" in key for key in onnx_graphs.survey(seeds, tmp_path))

    with monkeypatch.context() as patch:  # half up where the file rounds half to even
        patch.setattr(affine_model, "rounded", half_up)
        assert differing() >= 1
    with monkeypatch.context() as patch:  # among equals the last
        true = decisions.largest
        patch.setitem(decisions.DECISIONS, "ArgMax", None)
        from inkling.approx.quantise.onnx import reading

        def swapped(node: Any, given: Any, context: Any) -> Any:
            (label,) = true(node, given, context)
            return [decisions.replace(label, table=label.table[::-1])]

        patch.setitem(reading.OPERATORS, "ArgMax", swapped)
        assert differing() >= 1
    with monkeypatch.context() as patch:  # the zero point forgotten
        true_plan = quantisers.plan

        def without_zero(*given: Any) -> Any:
            made = true_plan(*given)
            return decisions.replace(made, zero=0 * made.zero, before=0 * made.before)

        patch.setattr(quantisers, "plan", without_zero)
        assert differing() >= 1
    assert differing() == 0

"""Kernels verified as they are emitted, and with faults planted in their texts."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inkling.approx.programs.process import ToolError
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, DecisionTree, Dense
from inkling.hdl.kernels import c_kernel, numba_kernel
from inkling.hdl.names import port_names
from inkling.sim.kernels.children import verify_c, verify_numba
from inkling.sim.verdicts.comparison import mismatches
from inkling.sim.verdicts.vectors import reference
from inkling.sim.verdicts.verdict import Verdict

WEIGHTS = np.array([[3, -5, 7], [-2, 6, 11]])


def network(weights: NDArray[np.int64] = WEIGHTS, shift: int = 2) -> IntegerNetwork:
    names = ["petal length", "2nd width", "class"]
    layers = (
        *(Dense(weights, np.array([4, -9])), ClippedReLU(shift, 4)),
        *(Dense(np.array([[1, 2], [2, -3], [-1, 4]]), np.array([5, 17, 1])), ArgMax()),
    )
    return IntegerNetwork(tuple(Input(name, i, 4) for i, name in enumerate(names)), layers, 3)


def vectors(rows: int = 3000) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 16, (rows, 3), dtype=np.uint8)


def check(source: str, **options: float) -> Verdict:
    _, header = c_kernel.emit(network())
    return verify_c(network(), source, header, vectors(), **options)  # type: ignore[arg-type]


def assert_is_the_faulty_network(verdict: Verdict, faulty: IntegerNetwork) -> None:
    """The verdict counts just the rows on which the two networks differ, and shows the first of them."""
    x = vectors()
    right, wrong = network().evaluate(x), faulty.evaluate(x)
    rows = np.flatnonzero(right != wrong)
    assert len(rows)
    assert not verdict.passed
    assert verdict.mismatches == len(rows)
    first = int(rows[0])
    names = port_names([item.name for item in faulty.inputs])
    values = {name: int(value) for name, value in zip(names, x[first], strict=True)}
    assert verdict.counter_example == values | {"expected label": int(right[first]), "found label": int(wrong[first])}


def test_right_kernels_pass() -> None:
    x = vectors()
    source, header = c_kernel.emit(network())
    for verdict in (
        verify_c(network(), source, header, x),
        verify_numba(network(), numba_kernel.emit(network()), x, expected=network().evaluate(x)),
    ):
        assert verdict.passed, verdict
        assert verdict.vectors == len(x) and verdict.counter_example is None and not verdict.proven
        assert verdict.extra["ns_per_vector"] > 0


def test_scores_and_trees() -> None:
    rng = np.random.default_rng(1)
    items = tuple(Input(f"f{i}", i, 8) for i in range(2))
    scores = IntegerNetwork(items, (Dense(rng.integers(-9, 9, (3, 2)), np.zeros(3, np.int64)),), 0)
    tree_layer = DecisionTree(*(np.array(c) for c in ([1, -1, -1], [77, 0, 0], [1, 0, 0], [2, 0, 0], [0, 4, 1])))
    tree = IntegerNetwork(items, (tree_layer,), 5)
    x = rng.integers(0, 256, (500, 2), dtype=np.uint8)
    for net in (scores, tree):
        source, header = c_kernel.emit(net)
        assert verify_c(net, source, header, x).passed
    source, header = c_kernel.emit(tree)
    verdict = verify_c(tree, source.replace("<= 77 ?", "< 77 ?"), header, x)
    assert verdict.mismatches == (x[:, 1] == 77).sum() > 0
    source, header = c_kernel.emit(scores)
    verdict = verify_c(scores, re.sub(r"(scores\[l \* 3 \+ 2\] = )", r"\g<1>1 + ", source), header, x)
    assert verdict.mismatches == len(x)
    assert verdict.counter_example is not None
    assert verdict.counter_example["found score_2"] == verdict.counter_example["expected score_2"] + 1


def batch_part(source: str) -> int:
    return source.index("static void block")


def test_a_changed_weight_is_found() -> None:
    source, _ = c_kernel.emit(network())
    at = batch_part(source)
    changed = source[:at] + source[at:].replace("11*v0", "10*v0", 1)
    assert changed != source
    weights = WEIGHTS.copy()
    weights[1, 2] = 10
    assert_is_the_faulty_network(check(changed), network(weights))


def test_a_changed_shift_is_found() -> None:
    source, _ = c_kernel.emit(network())
    assert_is_the_faulty_network(check(source.replace(">> 2)", ">> 1)")), network(shift=1))


def test_a_changed_comparison_is_found() -> None:
    source, _ = c_kernel.emit(network())
    changed = source.replace("> best ? 1 : label", ">= best ? 1 : label")
    verdict = check(changed)
    assert changed != source
    assert verdict.counter_example is not None
    assert (verdict.counter_example["expected label"], verdict.counter_example["found label"]) == (0, 1)


def test_a_wrong_single_entry_is_found() -> None:
    source, _ = c_kernel.emit(network())
    at = batch_part(source)
    changed = source[:at].replace("11*v0", "10*v0", 1) + source[at:]
    verdict = check(changed)
    assert not verdict.passed and "one by one" in verdict.detail


def test_a_wrong_remainder_is_found() -> None:
    source, _ = c_kernel.emit(network())
    changed = source.replace("if (row < rows)", "if (row + 1 < rows)")
    assert changed != source
    verdict = check(changed)
    assert not verdict.passed and "pieces" in verdict.detail


def test_a_kernel_that_crashes_is_a_verdict() -> None:
    source, _ = c_kernel.emit(network())
    verdict = check(source.replace("block(features + row", "block((const uint8_t *)0 + row"))
    assert verdict.mismatches == verdict.vectors
    assert "does not run" in verdict.detail


def test_a_kernel_that_writes_too_far_is_a_verdict() -> None:
    source, _ = c_kernel.emit(network())
    verdict = check(source.replace("size_t row, i;", "size_t row, i; labels[rows] = 1;"))
    assert not verdict.passed and "behind" in verdict.detail


def test_a_kernel_that_hangs_is_a_verdict() -> None:
    source, _ = c_kernel.emit(network())
    changed = source.replace("size_t row, i;", "size_t row, i; volatile int on = 1; while (on) {}")
    verdict = check(changed, time_limit_s=2.0)
    assert not verdict.passed and "limit" in verdict.detail


def test_a_kernel_that_does_not_compile_is_a_verdict() -> None:
    verdict = check("int inkling_classify(void) { return }\n")
    assert not verdict.passed and "compile" in verdict.detail
    assert "/tmp" not in verdict.detail


def test_no_compiler_is_no_verdict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    source, _ = c_kernel.emit(network())
    with pytest.raises(ToolError, match="cc"):
        check(source)


def test_faults_in_numba_kernels_are_found() -> None:
    source = numba_kernel.emit(network())
    changed = source.replace("11 * v0", "10 * v0", 1)
    assert changed != source
    weights = WEIGHTS.copy()
    weights[1, 2] = 10
    assert_is_the_faulty_network(verify_numba(network(), changed, vectors()), network(weights))
    verdict = verify_numba(network(), "raise SystemExit('no')\n", vectors(10))
    assert not verdict.passed and "no" in verdict.detail


def test_a_users_own_modules_do_not_get_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numba.py").write_text("raise SystemExit('wrong numba')\n")
    (tmp_path / "numpy.py").write_text("raise SystemExit('wrong numpy')\n")
    monkeypatch.chdir(tmp_path)
    source, _ = c_kernel.emit(network())
    assert check(source).passed


def test_vectors_must_fit() -> None:
    source, header = c_kernel.emit(network())
    for x in (np.zeros((3, 4), np.uint8), np.zeros((3, 3), np.int64), np.full((3, 3), 16, np.uint8)):
        with pytest.raises(ValueError, match="vector"):
            verify_c(network(), source, header, x)  # type: ignore[arg-type]


def test_compare_and_reference() -> None:
    x = vectors(40_000)
    expected = reference(network(), x)
    np.testing.assert_array_equal(expected, network().evaluate(x))
    assert mismatches(network(), x, expected, expected.astype(np.uint8)) == (0, None)
    assert reference(network(), x[:0]).shape == (0,)

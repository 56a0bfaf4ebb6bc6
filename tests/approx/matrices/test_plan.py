"""Shared sums of constant matrices: the plan, its cells and their drawing against the matrix product."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.matrices.adders import FULL, MIXED, NOT, Cell, CellPlan
from inkling.approx.matrices.columns import HALVES, count
from inkling.approx.matrices.digits import digit_count, minimal_digits
from inkling.approx.matrices.plan import Plan, cells, cost, plan


def _half_carry(name: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    plain = {"nand": "and", "nor": "or", "not_less": "less", "not_greater": "greater"}
    if name in plain:
        return 1 - _half_carry(plain[name], a, b)
    return {"and": a & b, "or": a | b, "less": (1 - a) & b, "greater": a & (1 - b)}[name]


def evaluate_cells(plan: CellPlan, x: np.ndarray) -> np.ndarray:
    """int64 [rows, inputs] -> int64 [rows, outputs], bit by bit through the cells: the check of what is drawn."""
    nodes: list[np.ndarray] = [np.zeros(len(x), np.int64), np.ones(len(x), np.int64)]
    nodes += [x[:, i] >> bit & 1 for i, bit in plan.operands]
    for cell in plan.cells:
        values = [nodes[source] for source in cell.sources]
        if cell.kind == NOT:
            nodes += [1 - values[0], nodes[0]]
        elif cell.kind in (FULL, MIXED):
            a, b, c = values
            other = 1 - c if cell.kind == MIXED else c
            nodes += [a ^ b ^ c, (a & b) | (other & (a | b))]
        else:
            a, b = values
            inverted = cell.kind.startswith("x")
            nodes += [a ^ b ^ int(inverted), _half_carry(cell.kind.removeprefix("x"), a, b)]
    columns = []
    for bits, signed in zip(plan.outputs, plan.signed, strict=True):
        weights = [1 << k for k in range(len(bits))]
        if signed:
            weights[-1] = -weights[-1]
        columns.append(sum((nodes[n] * w for n, w in zip(bits, weights, strict=True)), nodes[0]))
    return np.stack(columns, axis=1)


def _value(one, words: list, rows: int) -> np.ndarray:
    total = np.full(rows, one.constant, np.int64)
    for word, shift, sign in one.terms:
        total += sign * (words[word] << shift)
    return total


def evaluate(plan: Plan, x: np.ndarray) -> np.ndarray:
    """int [rows, inputs] -> int64 [rows, outputs]."""
    words = [column.astype(np.int64) for column in x.T]
    for one in plan.shared:
        words.append(_value(one, words, len(x)))
    return np.stack([_value(one, words, len(x)) for one in plan.outputs], axis=1)


def _inputs(low, high, rows: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    x = generator.integers(low, np.array(high) + 1, (rows, len(low)))
    x[0], x[1] = low, high
    return x


@st.composite
def problems(draw):
    outputs, inputs = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    size = draw(st.sampled_from([1, 3, 7, 31, 127, 1000]))
    seed = draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)
    weights = generator.integers(-size, size + 1, (outputs, inputs))
    weights[generator.random(weights.shape) < draw(st.sampled_from([0.0, 0.4, 0.9]))] = 0
    if draw(st.booleans()):
        weights[-1] = weights[0] * draw(st.sampled_from([1, -1, 2]))
    bias = generator.integers(-20 * size, 20 * size + 1, outputs)
    low = generator.integers(-9, 4, inputs) * draw(st.sampled_from([0, 1]))
    high = low + generator.integers(0, 16, inputs)
    return weights, bias, low, high


@settings(max_examples=40, deadline=None)
@given(problems(), st.sampled_from([0, 1, 3]), st.integers(0, 99))
def test_plan_and_cells_compute_the_matrix_product(problem, moves, seed):
    weights, bias, low, high = problem
    found = plan(weights, bias, low, high, moves=moves, seed=seed)
    x = _inputs(low, high, 200, seed)
    expected = x @ weights.T + bias
    np.testing.assert_array_equal(evaluate(found, x), expected)
    np.testing.assert_array_equal(evaluate_cells(cells(found), x), expected)
    for one, values in zip(found.outputs, expected.T, strict=True):
        assert one.low <= values.min() and values.max() <= one.high


def test_sharing_saves_and_is_deterministic():
    generator = np.random.default_rng(5)
    weights, bias = generator.integers(-127, 128, (4, 12)), generator.integers(-999, 1000, 4)
    low, high = [0] * 12, [15] * 12
    alone, shared = (plan(weights, bias, low, high, moves=moves) for moves in (0, 4))
    assert cost(shared).nand2 < 0.9 * cost(alone).nand2
    assert shared == plan(weights, bias, low, high, moves=4)
    assert cells(shared) == cells(plan(weights, bias, low, high, moves=4))


def test_equal_rows_cost_one_row():
    row = [77, -45, 18, 99]
    one = plan(np.array([row]), [3], [0] * 4, [15] * 4)
    three = plan(np.array([row, row, row]), [3, 3, 3], [0] * 4, [15] * 4)
    assert len(cells(three).cells) == len(cells(one).cells)


def test_a_wrong_cell_is_seen():
    weights, bias = np.array([[3, -5, 7], [6, 2, -1]]), np.array([4, -9])
    good = cells(plan(weights, bias, [0] * 3, [15] * 3))
    x = np.stack(np.meshgrid(*[np.arange(16)] * 3), axis=-1).reshape(-1, 3)
    expected = x @ weights.T + bias
    assert (evaluate_cells(good, x) == expected).all()
    other = {"full": "mixed", "mixed": "full", "and": "or", "nand": "and", "not": "not"}
    caught = 0
    for k, cell in enumerate(good.cells):
        swapped = Cell(other.get(cell.kind, "and"), cell.sources)
        if swapped.kind != cell.kind:
            bad = replace(good, cells=(*good.cells[:k], swapped, *good.cells[k + 1 :]))
            caught += bool((evaluate_cells(bad, x) != expected).any())
    assert caught > len(good.cells) // 2


def test_half_adders_are_what_their_line_says():
    carries = {"and": lambda a, b: a & b, "or": lambda a, b: a | b}
    carries |= {"less": lambda a, b: (1 - a) & b, "greater": lambda a, b: a & (1 - b)}
    for half in HALVES:
        name = half.carry.removeprefix("not_")
        name, inverted = {"nand": ("and", 1), "nor": ("or", 1)}.get(name, (name, int(name != half.carry)))
        for a in (0, 1):
            for b in (0, 1):
                carry = carries[name](a, b) ^ inverted
                total = half.pair[0] * a + half.pair[1] * b + half.digit
                assert total == (a ^ b ^ half.digit & 1) + 2 * (half.carry_sign * carry + half.constant)


def test_adders_follow_from_heights():
    # Fifteen bits of one weight: eleven full adders, no half adder (the population count).
    found = count([15, 0, 0, 0], [0, 0, 0, 0], 0)
    assert (found.full, found.half, found.odd) == (11, 0, 0)
    assert count([2, 2, 0], [0, 0, 0], 0).half >= 1


@given(st.integers(-5000, 5000))
def test_minimal_digits_are_all_minimal(value):
    ways = minimal_digits(value)
    assert len(set(ways)) == len(ways)
    for way in ways:
        assert sum(sign << shift for shift, sign in way) == value
        assert len(way) == digit_count(value)


@pytest.mark.parametrize(
    ("bias", "low", "high"), [([1], [0], [1, 2]), ([1, 2], [0, 0], [1, 1]), ([1], [0, 5], [1, 4]), ([1], [0], [1])]
)
def test_shapes_that_do_not_fit_are_refused(bias, low, high):
    with pytest.raises(ValueError):
        plan(np.array([[1, 2]]), bias, low, high)


def test_constant_inputs_and_rows_need_no_adders():
    found = plan(np.array([[0, 0, 9], [0, 0, 0]]), [5, -6], [0, 0, 4], [15, 3, 4])
    assert isinstance(found, Plan) and cost(found).nand2 == 0
    x = np.array([[3, 2, 4]])
    assert evaluate_cells(cells(found), x).tolist() == evaluate(found, x).tolist() == [[41, -6]]

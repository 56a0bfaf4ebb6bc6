"""Adder plans against plain sums: every cell kind, every placement of constants, and their size."""

import itertools
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.matrices.compressor import (
    SumPlan,
    binary_digits,
    bits_to_hold,
    canonical_signed_digits,
    cost,
    fewest_digits,
    plan_bits,
)


def adders(plan: SumPlan, sources: int) -> int:
    """Cells that add or subtract so many varying bits: 3 in a full adder, 2 in a half adder."""
    cells = [cell for cell in plan.cells if cell.kind in ("add", "subtract")]
    return sum(sum(source > 1 for source in cell.sources) == sources for cell in cells)


def value_of(plan: SumPlan, x: list[int]) -> int:
    """What the plan computes, cell by cell."""
    bits = [0, 1, *(x[i] >> bit & 1 for i, bit in plan.operands)]
    for cell in plan.cells:
        sources = [bits[node] for node in cell.sources]
        a, b, c = [*sources, 0, 0][:3]
        match cell.kind:
            case "add":
                bits += divmod(a + b + c, 2)[::-1]
            case "subtract":
                bits += (a ^ b ^ c, int(a < b + c))
            case "borrow":
                bits += (int(a < b + c), 0)
            case "odd":
                bits += (sum(sources) & 1, 0)
            case "any":
                assert sum(sources) <= 1, "promised to be at most one"
                bits += (sum(sources), 0)
    value = sum(bits[node] << k for k, node in enumerate(plan.total))
    return value - (bits[plan.total[-1]] << len(plan.total)) if plan.signed else value


def plan_sum(weights: list[int], bias: int, low: list[int], high: list[int], first_bit: int = 0) -> SumPlan:
    """The plan of a sum of products, bit by bit."""
    bits = []
    for i, (weight, lo, hi) in enumerate(zip(weights, low, high, strict=True)):
        width = bits_to_hold(lo, hi)
        # The top bit of two's complement counts negatively.
        bits += [(i, k, -weight << k if lo < 0 and k == width - 1 else weight << k) for k in range(width) if weight]
    ends = (bias + sum(pick(w, 0) for _, _, w in bits) for pick in (min, max))
    return plan_bits(bits, bias, *ends, first_bit=first_bit)


@st.composite
def sums(draw: st.DrawFn) -> tuple[list[int], int, list[int], list[int], int, list[list[int]]]:
    largest = draw(st.sampled_from([1, 3, 127]))
    weights = draw(st.lists(st.integers(-largest, largest), max_size=5))
    low = [draw(st.sampled_from([0, 0, 0, -1, -5, 3])) for _ in weights]
    high = [lo + draw(st.sampled_from([0, 1, 3, 5, 15])) for lo in low]
    rows = [[draw(st.integers(lo, hi)) for lo, hi in zip(low, high, strict=True)] for _ in range(6)]
    return (
        weights,
        draw(st.integers(-300, 300)),
        low,
        high,
        draw(st.sampled_from([0, 0, 1, 4, 12])),
        [low, high, *rows],
    )


@given(sums())
@settings(max_examples=400, deadline=None)
def test_a_plan_computes_the_shifted_sum(
    case: tuple[list[int], int, list[int], list[int], int, list[list[int]]],
) -> None:
    weights, bias, low, high, shift, rows = case
    plan = plan_sum(weights, bias, low, high, first_bit=shift)
    for x in rows:
        expected = bias + sum(w * v for w, v in zip(weights, x, strict=True))
        assert value_of(plan, x) == expected >> shift


def test_a_planted_fault_is_seen() -> None:
    plan = plan_sum([5, -3], 7, [0, 0], [15, 15])
    wrong = next(k for k, cell in enumerate(plan.cells) if cell.kind == "add")
    faulty = replace(plan.cells[wrong], sources=(0, *plan.cells[wrong].sources[1:]))
    broken = replace(plan, cells=(*plan.cells[:wrong], faulty, *plan.cells[wrong + 1 :]))
    rows = [[a, b] for a in range(16) for b in range(16)]
    assert all(value_of(plan, x) == 7 + 5 * x[0] - 3 * x[1] for x in rows)
    assert any(value_of(broken, x) != 7 + 5 * x[0] - 3 * x[1] for x in rows)


@given(st.integers(-5000, 5000))
def test_signed_digits(value: int) -> None:
    for digits in (canonical_signed_digits(value), binary_digits(value), fewest_digits(value)):
        assert sum(sign << power for power, sign in digits) == value
    powers = [power for power, _ in canonical_signed_digits(value)]
    assert all(b - a > 1 for a, b in itertools.pairwise(powers))
    assert len(fewest_digits(value)) <= len(binary_digits(value))


def test_counts() -> None:
    two_bits = plan_sum([1, 1], 0, [0, 0], [3, 3])
    assert (adders(two_bits, 3), adders(two_bits, 2)) == (1, 1)
    # The constant one takes the carry input that a half adder would leave open.
    with_one = plan_sum([1, 1], 1, [0, 0], [3, 3])
    assert (adders(with_one, 3), adders(with_one, 2)) == (1, 1)
    assert cost(plan_sum([4], 0, [0], [15])) == 0
    assert not plan_sum([4], 3, [0], [15]).cells


def test_a_sum_of_one_bit_inputs_is_a_population_counter() -> None:
    # n bits need n - (ones of n) full or half adders.
    plan = plan_sum([1] * 15, 0, [0] * 15, [1] * 15)
    assert (adders(plan, 3), adders(plan, 2)) == (11, 0)

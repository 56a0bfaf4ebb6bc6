"""A layer with shared sums, drawn in Amaranth, against the matrix product."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inkling.approx.matrices.adders import Cell
from inkling.approx.reference.operations import Ints
from inkling.hdl.operations.amaranth.matrix import SharedLayer
from inkling.hdl.operations.amaranth.part import PartComponent
from inkling.hdl.operations.amaranth.shared_layer import shared_layer


def simulated(part: SharedLayer, rows: Ints) -> Ints:
    from amaranth.sim import Simulator

    top = PartComponent(part)
    simulator = Simulator(top)
    found: list[list[int]] = []

    async def bench(context: object) -> None:
        for row in rows:
            for k, value in enumerate(row):
                context.set(getattr(top, f"x_{k}"), int(value))  # type: ignore[attr-defined]
            found.append([context.get(getattr(top, f"y_{k}")) for k in range(len(part.ranges))])  # type: ignore[attr-defined]

    simulator.add_testbench(bench)
    simulator.run()
    return np.array(found, np.int64)


def layer_of(weights: Ints, bias: Ints, low: Ints, high: Ints, activation: tuple[int, int] | None) -> SharedLayer:
    each = (activation,) * len(bias) if activation else None
    rows = tuple(map(tuple, weights.tolist()))
    return shared_layer(rows, *(tuple(one.tolist()) for one in (bias, low, high)), each, work=1000)


def expected(weights: Ints, bias: Ints, rows: Ints, activation: tuple[int, int] | None) -> Ints:
    scores: Ints = rows @ weights.T + bias
    return scores if activation is None else np.clip(scores >> activation[0], 0, 2 ** activation[1] - 1)


@given(
    st.integers(0, 2**32),
    st.sampled_from([1, 3, 15, 40]),
    st.sampled_from([None, (0, 3), (4, 4), (9, 2), (20, 4)]),
    st.booleans(),
)
@settings(max_examples=10, deadline=None)
def test_random_layers(seed: int, largest: int, activation: tuple[int, int] | None, signed: bool) -> None:
    random = np.random.default_rng(seed)
    outputs, inputs = random.integers(1, 4), random.integers(1, 5)
    weights = random.integers(-largest, largest + 1, (outputs, inputs))
    weights[random.random(weights.shape) < 0.2] = 0
    bias = random.integers(-30 * largest, 30 * largest + 1, outputs)
    low = random.integers(-5, 3, inputs) * signed
    high = low + random.integers(0, 16, inputs)
    rows = np.concatenate([low[None], high[None], random.integers(low, high + 1, (20, inputs))])
    part = layer_of(weights, bias, low, high, activation)
    np.testing.assert_array_equal(simulated(part, rows), expected(weights, bias, rows, activation))


def test_a_wrong_cell_is_seen() -> None:
    weights, bias = np.array([[3, -5], [6, 11]]), np.array([4, -9])
    low, high = np.zeros(2, np.int64), np.full(2, 7)
    rows = np.stack(np.meshgrid(np.arange(8), np.arange(8)), axis=-1).reshape(-1, 2)
    part = layer_of(weights, bias, low, high, None)
    assert (simulated(part, rows) == expected(weights, bias, rows, None)).all()
    k = next(k for k, cell in enumerate(part.plan.cells) if cell.kind in ("full", "mixed"))
    cell = part.plan.cells[k]
    swapped = Cell("mixed" if cell.kind == "full" else "full", cell.sources)
    broken = replace(part.plan, cells=(*part.plan.cells[:k], swapped, *part.plan.cells[k + 1 :]))
    assert (simulated(replace(part, plan=broken), rows) != expected(weights, bias, rows, None)).any()


def test_sums_that_the_activation_holds_take_no_cells() -> None:
    # 3 a + 5 b - 100 is negative for 3-bit inputs; 3 a + 5 b + 64 stays at the top.
    low, high = (0, 0), (7, 7)
    held = shared_layer(((3, 5), (3, 5)), (-100, 64), low, high, ((2, 4), (2, 4)), work=1000)
    assert held.plan.cells == () and [shape.width for shape in held.outputs()] == [1, 4]
    rows = np.array([[0, 0], [7, 7], [3, 4]])
    assert simulated(held, rows).tolist() == [[0, 15]] * 3
    free = shared_layer(((3, 5), (3, 5)), (-40, 64), low, high, ((2, 4), (2, 4)), work=1000)
    assert free.plan.cells

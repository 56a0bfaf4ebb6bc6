"""A dense layer made for its weights: the search for sums that its outputs share, and the part that draws them.

What is searched is in `inkling.approx.matrices.plan`, how the part is drawn in
`inkling.hdl.operations.amaranth.matrix`.
"""

import functools

import numpy as np

from inkling.approx.matrices.plan import WORK, cells, plan
from inkling.approx.reference.operations import Ints
from inkling.hdl.operations.amaranth.clip import clip
from inkling.hdl.operations.amaranth.matrix import SharedLayer


@functools.lru_cache(maxsize=64)
def shared_layer(
    weights: tuple[tuple[int, ...], ...],
    bias: tuple[int, ...],
    low: tuple[int, ...],
    high: tuple[int, ...],
    activations: tuple[tuple[int, int], ...] | None = None,
    *,
    work: int = WORK,
    seed: int = 0,
) -> SharedLayer:
    """y_o = bias[o] + sum over i of weights[o][i] * x_i, or the clipped ReLU of it, with the cheapest sums found.

    low, high: range of every x_i; activations: shift and bits of every output's clipped ReLU; work and seed: as in
    `inkling.approx.matrices.plan.plan`. Equal arguments give equal layers.
    """
    matrix = np.array(weights, np.int64).reshape(len(bias), len(low))
    constants = np.array(bias, np.int64)
    if activations is not None:
        _leave_out_held(matrix, constants, low, high, activations)
    first_bit = min((shift for shift, _ in activations or ()), default=0)
    found = plan(matrix, constants, low, high, first_bit=first_bit, work=work, seed=seed)
    ranges = tuple((one.low, one.high) for one in found.outputs)
    return SharedLayer(cells(found), found.low, found.high, ranges, activations)


def _leave_out_held(
    matrix: Ints,
    constants: Ints,
    low: tuple[int, ...],
    high: tuple[int, ...],
    activations: tuple[tuple[int, int], ...],
) -> None:
    """Put a constant, in place, for a sum that the clipped ReLU holds at one value: nothing is shared with it."""
    ends = np.sort([matrix * np.array(low), matrix * np.array(high)], axis=0).sum(axis=-1) + constants
    for o, how in enumerate(activations):
        least, most = (int(end) for end in ends[:, o])
        if clip(least, *how) == clip(most, *how):
            matrix[o], constants[o] = 0, least

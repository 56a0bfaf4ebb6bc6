"""Sparse coding of a picture's texels: what a price buys, and the network that begins as their sum."""

import numpy as np
import pytest
import torch

from inkling.approx.reference.coding import pixel_codes
from inkling.approx.reference.operations import GridRead
from inkling.train.errors import InputError
from inkling.train.fields import pyramid
from inkling.train.fields.models import parse
from inkling.train.fields.tasks import answers
from inkling.train.scenes import signals


@pytest.fixture(scope="module")
def solver() -> pyramid.Solver:
    v, u = np.mgrid[:48, :64] / 64
    pixels = np.stack([0.5 + 0.4 * np.sin(9 * u) * v, (u + v) / 2, 0.5 + 0.4 * (u > 0.5)], axis=2)
    return pyramid.Solver(signals.picture("shapes", pixels), 1)


def error(solver: pyramid.Solver, solved: pyramid.Solved) -> float:
    """Mean squared error of the sum of the levels, in luma and colour differences."""
    texels = [torch.from_numpy(s.astype(np.float32)).permute(2, 0, 1) for s in solved.symbols]
    return float(((solver.blend(texels, list(solved.steps)) - solver.picture) ** 2).mean())


def test_a_lower_price_buys_a_better_picture_of_more_texels(solver: pyramid.Solver) -> None:
    dear, cheap = solver.solve(1e-2), solver.solve(1e-4)
    assert error(solver, cheap) < 0.3 * error(solver, dear)
    assert sum(np.count_nonzero(s) for s in cheap.symbols) > sum(np.count_nonzero(s) for s in dear.symbols)
    assert error(solver, dear) < 0.1 * float((solver.picture**2).mean())


def test_blending_is_what_the_integer_reference_reads() -> None:
    texels = np.arange(-40, 37, 7, dtype=np.int8)
    table = np.repeat(texels[None, None, :, None], 2, axis=1)
    u = pixel_codes(100).astype(np.int64)
    read = GridRead(table, 8).evaluate(np.zeros_like(u), u, np.zeros_like(u))[:, 0]
    blended = (pyramid.blending(100, len(texels)) @ torch.from_numpy(texels.astype(np.float32))).numpy()
    assert np.abs(read - blended).max() <= 0.5


def test_the_network_begins_as_the_sum_of_the_levels(solver: pyramid.Solver) -> None:
    solved = solver.solve(1e-3)
    model = pyramid.begin(solver, solved, parse(pyramid.notation(solver, "8 8")), quantisation=None).eval()
    assert not any(table.requires_grad for table in model.grids.tables)  # type: ignore[union-attr]
    signal = signals.picture("zero", np.zeros((48, 64, 3)))
    texels = [torch.from_numpy(s.astype(np.float32)).permute(2, 0, 1) for s in solved.symbols]
    mixed = (solver.blend(texels, list(solved.steps)) + solver.mean).permute(1, 2, 0)
    wanted = (mixed @ torch.linalg.inv(solver.colours).T).reshape(-1, 3).numpy()
    # What the other neurons begin with is little.
    assert np.abs(answers(model, signal) - wanted).mean() < 0.03
    with pytest.raises(InputError, match="3 wide"):
        pyramid.begin(solver, solved, parse(pyramid.notation(solver, "2")))


def test_texels_fit_the_room_that_is_asked_for(solver: pyramid.Solver) -> None:
    def size(solved: pyramid.Solved) -> int:
        return sum(int(np.count_nonzero(s)) for s in solved.symbols)

    told: list[int] = []
    found = pyramid.fit(solver, 60, size, 1e-2, lambda number, used: told.append(used))
    assert found is not None and size(found[1]) <= 60 and told
    assert pyramid.fit(solver, -1, size, 1e-2, tries=1) is None


def test_levels_halve_and_pictures_of_one_channel_have_no_colours() -> None:
    assert pyramid.levels(512, 768, 3, 1)[:2] == [(257, 385, 1), (129, 193, 3)]
    grey = pyramid.Solver(signals.picture("grey", np.tile(np.linspace(0, 1, 40), (30, 1))), 0)
    assert grey.sizes[0] == (30, 40, 1) and {f for _, _, f in grey.sizes} == {1}
    assert error(grey, grey.solve(1e-4)) < 1e-3


def test_texels_are_moved_up_where_eight_bits_leave_room() -> None:
    solved = pyramid.Solved(
        (np.array([[[7]], [[-8]]], np.int16), np.array([[[20]], [[-3]]], np.int16)), (1.0, 1.0), (0.5,)
    )
    assert solved.bits == [4, 8]
    assert [table.ravel().tolist() for table in solved.tables] == [[7, -8], [80, -12]]

"""C kernels of fields: every path and every entry gives the reference's bits, and a planted fault is seen."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inkling.approx.fields.random_field import random_field
from inkling.approx.reference.coding import encode, pixel_codes
from inkling.approx.reference.field import IntegerField, layered
from inkling.approx.reference.operations import Dense
from inkling.hdl.fields.c_kernel import PATHS, emit
from inkling.hdl.fields.call import CField, aligned, build
from inkling.hdl.fields.plan import plan, tables
from inkling.train.errors import InputError

CASES: dict[str, dict[str, Any]] = {
    "town": {"levels": ((16, 16, 4, 8), (24, 24, 4, 8)), "hidden": (32, 32), "entries": 5},
    "odd": {
        "levels": ((8, 9, 3, 8), (16, 5, 5, 4), (2, 3, 1, 8), (7, 7, 9, 8)),
        "hidden": (17, 5),
        "entries": 4,
        "shared": (1,),
    },
    "waves": {
        "levels": ((8, 9, 2, 4),),
        "hidden": (16, 70),
        "outputs": 3,
        "meaning": "picture",
        "periodic": True,
        "coordinates": True,
    },
    "plain": {
        "levels": (),
        "hidden": (30, 30),
        "outputs": 6,
        "entries": 1,
        "meaning": "signal",
        "coordinates": True,
        "periodic": True,
    },
}


def queries(field: IntegerField, n: int, seed: int = 0) -> tuple[NDArray[Any], ...]:
    """Entries, coordinates with all corners, codes on both sides of the decision, and the expected answers."""
    rng = np.random.default_rng(seed)
    entry, u, v = rng.integers(0, field.entries, n), rng.integers(0, 2**16, n), rng.integers(0, 2**16, n)
    u[:4], v[:4] = [0, 2**16 - 1] * 2, [0, 0, 2**16 - 1, 2**16 - 1]
    answers = field.evaluate(entry, u, v)
    code = answers[:, 0] + rng.integers(-1, 12, n)
    code[4:8] = [-(2**31), 2**31 - 1, 0, -1]
    return entry, u, v, code, answers


@pytest.fixture(scope="module", params=list(CASES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[IntegerField, CField]:
    field = random_field(11, **CASES[request.param])
    return field, build(plan(field), tmp_path_factory.mktemp("kernel"))


@pytest.mark.parametrize("path", PATHS)
def test_every_path_gives_the_reference(made: tuple[IntegerField, CField], path: str) -> None:
    field, kernel = made
    if not kernel.use(path):
        pytest.skip(f"this processor has no {path}")
    assert kernel.path == path
    entry, u, v, code, answers = queries(field, 30_011)
    seen = field.visible(entry, u, v, code)
    assert len(np.unique(answers)) > 20 and 0.1 < seen.mean() < 0.9
    assert (kernel.evaluate(entry, u, v) == answers).all()
    assert (kernel.visible(entry, u, v, code) == seen).all()
    for n in (0, 1, 63, 64, 65, 128, 200):
        assert (kernel.visible(entry[:n], u[:n], v[:n], code[:n]) == seen[:n]).all()
        assert (kernel.evaluate(entry[:n], u[:n], v[:n]) == answers[:n]).all()
    for i in range(400):
        assert (kernel.evaluate_one(entry[i], u[i], v[i]) == answers[i]).all()
        assert kernel.visible_one(entry[i], u[i], v[i], code[i]) == seen[i]
    last = field.entries - 1
    same = field.visible(np.full(len(u), last), u, v, code)
    assert (kernel.visible_from(last, u, v, code) == same).all()
    # An entry beyond the last is answered as the last.
    assert (kernel.visible(np.full(len(u), 2**31), u, v, code) == same).all()


def test_a_bound_batch_and_its_limits(made: tuple[IntegerField, CField]) -> None:
    field, kernel = made
    entry, u, v, code, _ = queries(field, 300)
    batch = kernel.batch(300)
    batch.entry[:], batch.u[:], batch.v[:], batch.code[:] = entry, u, v, code
    batch.seen[:] = 7
    batch.visible(299)
    assert (batch.seen[:299] == field.visible(entry, u, v, code)[:299]).all() and batch.seen[299] == 7
    # A batch keeps what it points into alive.
    assert batch._owner is kernel
    with pytest.raises(InputError, match="room"):
        batch.visible(301)
    with pytest.raises(InputError, match="columns"):
        kernel.visible(entry, u[:5], v, code)


def test_tables_of_another_kernel_and_short_ones_are_refused(made: tuple[IntegerField, CField]) -> None:
    field, kernel = made
    good = tables(plan(field))
    assert kernel.load(good) == 0
    assert kernel.load(good[:-1].copy()) == -1 and kernel.load(good[:10].copy()) == -1
    for place in (0, 8, 12, 16, 24, 33, 41):
        bad = good.copy()
        bad[place] ^= 1
        assert kernel.load(bad) == -2
    entry, u, v, _, answers = queries(field, 100)
    assert (kernel.evaluate(entry, u, v) == answers).all()


def test_a_planted_fault_is_seen(tmp_path: Path) -> None:
    field = random_field(5, levels=((8, 8, 4, 8),), hidden=(16, 16))
    entry, u, v, _, answers = queries(field, 5000)
    how = plan(field)
    text = tables(how)
    weights = field.dense[1].weights.copy()
    weights[3, 5] += 1 if weights[3, 5] < 127 else -1
    layers = (*field.layers[:2], Dense(weights, field.dense[1].bias), *field.layers[3:])
    wrong = replace(field, graph=layered(field.reads, None, layers))
    kernel = build(plan(wrong), tmp_path)
    for path in PATHS:
        if kernel.use(path):
            assert (kernel.evaluate(entry, u, v) != answers).any()
    kernel = build(how, tmp_path, name="right")
    assert (kernel.evaluate(entry, u, v) == answers).all()
    text[64 + 33] ^= 4  # a texel
    damaged = aligned(text.tobytes())
    assert kernel.load(damaged) == 0
    assert 0 < (kernel.evaluate(entry, u, v) != answers).sum() < len(answers)


def test_a_picture_is_decoded_pixel_by_pixel(tmp_path: Path) -> None:
    field = random_field(2, levels=((6, 9, 3, 8),), hidden=(12,), outputs=3, entries=1, meaning="picture")
    kernel = build(plan(field), tmp_path)
    for width, height in ((70, 5), (1, 3), (64, 1)):
        v, u = (part.ravel() for part in np.meshgrid(pixel_codes(height), pixel_codes(width), indexing="ij"))
        expected = field.evaluate(np.zeros(len(u), int), u, v).reshape(height, width, 3)
        for path in PATHS:
            if kernel.use(path):
                assert (kernel.decode(width, height) == expected).all()


def test_offsets_are_encoded_as_the_reference_does(tmp_path: Path) -> None:
    field = random_field(2, levels=((6, 9, 3, 8),), hidden=(12,))
    kernel = build(plan(field), tmp_path)
    offsets = np.random.default_rng(0).normal(size=(20_000, 3)).astype(np.float32)
    offsets[:6] = [[0, 0, 0], [1, 0, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1], [-1e-20, 1e-20, -1e-20]]
    for got, expected in zip(kernel.encode(offsets), encode(offsets, field.coding), strict=True):
        assert (got == expected).all()
    answer = int(field.evaluate(np.zeros(1, int), np.array([5]), np.array([9]))[0, 0])
    squared = np.array([max(answer, 0) << field.coding.drop], np.int32).view(np.float32)[0]
    assert kernel.distance(0, 5, 9) == np.float32(np.sqrt(squared))


def test_text_is_plain_and_repeatable() -> None:
    how = plan(random_field(2, levels=((6, 9, 3, 8),), hidden=(12,)))
    first, again = emit(how, name="level"), emit(how, name="level")
    assert first == again and first.source.isascii() and first.header.isascii()
    assert max(map(len, first.header.splitlines())) <= 120
    with pytest.raises(ValueError, match="identifier"):
        emit(how, name="1; int")
    with pytest.raises(InputError, match="hidden layer"):
        emit(plan(random_field(2, hidden=())))

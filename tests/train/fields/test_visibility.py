"""Visibility: what the loss means, margins and the conservative mode, and a small scene that is learnt."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from inkling.train.errors import InputError
from inkling.train.fields import visibility
from inkling.train.fields.encodings import Quantisation
from inkling.train.fields.float_field import FloatField, Grid, Sight, distance_code, visible
from inkling.train.fields.models import FieldModel, parse
from inkling.train.fields.training import Settings, train
from inkling.train.scenes import rays
from inkling.train.scenes.mesh import mesh
from inkling.train.scenes.rays import Rays
from inkling.train.scenes.town import CORNERS, FACES

torch.set_num_threads(1)


def pillars() -> rays.Caster:
    """A floor with four pillars."""
    pytest.importorskip("embreex")
    places = [(-3, -3), (3, -3), (-3, 3), (4, 2)]
    boxes = [CORNERS * [20, 20, 1] - [10, 10, 1]] + [CORNERS * [1, 1.5, 3] + [x, y, 0] for x, y in places]
    faces = np.concatenate([FACES + 8 * k for k in range(len(boxes))])
    return rays.caster(mesh("pillars", np.concatenate(boxes), faces))


def constant(answer: float, sight: Sight) -> FloatField:
    one = np.zeros((1, 1), np.float32)
    bias = np.array([answer], np.float32)
    table = np.zeros((len(sight.positions), 1, 1, 1), np.float32)
    return FloatField(
        (Grid(table),), False, (one,), (bias,), "relu", bias * 0, bias * 0 + 1, "visibility", None, sight
    )


def test_the_loss_counts_wrong_decisions() -> None:
    casting = pillars()
    rng = np.random.default_rng(0)
    positions = rays.standing(casting, 3, rng)
    task = visibility.task(casting, rays.targets(casting, rng, 500, 15), positions, 4000)
    batch = {name: torch.from_numpy(array) for name, array in task.batch(0, 0).items()}
    sure = replace(task, decision=0.0, distance=0.0)
    answer = 0.6

    class Constant(torch.nn.Module):
        def forward(self, entry: torch.Tensor, uv: torch.Tensor) -> torch.Tensor:
            return torch.full((len(entry), 1), answer)

    loss = float(sure.loss(Constant(), batch, 0.5))
    # The expected error is over targets drawn apart from the ray: shuffle them.
    wrong = []
    for seed in range(5):
        query = np.random.default_rng(seed).permutation(batch["query"].numpy())
        wrong.append(((query < answer) != (query < batch["hit"].numpy())).mean())
    assert loss == pytest.approx(np.mean(wrong), abs=0.06)

    class Truth(torch.nn.Module):
        def forward(self, entry: torch.Tensor, uv: torch.Tensor) -> torch.Tensor:
            return batch["hit"][:, None]

    assert float(sure.loss(Truth(), batch, 0.5)) < 1e-6 < loss / 100


def test_margins_are_the_best_on_the_rays_they_are_chosen_on() -> None:
    rng = np.random.default_rng(1)
    n = 20000
    offset = np.zeros((n, 3), np.float32)
    offset[:, 0] = rng.uniform(1, 50, n)
    hit = np.where(rng.random(n) < 0.8, rng.normal(20, 4, n), rng.uniform(1, 50, n)).astype(np.float32)
    made = Rays(np.zeros(n, np.int32), offset, np.maximum(hit, 0.5))
    sight = visibility.sight_of(np.zeros((1, 3), np.float32), made)
    field = constant(0.3, sight)

    def at(margin: float) -> visibility.Score:
        assert field.sight is not None
        return visibility.score(replace(field, sight=replace(field.sight, margin=margin)), made)

    best = visibility.with_margin(field, made)
    assert best.sight is not None
    everything = [at(margin).correct for margin in np.linspace(-0.3, 0.7, 60)]
    assert visibility.score(best, made).correct >= max(everything)
    seen = visible(best, np.zeros(n, int), offset)
    assert np.mean(seen == made.visible) == pytest.approx(visibility.score(best, made).correct, abs=1e-4)

    safe = visibility.score(visibility.with_margin(field, made, false_visible=0.001), made)
    assert 0 < safe.false_visible <= 0.001 < at(0.6).false_visible
    open_ = visibility.score(visibility.with_margin(field, made, false_hidden=0.001), made)
    assert open_.false_hidden <= 0.001 and open_.false_visible > safe.false_visible
    none = visibility.score(visibility.with_margin(field, made, false_visible=0.0), made)
    assert none.false_visible == 0 and none.correct <= safe.correct
    with pytest.raises(InputError, match="at most one"):
        visibility.with_margin(field, made, 0.001, 0.001)


def test_a_small_scene_is_learnt() -> None:
    casting = pillars()
    rng = np.random.default_rng(0)
    positions = rays.standing(casting, 4, rng)
    aims = rays.targets(casting, rng, 500, 15)
    task = replace(visibility.task(casting, aims, positions, 2048, stretch=2.0), distinct=20)
    model = FieldModel(parse("grid(24x24x2) -> 16 16 relu -> 1"), 4, 0, Quantisation())
    train(model, task, Settings(steps=120, rate=1e-2, grid_rate=0.05))
    field = visibility.to_field(model, task.sight)
    held_out = rays.mixed(casting, aims, positions, 20000, np.random.default_rng(9))
    fresh = rays.mixed(casting, aims, positions, 20000, np.random.default_rng(10))
    score = visibility.score(visibility.with_margin(field, held_out), fresh)
    share = fresh.visible.mean()
    assert score.correct > 0.95 > max(share, 1 - share) + 0.1
    # Each entry has texels of its own: the wrong ones answer worse.
    swapped = fresh._replace(entry=(fresh.entry + 1) % 4)
    assert visibility.score(field, swapped).correct < score.correct - 0.05


def test_batches_are_decided_by_their_step() -> None:
    casting = pillars()
    rng = np.random.default_rng(0)
    positions = rays.standing(casting, 2, rng)
    aims = rays.targets(casting, rng, 100, 15)
    first, again = (visibility.task(casting, aims, positions, 64, 3) for _ in range(2))
    assert np.array_equal(first.batch(5, 0)["hit"], again.batch(5, 0)["hit"])
    assert not np.array_equal(first.batch(5, 0)["uv"], first.batch(6, 0)["uv"])
    assert not np.array_equal(first.batch(5, 0)["uv"], first.batch(5, 1)["uv"])
    assert first.batch(1, 0) is first.batch(1 + first.distinct, 0)
    with pytest.raises(InputError, match="positions"):
        visibility.task(casting, aims, positions * np.float32(np.nan), 64)
    assert distance_code(np.array([np.inf]), -5, 5)[0] == 1

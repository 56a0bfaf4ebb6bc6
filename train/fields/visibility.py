"""Visibility as a task: rays shot beside the training, a loss on the decision, margins chosen on held-out rays.

After Zhi et al., "Efficient Visibility Approximation for Game AI using Neural Omnidirectional Distance Fields"
(I3D 2024): a field per scene maps (position, direction) to a code of the distance to the first hit. Rays come from
`inkling.train.scenes.rays`; the loop is `inkling.train.fields.training`.
"""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.fields.encodings import Quantisation
from inkling.train.fields.float_field import F32, FloatField, Sight, distance_code, evaluate
from inkling.train.fields.models import FieldModel
from inkling.train.scenes.octahedral import to_uv
from inkling.train.scenes.rays import Caster, Rays, Targets, mixed

Tensor = torch.Tensor
KNOTS = 256
# How much of the square the horizon gets: the best of 1 to 20 for agents and uniform targets in a town.
STRETCH = 8.0
# Texels of 4 bits lose least when they are rounded, and learn on, from the first step.
AWARE = Quantisation(grid_bits=4, noise=0.0, begin=0.0, freeze=1.0)


class Samples(NamedTuple):
    """entry int64 [N], uv float32 [N, 2], codes in 0..1 of the target, query, and of the first hit, float32 [N]."""

    entry: NDArray[np.int64]
    uv: F32
    query: F32
    hit: F32


def samples(rays: Rays, sight: Sight) -> Samples:
    """Rays as what a field is asked and should answer."""
    squared = (rays.offset.astype(np.float64) ** 2).sum(axis=1)
    with np.errstate(over="ignore"):
        hit = distance_code(rays.hit.astype(np.float64) ** 2, sight.low, sight.high)
    uv = to_uv(rays.offset * np.array([1, 1, sight.stretch]))
    return Samples(rays.entry.astype(np.int64), uv, distance_code(squared, sight.low, sight.high), hit)


def sight_of(positions: F32, rays: Rays, stretch: float = 1.0) -> Sight:
    """The constants of a scene from some of its rays: the codes range over the distances that are asked about."""
    distance = np.linalg.norm(rays.offset.astype(np.float64), axis=1)
    edges = np.array([max(float(distance.min()) / 2, 0.05), float(distance.max()) * 1.25])
    bits = (edges**2).astype(np.float32).view(np.int32) / 2**23 - 127
    return Sight(float(np.floor(bits[0])), float(np.ceil(bits[1])), 0.0, positions, stretch)


@dataclass(frozen=True, eq=False)
class VisibilityTask:
    """Rays of a scene in batches of `size`, and the loss on them.

    The decision about a target at code q is wrong where q lies between the prediction and the hit, so the expected
    error is |F(prediction) - F(hit)| with F the distribution of the targets' codes: `cumulative`, float32
    [KNOTS + 1], is F at even steps of the code. Beside it the loss has the binary cross-entropy of the decision
    about the ray's own target, sharper as training goes on, and a little of the distance in code.
    cost_visible, cost_hidden: what wrongly answering "visible", "hidden" costs. distinct: batches come round again
    after so many, and are kept, since casting takes longer than learning.
    """

    casting: Caster
    aims: Targets
    sight: Sight
    size: int
    seed: int
    cumulative: F32
    shares: tuple[float, float, float] = (0.5, 0.5, 0.0)
    decision: float = 0.5
    distance: float = 0.05
    cost_visible: float = 1.0
    cost_hidden: float = 1.0
    distinct: int = 512
    made: dict[tuple[int, int], dict[str, NDArray[Any]]] = field(default_factory=dict)

    def batch(self, step: int, shard: int) -> dict[str, NDArray[Any]]:
        """Rays that are decided by seed, step and shard alone."""
        key = (step % self.distinct, shard)
        if key in self.made:
            return self.made[key]
        rng = np.random.default_rng([self.seed, *key])
        rays = mixed(self.casting, self.aims, self.sight.positions, self.size, rng, self.shares)
        found = samples(rays, self.sight)
        order = np.argsort(found.entry, kind="stable")  # texels of one entry are read together
        self.made[key] = {name: np.ascontiguousarray(array[order]) for name, array in found._asdict().items()}
        return self.made[key]

    def loss(self, model: torch.nn.Module, batch: dict[str, Tensor], progress: float) -> Tensor:
        predicted = model(batch["entry"], batch["uv"])[:, 0].float()
        hit = batch["hit"]
        beyond = self._share(predicted, batch) - self._share(hit, batch)
        wrong = torch.where(beyond > 0, beyond * self.cost_visible, -beyond * self.cost_hidden).mean()
        seen = (batch["query"] < hit).float()
        cost = torch.where(seen > 0, self.cost_hidden, self.cost_visible)
        logit = 30 * 30**progress * (predicted - batch["query"])
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(logit, seen, weight=cost)
        distance = torch.nn.functional.smooth_l1_loss(predicted, hit, beta=0.02)
        return wrong + self.decision * entropy + self.distance * distance

    def _share(self, code: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """F(code), linear between the knots and going on with slope 0.1 outside, so that gradients never vanish."""
        del batch
        table = torch.from_numpy(self.cumulative).to(code.device)
        x = code.clamp(0, 1) * KNOTS
        low = x.detach().floor().clamp(0, KNOTS - 1).long()
        inside = table[low] + (x - low) * (table[low + 1] - table[low])
        return inside + 0.1 * (code - code.clamp(0, 1)) + 0.05 * code


def task(
    casting: Caster, aims: Targets, positions: F32, size: int, seed: int = 0, stretch: float = 1.0
) -> VisibilityTask:
    """A task for positions float32 [entries, 3], its constants measured on 100,000 rays of the seed."""
    if not len(positions) or not np.isfinite(positions).all():
        raise InputError("positions must be finite and at least one")
    rng = np.random.default_rng([seed, 1])
    rays = mixed(casting, aims, positions, 100_000, rng)
    sight = sight_of(positions, rays, stretch)
    query = np.sort(samples(rays, sight).query)
    cumulative = np.searchsorted(query, np.linspace(0, 1, KNOTS + 1)) / len(query)
    return VisibilityTask(casting, aims, sight, size, seed, cumulative.astype(np.float32))


@dataclass(frozen=True)
class Score:
    """Shares of queries, 0..1: answered rightly, wrongly "visible", wrongly "hidden"; rays: how many were asked."""

    correct: float
    false_visible: float
    false_hidden: float
    rays: int


def score(trained: FloatField, rays: Rays) -> Score:
    """How the field's decisions fare on rays."""
    if trained.sight is None:
        raise InputError("this field answers no visibility: it has no positions")
    found = samples(rays, trained.sight)
    answers = np.concatenate(
        [
            evaluate(trained, found.entry[k : k + 2**16], found.uv[k : k + 2**16])[:, 0]
            for k in range(0, len(found.entry), 2**16)
        ]
    )
    return score_answers(answers + np.float32(trained.sight.margin), found.query, rays.visible)


def score_answers(answers: F32, query: F32, visible: NDArray[np.bool_]) -> Score:
    """The same of answers that are there, float32 [N] each."""
    said = query < answers
    false_visible, false_hidden = float((said & ~visible).mean()), float((~said & visible).mean())
    return Score(1 - false_visible - false_hidden, false_visible, false_hidden, len(query))


def with_margin(
    trained: FloatField, rays: Rays, false_visible: float | None = None, false_hidden: float | None = None
) -> FloatField:
    """The field with the margin that is best on held-out rays: most correct, or, in conservative mode, the largest
    (false_visible) or the smallest (false_hidden) that keeps the share of such errors at most at the given bound."""
    if trained.sight is None or (false_visible is not None and false_hidden is not None):
        raise InputError("a margin needs a visibility field and at most one bound")
    found = samples(rays, trained.sight)
    answers = evaluate(trained, found.entry, found.uv)[:, 0]
    # A target is said to be visible where its need, query - answer, is below the margin.
    need = found.query - answers
    order = np.argsort(need, kind="stable")
    seen = rays.visible[order]
    hidden_said_visible = np.concatenate([[0], np.cumsum(~seen)]) / len(seen)
    visible_said_hidden = (seen.sum() - np.concatenate([[0], np.cumsum(seen)])) / len(seen)
    if false_visible is not None:
        best = int(np.searchsorted(hidden_said_visible, false_visible, side="right")) - 1
    elif false_hidden is not None:
        best = int(np.argmax(visible_said_hidden <= false_hidden))
    else:
        best = int(np.argmin(hidden_said_visible + visible_said_hidden))
    edges = np.concatenate([[need[order[0]] - 1e-6], need[order], [need[order[-1]] + 1e-6]]).astype(np.float64)
    margin = float((edges[best] + edges[best + 1]) / 2) if best else float(edges[0])
    return replace(trained, sight=replace(trained.sight, margin=margin))


def to_field(model: FieldModel, sight: Sight) -> FloatField:
    """A trained model with its scene's constants; margin 0."""
    return model.to_field("visibility", [0.0], [1.0], sight)

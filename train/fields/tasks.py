"""Tasks of the training loop that fit a `Signal` or imitate a teacher: pictures, shapes, series, distillation.

Rays are a task of their own, in `inkling.train.fields.visibility`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from inkling.train.fields.float_field import F32, FloatField
from inkling.train.fields.models import FieldModel
from inkling.train.scenes.signals import Meaning, Signal, psnr

Tensor = torch.Tensor
Model: TypeAlias = torch.nn.Module


@dataclass(frozen=True, eq=False)
class SignalTask:
    """Random samples of a signal, `size` a batch (at least as many as there are: all of them), mean squared error.

    watch is called with a batch and the squared error of each sample, float [N], before every step: what SAPE's
    masks are advanced by.
    """

    signal: Signal
    size: int
    seed: int = 0
    watch: Callable[[dict[str, Tensor], Tensor], None] | None = None

    def batch(self, step: int, shard: int) -> dict[str, NDArray[Any]]:
        """Drawn by seed, step and shard alone."""
        signal, count = self.signal, len(self.signal.values)
        if self.size >= count:
            pick: NDArray[np.int64] | slice = slice(None)
        else:
            pick = np.random.default_rng([self.seed, step, shard]).integers(count, size=self.size)
        entry = signal.entry[pick].astype(np.int64)
        return {"entry": entry, "uv": signal.uv[pick], "value": signal.values[pick]}

    def loss(self, model: Model, batch: dict[str, Tensor], progress: float) -> Tensor:
        del progress
        squared = (model(batch["entry"], batch["uv"]).float() - batch["value"]) ** 2
        if self.watch is not None:
            self.watch(batch, squared.detach().mean(1))
        loss: Tensor = squared.mean()
        return loss


@dataclass(frozen=True, eq=False)
class LevelsTask:
    """Every level of detail of a progressive model is trained at once; the model answers [levels, N, outputs]."""

    inner: SignalTask

    def batch(self, step: int, shard: int) -> dict[str, NDArray[Any]]:
        return self.inner.batch(step, shard)

    def loss(self, model: Model, batch: dict[str, Tensor], progress: float) -> Tensor:
        del progress
        squared: Tensor = (model(batch["entry"], batch["uv"]).float() - batch["value"][None]) ** 2
        return squared.mean()


@dataclass(frozen=True, eq=False)
class DistillTask:
    """Imitate a teacher at places drawn anew in every batch, so that it gives more samples than the data has.

    R2L (Wang et al., 2022) trains its deep residual student so on pseudo data, KiloNeRF (Reiser et al., 2021) its
    tiles. The teacher is asked in the thread that makes the batches.
    """

    teacher: Model
    size: int
    entries: int = 1
    seed: int = 0

    @torch.no_grad()
    def batch(self, step: int, shard: int) -> dict[str, NDArray[Any]]:
        rng = np.random.default_rng([self.seed, step, shard])
        entry = rng.integers(self.entries, size=self.size)
        uv = rng.random((self.size, 2), np.float32)
        device = next(self.teacher.parameters()).device
        asked = (torch.from_numpy(entry).to(device), torch.from_numpy(uv).to(device))
        return {"entry": entry, "uv": uv, "value": self.teacher(*asked).float().cpu().numpy()}

    def loss(self, model: Model, batch: dict[str, Tensor], progress: float) -> Tensor:
        del progress
        squared: Tensor = (model(batch["entry"], batch["uv"]).float() - batch["value"]) ** 2
        return squared.mean()


@torch.no_grad()
def answers(model: Model, signal: Signal, batch: int = 2**16) -> F32:
    """What a model answers at all places of a signal, float32 [..., N, out]; a progressive model, level by level."""
    device = next(model.parameters()).device
    parts = []
    for k in range(0, len(signal.values), batch):
        entry = torch.from_numpy(signal.entry[k : k + batch].astype(np.int64)).to(device)
        parts.append(model(entry, torch.from_numpy(signal.uv[k : k + batch]).to(device)).float().cpu().numpy())
    joined: F32 = np.concatenate(parts, axis=-2)
    return joined


def quality(model: Model, signal: Signal) -> float:
    """PSNR in dB of a model on all samples of a signal in 0..1."""
    return psnr(answers(model, signal), signal.values)


def to_field(model: FieldModel, signal: Signal) -> FloatField:
    """A trained model as arrays; answers range as the signal does, a picture's over 0..1, so that they are bytes."""
    meaning: Meaning = signal.meaning
    outputs = signal.values.shape[1]
    if meaning == "picture":
        return model.to_field(meaning, [0.0] * outputs, [1.0] * outputs)
    low, high = signal.values.min(0), signal.values.max(0)
    return model.to_field(meaning, [float(x) for x in low], [float(x) for x in high])

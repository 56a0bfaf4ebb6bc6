"""The task of the training loop that fits a `Signal`, and what a model answers at its places.

Rays are a task of their own, in `inkling.train.fields.visibility`.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from inkling.train.fields.float_field import F32, FloatField
from inkling.train.fields.models import FieldModel
from inkling.train.scenes.signals import Meaning, Signal

Tensor = torch.Tensor
Model: TypeAlias = torch.nn.Module


@dataclass(frozen=True, eq=False)
class SignalTask:
    """Random samples of a signal, `size` a batch (at least as many as there are: all of them), mean squared error."""

    signal: Signal
    size: int
    seed: int = 0

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
        loss: Tensor = ((model(batch["entry"], batch["uv"]).float() - batch["value"]) ** 2).mean()
        return loss


@torch.no_grad()
def answers(model: Model, signal: Signal, batch: int = 2**16) -> F32:
    """What a model answers at all places of a signal, float32 [..., N, out]."""
    device = next(model.parameters()).device
    parts = []
    for k in range(0, len(signal.values), batch):
        entry = torch.from_numpy(signal.entry[k : k + batch].astype(np.int64)).to(device)
        parts.append(model(entry, torch.from_numpy(signal.uv[k : k + batch]).to(device)).float().cpu().numpy())
    joined: F32 = np.concatenate(parts, axis=-2)
    return joined


def to_field(model: FieldModel, signal: Signal) -> FloatField:
    """A trained model as arrays; answers range as the signal does, a picture's over 0..1, so that they are bytes."""
    meaning: Meaning = signal.meaning
    outputs = signal.values.shape[1]
    if meaning == "picture":
        return model.to_field(meaning, [0.0] * outputs, [1.0] * outputs)
    low, high = signal.values.min(0), signal.values.max(0)
    return model.to_field(meaning, [float(x) for x in low], [float(x) for x in high])

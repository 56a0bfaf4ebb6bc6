"""What the kinds of sources share: the request that they read, what is learnt, and how integer answers are read.

The kinds themselves are in `inkling.fields.learn` and `inkling.fields.sight`.
"""

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.coding import coordinate_code
from inkling.approx.reference.field import IntegerField
from inkling.train.fields.training import Settings, Trained
from inkling.train.scenes.world import World

Tell = Callable[[str], None]
Progress = Callable[[int, float], None]


@dataclass(frozen=True)
class Ask:
    """What the kinds read of a request: bytes of tables (of a picture: of everything), and how long to train."""

    kilobytes: int
    positions: int
    seed: int
    steps: int

    def settings(self, rate: float, grid_rate: float | None = None) -> Settings:
        """Settings with a checkpoint every so often."""
        return Settings(
            self.steps, rate, grid_rate, seed=self.seed, checkpoint_every=max(25, min(500, self.steps // 20))
        )


@dataclass(frozen=True, eq=False)
class Learnt:
    """A field, how it came about, its figures, and pictures to look at: label and uint8 [height, width, channels].

    figures: what was measured, facts: what else is told; size: bytes of a packed picture, None for other kinds;
    truth: of a picture, uint8 [height, width, channels]; views: further pictures of the same form with their labels;
    world: where a mesh's field is.
    """

    notation: str
    trained: Trained
    field: IntegerField
    figures: dict[str, float]
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    size: int | None = None
    shape: tuple[int, int] | None = None
    truth: NDArray[np.uint8] | None = None
    views: tuple[tuple[str, NDArray[np.uint8]], ...] = ()
    world: World | None = None


class Subject(Protocol):
    """Something to learn. mark: tells one from another, for checkpoints."""

    def mark(self) -> str: ...

    def learn(self, ask: Ask, folder: Path, tell: Tell, progress: Progress) -> Learnt: ...


def digest(*arrays: NDArray[Any]) -> str:
    """What tells arrays apart, for checkpoints."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def answers(field: IntegerField, entry: NDArray[np.integer], uv: NDArray[np.floating]) -> NDArray[np.float64]:
    """What the integer field's answers at places stand for, float64 [N, outputs]."""
    u, v = (coordinate_code(uv[:, k]).astype(np.int64) for k in (0, 1))
    parts = (slice(k, k + 2**16) for k in range(0, len(u), 2**16))
    found = np.concatenate([field.evaluate(entry[part], u[part], v[part]) for part in parts])
    values: NDArray[np.float64] = found * np.array(field.coding.scale) + np.array(field.coding.offset)
    return values

"""A small training job that the tests run as a process of its own: kill it, interrupt it, run it under torchrun.

    python field_job.py FOLDER STEPS SHARDS [slow]

Prints READY once it trains; writes losses.npy and weights.npy into FOLDER from rank 0.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch

from inkling.train.fields.models import FieldModel, parse
from inkling.train.fields.tasks import SignalTask
from inkling.train.fields.training import Settings, processes, train
from inkling.train.scenes.signals import picture


class Slow(SignalTask):
    """Takes its time over a batch, so that there is something to interrupt."""

    def batch(self, step: int, shard: int) -> dict[str, np.ndarray]:
        if step == 3:
            print("READY", flush=True)
        time.sleep(0.1)
        return super().batch(step, shard)


def main() -> None:
    folder, steps, shards = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    y, x = np.mgrid[:24, :24]
    signal = picture("waves", (np.sin(x / 3) * np.cos(y / 5) / 2 + 0.5))
    kind = Slow if "slow" in sys.argv else SignalTask
    model = FieldModel(parse("grid(6x6x2) + uv -> 8 relu -> 1"))
    settings = Settings(steps=steps, shards=shards, checkpoint_every=10)
    result = train(model, kind(signal, 64, 5), settings, folder)
    if processes()[0] == 0:
        np.save(folder / "losses.npy", np.array(result.losses))
        weights = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
        np.save(folder / "weights.npy", weights)
        print("STOPPED" if result.stopped else "DONE", result.steps)


if __name__ == "__main__":
    main()

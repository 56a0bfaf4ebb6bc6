"""Checkpoints of training: every array that a step changes, in an npz file, with a document beside it; never pickle.

When they are written is decided in `inkling.train.fields.training`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inkling.train.errors import InputError
from inkling.train.fields.files import npz, read_npz
from inkling.train.files import atomic

Tensor = torch.Tensor


def _state(model: torch.nn.Module, optimiser: torch.optim.Adam) -> dict[str, Tensor]:
    """Everything that training changes, by name, as float32 tensors that share memory with the real ones."""
    found = {f"model.{name}": tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            state = optimiser.state[parameter]
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
                state["exp_avg"] = torch.zeros_like(parameter)
                state["exp_avg_sq"] = torch.zeros_like(parameter)
            for part in ("step", "exp_avg", "exp_avg_sq"):
                found[f"{part}.{name}"] = state[part]
    return found


def save(
    folder: Path, model: torch.nn.Module, optimiser: torch.optim.Adam, asked: dict[str, Any], losses: list[float]
) -> None:
    """Write the arrays, then the document that names them, and remove what is older.

    asked: the settings on which the weights depend, "steps" among them; a checkpoint of others is not gone on from.
    """
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in _state(model, optimiser).items()}
    # Losses are float64 and are kept as two float32 halves.
    high = np.array(losses, np.float64).astype(np.float32)
    arrays["losses.high"], arrays["losses.low"] = high, (np.array(losses) - high).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    number = len(losses)
    atomic.write(folder / f"checkpoint{number}.npz", npz(arrays))
    document = {"schema": "inkling.field-checkpoint", "steps": number, "settings": asked}
    # Whoever is killed between the two leaves the old pair whole.
    atomic.write(folder / "checkpoint.json", (json.dumps(document) + "\n").encode())
    for old in folder.glob("checkpoint*.npz"):
        if old.name != f"checkpoint{number}.npz":
            old.unlink()


def resume(folder: Path, model: torch.nn.Module, optimiser: torch.optim.Adam, asked: dict[str, Any]) -> list[float]:
    """Load a checkpoint in place where there is one; returns the losses so far. Raises InputError for a wrong one."""
    source = folder / "checkpoint.json"
    if not source.is_file():
        return []
    try:
        document = json.loads(source.read_bytes()[: 2**16])
        steps, written = document["steps"], document["settings"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(f"{source}: is not a checkpoint; delete the folder to start again") from error
    if written != asked or not isinstance(steps, int) or not 0 <= steps <= asked["steps"]:
        raise InputError(f"{source}: was written with other settings; delete the folder to start again")
    state = _state(model, optimiser)
    expected = {name: tuple(tensor.shape) for name, tensor in state.items()}
    expected["losses.high"] = expected["losses.low"] = (steps,)
    arrays = read_npz(folder / f"checkpoint{steps}.npz", expected)
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(torch.from_numpy(arrays[name]))
    return [float(h) + float(low) for h, low in zip(arrays["losses.high"], arrays["losses.low"], strict=True)]

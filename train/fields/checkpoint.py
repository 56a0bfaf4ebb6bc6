"""Checkpoints of training: every array that a step changes, in an npz file, with a document beside it; never pickle.

When they are written is decided in `inkling.train.fields.training`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inkling.train.files import arrays, atomic
from inkling.train.files.checked_json import load

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
    folder: Path, model: torch.nn.Module, optimiser: torch.optim.Adam, settings: dict[str, Any], losses: list[float]
) -> None:
    """Write the arrays, then the document that names them, and remove what is older.

    settings: those on which the weights depend, "steps" among them; a checkpoint of others is not gone on from.
    """
    held = {name: tensor.detach().cpu().numpy() for name, tensor in _state(model, optimiser).items()}
    # Losses are float64 and are kept as two float32 halves.
    high = np.array(losses, np.float64).astype(np.float32)
    held["losses.high"], held["losses.low"] = high, (np.array(losses, np.float64) - high).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    number = len(losses)
    atomic.write(folder / f"checkpoint{number}.npz", arrays.write(held))
    document = {"schema": "inkling.field-checkpoint", "steps": number, "settings": settings}
    # Whoever is killed between the two leaves the old pair whole.
    atomic.write(folder / "checkpoint.json", (json.dumps(document) + "\n").encode())
    for old in folder.glob("checkpoint*.npz"):
        if old.name != f"checkpoint{number}.npz":
            old.unlink()


def resume(
    folder: Path, model: torch.nn.Module, optimiser: torch.optim.Adam, settings: dict[str, Any]
) -> list[float]:
    """Load a checkpoint in place where there is one; returns the losses so far. Raises InputError for a wrong one."""
    source = folder / "checkpoint.json"
    if not source.is_file():
        return []
    document = load(source, "delete the folder to start again", 2**16)
    steps = document.integer("steps", high=settings["steps"])
    if document.inner("settings").data != settings:
        raise document.error("was written with other settings")
    state = _state(model, optimiser)
    expected = {name: ("<f4", tuple(tensor.shape)) for name, tensor in state.items()}
    expected["losses.high"] = expected["losses.low"] = ("<f4", (steps,))
    held = arrays.read(folder / f"checkpoint{steps}.npz", expected, most_bytes=2**31)
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(torch.from_numpy(held[name]))
    return [float(h) + float(low) for h, low in zip(held["losses.high"], held["losses.low"], strict=True)]

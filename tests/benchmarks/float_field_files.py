"""A float field kept between two benchmarks: field.json and field.npz of a folder. Read as written."""

import json
from pathlib import Path

import numpy as np

from inkling.train.fields.float_field import FloatField, Grid, Sight
from inkling.train.files import arrays, atomic

WORDS = ("meaning", "activation", "first_activation", "coordinates")
CONSTANTS = ("low", "high", "margin", "stretch")


def save(field: FloatField, folder: Path) -> None:
    """Write both files into an existing folder."""
    sight = field.sight
    about = {
        "words": {name: getattr(field, name) for name in WORDS},
        "sight": None if sight is None else {name: getattr(sight, name) for name in CONSTANTS},
        "grids": len(field.grids),
        "layers": len(field.weights),
    }
    held = {f"grid{k}": grid.table for k, grid in enumerate(field.grids)}
    held |= {f"weights{k}": weights for k, weights in enumerate(field.weights)}
    held |= {f"bias{k}": bias for k, bias in enumerate(field.biases)}
    held |= {"output_low": field.output_low, "output_high": field.output_high}
    if sight is not None:
        held["positions"] = sight.positions
    atomic.write(folder / "field.npz", arrays.write(held))
    atomic.write(folder / "field.json", (json.dumps(about, indent=1) + "\n").encode())


def load(folder: Path) -> FloatField:
    """What `save` wrote."""
    about = json.loads((folder / "field.json").read_text())
    with np.load(folder / "field.npz") as held:
        return FloatField(
            grids=tuple(Grid(held[f"grid{k}"]) for k in range(about["grids"])),
            weights=tuple(held[f"weights{k}"] for k in range(about["layers"])),
            biases=tuple(held[f"bias{k}"] for k in range(about["layers"])),
            output_low=held["output_low"],
            output_high=held["output_high"],
            sight=about["sight"] and Sight(**about["sight"], positions=held["positions"]),
            **about["words"],
        )

"""Reading and writing a `FloatField`: field.json (what it is) and field.npz (its arrays), never pickle.

Files come from outside, so sizes and shapes are bounded and checked before anything is believed; what the arrays
mean is defined in `inkling.train.fields.float_field`.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from inkling.train.errors import InputError
from inkling.train.fields.float_field import F32, MOST_LAYERS, MOST_LEVELS, FloatField, Grid, Sight, check
from inkling.train.files import arrays, atomic
from inkling.train.files.checked_json import Fields, is_whole
from inkling.train.files.checked_json import load as load_json

SCHEMA = "inkling.float-field"
VERSION = 1
MAX_JSON_BYTES = 2**20
MAX_ITEMS = 2**28
CONSTANTS = ("low", "high", "margin", "stretch")
KEYS = {
    "schema",
    "version",
    "meaning",
    "activation",
    "first_activation",
    "coordinates",
    "grids",
    "layers",
    "sight",
}


def save(field: FloatField, folder: Path) -> None:
    """Write both files into an existing folder, each beside and then renamed; equal fields give equal bytes."""
    check(field)
    sight = field.sight
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "meaning": field.meaning,
        "activation": field.activation,
        "first_activation": field.first_activation,
        "coordinates": field.coordinates,
        "grids": [list(grid.table.shape) for grid in field.grids],
        "layers": [list(weights.shape) for weights in field.weights],
        "sight": None if sight is None else {name: getattr(sight, name) for name in CONSTANTS},
    }
    held: dict[str, F32] = {f"grid{k}": grid.table for k, grid in enumerate(field.grids)}
    for k, (weights, bias) in enumerate(zip(field.weights, field.biases, strict=True)):
        held[f"weights{k}"], held[f"bias{k}"] = weights, bias
    held["output_low"], held["output_high"] = field.output_low, field.output_high
    if sight is not None:
        held["positions"] = sight.positions
    # The document is renamed last: a folder with a new document always has its arrays.
    singles = {name: np.asarray(array, np.float32) for name, array in held.items()}
    atomic.write(folder / "field.npz", arrays.write(singles))
    atomic.write(folder / "field.json", (json.dumps(document, indent=1) + "\n").encode())


def load(folder: str | Path) -> FloatField:
    """Read a field. Raises InputError, naming the file and what is wrong, for anything that `save` does not write."""
    folder = Path(folder)
    document = _document(folder / "field.json")
    grids = _shapes(document, "grids", 4, MOST_LEVELS)
    layers = _shapes(document, "layers", 2, MOST_LAYERS)
    if not layers:
        raise document.error("layers must not be empty")
    expected = {f"grid{k}": shape for k, shape in enumerate(grids)}
    for k, shape in enumerate(layers):
        expected[f"weights{k}"], expected[f"bias{k}"] = shape, shape[:1]
    expected["output_low"] = expected["output_high"] = layers[-1][:1]
    entries = max((shape[0] for shape in grids), default=1)
    constants = None
    if document.has("sight"):
        sight = document.inner("sight").only(CONSTANTS)
        constants = {name: sight.number(name, -math.inf) for name in CONSTANTS}
        expected["positions"] = (entries, 3)
    held = read_npz(folder / "field.npz", expected)
    # Which words there are is for `check` to say.
    words: dict[str, Any] = {name: document.text(name) for name in ("activation", "meaning")}
    first: Any = document.text("first_activation") if document.has("first_activation") else None
    field = FloatField(
        tuple(Grid(held[f"grid{k}"]) for k in range(len(grids))),
        document.flag("coordinates"),
        tuple(held[f"weights{k}"] for k in range(len(layers))),
        tuple(held[f"bias{k}"] for k in range(len(layers))),
        words["activation"],
        held["output_low"],
        held["output_high"],
        words["meaning"],
        first,
        None if constants is None else Sight(**constants, positions=held["positions"]),
    )
    try:
        check(field)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error
    return field


def _document(source: Path) -> Fields:
    document = load_json(source, "train the field again", MAX_JSON_BYTES).only(KEYS)
    document.schema(SCHEMA, VERSION)
    return document


def _shapes(document: Fields, name: str, axes: int, most: int) -> list[tuple[int, ...]]:
    shapes = document.items(name, most=most)
    for shape in shapes:
        whole = isinstance(shape, list) and len(shape) == axes and all(is_whole(n, 1, MAX_ITEMS) for n in shape)
        if not whole or math.prod(shape) > MAX_ITEMS:
            raise document.error(f"{name} must hold shapes of {axes} whole numbers, {MAX_ITEMS} items at most")
    return [tuple(shape) for shape in shapes]


def read_npz(path: Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, F32]:
    """Exactly the float32 arrays of these shapes. Raises InputError."""
    items = sum(math.prod(shape) for shape in shapes.values())
    if items > MAX_ITEMS:
        raise InputError(f"{path}: the field has {items} numbers, more than {MAX_ITEMS}")
    return arrays.read(path, {name: ("<f4", shape) for name, shape in shapes.items()}, most_bytes=2**31)

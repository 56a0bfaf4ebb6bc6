"""Reading and writing a `FloatField`: field.json (what it is) and field.npz (its arrays), never pickle.

Files come from outside, so sizes and shapes are bounded and checked before anything is believed; what the arrays
mean is defined in `inkling.train.fields.float_field`.
"""

import io
import json
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from inkling.train.errors import InputError
from inkling.train.fields.float_field import F32, MOST_LAYERS, MOST_LEVELS, FloatField, Grid, Sight, check
from inkling.train.files import atomic

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
    arrays: dict[str, F32] = {f"grid{k}": grid.table for k, grid in enumerate(field.grids)}
    for k, (weights, bias) in enumerate(zip(field.weights, field.biases, strict=True)):
        arrays[f"weights{k}"], arrays[f"bias{k}"] = weights, bias
    arrays["output_low"], arrays["output_high"] = field.output_low, field.output_high
    if sight is not None:
        arrays["positions"] = sight.positions
    # The document is renamed last: a folder with a new document always has its arrays.
    atomic.write(folder / "field.npz", npz(arrays))
    atomic.write(folder / "field.json", (json.dumps(document, indent=1) + "\n").encode())


def load(folder: str | Path) -> FloatField:
    """Read a field. Raises InputError, naming the file and what is wrong, for anything that `save` does not write."""
    folder = Path(folder)
    source = folder / "field.json"
    document = _document(source)
    grids = _shapes(source, "grids", document["grids"], 4, MOST_LEVELS)
    layers = _shapes(source, "layers", document["layers"], 2, MOST_LAYERS)
    if not layers:
        raise InputError(f"{source}: layers must not be empty")
    expected = {f"grid{k}": shape for k, shape in enumerate(grids)}
    for k, shape in enumerate(layers):
        expected[f"weights{k}"], expected[f"bias{k}"] = shape, shape[:1]
    expected["output_low"] = expected["output_high"] = layers[-1][:1]
    entries = max((shape[0] for shape in grids), default=1)
    sight = document["sight"]
    if sight is not None:
        if not isinstance(sight, dict) or set(sight) != set(CONSTANTS):
            raise InputError(f"{source}: sight must have exactly {', '.join(CONSTANTS)}")
        for name, value in sight.items():
            if not isinstance(value, float | int) or isinstance(value, bool) or not abs(value) < 1e300:
                raise InputError(f"{source}: sight.{name} must be a finite number")
        expected["positions"] = (entries, 3)
    arrays = read_npz(folder / "field.npz", expected)
    field = FloatField(
        tuple(Grid(arrays[f"grid{k}"]) for k in range(len(grids))),
        document["coordinates"],
        tuple(arrays[f"weights{k}"] for k in range(len(layers))),
        tuple(arrays[f"bias{k}"] for k in range(len(layers))),
        document["activation"],
        arrays["output_low"],
        arrays["output_high"],
        document["meaning"],
        document["first_activation"],
        None if sight is None else Sight(**{k: float(v) for k, v in sight.items()}, positions=arrays["positions"]),
    )
    try:
        check(field)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error
    return field


def _document(source: Path) -> dict[str, Any]:
    try:
        document = json.loads(_bytes(source, MAX_JSON_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: is not JSON ({error})") from error
    if not isinstance(document, dict) or set(document) != KEYS:
        raise InputError(f"{source}: must be an object with exactly {', '.join(sorted(KEYS))}")
    if document["schema"] != SCHEMA or document["version"] != VERSION or isinstance(document["version"], bool):
        raise InputError(f"{source}: schema is not {SCHEMA!r} version {VERSION}; train the field again")
    for name in ("meaning", "activation"):
        if not isinstance(document[name], str):
            raise InputError(f"{source}: {name} must be a text")
    if not isinstance(document["first_activation"], str | None) or not isinstance(document["coordinates"], bool):
        raise InputError(f"{source}: first_activation must be a text or null, coordinates true or false")
    return document


def _shapes(source: Path, name: str, value: object, axes: int, most: int) -> list[tuple[int, ...]]:
    if not isinstance(value, list) or len(value) > most:
        raise InputError(f"{source}: {name} must be a list of at most {most} shapes")
    for shape in value:
        if (
            not isinstance(shape, list)
            or len(shape) != axes
            or not all(isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= MAX_ITEMS for n in shape)
            or math.prod(shape) > MAX_ITEMS
        ):
            raise InputError(f"{source}: {name} must hold shapes of {axes} whole numbers, {MAX_ITEMS} items at most")
    return [tuple(shape) for shape in value]


def _bytes(path: Path, limit: int) -> bytes:
    try:
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > limit:
        raise InputError(f"{path}: is larger than {limit} bytes")
    return content


def _header(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue()


def npz(arrays: dict[str, F32]) -> bytes:
    """An uncompressed npz archive of float32 arrays whose bytes depend on the arrays alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = _header(array.shape) + np.ascontiguousarray(array, np.dtype("<f4")).tobytes()
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def read_npz(path: Path, expected: dict[str, tuple[int, ...]]) -> dict[str, F32]:
    """Exactly the expected float32 arrays, after names, sizes, headers and shapes are checked. Raises InputError."""
    items = sum(math.prod(shape) for shape in expected.values())
    if items > MAX_ITEMS:
        raise InputError(f"{path}: the field has {items} numbers, more than {MAX_ITEMS}")
    content = _bytes(path, 4 * items + 4096 * (len(expected) + 1))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if sorted(member.filename for member in members) != sorted(f"{name}.npy" for name in expected):
                raise InputError(f"{path}: members must be exactly {', '.join(expected)}")
            found = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                header = _header(expected[name])
                size = len(header) + 4 * math.prod(expected[name])
                if member.file_size != size or member.compress_size != size or member.flag_bits & 1:
                    raise InputError(f"{path}: {name} must be stored as {size} bytes, not packed")
                raw = archive.read(member)
                if not raw.startswith(header) or len(raw) != size:
                    raise InputError(f"{path}: {name} must be little-endian float32 of shape {expected[name]}")
                found[name] = np.frombuffer(raw, "<f4", offset=len(header)).astype(np.float32).reshape(expected[name])
            return found
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path}: is not a sound npz archive ({error})") from error
    except (EOFError, OSError, IndexError, KeyError, OverflowError) as error:
        raise InputError(f"{path}: is not a sound npz archive ({error})") from error

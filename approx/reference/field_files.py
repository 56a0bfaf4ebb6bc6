"""Reading and writing an `IntegerField`: field.json (what it is) and field.npz (its arrays), never pickle.

Files come from outside, so sizes and shapes are bounded and checked before anything is believed; what the numbers
mean is defined in `inkling.approx.reference.field`.
"""

import io
import json
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.coding import Coding
from inkling.approx.reference.field import MOST_WIDTH, IntegerField, check
from inkling.approx.reference.operations import (
    ClippedReLU,
    CoordinateSum,
    Dense,
    FieldLayer,
    GridRead,
    PeriodicQuadratic,
    Rescale,
)
from inkling.train.errors import InputError
from inkling.train.fields.float_field import MOST_LAYERS, MOST_LEVELS
from inkling.train.files import atomic
from inkling.train.scenes.signals import MEANINGS

SCHEMA = "inkling.integer-field"
VERSION = 1
MAX_JSON_BYTES = 2**20
MAX_ITEMS = 2**31
KEYS = {"schema", "version", "meaning", "entries", "grids", "coordinate_shift", "layers", "coding"}
CODING = ("scale", "offset", "drop", "margin", "low_code", "high_code", "stretch")

# name -> (numpy type, shape)
Expected: TypeAlias = dict[str, tuple[str, tuple[int, ...]]]
Arrays: TypeAlias = dict[str, NDArray[Any]]


def save(field: IntegerField, folder: Path) -> None:
    """Write both files into an existing folder, each beside and then renamed; equal fields give equal bytes."""
    check(field)
    arrays: Arrays = {f"grid{k}": read.table for k, read in enumerate(field.reads)}
    layers: list[dict[str, object]] = []
    for k, (dense, layer) in enumerate(zip(field.dense, field.activations, strict=True)):
        arrays[f"weights{k}"], arrays[f"bias{k}"] = dense.weights, dense.bias
        kind, shift = _named(layer)
        layers.append({"shape": list(dense.weights.shape), "then": kind, "shift": shift})
    if field.coordinates is not None:
        arrays["coordinates"] = field.coordinates.weights
    arrays["positions"] = field.positions
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "meaning": field.meaning,
        "entries": field.entries,
        "grids": [{"shape": list(read.table.shape), "bits": read.bits} for read in field.reads],
        "coordinate_shift": None if field.coordinates is None else field.coordinates.shift,
        "layers": layers,
        "coding": {name: getattr(field.coding, name) for name in CODING},
    }
    # The document is renamed last: a folder with a new document always has its arrays.
    atomic.write(folder / "field.npz", _npz(arrays, _expected(folder, document, len(field.positions))))
    atomic.write(folder / "field.json", (json.dumps(document, indent=1) + "\n").encode())


def load(folder: str | Path) -> IntegerField:
    """Read a field. Raises InputError, naming the file and what is wrong, for anything that `save` does not write."""
    folder = Path(folder)
    source = folder / "field.json"
    document = _document(source)
    positions = document["entries"] if document["meaning"] == "visibility" else 0
    arrays = _read(folder / "field.npz", _expected(source, document, positions))
    layers: list[FieldLayer] = []
    for k, item in enumerate(document["layers"]):
        layers += [Dense(arrays[f"weights{k}"], arrays[f"bias{k}"]), _operation(source, item["then"], item["shift"])]
    shift = document["coordinate_shift"]
    field = IntegerField(
        tuple(GridRead(arrays[f"grid{k}"], item["bits"]) for k, item in enumerate(document["grids"])),
        None if shift is None else CoordinateSum(arrays["coordinates"], shift),
        tuple(layers),
        document["meaning"],
        _coding(source, document["coding"]),
        arrays["positions"],
    )
    try:
        check(field)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error
    if field.entries != document["entries"] or not np.isfinite(field.positions).all():
        raise InputError(f"{folder}: has {field.entries} entries, not {document['entries']}, or endless positions")
    return field


def _named(layer: FieldLayer) -> tuple[str, int]:
    match layer:
        case ClippedReLU(shift, _) if isinstance(shift, int):
            return "clip", shift
        case PeriodicQuadratic(shift):
            return "periodic_quadratic", shift
        case Rescale(shift):
            return "rescale", shift
    raise TypeError(f"{layer} has no form in field.json")


def _operation(source: Path, kind: object, shift: int) -> FieldLayer:
    match kind:
        case "clip":
            return ClippedReLU(shift, 8)
        case "periodic_quadratic":
            return PeriodicQuadratic(shift)
        case "rescale":
            return Rescale(shift)
    raise InputError(f"{source}: a layer's then must be clip, periodic_quadratic or rescale")


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _real(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and abs(value) < 1e300


def _coding(source: Path, value: object) -> Coding:
    if not isinstance(value, dict) or set(value) != set(CODING):
        raise InputError(f"{source}: coding must have exactly {', '.join(CODING)}")
    for name in ("scale", "offset"):
        if not isinstance(value[name], list) or len(value[name]) > MOST_WIDTH or not all(map(_real, value[name])):
            raise InputError(f"{source}: coding.{name} must be a list of finite numbers")
    if not all(_whole(value[name], -(2**31), 2**31) for name in ("drop", "margin", "low_code", "high_code")):
        raise InputError(f"{source}: coding's drop, margin, low_code and high_code must be whole numbers")
    if not _real(value["stretch"]) or not 1e-3 < value["stretch"] < 1e3:
        raise InputError(f"{source}: coding.stretch must be a number between 0.001 and 1000")
    return Coding(**{**value, "scale": tuple(value["scale"]), "offset": tuple(value["offset"])})


def _document(source: Path) -> dict[str, Any]:
    try:
        document = json.loads(_bytes(source, MAX_JSON_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: is not JSON ({error})") from error
    if not isinstance(document, dict) or set(document) != KEYS:
        raise InputError(f"{source}: must be an object with exactly {', '.join(sorted(KEYS))}")
    if document["schema"] != SCHEMA or document["version"] != VERSION or isinstance(document["version"], bool):
        raise InputError(f"{source}: schema is not {SCHEMA!r} version {VERSION}; make the field again")
    if document["meaning"] not in MEANINGS or not _whole(document["entries"], 1, MAX_ITEMS):
        raise InputError(f"{source}: meaning must be one of {', '.join(MEANINGS)} and entries a whole number")
    shift = document["coordinate_shift"]
    if shift is not None and not _whole(shift, 0, 31):
        raise InputError(f"{source}: coordinate_shift must be null or in 0..31")
    for name, keys, most in (
        ("grids", {"shape", "bits"}, MOST_LEVELS),
        ("layers", {"shape", "then", "shift"}, MOST_LAYERS),
    ):
        if not isinstance(document[name], list) or len(document[name]) > most:
            raise InputError(f"{source}: {name} must be a list of at most {most}")
        for item in document[name]:
            if not isinstance(item, dict) or set(item) != keys or not isinstance(item["shape"], list):
                raise InputError(f"{source}: each of {name} must have exactly {', '.join(sorted(keys))}")
    for item in document["grids"]:
        shape = item["shape"]
        if len(shape) != 4 or not all(_whole(n, 1, MAX_ITEMS) for n in shape) or not _whole(item["bits"], 4, 8):
            raise InputError(f"{source}: grids must have a shape of four whole numbers and bits 4 or 8")
    for item in document["layers"]:
        shape = item["shape"]
        if len(shape) != 2 or not (_whole(shape[0], 1, MOST_WIDTH) and _whole(shape[1], 0, MOST_WIDTH)):
            raise InputError(f"{source}: layers must have a shape [outputs, inputs] of at most {MOST_WIDTH}")
        if not _whole(item["shift"], -31, 31):
            raise InputError(f"{source}: a layer's shift must be in -31..31")
    if not document["layers"]:
        raise InputError(f"{source}: layers must not be empty")
    return document


def _expected(source: Path, document: dict[str, Any], positions: int) -> Expected:
    found: Expected = {f"grid{k}": ("|i1", tuple(item["shape"])) for k, item in enumerate(document["grids"])}
    for k, item in enumerate(document["layers"]):
        found[f"weights{k}"], found[f"bias{k}"] = ("<i8", tuple(item["shape"])), ("<i8", (item["shape"][0],))
    if document["coordinate_shift"] is not None:
        found["coordinates"] = ("<i8", (document["layers"][0]["shape"][0], 2))
    found["positions"] = ("<f4", (positions, 3))
    if sum(math.prod(shape) for _, shape in found.values()) > MAX_ITEMS:
        raise InputError(f"{source}: the field holds more than {MAX_ITEMS} numbers")
    return found


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


def _header(kind: str, shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def _npz(arrays: Arrays, expected: Expected) -> bytes:
    """An uncompressed archive whose bytes depend on the arrays alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, (kind, shape) in expected.items():
            content = _header(kind, shape) + np.ascontiguousarray(arrays[name], np.dtype(kind)).tobytes()
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def _read(path: Path, expected: Expected) -> Arrays:
    """Exactly the expected arrays, after names, sizes, headers and shapes are checked."""
    sizes = {name: np.dtype(kind).itemsize * math.prod(shape) for name, (kind, shape) in expected.items()}
    content = _bytes(path, sum(sizes.values()) + 4096 * (len(expected) + 1))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if sorted(member.filename for member in members) != sorted(f"{name}.npy" for name in expected):
                raise InputError(f"{path}: members must be exactly {', '.join(expected)}")
            found: Arrays = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                kind, shape = expected[name]
                header = _header(kind, shape)
                size = len(header) + sizes[name]
                if member.file_size != size or member.compress_size != size or member.flag_bits & 1:
                    raise InputError(f"{path}: {name} must be stored as {size} bytes, not packed")
                raw = archive.read(member)
                if not raw.startswith(header) or len(raw) != size:
                    raise InputError(f"{path}: {name} must be {np.dtype(kind)} of shape {shape}")
                plain = np.dtype(kind).newbyteorder("=")
                found[name] = np.frombuffer(raw, kind, offset=len(header)).astype(plain).reshape(shape)
            return found
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path}: is not a sound npz archive ({error})") from error
    except (EOFError, OSError, IndexError, KeyError, OverflowError) as error:
        raise InputError(f"{path}: is not a sound npz archive ({error})") from error

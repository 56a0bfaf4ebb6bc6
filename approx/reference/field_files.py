"""Reading and writing an `IntegerField`: field.json (what it is) and field.npz (its arrays), never pickle.

The nodes' form is `inkling.approx.reference.graph_files`'s; what the numbers mean is defined in
`inkling.approx.reference.field`.
"""

from pathlib import Path

import numpy as np

from inkling.approx.reference import graph_files, version_1
from inkling.approx.reference.coding import Coding
from inkling.approx.reference.field import MOST_WIDTH, QUERY, IntegerField, check
from inkling.approx.reference.graph_files import exactly, whole
from inkling.train.errors import InputError
from inkling.train.scenes.signals import MEANINGS

SCHEMA = "inkling.integer-field"
VERSION = 2
MAX_JSON_BYTES = 2**20
MAX_ITEMS = 2**31
KEYS = ("schema", "version", "meaning", "entries", "nodes", "outputs", "coding")
CODING = ("scale", "offset", "drop", "margin", "low_code", "high_code", "stretch")


def save(field: IntegerField, folder: Path) -> None:
    """Write both files into an existing folder, each beside and then renamed; equal fields give equal bytes."""
    check(field)
    fields, arrays = graph_files.described(field.graph)
    arrays["positions"] = field.positions
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "meaning": field.meaning,
        "entries": field.entries,
        **fields,
        "coding": {name: getattr(field.coding, name) for name in CODING},
    }
    graph_files.write(folder / "field.json", document, arrays)


def load(folder: str | Path) -> IntegerField:
    """Read a field, of this version or of version 1.

    Raises InputError, naming the file and what is wrong, for anything that `save` does not write.
    """
    source = Path(folder) / "field.json"
    document = graph_files.document(source, MAX_JSON_BYTES)
    names: dict[str, str] = {}
    if version_1.is_one(document, SCHEMA):
        document, names = version_1.field(source, document)
    fields = exactly(source, "document", document, KEYS)
    if fields["schema"] != SCHEMA or fields["version"] != VERSION or isinstance(fields["version"], bool):
        raise InputError(f"{source}: schema is not {SCHEMA!r} version {VERSION}; make the field again")
    if fields["meaning"] not in MEANINGS:
        raise InputError(f"{source}: meaning must be one of {', '.join(MEANINGS)}")
    entries = whole(source, "entries", fields["entries"], 1, MAX_ITEMS)
    shapes = graph_files.expected(source, fields["nodes"], MAX_ITEMS)
    shapes["positions"] = "<f4", (entries if fields["meaning"] == "visibility" else 0, 3)
    arrays = graph_files.read(source.with_suffix(".npz"), shapes, names)
    graph = graph_files.graph(source, QUERY, fields, arrays)
    field = IntegerField(graph, fields["meaning"], _coding(source, fields["coding"]), arrays["positions"])
    try:
        check(field)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    if field.entries != entries or not np.isfinite(field.positions).all():
        raise InputError(f"{source}: has {field.entries} entries, not {entries}, or endless positions")
    return field


def _real(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and abs(value) < 1e300


def _coding(source: Path, value: object) -> Coding:
    fields = exactly(source, "coding", value, CODING)
    for name in ("scale", "offset"):
        items = fields[name]
        if not isinstance(items, list) or len(items) > MOST_WIDTH or not all(map(_real, items)):
            raise InputError(f"{source}: coding.{name} must be a list of finite numbers")
    for name in ("drop", "margin", "low_code", "high_code"):
        whole(source, f"coding.{name}", fields[name], -(2**31), 2**31)
    if not _real(fields["stretch"]) or not 1e-3 < fields["stretch"] < 1e3:
        raise InputError(f"{source}: coding.stretch must be a number between 0.001 and 1000")
    return Coding(**{**fields, "scale": tuple(fields["scale"]), "offset": tuple(fields["offset"])})

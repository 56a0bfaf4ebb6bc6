"""network.json and field.json of version 1, which listed layers, as documents of nodes.

Their arrays had other names; what is checked is checked after this, by the readers of the new form.
"""

from pathlib import Path
from typing import Any, TypeAlias

from inkling.train.errors import InputError

# The document of this version, and for each array of it the name that it has in the archive.
Converted: TypeAlias = tuple[dict[str, Any], dict[str, str]]

_ARRAYS = {
    "dense": ("weights", "bias"),
    "decision_tree": ("feature", "threshold", "left", "right", "label"),
    "masked_sum": ("output", "source", "sign", "shift", "mask", "bias"),
}
_AFTER = {"clip": "clipped_relu", "periodic_quadratic": "periodic_quadratic", "rescale": "rescale"}
_GRID = ("entries", "height", "width", "features")


def is_one(document: object, schema: str) -> bool:
    """Whether a document says that it is of version 1 of the schema."""
    if not isinstance(document, dict) or isinstance(document.get("version"), bool):
        return False
    return bool(document.get("version") == 1 and document.get("schema") == schema)


def network(source: Path, document: Any) -> Converted:
    """A chain of layers. Raises InputError."""
    nodes: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for number, layer in enumerate(_listed(source, document, "layers")):
        kind, name = layer.get("kind"), f"layer{number}"
        nodes.append({**layer, "name": name, "reads": [f"layer{number - 1}" if number else "inputs"]})
        names |= {f"{name}.{array}": f"{number}.{array}" for array in _ARRAYS.get(str(kind), ())}
    return _document(document, ("layers",), nodes), names


def field(source: Path, document: Any) -> Converted:
    """Grids, coordinates and layers. Raises InputError."""
    nodes: list[dict[str, Any]] = []
    names = {"positions": "positions"}
    try:
        for number, grid in enumerate(_listed(source, document, "grids")):
            shape = dict(zip(_GRID, grid["shape"], strict=True))
            item = {"name": f"grid_read{number}", "kind": "grid_read", "reads": ["entry", "u", "v"]}
            nodes.append({**item, **shape, "bits": grid["bits"]})
            names[f"grid_read{number}.table"] = f"grid{number}"
        if nodes:
            nodes.append({"name": "features", "kind": "concat", "reads": [node["name"] for node in nodes]})
        else:
            nodes.append({"name": "features", "kind": "select", "reads": ["entry"], "places": []})
        for number, layer in enumerate(_listed(source, document, "layers")):
            name, (outputs, inputs), reads = f"dense{number}", layer["shape"], [nodes[-1]["name"]]
            nodes.append({"name": name, "kind": "dense", "reads": reads, "outputs": outputs, "inputs": inputs})
            names |= {f"{name}.weights": f"weights{number}", f"{name}.bias": f"bias{number}"}
            if number == 0 and document["coordinate_shift"] is not None:
                item = {"name": "coordinates", "kind": "coordinate_sum", "reads": ["u", "v"]}
                nodes.append({**item, "outputs": outputs, "axes": 2, "shift": document["coordinate_shift"]})
                nodes.append({"name": "placed", "kind": "add", "reads": [name, "coordinates"]})
                names["coordinates.weights"] = "coordinates"
            after: dict[str, Any] = {"name": f"after{number}", "kind": _AFTER[layer["then"]]}
            bits = {"bits": 8} if layer["then"] == "clip" else {}
            nodes.append({**after, "reads": [nodes[-1]["name"]], "shift": layer["shift"], **bits})
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{source}: is no sound field of version 1 ({error!r:.80}); make the field again") from error
    return _document(document, ("grids", "coordinate_shift", "layers"), nodes), names


def _listed(source: Path, document: Any, key: str) -> list[dict[str, Any]]:
    items = document.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InputError(f"{source}: {key} must be a list of objects")
    return items


def _document(document: Any, old: tuple[str, ...], nodes: list[dict[str, Any]]) -> dict[str, Any]:
    kept = {key: value for key, value in document.items() if key not in old}
    return {**kept, "version": 2, "nodes": nodes, "outputs": [nodes[-1]["name"]] if nodes else []}

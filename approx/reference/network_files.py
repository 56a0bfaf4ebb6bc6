"""Reading and writing an `IntegerNetwork`: network.json (what it is) and network.npz (its arrays), never pickle.

Files come from outside, so everything is bounded and checked before it is believed; what the arrays mean is
defined in `inkling.approx.reference.network`.
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

from inkling.approx.reference import netlist_files
from inkling.approx.reference.network import Input, IntegerNetwork, label_bits
from inkling.approx.reference.operations import (
    ArgMax,
    ClippedReLU,
    DecisionTree,
    Dense,
    Ints,
    Layer,
    Logic,
    MaskedSum,
    Tournament,
)
from inkling.train.errors import InputError
from inkling.train.files import atomic

SCHEMA = "inkling.integer-network"
VERSION = 1

MAX_JSON_BYTES = 4 * 2**20
MAX_LAYERS = 64
MAX_INPUTS = 4096
MAX_CLASSES = 4096
MAX_ITEMS = 2**22
MAX_NPZ_BYTES = 8 * MAX_ITEMS + 2**20
MAX_NAME = 1024
# Every value that any layer can hold must fit this many bits, so that int64 never overflows.
MAX_VALUE_BITS = 62
MAX_INPUT_BITS = 32

TREE_ARRAYS = ("feature", "threshold", "left", "right", "label")
TERM_ARRAYS = ("output", "source", "sign", "shift", "mask")


def save(network: IntegerNetwork, folder: Path) -> None:
    """Write both files into an existing folder, each beside and then renamed; equal networks give equal bytes."""
    arrays: dict[str, Ints] = {}
    layers = []
    for number, layer in enumerate(network.layers):
        match layer:
            case Dense():
                arrays[f"{number}.weights"], arrays[f"{number}.bias"] = layer.weights, layer.bias
                layers.append({"kind": "dense", "outputs": layer.weights.shape[0], "inputs": layer.weights.shape[1]})
            case ClippedReLU():
                layers.append({"kind": "clipped_relu", "shift": layer.shift, "bits": layer.bits})
            case ArgMax():
                layers.append({"kind": "arg_max"})
            case DecisionTree():
                for name in TREE_ARRAYS:
                    arrays[f"{number}.{name}"] = getattr(layer, name)
                layers.append({"kind": "decision_tree", "nodes": len(layer.feature)})
            case Tournament():
                matches = [list(match) for match in layer.matches]
                keys = {"shift": list(layer.shift), "width": list(layer.width)}
                layers.append({"kind": "tournament", "matches": matches} | keys)
            case MaskedSum():
                for name in (*TERM_ARRAYS, "bias"):
                    arrays[f"{number}.{name}"] = getattr(layer, name)
                layers.append({"kind": "masked_sum", "outputs": len(layer.bias), "terms": len(layer.output)})
            case Logic():
                layers.append({"kind": "logic", "netlist": json.loads(netlist_files.to_json(layer.netlist))})
            case _:
                raise TypeError(f"layer {number}, {type(layer).__name__}, has no form in network.json")
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "classes": network.classes,
        "inputs": [
            {"name": item.name, "column": item.column, "bits": item.bits, "drop": item.drop}
            for item in network.inputs
        ],
        "layers": layers,
    }
    text = json.dumps(document, indent=1) + "\n"
    # The document is renamed last: a folder with a new document always has its arrays.
    atomic.write(folder / "network.npz", _npz(arrays))
    atomic.write(folder / "network.json", text.encode())


def load(folder: str | Path) -> IntegerNetwork:
    """Read a network. Raises InputError, naming the file and the field, for anything that `save` does not write."""
    folder = Path(folder)
    source = folder / "network.json"
    document = _document(source)
    fields = _fields(source, "document", document, ("schema", "version", "classes", "inputs", "layers"))
    if fields["schema"] != SCHEMA or fields["version"] != VERSION or isinstance(fields["version"], bool):
        raise InputError(f"{source}: schema is not {SCHEMA!r} version {VERSION}; write the network again")
    classes = _whole(source, "classes", fields["classes"], 1, MAX_CLASSES)
    inputs = _inputs(source, fields["inputs"])
    described = fields["layers"]
    if not isinstance(described, list) or not 1 <= len(described) <= MAX_LAYERS:
        raise InputError(f"{source}: layers must be a list of 1 to {MAX_LAYERS}")
    expected = _expected_arrays(source, described)
    arrays = _arrays(folder / "network.npz", expected)
    layers = tuple(_layer(source, number, item, arrays) for number, item in enumerate(described))
    network = IntegerNetwork(inputs, layers, classes)
    _check_chain(folder, network)
    return network


def _npz(arrays: dict[str, Ints]) -> bytes:
    """An npz archive whose bytes depend on the arrays alone (numpy.savez stamps some versions with the time)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(
                member, np.ascontiguousarray(array, np.dtype("<i8")), version=(1, 0), allow_pickle=False
            )
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue())
    return buffer.getvalue()


def _bytes(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(content) > limit:
        raise InputError(f"{path}: larger than {limit} bytes")
    return content


def _document(path: Path) -> object:
    try:
        return json.loads(_bytes(path, MAX_JSON_BYTES).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON text in UTF-8 ({error})") from error


def _fields(path: Path, where: str, value: object, names: tuple[str, ...]) -> dict[str, Any]:
    """A JSON object with exactly these fields."""
    if not isinstance(value, dict) or set(value) != set(names):
        raise InputError(f"{path}: {where} must be an object with exactly the fields {', '.join(names)}")
    return value


def _whole(path: Path, where: str, value: object, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"{path}: {where} must be a whole number in {low}..{high}")
    return value


def _list(path: Path, where: str, value: object, low: int, high: int) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > MAX_CLASSES:
        raise InputError(f"{path}: {where} must be a list of at most {MAX_CLASSES}")
    return tuple(_whole(path, f"{where}[{k}]", item, low, high) for k, item in enumerate(value))


def _one_or_each(path: Path, where: str, value: object, high: int) -> int | tuple[int, ...]:
    """A number in 0..high, or a list of them, one for each neuron."""
    if isinstance(value, list):
        return tuple(_whole(path, f"{where}[{i}]", item, 0, high) for i, item in enumerate(value))
    return _whole(path, where, value, 0, high)


def _inputs(path: Path, described: object) -> tuple[Input, ...]:
    if not isinstance(described, list) or not 1 <= len(described) <= MAX_INPUTS:
        raise InputError(f"{path}: inputs must be a list of 1 to {MAX_INPUTS}")
    found = []
    for number, item in enumerate(described):
        where = f"inputs[{number}]"
        fields = _fields(path, where, item, ("name", "column", "bits", "drop"))
        name = fields["name"]
        if not isinstance(name, str) or not len(name) <= MAX_NAME:
            raise InputError(f"{path}: {where}.name must be text of at most {MAX_NAME} characters")
        found.append(
            Input(
                name,
                _whole(path, f"{where}.column", fields["column"], 0, 10 * MAX_INPUTS),
                _whole(path, f"{where}.bits", fields["bits"], 1, MAX_INPUT_BITS),
                _whole(path, f"{where}.drop", fields["drop"], 0, MAX_INPUT_BITS),
            )
        )
    return tuple(found)


def _kind(item: object) -> object:
    return item.get("kind") if isinstance(item, dict) else None


def _expected_arrays(path: Path, described: list[object]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all arrays, with their number of values bounded."""
    shapes: dict[str, tuple[int, ...]] = {}
    for number, item in enumerate(described):
        where = f"layers[{number}]"
        match _kind(item):
            case "dense":
                fields = _fields(path, where, item, ("kind", "outputs", "inputs"))
                outputs = _whole(path, f"{where}.outputs", fields["outputs"], 1, MAX_ITEMS)
                inputs = _whole(path, f"{where}.inputs", fields["inputs"], 1, MAX_ITEMS)
                shapes[f"{number}.weights"], shapes[f"{number}.bias"] = (outputs, inputs), (outputs,)
            case "decision_tree":
                fields = _fields(path, where, item, ("kind", "nodes"))
                nodes = _whole(path, f"{where}.nodes", fields["nodes"], 1, MAX_ITEMS)
                shapes |= {f"{number}.{name}": (nodes,) for name in TREE_ARRAYS}
            case "masked_sum":
                fields = _fields(path, where, item, ("kind", "outputs", "terms"))
                terms = _whole(path, f"{where}.terms", fields["terms"], 0, MAX_ITEMS)
                shapes |= {f"{number}.{name}": (terms,) for name in TERM_ARRAYS}
                shapes[f"{number}.bias"] = (_whole(path, f"{where}.outputs", fields["outputs"], 1, MAX_ITEMS),)
            case _:
                pass  # has no arrays, or is refused by _layer
    if sum(math.prod(shape) for shape in shapes.values()) > MAX_ITEMS:
        raise InputError(f"{path}: layers hold more than {MAX_ITEMS} values")
    return shapes


def _arrays(path: Path, expected: dict[str, tuple[int, ...]]) -> dict[str, Ints]:
    """The arrays, int64, after names, sizes, compression, headers and shapes are checked."""
    content = _bytes(path, MAX_NPZ_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            names = [f"{name}.npy" for name in expected]
            if sorted(member.filename for member in members) != sorted(names):
                raise InputError(f"{path}: members must be exactly {', '.join(names) or 'none'}")
            found = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                header = _header(expected[name])
                size = len(header) + 8 * math.prod(expected[name])
                if member.file_size != size or member.compress_size != size or member.flag_bits & 1:
                    raise InputError(f"{path}: {name} must be stored as {size} bytes, not packed")
                raw = archive.read(member)
                if not raw.startswith(header) or len(raw) != size:
                    raise InputError(f"{path}: {name} must be little-endian int64 of shape {expected[name]}")
                found[name] = np.frombuffer(raw, "<i8", offset=len(header)).astype(np.int64).reshape(expected[name])
            return found
    except InputError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        ValueError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
        IndexError,
        KeyError,
        OverflowError,
    ) as error:
        raise InputError(f"{path}: is not a sound npz archive ({error})") from error


def _header(shape: tuple[int, ...]) -> bytes:
    """The npy header that `save` writes for int64 of a shape; nothing else is read, so nothing is parsed."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<i8", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def _layer(path: Path, number: int, item: object, arrays: dict[str, Ints]) -> Layer:
    where = f"layers[{number}]"
    match _kind(item):
        case "dense":
            return Dense(arrays[f"{number}.weights"], arrays[f"{number}.bias"])
        case "clipped_relu":
            fields = _fields(path, where, item, ("kind", "shift", "bits"))
            return ClippedReLU(
                _one_or_each(path, f"{where}.shift", fields["shift"], 63),
                _one_or_each(path, f"{where}.bits", fields["bits"], MAX_VALUE_BITS),
            )
        case "arg_max":
            _fields(path, where, item, ("kind",))
            return ArgMax()
        case "decision_tree":
            return DecisionTree(*(arrays[f"{number}.{name}"] for name in TREE_ARRAYS))
        case "tournament":
            fields = _fields(path, where, item, ("kind", "matches", "shift", "width"))
            matches = fields["matches"]
            if not isinstance(matches, list) or not len(matches) < MAX_CLASSES:
                raise InputError(f"{path}: {where}.matches must be a list of less than {MAX_CLASSES}")
            pairs = [_list(path, f"{where}.matches[{m}]", pair, 0, 2 * MAX_CLASSES) for m, pair in enumerate(matches)]
            if any(len(pair) != 2 for pair in pairs):
                raise InputError(f"{path}: {where}.matches must hold pairs")
            return Tournament(
                tuple((pair[0], pair[1]) for pair in pairs),
                _list(path, f"{where}.shift", fields["shift"], 0, MAX_VALUE_BITS),
                _list(path, f"{where}.width", fields["width"], 1, MAX_VALUE_BITS),
            )
        case "masked_sum":
            return MaskedSum(*(arrays[f"{number}.{name}"] for name in (*TERM_ARRAYS, "bias")))
        case "logic":
            fields = _fields(path, where, item, ("kind", "netlist"))
            return Logic(netlist_files.from_json(json.dumps(fields["netlist"]), f"{path}: {where}.netlist"))
        case kind:
            raise InputError(f"{path}: {where}.kind {kind!r:.60} is not known")


def _check_chain(folder: Path, network: IntegerNetwork) -> None:
    """Shapes fit from layer to layer, labels are below `classes`, trees are trees, and no value can overflow."""
    source, arrays = folder / "network.json", folder / "network.npz"
    width, signed = len(network.inputs), False
    # Bounds in whole numbers of any size: int64 might overflow before it could be compared.
    highest = max(2**item.bits - 1 for item in network.inputs)
    for number, layer in enumerate(network.layers):
        where = f"layers[{number}]"
        final = number == len(network.layers) - 1
        match layer:
            case Dense():
                if layer.weights.shape[1] != width:
                    raise InputError(f"{source}: {where}.inputs must be {width}, what comes before it gives")
                largest = _row_bounds(layer, highest)
                if largest >= 2**MAX_VALUE_BITS:
                    raise InputError(f"{arrays}: {where}.weights: a sum may need more than {MAX_VALUE_BITS} bits")
                width, highest, signed = len(layer.bias), largest, True
            case MaskedSum():
                if signed:
                    raise InputError(f"{source}: {where}: masked_sum must follow the inputs or a clipped_relu")
                width, highest, signed = len(layer.bias), _check_terms(arrays, where, layer, width, highest), True
            case ClippedReLU():
                for name, value in (("shift", layer.shift), ("bits", layer.bits)):
                    if isinstance(value, tuple) and len(value) != width:
                        raise InputError(
                            f"{source}: {where}.{name} must be one number or {width}, one for each neuron"
                        )
                signed = False
                highest = max(min(highest >> shift, 2**bits - 1) for shift, bits in layer.of_each(width))
            case Tournament():
                if not final or width != network.classes:
                    raise InputError(f"{source}: {where}: tournament must come last, after {network.classes} scores")
                _check_tournament(source, where, layer, width)
            case ArgMax():
                if not final or width != network.classes:
                    raise InputError(f"{source}: {where}: arg_max must come last, after {network.classes} scores")
            case DecisionTree():
                if not final:
                    raise InputError(f"{source}: {where}: decision_tree must come last")
                _check_tree(arrays, where, layer, width, network.classes)
            case Logic():
                if not final or number:
                    raise InputError(f"{source}: {where}: logic must be the only layer")
                _check_ports(source, where, layer, network)
    if not network.is_classifier and width != network.classes:
        raise InputError(f"{source}: classes must be {width}, the number of scores")


def _row_bounds(layer: Dense, highest: int) -> int:
    """Largest magnitude of any partial sum for inputs of magnitude up to `highest`, as a Python int."""
    totals = np.abs(layer.weights.astype(object)).sum(axis=1) * highest + np.abs(layer.bias.astype(object))
    return int(totals.max())


def _check_terms(path: Path, where: str, layer: MaskedSum, width: int, highest: int) -> int:
    """Largest magnitude of any partial sum, after every term is found to name an input, an output and a shift."""
    for name, low, high in (
        ("output", 0, len(layer.bias) - 1),
        ("source", 0, width - 1),
        ("sign", -1, 1),
        ("shift", 0, MAX_VALUE_BITS),
        ("mask", 0, 2**MAX_VALUE_BITS - 1),
    ):
        values = getattr(layer, name)
        if ((values < low) | (values > high)).any():
            raise InputError(f"{path}: {where}.{name} must be in {low}..{high}")
    if (layer.sign == 0).any():
        raise InputError(f"{path}: {where}.sign must be 1 or -1")
    totals: list[int] = [abs(bias) for bias in layer.bias.tolist()]
    top = 2 ** highest.bit_length() - 1
    for output, mask, shift in zip(layer.output.tolist(), layer.mask.tolist(), layer.shift.tolist(), strict=True):
        totals[output] += (mask & top) << shift
    if max(totals) >= 2**MAX_VALUE_BITS:
        raise InputError(f"{path}: {where}.shift: a sum may need more than {MAX_VALUE_BITS} bits")
    return max(totals)


def _check_tournament(path: Path, where: str, layer: Tournament, scores: int) -> None:
    """Every contestant but the last plays one match, after it is known."""
    if not len(layer.matches) == len(layer.shift) == len(layer.width) == scores - 1:
        raise InputError(f"{path}: {where}: matches, shift and width must have {scores - 1} items")
    players = [k for match in layer.matches for k in match]
    known = all(max(match) < scores + m for m, match in enumerate(layer.matches))
    if not known or sorted(players) != list(range(2 * scores - 2)):
        raise InputError(f"{path}: {where}: every contestant but the winner must play one match, after it is known")
    if any(shift + width > MAX_VALUE_BITS for shift, width in zip(layer.shift, layer.width, strict=True)):
        raise InputError(f"{path}: {where}: a key must end below bit {MAX_VALUE_BITS}")


def _check_ports(path: Path, where: str, layer: Logic, network: IntegerNetwork) -> None:
    """One input port of the right width to each input, and one output port that holds a label."""
    widths = [port.width for port in layer.netlist.inputs]
    if widths != [item.bits for item in network.inputs]:
        raise InputError(f"{path}: {where}.netlist.inputs must have the widths of the network's inputs")
    if [port.width for port in layer.netlist.outputs] != [label_bits(network)]:
        raise InputError(f"{path}: {where}.netlist.outputs must be one port of {label_bits(network)} bits")


def _check_tree(path: Path, where: str, tree: DecisionTree, width: int, classes: int) -> None:
    """Every node but the first is the child of exactly one node before it; features and labels exist."""
    nodes = np.arange(len(tree.feature))
    if (tree.feature < -1).any() or (tree.feature >= width).any():
        raise InputError(f"{path}: {where}.feature must be -1 or an input below {width}")
    inner = tree.feature >= 0
    if (np.abs(tree.threshold.astype(object)) >= 2**MAX_VALUE_BITS).any():
        raise InputError(f"{path}: {where}.threshold needs more than {MAX_VALUE_BITS} bits")
    for name, children in (("left", tree.left), ("right", tree.right)):
        if (children[inner] <= nodes[inner]).any() or (children[inner] >= len(nodes)).any():
            raise InputError(f"{path}: {where}.{name} must name a node after its parent")
        if (children[~inner] != -1).any():
            raise InputError(f"{path}: {where}.{name} of a leaf must be -1")
    below = np.concatenate([tree.left[inner], tree.right[inner]])
    if len(below) != len(nodes) - 1 or len(np.unique(below)) != len(below):
        raise InputError(f"{path}: {where}: every node but the first must be the child of exactly one")
    if (tree.label < 0).any() or (tree.label >= classes).any():
        raise InputError(f"{path}: {where}.label must be below {classes}")

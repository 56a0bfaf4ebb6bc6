"""Reading and writing an `IntegerNetwork`: network.json (what it is) and network.npz (its arrays), never pickle.

The nodes' form is `inkling.approx.reference.graph_files`'s; what the arrays mean is defined in
`inkling.approx.reference.network`.
"""

from pathlib import Path

from inkling.approx.reference import graph_files, version_1
from inkling.approx.reference.graph_files import exactly, whole
from inkling.approx.reference.network import INPUTS, Input, IntegerNetwork, Threshold, check
from inkling.train.errors import InputError

SCHEMA = "inkling.integer-network"
VERSION = 2

MAX_JSON_BYTES = 4 * 2**20
MAX_INPUTS = 4096
MAX_CLASSES = 4096
MAX_ITEMS = 2**22
MAX_INPUT_BITS = 32
KEYS = ("schema", "version", "classes", "inputs", "nodes", "outputs")


def save(network: IntegerNetwork, folder: Path) -> None:
    """Write both files into an existing folder, each beside and then renamed; equal networks give equal bytes."""
    fields, arrays = graph_files.described(network.graph)
    inputs = [
        {"name": item.name, "column": item.column, "bits": item.bits, "drop": item.drop}
        | ({} if item.threshold is None else {"threshold": vars(item.threshold)})
        for item in network.inputs
    ]
    head = {"schema": SCHEMA, "version": VERSION, "classes": network.classes, "inputs": inputs}
    graph_files.write(folder / "network.json", head | fields, arrays)


def load(folder: str | Path) -> IntegerNetwork:
    """Read a network, of this version or of version 1.

    Raises InputError, naming the file and the field, for anything that `save` does not write.
    """
    source = Path(folder) / "network.json"
    document = graph_files.document(source, MAX_JSON_BYTES)
    names: dict[str, str] = {}
    if version_1.is_one(document, SCHEMA):
        document, names = version_1.network(source, document)
    fields = exactly(source, "document", document, KEYS)
    if fields["schema"] != SCHEMA or fields["version"] != VERSION or isinstance(fields["version"], bool):
        raise InputError(f"{source}: schema is not {SCHEMA!r} version {VERSION}; write the network again")
    classes = whole(source, "classes", fields["classes"], 1, MAX_CLASSES)
    inputs = _inputs(source, fields["inputs"])
    shapes = graph_files.expected(source, fields["nodes"], MAX_ITEMS)
    arrays = graph_files.read(source.with_suffix(".npz"), shapes, names)
    network = IntegerNetwork(inputs, graph_files.graph(source, (INPUTS,), fields, arrays), classes)
    try:
        check(network)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    return network


def _inputs(source: Path, described: object) -> tuple[Input, ...]:
    if not isinstance(described, list) or not 1 <= len(described) <= MAX_INPUTS:
        raise InputError(f"{source}: inputs must be a list of 1 to {MAX_INPUTS}")
    found = []
    for number, item in enumerate(described):
        where = f"inputs[{number}]"
        threshold = _threshold(source, where, item)
        names = ("name", "column", "bits", "drop", *(["threshold"] if threshold else []))
        fields = exactly(source, where, item, names)
        name = fields["name"]
        if not isinstance(name, str) or not len(name) <= graph_files.MOST_NAME:
            raise InputError(f"{source}: {where}.name must be text of at most {graph_files.MOST_NAME} characters")
        found.append(
            Input(
                name,
                whole(source, f"{where}.column", fields["column"], 0, 10 * MAX_INPUTS),
                whole(source, f"{where}.bits", fields["bits"], 1, MAX_INPUT_BITS),
                whole(source, f"{where}.drop", fields["drop"], 0, MAX_INPUT_BITS),
                threshold,
            )
        )
        if threshold is not None and (found[-1].bits, found[-1].drop) != (1, 0):
            raise InputError(f"{source}: {where} is a threshold, so its bits must be 1 and its drop 0")
    return tuple(found)


def _threshold(source: Path, where: str, item: object) -> Threshold | None:
    if not isinstance(item, dict) or "threshold" not in item:
        return None
    fields = exactly(source, f"{where}.threshold", item["threshold"], ("level", "bits"))
    bits = whole(source, f"{where}.threshold.bits", fields["bits"], 1, MAX_INPUT_BITS)
    return Threshold(whole(source, f"{where}.threshold.level", fields["level"], 1, 2**bits - 1), bits)

"""Reading an ONNX file: its nodes, constants, inputs and outputs as plain data, sizes bounded before they are used.

A file may come from anywhere: data outside the file are refused. What a node means is not known here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError

MOST_BYTES = 64 * 2**20
MOST_NODES = 2000
MOST_VALUES = 2**22

# By the number of ONNX's TensorProto.DataType.
TYPES = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool",
         10: "float16", 11: "float64", 12: "uint32", 13: "uint64"}  # fmt: skip
TEXT = 8
# What users have instead of an ONNX file, by the ending of its name, and what to do.
OTHERS = {
    **dict.fromkeys((".joblib", ".pkl", ".pickle"), "a pickle runs code when it is opened, so it is not read: export "
                    "with skl2onnx, or call inkling.approx.quantise.from_sklearn.read on the fitted model"),
    **dict.fromkeys((".pt", ".pth", ".ckpt"), "a pickle of PyTorch runs code when it is opened, so it is not read: "
                    "use torch.onnx.export, or call inkling.approx.quantise.from_torch.read on the module"),
    **dict.fromkeys((".h5", ".keras", ".pb", ".tflite"), "is of TensorFlow: export with tf2onnx"),
    ".safetensors": "holds weights without layers: export the model with torch.onnx.export",
    **dict.fromkeys((".json", ".ubj", ".txt"), "is no ONNX file: export with onnxmltools or skl2onnx"),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Node:
    """One node. where: how a message names it; version: of the operator set that it is of."""

    where: str
    kind: str
    domain: str
    version: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Port:
    """An input or output of the graph: sizes of its axes, None where they are open; no shape at all: None."""

    name: str
    type: int
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph as the file has it; inputs are those that no constant of the file feeds."""

    nodes: tuple[Node, ...]
    constants: dict[str, NDArray[Any]]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def parse(path: Path) -> Any:
    """The file as onnx.ModelProto. Raises InputError for what is no ONNX file, saying what to do."""
    import onnx
    from google.protobuf.message import DecodeError

    if path.suffix.lower() in OTHERS and path.exists():
        raise InputError(f"{path}: {OTHERS[path.suffix.lower()]}")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: larger than {MOST_BYTES // 2**20} MiB; a bespoke circuit takes small networks")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give an ONNX file") from error
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(content)
    except (DecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not an ONNX file ({type(error).__name__}); export the model again") from error
    if not proto.graph.node:
        raise InputError(f"{path}: holds no ONNX graph; export the model again")
    return proto


def graph_of(proto: Any) -> Graph:
    """The graph of a model. Raises InputError for sizes beyond the bounds and for kinds of data that are not read."""
    graph = proto.graph
    if len(graph.node) > MOST_NODES:
        raise InputError(f"{len(graph.node)} nodes; at most {MOST_NODES} can be converted")
    if graph.sparse_initializer:
        raise InputError("sparse weights cannot be read; export dense ones")
    room = [MOST_VALUES]
    constants = {tensor.name: _array(tensor, room) for tensor in graph.initializer}
    versions = {item.domain: int(item.version) for item in proto.opset_import}
    nodes = []
    for position, node in enumerate(graph.node):
        where = f"node {node.name or position!r:.60} ({node.op_type:.40})"
        domain = "" if node.domain == "ai.onnx" else node.domain
        nodes.append(
            Node(
                where,
                node.op_type,
                domain,
                versions.get(node.domain, versions.get(domain, 1)),
                tuple(node.input),
                tuple(node.output),
                dict(_attributes(node, where, room)),
            )
        )
    inputs = tuple(_port(item) for item in graph.input if item.name not in constants)
    return Graph(tuple(nodes), constants, inputs, tuple(_port(item) for item in graph.output))


def _port(item: Any) -> Port:
    tensor = item.type.tensor_type
    if not tensor.HasField("shape"):
        return Port(item.name, int(tensor.elem_type), None)
    shape = tuple(int(dim.dim_value) if dim.dim_value > 0 else None for dim in tensor.shape.dim)
    return Port(item.name, int(tensor.elem_type), shape)


def _attributes(node: Any, where: str, room: list[int]) -> Iterator[tuple[str, Any]]:
    for item in node.attribute:
        match item.type:
            case 1:
                yield item.name, float(item.f)
            case 2:
                yield item.name, int(item.i)
            case 3:
                yield item.name, item.s.decode("utf-8", "replace")
            case 4:
                yield item.name, _array(item.t, room)
            case 6 | 7 | 8:
                held = {6: item.floats, 7: item.ints, 8: item.strings}[item.type]
                room[0] -= len(held)
                if room[0] < 0:
                    raise InputError(f"{where} holds too many values; a bespoke circuit takes small networks")
                yield item.name, [v.decode("utf-8", "replace") if item.type == 8 else v for v in held]
            case kind:
                raise InputError(
                    f"{where}: attribute {item.name!r:.40} of kind {kind} (a graph inside a node) cannot be "
                    "converted; export without control flow"
                )


def _array(tensor: Any, room: list[int]) -> NDArray[Any]:
    """A tensor's values after its size is bounded; texts become objects."""
    where = f"tensor {tensor.name!r:.60}"
    if tensor.data_location == 1 or len(tensor.external_data):
        raise InputError(f"{where} lies in another file; save the model with its weights inside")
    shape = [int(size) for size in tensor.dims]
    count = 1
    for size in shape:
        if size < 0 or len(shape) > 8:
            raise InputError(f"{where} has the shape {shape}; export the model again")
        count *= size
        if count > MOST_VALUES:
            raise InputError(f"{where} is too large; at most {MOST_VALUES} weights can be converted")
    room[0] -= max(count, 1)
    if room[0] < 0:
        raise InputError(f"more than {MOST_VALUES} values in all; a bespoke circuit takes small networks")
    if tensor.data_type == TEXT:
        if len(tensor.string_data) != count:
            raise InputError(f"{where} holds {len(tensor.string_data)} texts for the shape {shape}")
        return np.array([text.decode("utf-8", "replace") for text in tensor.string_data], object).reshape(shape)
    if tensor.data_type not in TYPES:
        raise InputError(f"{where} is of type {tensor.data_type}, which cannot be read; export as float32")
    kind = np.dtype(TYPES[tensor.data_type])
    if tensor.raw_data:
        if len(tensor.raw_data) != count * kind.itemsize:
            raise InputError(f"{where} holds {len(tensor.raw_data)} bytes for the shape {shape}; it is damaged")
        return np.frombuffer(tensor.raw_data, kind.newbyteorder("<")).reshape(shape).astype(kind)
    if tensor.data_type == 10:
        held: Any = np.array(tensor.int32_data, np.int64).astype(np.uint16).view(np.float16)
    else:
        field = {1: "float_data", 7: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data"}
        held = np.array(getattr(tensor, field.get(tensor.data_type, "int32_data")))
    if held.size != count:
        raise InputError(f"{where} holds {held.size} values for the shape {shape}; it is damaged")
    array: NDArray[Any] = held.astype(kind).reshape(shape)
    return array

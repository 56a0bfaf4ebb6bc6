"""From an ONNX or QONNX file to an `AffineModel`: a chain of operations from one input, checked before it is used.

A file may come from anywhere: its size, shapes and types are bounded, and data outside the file are refused. What
each operator means lives in `inkling.approx.quantise.onnx_operators`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.onnx_operators import Chain, Ended, apply, fold
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import Affine, AffineModel, Task, model

MOST_BYTES = 64 * 2**20
MOST_NODES = 2000
MOST_VALUES = 2**22
MOST_FOLDED = 2**24  # values that folding constants may make in all

# By the number of ONNX's TensorProto.DataType.
_TYPES = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool",
          10: "float16", 11: "float64", 12: "uint32", 13: "uint64"}  # fmt: skip


def read(path: str | Path, *, task: Task = "classification") -> AffineModel:
    """The function of a model file. Raises InputError, naming the file, the node and what to do."""
    import onnx
    from google.protobuf.message import DecodeError

    path = Path(path)
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
    with np.errstate(all="ignore"):  # weights that are not finite are refused at the end
        try:
            return _graph(proto.graph, path, task)
        except InputError as error:
            raise error if str(error).startswith(str(path)) else InputError(f"{path}: {error}") from error
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, ZeroDivisionError, MemoryError) as error:
            raise InputError(
                f"{path}: shapes or types do not fit together ({str(error)[:120]}); export the model again"
            ) from error


def _graph(graph: Any, path: Path, task: Task) -> AffineModel:
    if len(graph.node) > MOST_NODES:
        raise InputError(f"{path}: {len(graph.node)} nodes; at most {MOST_NODES} can be converted")
    values: dict[str, Any] = {}
    room = [MOST_VALUES]
    for tensor in graph.initializer:
        values[tensor.name] = _array(tensor, path, room)
    if graph.sparse_initializer:
        raise InputError(f"{path}: sparse weights cannot be read; export dense ones")
    fed = [item for item in graph.input if item.name not in values]
    if len(fed) != 1:
        raise InputError(f"{path}: {len(fed)} inputs; export a model with one input of all features")
    width = _width(fed[0])
    start = Chain((), width)
    values[fed[0].name] = start
    folded = 0
    last, classes = start, tuple[str, ...]()
    for position, node in enumerate(graph.node):
        where = f"node {node.name or position!r} ({node.op_type})"
        attributes = dict(_attributes(node, path, room))
        given = [_value(values, name, where) if name else None for name in node.input]
        moving = [item for item in given if isinstance(item, Chain | Ended)]
        if not moving:
            found: Any = fold(node.op_type, given, attributes, where)
            folded += found.size
            if folded > MOST_FOLDED:
                raise InputError(f"{path}: {where} makes too many constants; export the model simplified")
        else:
            found = apply(node.op_type, given, attributes, where)
        if isinstance(found, Chain):
            last = found
        if isinstance(found, Ended) and found.classes:
            classes = found.classes
        for name in node.output:
            values[name] = found
    if task == "regression" and any(isinstance(values.get(item.name), Ended) for item in graph.output):
        raise InputError(
            f"{path}: ends in a softmax, sigmoid or arg-max, so it is no regression; leave out the option"
        )
    for item in graph.output:
        if item.name not in values:
            raise InputError(f"{path}: output {item.name!r:.60} is made by no node; export the model again")
    ends = [values[item.name] for item in graph.output]
    if not any(end is last or (isinstance(end, Ended) and end.chain is last) for end in ends):
        raise InputError(f"{path}: the outputs do not follow from the last layer; export a plain chain of layers")
    if last.width is None or not any(isinstance(o, Affine) for o in last.operations):
        raise InputError(f"{path}: there is no layer with weights; nothing can be converted")
    inputs = width or last.first_width
    if inputs is None:
        raise InputError(f"{path}: the number of inputs cannot be told; export the model with a fixed input shape")
    codes = last.input_codes * (inputs if len(last.input_codes) == 1 else 1)
    if len(codes) not in (0, inputs):
        raise InputError(f"{path}: {len(codes)} input quantisers for {inputs} inputs; give one, or one for each")
    if len(classes) == 2 and last.width == 1:
        pass  # one output whose sign decides between two classes
    elif classes and len(classes) != last.width:
        classes = ()
    kind = "QONNX" if any(node.op_type == "Quant" for node in graph.node) else "ONNX"
    return model(
        last.operations,
        inputs,
        task,
        classes=classes if task == "classification" else (),
        input_codes=codes,
        source=f"{kind} file {path.name}",
    )


def _value(values: dict[str, Any], name: str, where: str) -> Any:
    if name not in values:
        raise InputError(f"{where} reads {name!r:.60}, which nothing before it makes; export the model again")
    return values[name]


def _width(item: Any) -> int | None:
    """Features of an input [rows, features] (or an image, flattened); None where the file does not say."""
    shape = item.type.tensor_type.shape.dim
    if not len(shape):
        return None
    sizes = [int(dim.dim_value) for dim in shape[1:]] if len(shape) > 1 else [int(shape[0].dim_value)]
    if any(size < 1 for size in sizes):
        return None
    total = 1
    for size in sizes:
        total *= size
        if total > MOST_VALUES:
            raise InputError(f"an input of shape {sizes} is too large for a bespoke circuit")
    return total


def _attributes(node: Any, path: Path, room: list[int]) -> Iterator[tuple[str, Any]]:
    for item in node.attribute:
        match item.type:
            case 1:
                yield item.name, float(item.f)
            case 2:
                yield item.name, int(item.i)
            case 3:
                yield item.name, item.s.decode("utf-8", "replace")
            case 4:
                yield item.name, _array(item.t, path, room)
            case 6:
                yield item.name, [float(value) for value in item.floats]
            case 7:
                yield item.name, [int(value) for value in item.ints]
            case 8:
                yield item.name, [value.decode("utf-8", "replace") for value in item.strings]
            case kind:
                raise InputError(
                    f"{path}: node {node.name or node.op_type!r}: attribute {item.name!r:.40} of kind {kind} "
                    "(a graph inside a node) cannot be converted; export without control flow"
                )


def _array(tensor: Any, path: Path, room: list[int]) -> NDArray[Any]:
    """A tensor's values after its size is bounded; texts become objects."""
    where = f"{path}: tensor {tensor.name!r:.60}"
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
        raise InputError(f"{path}: more than {MOST_VALUES} values in all; a bespoke circuit takes small networks")
    if tensor.data_type == 8:
        if len(tensor.string_data) != count:
            raise InputError(f"{where} holds {len(tensor.string_data)} texts for the shape {shape}")
        return np.array([text.decode("utf-8", "replace") for text in tensor.string_data], object).reshape(shape)
    if tensor.data_type not in _TYPES:
        raise InputError(f"{where} is of type {tensor.data_type}, which cannot be read; export as float32")
    kind = np.dtype(_TYPES[tensor.data_type])
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

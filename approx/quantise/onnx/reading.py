"""Reading a graph node by node: every name becomes a constant, values, scores, a label, or a refusal for later.

What a node means is in the modules beside this one; a refused node matters only where the decision needs it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from inkling.approx.quantise.onnx import decisions, scores
from inkling.approx.quantise.onnx.activations import ACTIVATIONS
from inkling.approx.quantise.onnx.arithmetic import AFFINE, folded
from inkling.approx.quantise.onnx.file import Graph, Node, Port
from inkling.approx.quantise.onnx.patterns import rewritten
from inkling.approx.quantise.onnx.quantisers import KINDS, dequantise, of_inputs, quantise
from inkling.approx.quantise.onnx.structure import JOINING, MOVING, ROWS, move
from inkling.approx.quantise.onnx.values import Context, Given, Label, Refused, Scores, computed
from inkling.approx.quantise.onnx.windows import WINDOWS
from inkling.train.errors import InputError
from inkling.train.networks.piecewise_linear import Builder, Values

MOST_FOLDED = 2**24  # values that folding constants may make in all
FLOATS, WHOLE = (1, 10, 11), (2, 3, 4, 5, 6, 7, 12, 13)
# What may read whole numbers as they are.
_TAKE_WHOLE = frozenset(
    ["Cast", "Scaler", "LinearClassifier", "LinearRegressor", "FeatureVectorizer", "Identity", "Reshape", "Flatten"]
)

OPERATORS: dict[str, Callable[[Node, Given, Context], list[Any]]] = {
    **AFFINE,
    **ACTIVATIONS,
    **WINDOWS,
    **scores.SCORES,
    **decisions.DECISIONS,
    **dict.fromkeys(KINDS, quantise),
    "DequantizeLinear": dequantise,
}
# What is asked for most and cannot be converted, and what to do.
_ADVICE = {
    **dict.fromkeys(
        ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble"),
        "a forest cannot be converted: let inkling search a tree or gates on the table (`inkling run TABLE`)",
    ),
    **dict.fromkeys(("LSTM", "GRU", "RNN", "Scan"), "a recurrent layer cannot be converted: train dense layers"),
    **dict.fromkeys(("If", "Loop"), "control flow cannot be converted: export for fixed shapes"),
    **dict.fromkeys(
        ("SVMClassifier", "SVMRegressor"), "a kernel machine cannot be converted: train LinearSVC or an MLP"
    ),
    "Normalizer": "a norm of the inputs cannot be converted: scale each column alone (StandardScaler)",
    "OneHotEncoder": "cannot be converted: encode the table's columns before training",
    **dict.fromkeys(("LayerNormalization", "InstanceNormalization"), "cannot be converted: use BatchNormalization"),
    **dict.fromkeys(
        ("Gelu", "HardSwish", "Swish", "Mish", "Sin", "Cos", "Pow"), "cannot be converted: retrain with ReLU"
    ),
}
KNOWN = (
    "dense layers, convolutions, ReLU, clips, quantisers, batch normalisation and moves of columns, with softmax, "
    "sigmoid, arg-max or a threshold at the end"
)


def read(graph: Graph) -> tuple[dict[str, Any], Context]:
    """What every name of the graph stands for. Raises InputError where the inputs cannot be read."""
    graph = rewritten(graph)
    constants: dict[str, Any] = dict(graph.constants)
    room = [MOST_FOLDED]
    for node in graph.nodes:
        if all(not name or isinstance(constants.get(name), np.ndarray) for name in node.inputs):
            _enter(constants, node, _constant(node, [constants.get(name) for name in node.inputs], room))
    shapes = [_shape(port, graph, constants) for port in graph.inputs]
    if not shapes:
        raise InputError("0 inputs; export a model with one input of all features")
    builder = Builder(sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes))
    first = graph.inputs[0].shape
    context = Context(builder, first[0] if first and first[0] else -1)
    start, at = builder.start().stack, 0
    values = dict(constants)
    for port, shape in zip(graph.inputs, shapes, strict=True):
        size = int(np.prod(shape, dtype=np.int64))
        values[port.name] = Values(0, start[:, at : at + size].reshape(-1, *shape))
        at += size
    for node in graph.nodes:
        if any(name in values for name in node.outputs if name in constants and name):
            continue
        _enter(values, node, _outputs(node, values, graph, context))
    return values, context


def _enter(values: dict[str, Any], node: Node, made: list[Any]) -> None:
    for name, item in zip(node.outputs, made, strict=False):
        if name:
            values[name] = item


def _constant(node: Node, given: Given, room: list[int]) -> list[Any]:
    try:
        if node.kind in MOVING:
            made: list[Any] = move(node, list(given) if node.kind in JOINING else [given[0]], given, 0)
        else:
            result = folded(node, given)
            if result is None:
                raise InputError(f"{node.where} of constants cannot be converted: export the model simplified")
            made = [result]
        room[0] -= sum(array.size for array in made)
        if room[0] < 0 or max(array.ndim for array in made) > 8:
            raise InputError(f"{node.where} makes too many constants; export the model simplified")
        return made
    except InputError as error:
        return [Refused(error)] * len(node.outputs)
    except ARITHMETIC as error:
        return [Refused(_unfit(node, error))] * len(node.outputs)


ARITHMETIC = (
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    MemoryError,
)


def _unfit(node: Node, error: BaseException) -> InputError:
    return InputError(
        f"{node.where}: shapes or types do not fit together ({str(error)[:120]!r}); export the model again"
    )


def _outputs(node: Node, values: dict[str, Any], graph: Graph, context: Context) -> list[Any]:
    given: list[Any] = []
    for name in node.inputs:
        if name and name not in values:
            error = InputError(
                f"{node.where} reads {name!r:.60}, which nothing before it makes; export the model again"
            )
            return [Refused(error)] * len(node.outputs)
        given.append(values[name] if name else None)
    if refused := next((item for item in given if isinstance(item, Refused)), None):
        return [refused] * len(node.outputs)
    if all(item is None or isinstance(item, np.ndarray) for item in given):
        return _constant(node, given, [MOST_FOLDED])
    try:
        return _apply(node, given, graph, context)
    except InputError as error:
        named = str(error).startswith(node.where)
        return [Refused(error if named else InputError(f"{node.where}: {error}"))] * len(node.outputs)
    except ARITHMETIC as error:
        return [Refused(_unfit(node, error))] * len(node.outputs)


def _apply(node: Node, given: list[Any], graph: Graph, context: Context) -> list[Any]:
    kind = node.kind
    if node.domain not in ("", "ai.onnx.ml") and kind not in KINDS:
        raise InputError(
            f"{node.where} is of the domain {node.domain!r:.40}, which is not read: export to plain ONNX"
        )
    if any(isinstance(item, Label) for item in given):
        return decisions.follow(node, given, context)
    if (
        any(isinstance(item, Scores) for item in given)
        and kind not in scores.SCORES
        and kind not in decisions.DECISIONS
    ):
        return scores.apply(node, given, context)
    if kind == "ZipMap" and isinstance(given[0], Scores):
        return scores.apply(node, given, context)
    ports = [port for port in graph.inputs if port.name in node.inputs]
    if any(port.type in WHOLE for port in ports) and kind not in _TAKE_WHOLE:
        raise InputError(f"{node.where} reads whole numbers: export the model with a float input")
    if len(ports) == 1 == len(graph.inputs) and kind in KINDS and _readers(graph, ports[0].name) == 1:
        taken = of_inputs(node, given, computed(given[0], node), context)
        if taken is not None:
            return taken
    if kind in MOVING:
        return _moved(node, given, context)
    if kind == "Shape":
        shape = np.array([ROWS, *computed(given[0], node).shape], object)
        return [shape[node.attributes.get("start", 0) : node.attributes.get("end")]]
    if kind == "Cast":
        if node.attributes.get("to", 1) not in FLOATS:
            raise InputError(
                f"{node.where} turns computed values to whole numbers, which cannot be converted: use Quant"
            )
        return [computed(given[0], node)]
    if kind not in OPERATORS or (kind == "Normalizer"):
        raise InputError(f"{node.where} {_ADVICE.get(kind, 'cannot be converted: use ' + KNOWN)}")
    return OPERATORS[kind](node, given, context)


def _moved(node: Node, given: list[Any], context: Context) -> list[Any]:
    moving = (
        [item for item in given if isinstance(item, Values)] if node.kind in JOINING else [computed(given[0], node)]
    )
    if node.kind in JOINING and len(moving) != len(given):
        raise InputError(f"{node.where} joins computed values with constants, which cannot be converted")
    parts = context.builder.joined(moving)
    made = move(node, [part.stack for part in parts], given, context.rows)
    return [context.builder.made(parts[0].level, stack) for stack in made]


def _readers(graph: Graph, name: str) -> int:
    outputs = sum(port.name == name for port in graph.outputs)
    return outputs + sum(node.inputs.count(name) for node in graph.nodes)


def _shape(port: Port, graph: Graph, constants: dict[str, Any]) -> tuple[int, ...]:
    """The shape of an input's row."""
    if port.type not in (*FLOATS, *WHOLE, 0):
        raise InputError(
            f"input {port.name!r:.60} is of a type that is not numeric; encode the columns before training"
        )
    if port.shape is not None and len(port.shape) < 2:
        raise InputError(f"input {port.name!r:.60} has no axis of rows: export it with the shape [rows, features]")
    if port.shape is not None and None not in port.shape[1:]:
        if int(np.prod([float(size or 1) for size in port.shape[1:]])) > 2**22:
            raise InputError(f"an input of shape {list(port.shape)} is too large for a bespoke circuit")
        return tuple(int(size or 1) for size in port.shape[1:])
    width = _width(port.name, graph, constants) if port.shape is None or len(port.shape) == 2 else None
    if width is None:
        raise InputError("the number of inputs cannot be told; export the model with a fixed input shape")
    return (width,)


def _width(name: str, graph: Graph, constants: dict[str, Any]) -> int | None:
    """Features of an input whose shape is open, by the first constants that it meets."""
    for _ in graph.nodes:
        node = next((node for node in graph.nodes if name in node.inputs), None)
        if node is None:
            return None
        others = [constants[other] for other in node.inputs if isinstance(constants.get(other), np.ndarray)]
        match node.kind:
            case "Gemm" if others:
                return int(others[0].shape[1 if node.attributes.get("transB", 0) else 0])
            case "MatMul" if others:
                return int(others[0].shape[-2 if name == node.inputs[0] and others[0].ndim > 1 else -1])
            case "LinearRegressor" | "LinearClassifier":
                outputs = len(node.attributes.get("intercepts") or [0])
                return len(node.attributes.get("coefficients", [])) // outputs or None
            case "Scaler" if len(node.attributes.get("offset", [])) > 1:
                return len(node.attributes["offset"])
            case "Flatten" | "Identity" | "Cast" | "Relu" | "Clip" | "Imputer" | "Scaler" | "Dropout" | "Quant":
                pass
            case "Add" | "Sub" | "Mul" | "Div" | "BatchNormalization":
                sizes = {other.shape[-1] for other in others if other.ndim and other.shape[-1] > 1}
                if len(sizes) == 1:
                    return int(sizes.pop())
            case _:
                return None
        name = node.outputs[0]
    return None

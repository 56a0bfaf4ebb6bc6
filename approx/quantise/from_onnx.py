"""From an ONNX or QONNX file to an `AffineModel`, and to what runs the file itself beside it.

How files are read and what their operators mean lives in `inkling.approx.quantise.onnx`.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inkling.approx.quantise.onnx.answers import Answers, answers
from inkling.approx.quantise.onnx.decisions import Decided, Decision, decide
from inkling.approx.quantise.onnx.file import Graph, Port, graph_of, parse
from inkling.approx.quantise.onnx.quantisers import KINDS
from inkling.approx.quantise.onnx.reading import read as values_of
from inkling.approx.quantise.onnx.values import Context, Label, Refused
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import AffineModel, Task
from inkling.train.networks.piecewise_linear import Values

_LABEL_TYPES = (2, 3, 4, 5, 6, 7, 8, 9, 12, 13)  # whole numbers, texts and booleans


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """A file's function as layers, how its outputs are read, and its inputs' names.

    model: what was read; an index of its outputs is a class (`AffineModel.classes`, `AffineModel.order`). columns:
    the names of the inputs where each takes one column, else empty.
    """

    model: AffineModel
    decision: Decision
    columns: tuple[str, ...]
    _proto: Any
    _graph: Graph

    def answers(self, *, runtime: bool = True) -> Answers:
        """What runs the file itself: ONNX Runtime where it is installed and wanted, else onnx's reference evaluator.

        Raises InputError where neither takes the file.
        """
        return answers(self._proto, self._graph, self.decision, runtime=runtime)


def read(path: str | Path, *, task: Task = "classification") -> AffineModel:
    """The function of a model file.

    Parameters
    ----------
    path
        An ONNX or QONNX file with its weights inside.
    task
        "classification", whose largest output decides, or "regression", whose outputs are its values.

    Raises
    ------
    InputError
        The file, the node and what to do, for whatever cannot be converted.
    """
    return load(path, task=task).model


def load(path: str | Path, *, task: Task = "classification") -> OnnxModel:
    """The function of a model file with what is needed to run the file itself. Raises InputError as `read` does."""
    path = Path(path)
    proto = parse(path)
    with np.errstate(all="ignore"):  # weights that are not finite are refused at the end
        try:
            graph = graph_of(proto)
            values, context = values_of(graph)
            decided = _decided(graph, values, context, task)
            kind = "QONNX" if any(node.kind in KINDS and node.domain for node in graph.nodes) else "ONNX"
            made = context.builder.finish(decided.values, task, decided.classes, f"{kind} file {path.name}")
            model = replace(made, order=() if decided.order == tuple(range(made.shape[-1])) else decided.order)
        except InputError as error:
            raise error if str(error).startswith(str(path)) else InputError(f"{path}: {error}") from error
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, ZeroDivisionError, MemoryError) as error:
            raise InputError(
                f"{path}: shapes or types do not fit together ({str(error)[:120]!r}); export the model again"
            ) from error
    single = all(port.shape is not None and port.shape[1:] == (1,) for port in graph.inputs)
    columns = tuple(port.name for port in graph.inputs) if single and len(graph.inputs) > 1 else ()
    return OnnxModel(model, decided.decision, columns, proto, graph)


def _decided(graph: Graph, values: dict[str, Any], context: Context, task: Task) -> Decided:
    """The decision of a file: its label where it gives one, else its scores."""
    for port in graph.outputs:
        if port.name not in values:
            raise InputError(f"output {port.name!r:.60} is made by no node; export the model again")
    ports = graph.outputs
    if not ports:
        raise InputError("there is no output; export the model again")
    if task == "regression":
        value = _value(values, ports[0])
        if len(ports) > 1:
            raise InputError(f"{len(ports)} outputs; export the one that is the value")
        if not isinstance(value, Values):
            raise InputError("ends in a softmax, sigmoid or arg-max, so it is no regression; leave out the option")
        flat = value.stack.reshape(len(value.stack), -1)
        return Decided(context.builder.made(value.level, flat), Decision(ports[0].name, "value"))
    labels = [port for port in graph.outputs if port.type in _LABEL_TYPES or isinstance(values[port.name], Label)]
    if labels:
        return decide(_value(values, labels[0]), labels[0], context)
    made = [decide(_value(values, port), port, context) for port in graph.outputs]
    stacks = [context.builder.joined([item.values])[0] for item in made]
    for other, item in zip(stacks[1:], graph.outputs[1:], strict=True):
        if other.level != stacks[0].level or not np.array_equal(other.stack, stacks[0].stack):
            raise InputError(
                f"outputs {graph.outputs[0].name!r:.60} and {item.name!r:.60} decide differently; export one of them"
            )
    return made[0]


def _value(values: dict[str, Any], port: Port) -> Any:
    value = values[port.name]
    if isinstance(value, Refused):
        raise value.error
    if isinstance(value, np.ndarray):
        raise InputError(f"output {port.name!r:.60} is a constant; nothing can be converted")
    return value

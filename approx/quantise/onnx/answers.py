"""Running an ONNX file itself: by ONNX Runtime where it is installed and takes the file, else by onnx's evaluator.

Only the nodes that the decision needs are run, and only those that were read before, so that sizes are bounded.
QONNX's quantisers, which neither of the two knows, are given to the evaluator by QONNX's definition.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.onnx.decisions import Decision, text_of
from inkling.approx.quantise.onnx.file import TYPES, Graph, Node
from inkling.approx.quantise.onnx.quantisers import KINDS, quantised
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import Floats

# Rows that are run at once where the file takes any number: bounds what the evaluators hold.
CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Answers:
    """Runs one file. evaluator: what runs it, with its version, for reports."""

    graph: Graph
    decision: Decision
    evaluator: str
    _run: Any

    def raw(self, values: Floats) -> NDArray[Any]:
        """The deciding output as the file gives it, [rows, ...], for values, float64 [rows, inputs]."""
        rows = self.graph.inputs[0].shape
        step = rows[0] if rows and rows[0] else CHUNK
        parts = []
        for at in range(0, len(values), step):
            part = values[at : at + step]
            missing = step - len(part) if rows and rows[0] else 0
            fed = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)])
            result = np.asarray(self._run(self._feeds(fed)))
            result = result.reshape(len(fed), -1) if self.decision.kind != "label" else result.reshape(-1)
            parts.append(result[: len(part)])
        return np.concatenate(parts)

    def evaluate(self, values: Floats) -> NDArray[Any]:
        """Indices of the model's outputs, int64 [rows], -1 where the file says what none of them says; or values.

        A regression gives float64 [rows, outputs]. Raises InputError where the file cannot be run.
        """
        try:
            raw = self.raw(values)
        except InputError:
            raise
        except Exception as error:  # an evaluator raises what it likes
            raise InputError(
                f"{self.evaluator} cannot run the file: {_line(error)}; export the model again"
            ) from error
        match self.decision.kind:
            case "value":
                return raw.astype(np.float64)
            case "largest":
                return np.asarray(raw.argmax(axis=1), np.int64)
            case "above":
                return np.asarray(raw[:, 0] > self.decision.limit, np.int64)
        index = {text_of(label): k for k, label in enumerate(self.decision.labels)}
        texts = [text_of(label.decode() if isinstance(label, bytes) else label) for label in raw.tolist()]
        return np.array([index.get(text, -1) for text in texts], np.int64)

    def _feeds(self, values: Floats) -> dict[str, Any]:
        feeds, at = {}, 0
        for port in self.graph.inputs:
            shape = tuple(int(size) for size in (port.shape or (None, None))[1:] if size) or (-1,)
            size = int(np.prod(shape)) if shape != (-1,) else values.shape[1]
            part = values[:, at : at + size].reshape(len(values), *shape)
            kind = np.dtype(TYPES.get(port.type, "float32"))
            if kind.kind in "iu" and not (np.rint(part) == part).all():
                raise InputError(f"input {port.name!r:.60} takes whole numbers; the table has others in its columns")
            feeds[port.name] = part.astype(kind)
            at += size
        return feeds


def answers(proto: Any, graph: Graph, decision: Decision, *, runtime: bool = True) -> Answers:
    """What runs the file; runtime: ONNX Runtime may. Raises InputError where nothing can."""
    import onnx

    pruned = onnx.ModelProto()
    pruned.CopyFrom(proto)
    output = _source(graph, decision.output)
    needed = _needed(graph, output)
    del pruned.graph.node[:], pruned.graph.output[:], pruned.graph.initializer[:], pruned.graph.value_info[:]
    del pruned.graph.sparse_initializer[:]
    pruned.graph.node.extend(node for node, kept in zip(proto.graph.node, needed, strict=True) if kept)
    names = {name for node in pruned.graph.node for name in node.input} | {output}
    pruned.graph.initializer.extend(tensor for tensor in proto.graph.initializer if tensor.name in names)
    declared = next((item for item in proto.graph.output if item.name == output), None)
    pruned.graph.output.append(declared or onnx.helper.make_empty_tensor_value_info(output))
    kept = [node for node, used in zip(graph.nodes, needed, strict=True) if used]
    if runtime and not any(node.kind in KINDS and node.domain not in ("", "ai.onnx.ml") for node in kept):
        session = _runtime(pruned)
        if session is not None:
            return Answers(graph, decision, *session)
    from onnx.reference import ReferenceEvaluator

    try:
        evaluator = ReferenceEvaluator(pruned, new_ops=_quantisers(kept))
    except Exception as error:  # the evaluator raises what it likes
        raise InputError(f"onnx cannot run the file: {_line(error)}; export the model again") from error

    def run(feeds: dict[str, Any]) -> Any:
        with np.errstate(all="ignore"):
            return evaluator.run(None, {name: feeds[name] for name in evaluator.input_names if name in feeds})[0]

    return Answers(graph, decision, f"onnx {onnx.__version__} reference evaluator", run)


def _runtime(proto: Any) -> tuple[str, Any] | None:
    """ONNX Runtime on the file, None where it is not installed or does not take it."""
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # As the file says: fused quantisers round otherwise.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        content = proto.SerializeToString()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception:  # a newer operator set than it knows, or a kernel that it lacks
        return None
    names = {item.name for item in session.get_inputs()}

    def run(feeds: dict[str, Any]) -> Any:
        return session.run(None, {name: value for name, value in feeds.items() if name in names})[0]

    return f"onnxruntime {onnxruntime.__version__}", run


def _source(graph: Graph, output: str) -> str:
    """The output, or what a ZipMap makes a list of dictionaries of."""
    node = next((node for node in graph.nodes if output in node.outputs), None)
    return node.inputs[0] if node is not None and node.kind == "ZipMap" else output


def _needed(graph: Graph, output: str) -> list[bool]:
    wanted, needed = {output}, []
    for node in reversed(graph.nodes):
        used = any(name in wanted for name in node.outputs if name)
        needed.append(used)
        if used:
            wanted |= set(node.inputs)
    return needed[::-1]


def _quantisers(nodes: list[Node]) -> list[Any]:
    """QONNX's operators for onnx's reference evaluator, in every domain that the nodes have."""
    from onnx.reference.op_run import OpRun

    made = []
    for domain, kind in sorted({(node.domain, node.kind) for node in nodes if node.kind in KINDS and node.domain}):

        def run(self: Any, *given: Any, **attributes: Any) -> Any:
            kind = type(self).__name__
            held = {key: value for key, value in attributes.items() if value is not None}
            node = Node(kind, kind, "", 1, (), (), held)
            return (quantised(node, given).astype(given[0].dtype),)

        made.append(type(kind, (OpRun,), {"op_domain": domain, "_run": run}))
    return made


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__

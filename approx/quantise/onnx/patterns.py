"""Several nodes that say one thing, rewritten as the one node that says it; nothing else of a graph changes.

What the nodes made in between stays in the graph, and is left out where nothing else reads it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from inkling.approx.quantise.onnx.file import Graph, Node

BOOL = 9
FLOAT = 1


def rewritten(graph: Graph) -> Graph:
    """1 / (1 + exp(x)) as a sigmoid; scores divided by their sum, or by the classes' number where that is 0, as such.

    The first two are what skl2onnx makes of classifiers one against the rest with a logistic loss.
    """
    made = {node.outputs[0]: node for node in graph.nodes if len(node.outputs) == 1}
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes += _sigmoid(node, made, graph) or _normalised(node, made, graph) or [node]
    return replace(graph, nodes=tuple(nodes))


def _sigmoid(node: Node, made: Mapping[str, Node], graph: Graph) -> list[Node]:
    if node.kind != "Reciprocal":
        return []
    for name in _beside(made.get(node.inputs[0]), "Add", 1.0, graph):
        power = made.get(name)
        if power is not None and power.kind == "Exp":
            turned = f"{node.outputs[0]} turned round"
            common = {"domain": "", "version": 13, "attributes": {}}
            return [
                replace(node, kind="Neg", inputs=power.inputs, outputs=(turned,), **common),  # type: ignore[arg-type]
                replace(node, kind="Sigmoid", inputs=(turned,), **common),  # type: ignore[arg-type]
            ]
    return []


def _normalised(node: Node, made: Mapping[str, Node], graph: Graph) -> list[Node]:
    """(p + z) / (s + k z) of a sigmoid p, s its sum and z whether that is 0: p by its share of the sum."""
    if node.kind != "Div" or len(node.inputs) != 2:
        return []
    above, below = (made.get(name) for name in node.inputs)
    for p, z in _both(above, "Add"):
        for s, masked in _both(below, "Add"):
            of_sum = _sums(made.get(s), p, graph) and _is_zero(z, s, made)
            if of_sum and _positive(made.get(masked), z, graph) and p in made and _sigmoid(made[p], made, graph):
                return [replace(node, kind="Normalizer", inputs=(p,), attributes={})]
    return []


def _sums(node: Node | None, p: str, graph: Graph) -> bool:
    """Whether a node sums a row of p and keeps the axis."""
    if node is None or node.kind != "ReduceSum" or node.inputs[0] != p:
        return False
    axes = graph.constants.get(node.inputs[1]) if len(node.inputs) > 1 else node.attributes.get("axes")
    return axes is not None and np.array_equal(np.ravel(axes), [1]) and bool(node.attributes.get("keepdims", 1))


def _positive(node: Node | None, z: str, graph: Graph) -> bool:
    """Whether a node multiplies z by a constant above 0."""
    factors = [graph.constants.get(name) for one, name in _both(node, "Mul") if one == z]
    return any(factor is not None and bool((factor > 0).all()) for factor in factors)


def _is_zero(z: str, s: str, made: Mapping[str, Node]) -> bool:
    """Whether z is 1.0 where s is 0, else 0.0."""
    kinds = (("Cast", FLOAT), ("Not", 0), ("Cast", BOOL))
    for kind, to in kinds:
        node = made.get(z)
        if node is None or node.kind != kind or (to and node.attributes.get("to", 0) != to):
            return False
        z = node.inputs[0]
    return z == s


def _both(node: Node | None, kind: str) -> Iterator[tuple[str, str]]:
    """The two inputs of a node of a kind, in both orders."""
    if node is not None and node.kind == kind and len(node.inputs) == 2:
        yield node.inputs[0], node.inputs[1]
        yield node.inputs[1], node.inputs[0]


def _beside(node: Node | None, kind: str, value: float, graph: Graph) -> Iterator[str]:
    """The input of a node whose other input is a constant of this value alone, and of one axis at most."""
    for name, other in _both(node, kind):
        constant = graph.constants.get(other)
        if constant is not None and constant.shape in ((), (1,)) and float(constant.reshape(-1)[0]) == value:
            yield name

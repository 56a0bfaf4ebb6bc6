"""Scores of classes: what softmax, sigmoid and the like make of values, and all that may follow until a decision.

Only what decides is kept: a softmax of two classes is a sigmoid, a larger one is known by its order alone, 1 - p is
the sigmoid of the other sign.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from inkling.approx.quantise.onnx.arithmetic import linear
from inkling.approx.quantise.onnx.file import Node
from inkling.approx.quantise.onnx.structure import JOINING, MOVING, axis_of, move
from inkling.approx.quantise.onnx.values import Context, Given, Label, Scores, constant_row, numbers
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import Floats
from inkling.train.networks.piecewise_linear import Values

INCREASING = ("Exp", "Log", "Softplus", "Softsign", "Erf", "Elu", "Selu", "Celu", "Sqrt")
# Whose results are never negative where they read any values.
_POSITIVE = ("Exp", "Softplus", "Softmax", "Sigmoid")


def squashed(node: Node, given: Given, context: Context) -> list[Any]:
    """Softmax, Sigmoid and other increasing functions, of values or of scores."""
    source = given[0]
    values = source if isinstance(source, Values) else ordered(source, node, context)
    ones, zeros = np.ones(values.shape), np.zeros(values.shape)
    positive = node.kind in _POSITIVE or (isinstance(source, Scores) and node.kind == "Sqrt")
    if node.kind in ("Softmax", "LogSoftmax"):
        _check_row(node, values)
        if node.kind == "Softmax" and int(np.prod(values.shape)) == 2:
            return [Scores(_gap(values, context), "sigmoid", "", ones, zeros, node.where)]
    elif isinstance(source, Values) and node.kind == "Sigmoid":
        return [Scores(values, "sigmoid", "", ones, zeros, node.where)]
    elif isinstance(source, Values) and node.kind == "Tanh":
        doubled = context.builder.made(values.level, 2 * values.stack)
        return [Scores(doubled, "sigmoid", "", 2 * ones, zeros - 1, node.where)]
    if min(node.attributes.get("alpha", 1), node.attributes.get("gamma", 1)) <= 0:
        raise InputError(f"{node.where} falls somewhere, which cannot be converted; retrain with ReLU")
    if node.kind in ("Log", "Sqrt") and isinstance(source, Values):
        raise InputError(f"{node.where} of values of any sign cannot be converted; retrain with ReLU")
    return [Scores(values, "ordered", f"{node.where} {node.outputs[0]}", ones, zeros, node.where, positive)]


def _gap(values: Values, context: Context) -> Values:
    """Of two values in a row each less the other."""
    flat = values.stack.reshape(len(values.stack), 2)
    return context.builder.made(values.level, (flat - flat[:, ::-1]).reshape(values.stack.shape))


def _check_row(node: Node, values: Values) -> None:
    """Raise InputError unless a softmax takes all values of a row together."""
    rank, count = len(values.shape) + 1, int(np.prod(values.shape, dtype=np.int64))
    axis = axis_of(node, int(node.attributes.get("axis", -1 if node.version >= 13 else 1)), rank, -1)
    size = values.shape[axis - 1] if node.version >= 13 else int(np.prod(values.shape[axis - 1 :], dtype=np.int64))
    if size != count or count < 2:
        raise InputError(f"{node.where} takes {size} of the {count} values of a row: give it two or more, and all")


def normal(scores: Scores, node: Node, context: Context) -> Scores:
    """The same with every scale above 0: of a sigmoid, 1 - f(t) = f(-t)."""
    if (scores.scale == 0).any() or not np.isfinite(scores.scale).all() or not np.isfinite(scores.offset).all():
        raise InputError(f"{node.where} multiplies scores by 0 or by what is no number; export the model again")
    if (scores.scale > 0).all():
        return scores
    flipped = context.builder.made(scores.values.level, scores.values.stack * np.sign(scores.scale))
    if scores.link == "sigmoid":
        offset = np.where(scores.scale < 0, scores.offset + scores.scale, scores.offset)
        return replace(scores, values=flipped, scale=np.abs(scores.scale), offset=offset)
    if (scores.scale > 0).any():
        raise InputError(f"{node.where} compares scores of both signs, which cannot be converted")
    other = f"minus {scores.group}"
    return replace(scores, values=flipped, scale=np.abs(scores.scale), group=other, positive=False)


def ordered(scores: Any, node: Node, context: Context) -> Values:
    """Values in the order of the scores of a row. Raises InputError where their order cannot be told."""
    if not isinstance(scores, Scores):
        raise InputError(f"{node.where} goes on from a decision, which must be last; export the model without it")
    plain: Scores = normal(scores, node, context)
    if np.ptp(plain.scale) > 0 or np.ptp(plain.offset) > 0:
        raise InputError(f"{node.where} compares scores of different scales, which cannot be converted")
    return plain.values


def apply(node: Node, given: Given, context: Context) -> list[Any]:
    """Operators on scores that keep them scores."""
    moving = [item for item in given if isinstance(item, Scores)]
    first = moving[0]
    if any(isinstance(item, Values | Label) for item in given):
        raise InputError(f"{node.where} joins scores of {first.maker} with other computed values; export without")
    if node.kind in MOVING:
        return _moved(node, moving if node.kind in JOINING else [first], given, context)
    if node.kind in ("Add", "Sub", "Mul", "Div", "Neg") and len(moving) == 1:
        return [_scaled(node, first, given)]
    if node.kind == "Cast" and node.attributes.get("to", 1) in (1, 10, 11):
        return [first]
    if node.kind == "Normalizer":
        values = ordered(first, node, context)
        if not (normal(first, node, context).offset >= 0).all() or not first.positive:
            raise InputError(f"{node.where} divides scores of both signs, which cannot be converted")
        return [replace(first, values=values, link="ordered", group=node.where, scale=0 * first.scale + 1,
                        offset=0 * first.offset)]  # fmt: skip
    if node.kind == "ZipMap":
        return [replace(first, classes=_names(node))]
    raise InputError(
        f"{node.where} reads {first.maker}, which cannot be converted inside a network, only at its end; "
        "retrain with ReLU"
    )


def _moved(node: Node, moving: list[Scores], given: Given, context: Context) -> list[Any]:
    if len(moving) != len(given) and node.kind in JOINING:
        raise InputError(f"{node.where} joins scores with constants, which cannot be converted")
    moving = [normal(item, node, context) if item.link == "sigmoid" else item for item in moving]
    if len({(item.link, item.group) for item in moving}) > 1:
        raise InputError(
            f"{node.where} joins scores of {moving[0].maker} and {moving[1].maker}, which do not compare"
        )
    parts = context.builder.joined([item.values for item in moving])
    stacks, scales, offsets = (
        move(node, arrays, given, context.rows)
        for arrays in (
            [part.stack for part in parts],
            [item.scale[None] for item in moving],
            [item.offset[None] for item in moving],
        )
    )
    return [
        replace(moving[0], values=context.builder.made(parts[0].level, stack), scale=scale[0], offset=offset[0])
        for stack, scale, offset in zip(stacks, scales, offsets, strict=True)
    ]


def _scaled(node: Node, scores: Scores, given: Given) -> Scores:
    left = isinstance(given[0], Scores)
    if node.kind == "Neg":
        return replace(scores, scale=-scores.scale, offset=-scores.offset)
    if node.kind == "Div" and not left:
        raise InputError(f"{node.where} divides by scores, which cannot be converted; export without")
    row = constant_row(numbers(given[1] if left else given[0], node), scores.values.shape, node)
    shape = np.broadcast_shapes(row.shape, scores.values.shape)
    stack = np.broadcast_to(scores.values.stack, (len(scores.values.stack), *shape))
    scale, offset, row = (np.broadcast_to(part, shape) for part in (scores.scale, scores.offset, row))
    match node.kind:
        case "Add":
            offset = offset + row
        case "Sub":
            scale, offset = (scale, offset - row) if left else (-scale, row - offset)
        case "Mul":
            scale, offset = scale * row, offset * row
        case "Div":
            scale, offset = scale / row, offset / row
    return replace(scores, values=Values(scores.values.level, np.array(stack)), scale=scale, offset=offset)


def _names(node: Node) -> tuple[str, ...]:
    labels = node.attributes.get("classlabels_strings") or node.attributes.get("classlabels_int64s") or ()
    return tuple(str(label) for label in labels)


def zip_map(node: Node, given: Given, context: Context) -> list[Any]:
    """ZipMap of plain values: scores with names."""
    values: Values = given[0]
    ones, zeros = np.ones(values.shape), np.zeros(values.shape)
    return [Scores(values, "ordered", node.where, ones, zeros, node.where, False, _names(node))]


def classifier(node: Node, given: Given, context: Context) -> list[Any]:
    """LinearClassifier: the label and the scores."""
    texts = node.attributes.get("classlabels_strings") or node.attributes.get("classlabels_ints") or []
    labels = np.array(texts, object if texts and isinstance(texts[0], str) else np.int64)
    transform = node.attributes.get("post_transform", "NONE")
    if len(labels) < 2:
        raise InputError(f"{node.where} names {len(labels)} classes; export a classifier of two or more")
    if transform not in ("NONE", "SOFTMAX", "LOGISTIC"):
        raise InputError(f"{node.where} transforms scores by {transform[:20]}: export with NONE, SOFTMAX or LOGISTIC")
    features = int(np.prod(given[0].shape, dtype=np.int64)) if isinstance(given[0], Values) else 1
    single = len(labels) == 2 and len(node.attributes.get("coefficients", [])) == features
    values = linear(node, given, context, 1 if single else len(labels))
    if single:
        values = context.builder.made(values.level, values.stack * np.array([-1.0, 1.0]))
    chosen = replace_kind(node, {"SOFTMAX": "Softmax", "LOGISTIC": "Sigmoid"}.get(transform, ""))
    scores = [values] if transform == "NONE" else squashed(chosen, [values], context)
    return [Label(values, labels, named=True), *scores]


def replace_kind(node: Node, kind: str) -> Node:
    """The node as if it were of another kind, for a part of what it does."""
    return replace(node, kind=kind, version=13, attributes={})


def threshold(scores: Scores, constant: Floats, node: Node, context: Context) -> Values:
    """t - logit(c) of one score, which is above 0 where the score is above the constant."""
    scores = normal(scores, node, context)
    share = float(((constant.reshape(-1)[0] - scores.offset) / scores.scale).reshape(-1)[0])
    if scores.link != "sigmoid" or not 0 < share < 1:
        raise InputError(
            f"{node.where} compares {scores.maker} with {constant.reshape(-1)[0]:g}, which cannot be converted"
        )
    stack = scores.values.stack.copy()
    stack[0] -= np.log(share / (1 - share))
    return context.builder.made(scores.values.level, stack)


SCORES: dict[str, Callable[[Node, Given, Context], list[Any]]] = {
    **dict.fromkeys(("Softmax", "LogSoftmax", "Sigmoid", "Tanh", *INCREASING), squashed),
    "ZipMap": zip_map,
    "LinearClassifier": classifier,
}

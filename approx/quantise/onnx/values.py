"""What a name in a graph can stand for: a constant, values that are affine in neurons, scores of classes, a label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.onnx.file import Node
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import Floats
from inkling.train.networks.piecewise_linear import Builder, Values


@dataclass(frozen=True, eq=False)
class Scores:
    """scale * f(values) + offset with f increasing, each value alone or all of a row together.

    link: "sigmoid", f(t) = 1 / (1 + exp(-t)), or "ordered": within one group only their order is known. scale and
    offset: float64 of the shape of the values. maker: the node that made them, for messages. positive: f is never
    negative. classes: texts where the file names them.
    """

    values: Values
    link: Literal["sigmoid", "ordered"]
    group: str
    scale: Floats
    offset: Floats
    maker: str
    positive: bool = True
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Label:
    """table[k], array [classes, *shape], where the k-th of the values is the largest, the first of equals.

    named: the table was looked up, so that its entries are names of classes and not positions. turned: the rows lie
    along the second axis, behind one of size 1.
    """

    values: Values
    table: NDArray[Any]
    named: bool = False
    turned: bool = False


@dataclass(frozen=True, eq=False)
class Refused:
    """What a node that cannot be converted stands for, until something needs it."""

    error: InputError


Given: TypeAlias = Sequence[Any]


@dataclass(frozen=True, eq=False)
class Context:
    """The neurons that are collected, and how many rows the file takes at once: -1 where any number."""

    builder: Builder
    rows: int = -1


def numbers(value: Any, node: Node) -> Floats:
    """A constant as float64. Raises InputError for what is none."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iufb":
        raise InputError(f"{node.where} lacks a constant of numbers: export the model with its weights inside")
    return value.astype(np.float64)


def scalar(value: Any, node: Node) -> float:
    array = numbers(value, node)
    if array.size != 1:
        raise InputError(f"{node.where} has {array.size} values where one is expected")
    return float(array.reshape(-1)[0])


def constant_row(value: Floats, shape: tuple[int, ...], node: Node) -> Floats:
    """A constant that stands beside a computed value of this shape in every row, without the axis of the rows."""
    if value.ndim > len(shape):
        if value.ndim > len(shape) + 1 or value.shape[0] != 1:
            raise InputError(f"{node.where} has a constant of shape {list(value.shape)}, another for each row")
        value = value[0]
    try:
        np.broadcast_shapes(value.shape, shape)
    except ValueError as error:
        count = int(np.prod(shape, dtype=np.int64))
        raise InputError(
            f"{node.where} combines {count} values with {value.size} constants: give one, or {count}"
        ) from error
    return value


def computed(value: Any, node: Node) -> Values:
    """A computed value that is no decision yet. Raises InputError, saying what cannot be inside a network."""
    if isinstance(value, Scores):
        raise InputError(
            f"{node.where} reads {value.maker}, which cannot be converted inside a network, only at its end; "
            "retrain with ReLU"
        )
    if isinstance(value, Label):
        raise InputError(f"{node.where} goes on from a decision, which must be last; export the model without it")
    if not isinstance(value, Values):
        raise InputError(
            f"{node.where} has a constant where a computed value is expected; export the model simplified"
        )
    return value

"""What an operation is, the register of all of them, and how the members of each stand in a file.

The operations are in the modules beside this one; files are read and written in
`inkling.approx.reference.graph_files`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError

Ints: TypeAlias = NDArray[np.int64]
# The least and the greatest of each of a value's numbers, int64 [width] each.
Bounds: TypeAlias = tuple[Ints, Ints]

# Every number that a graph can hold, and every partial sum, must fit this many bits, so that int64 never overflows.
MOST_VALUE_BITS = 62
# Of one list in a file: matches, places, a number for each neuron.
MOST_LISTED = 2**14


class Operation(Protocol):
    """A function of one or more values, plain frozen data. A value is int64 [rows, width]; a label may be [rows]."""

    def evaluate(self, *values: Any, **named: Any) -> Ints:
        """The definition, in plain NumPy: values int64 [rows, width] each -> int64 [rows, outputs]."""

    def interval(self, *bounds: Any, **named: Any) -> Bounds:
        """The range of the result, int64 [outputs] each, for values within (low, high) each."""

    def check(self, *bounds: Any, **named: Any) -> None:
        """Raise InputError, one line, unless it takes values of these ranges and every partial sum fits 62 bits."""


@dataclass(frozen=True)
class Array:
    """An array member; `shape` names its dimensions, whose sizes stand in the JSON, the numbers in the archive."""

    name: str
    shape: tuple[str, ...]
    dtype: str = "<i8"


@dataclass(frozen=True)
class Whole:
    """A whole number in low..high; with `each` also a list of them, one for each neuron."""

    name: str
    low: int
    high: int
    each: bool = False


@dataclass(frozen=True)
class Listed:
    """A tuple of whole numbers in low..high, or with `pairs` of pairs of them."""

    name: str
    low: int
    high: int
    pairs: bool = False


@dataclass(frozen=True)
class Nested:
    """A member with a JSON form of its own: `write` gives it, `read` takes it and the place to name in an error."""

    name: str
    write: Callable[[Any], object]
    read: Callable[[object, str], Any]


Member: TypeAlias = Array | Whole | Listed | Nested


@dataclass(frozen=True)
class Definition:
    """An operation's class, its name in files, and its members there."""

    kind: str
    made: type
    members: tuple[Member, ...]

    @property
    def arrays(self) -> tuple[Array, ...]:
        return tuple(member for member in self.members if isinstance(member, Array))


_DEFINITIONS: dict[str, Definition] = {}
_Made = TypeVar("_Made", bound=type)


def operation(kind: str, *members: Member) -> Callable[[_Made], _Made]:
    """Register a frozen dataclass as an operation, under its name in files and with all its fields as `members`."""

    def register(made: _Made) -> _Made:
        if kind in _DEFINITIONS:
            raise ValueError(f"there is an operation {kind!r} already: {_DEFINITIONS[kind].made.__name__}")
        _DEFINITIONS[kind] = Definition(kind, made, members)
        return made

    return register


def operations() -> Mapping[str, Definition]:
    """All operations by their names in files."""
    return _DEFINITIONS


def definition_of(item: Operation) -> Definition:
    """The definition of an operation. Raises TypeError for what was never registered."""
    for found in _DEFINITIONS.values():
        if type(item) is found.made:
            return found
    raise TypeError(f"{type(item).__name__} is no registered operation, so it has no form in a file")


def magnitudes(bounds: Bounds) -> NDArray[np.object_]:
    """The largest magnitude of each number, as Python integers: products of them cannot overflow."""
    low, high = (end.astype(object) for end in bounds)
    largest: NDArray[np.object_] = np.maximum(np.abs(low), np.abs(high))
    return largest


def check_magnitude(name: str, largest: int) -> None:
    """Raise InputError where a sum can have this magnitude and int64 may not hold it."""
    if largest >= 2**MOST_VALUE_BITS:
        raise InputError(f"{name}: a sum may need more than {MOST_VALUE_BITS} bits")


def check_width(name: str, bounds: Bounds, width: int) -> None:
    """Raise InputError unless a value has `width` numbers."""
    if len(bounds[0]) != width:
        raise InputError(f"{name} must be {len(bounds[0])}, what it reads, not {width}")


def signed_width(low: int, high: int) -> int:
    """Bits of the smallest two's complement (low < 0) or unsigned number that holds low..high; at least 1."""
    if low < 0:
        return max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1
    return max(high.bit_length(), 1)

"""A language of software kernels: a table from operations to the functions that write them, and what those are told.

The functions are in `inkling.hdl.operations.c` and `inkling.hdl.operations.numba`; what surrounds them is
`inkling.hdl.kernels`' and `inkling.hdl.fields`' business.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import numpy as np

from inkling.approx.reference.operations import Bounds, Dense, MaskedSum, Operation, PeriodicQuadratic
from inkling.approx.reference.operations.definition import definition_of
from inkling.train.errors import InputError


@dataclass(frozen=True)
class Site:
    """Where an operation is written: which of its outputs, in two's complement of how many bits, and what it reads.

    bounds: the range of every value that it reads.
    """

    output: int
    width: int
    bounds: tuple[Bounds, ...]

    @property
    def low(self) -> int:
        """The least that number `output` of the first value can be."""
        return int(self.bounds[0][0][self.output])

    @property
    def high(self) -> int:
        """The greatest that number `output` of the first value can be."""
        return int(self.bounds[0][1][self.output])


# (operation, the name of a number, site) -> statements that put the result in place of the number.
Each: TypeAlias = Callable[[Any, str, Site], list[str]]
# (operation, the numbers of every value that it reads, site) -> an expression.
Join: TypeAlias = Callable[[Any, Sequence[Sequence[str]], Site], str]
# (operation, the numbers that it reads, site) -> statements that leave the result in `label`.
Decide: TypeAlias = Callable[[Any, Sequence[str], Site], list[str]]
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Language:
    """each: operations on every number by itself; joins: of several numbers; decides: whose result is a label."""

    name: str
    each: dict[type, Each] = field(default_factory=dict)
    joins: dict[type, Join] = field(default_factory=dict)
    decides: dict[type, Decide] = field(default_factory=dict)

    def writes(self, operation: type) -> Callable[[_Function], _Function]:
        """Register a function that writes an operation on every number by itself, an `Each`."""
        return self._register(operation, self.each)

    def writes_sum(self, operation: type) -> Callable[[_Function], _Function]:
        """Register a function that writes an operation of several numbers, a `Join`."""
        return self._register(operation, self.joins)

    def writes_label(self, operation: type) -> Callable[[_Function], _Function]:
        """Register a function that writes an operation whose result is a label, a `Decide`."""
        return self._register(operation, self.decides)

    def _register(self, operation: type, table: dict[type, Any]) -> Callable[[_Function], _Function]:
        def register(function: _Function) -> _Function:
            if any(operation in known for known in (self.each, self.joins, self.decides)):
                raise ValueError(f"{operation.__name__} is written in {self.name} already")
            table[operation] = function
            return function

        return register

    def check(self, item: Operation) -> None:
        """Raise InputError where nothing writes the operation."""
        if not any(type(item) in known for known in (self.each, self.joins, self.decides)):
            raise InputError(
                f"nothing writes the operation {definition_of(item).kind} in {self.name}: register a function for it"
            )


def reach(item: Operation, bounds: Sequence[Bounds]) -> tuple[int, int]:
    """Bounds of every number that an operation works with on the way to its result, in whatever order it adds."""
    match item:
        case Dense():
            return _sums(item, *bounds[0])
        case MaskedSum():
            return _masked_sums(item, bounds[0])
        case PeriodicQuadratic():
            return -(2**30), 2**30
    low, high = (sum(int(end.min(initial=0)) for end, _ in bounds), sum(int(end.max(initial=0)) for _, end in bounds))
    return min(low, 0), max(high, 0)


def masked_terms(sums: MaskedSum, high: Any, output: int) -> list[tuple[int, int, int, int]]:
    """The terms (source, sign, shift, mask) of an output that matter, masks cut to the inputs' bits."""
    terms = []
    for t in np.flatnonzero(sums.output == output).tolist():
        source = int(sums.source[t])
        if kept := int(sums.mask[t]) & ((1 << int(high[source]).bit_length()) - 1):
            terms.append((source, int(sums.sign[t]), int(sums.shift[t]), kept))
    return terms


def _masked_sums(sums: MaskedSum, x: Bounds) -> tuple[int, int]:
    least, most = [0], [0]
    for output, bias in enumerate(sums.bias.tolist()):
        terms = masked_terms(sums, x[1], output)
        least.append(min(bias, 0) - sum(mask << shift for _, sign, shift, mask in terms if sign < 0))
        most.append(max(bias, 0) + sum(mask << shift for _, sign, shift, mask in terms if sign > 0))
    return min(least), max(max(most), -min(least))


def _sums(dense: Dense, low: Any, high: Any) -> tuple[int, int]:
    """Every product and every partial sum; exact integers."""
    weights = dense.weights.astype(object)
    bottom = np.minimum(weights * low.astype(object), weights * high.astype(object))
    top = np.maximum(weights * low.astype(object), weights * high.astype(object))
    bias = dense.bias.astype(object)
    least = np.minimum(bottom, 0).sum(axis=1) + np.minimum(bias, 0)
    most = np.maximum(top, 0).sum(axis=1) + np.maximum(bias, 0)
    factor = np.abs(weights).max(initial=0)
    return min(0, *least.tolist(), -factor), max(0, *most.tolist(), factor)

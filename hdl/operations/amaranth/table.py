"""Which part an operation becomes: the table of all operations, and of pairs that are drawn as one.

Pairs are specialisations: the parts of their operations, one after the other, compute the same.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from inkling.approx.matrices.ranking import cheapest_same_ranking
from inkling.approx.reference.operations import (
    Add,
    ArgMax,
    Bounds,
    ClippedReLU,
    DecisionTree,
    Dense,
    Logic,
    MaskedSum,
    Operation,
    PeriodicQuadratic,
    Rescale,
    Tournament,
    signed_width,
)
from inkling.approx.reference.operations.definition import definition_of
from inkling.hdl.operations.amaranth.activation import Activation
from inkling.hdl.operations.amaranth.argmax import ArgMax as ArgMaxPart
from inkling.hdl.operations.amaranth.arithmetic import Arc, Shifted
from inkling.hdl.operations.amaranth.logic import Gates
from inkling.hdl.operations.amaranth.masked import MaskedLayer
from inkling.hdl.operations.amaranth.part import Part
from inkling.hdl.operations.amaranth.shared_layer import shared_layer
from inkling.hdl.operations.amaranth.tournament import Tournament as TournamentPart
from inkling.hdl.operations.amaranth.tree import Tree
from inkling.train.errors import InputError

# Work that goes into finding shared sums of a layer where nobody says how much: some tenths of a second.
SHARING = 20_000

# (operation, ranges of the values that it reads, work on shared sums) -> a part that reads all their numbers.
Maker: TypeAlias = Callable[[Any, Sequence[Bounds], int], Part]
# (two operations, ranges of what the first reads, work) -> parts, one after the other.
PairMaker: TypeAlias = Callable[[Any, Any, Sequence[Bounds], int], tuple[Part, ...]]
_Function = TypeVar("_Function", bound=Callable[..., Any])

PARTS: dict[type, Maker] = {}
PAIRS: dict[tuple[type, type], PairMaker] = {}


def draws(operation: type) -> Callable[[_Function], _Function]:
    """Register the function that makes an operation's part."""

    def register(function: _Function) -> _Function:
        if operation in PARTS:
            raise ValueError(f"{operation.__name__} is drawn in Amaranth already")
        PARTS[operation] = function
        return function

    return register


def draws_pair(first: type, second: type) -> Callable[[_Function], _Function]:
    """Register the function that makes the parts of an operation and the one that alone reads its result."""

    def register(function: _Function) -> _Function:
        if (first, second) in PAIRS:
            raise ValueError(f"{first.__name__} and {second.__name__} are drawn as one already")
        PAIRS[first, second] = function
        return function

    return register


def part_of(item: Operation, bounds: Sequence[Bounds], sharing: int = SHARING) -> Part:
    """The part of an operation. Raises InputError where nothing draws it."""
    maker = PARTS.get(type(item))
    if maker is None:
        raise InputError(
            f"nothing draws the operation {definition_of(item).kind} in Amaranth: register a function for it"
        )
    return maker(item, bounds, sharing)


@draws(Dense)
def dense(item: Dense, bounds: Sequence[Bounds], sharing: int) -> Part:
    low, high = _ends(bounds)
    return shared_layer(_rows(item), plain(item.bias), low, high, work=sharing)


@draws(MaskedSum)
def masked_sum(item: MaskedSum, bounds: Sequence[Bounds], sharing: int) -> Part:
    del sharing
    return MaskedLayer(*_masked(item, bounds))


@draws(Add)
def add(item: Add, bounds: Sequence[Bounds], sharing: int) -> Part:
    """A layer of weights 1: number k of every value."""
    del item
    width = len(bounds[0][0])
    low, high = _ends(bounds)
    rows = tuple(tuple(int(i % width == k) for i in range(width * len(bounds))) for k in range(width))
    return shared_layer(rows, (0,) * width, low, high, work=sharing)


@draws(ClippedReLU)
def clipped_relu(item: ClippedReLU, bounds: Sequence[Bounds], sharing: int) -> Part:
    del sharing
    low, high = _ends(bounds)
    return Activation(low, high, item.of_each(len(low)))


@draws(Rescale)
def rescale(item: Rescale, bounds: Sequence[Bounds], sharing: int) -> Part:
    del sharing
    return Shifted(*_ends(bounds), item.shift)


@draws(PeriodicQuadratic)
def periodic_quadratic(item: PeriodicQuadratic, bounds: Sequence[Bounds], sharing: int) -> Part:
    del sharing
    return Arc(*_ends(bounds), item.shift)


@draws(ArgMax)
def arg_max(item: ArgMax, bounds: Sequence[Bounds], sharing: int) -> Part:
    del item, sharing
    return ArgMaxPart(*_ends(bounds))


@draws(Tournament)
def tournament(item: Tournament, bounds: Sequence[Bounds], sharing: int) -> Part:
    del sharing
    return TournamentPart(*_ends(bounds), item.matches, item.keys(*bounds[0]))


@draws(DecisionTree)
def decision_tree(item: DecisionTree, bounds: Sequence[Bounds], sharing: int) -> Part:
    del sharing
    low, high = _ends(bounds)
    if min(low, default=0) < 0:
        raise InputError("a decision tree in hardware reads numbers that are never negative")
    widths = tuple(signed_width(0, top) for top in high)
    bits = signed_width(0, int(item.label.max()))
    children = plain(item.left), plain(item.right)
    return Tree(widths, plain(item.feature), plain(item.threshold), *children, plain(item.label), bits)


@draws(Logic)
def logic(item: Logic, bounds: Sequence[Bounds], sharing: int) -> Part:
    del bounds, sharing
    netlist = item.netlist
    cells = [netlist.cell_types[kind] for kind in netlist.kinds]
    gates = tuple(
        (cell.table, tuple(int(node) for node in sources[: len(cell.inputs)]))
        for cell, sources in zip(cells, netlist.sources, strict=True)
    )
    return Gates(tuple(port.width for port in netlist.inputs), gates, plain(netlist.output_nodes))


@draws_pair(Dense, ClippedReLU)
def dense_clipped(item: Dense, relu: ClippedReLU, bounds: Sequence[Bounds], sharing: int) -> tuple[Part, ...]:
    """Sums whose low bits are cut off need no cells for them."""
    low, high = _ends(bounds)
    return (shared_layer(_rows(item), plain(item.bias), low, high, relu.of_each(len(item.bias)), work=sharing),)


@draws_pair(Dense, ArgMax)
def dense_ranked(item: Dense, decision: ArgMax, bounds: Sequence[Bounds], sharing: int) -> tuple[Part, ...]:
    """Other scores of the same order, where they are cheaper."""
    del decision
    low, high = _ends(bounds)
    rows, bias = cheapest_same_ranking(_rows(item), plain(item.bias), low, high)
    scores = shared_layer(rows, bias, low, high, work=sharing)
    least, most = zip(*scores.ranges, strict=True)
    return scores, ArgMaxPart(least, most)


@draws_pair(MaskedSum, ClippedReLU)
def masked_clipped(item: MaskedSum, relu: ClippedReLU, bounds: Sequence[Bounds], sharing: int) -> tuple[Part, ...]:
    """Sums whose low bits are cut off need no cells for them."""
    del sharing
    return (MaskedLayer(*_masked(item, bounds), relu.of_each(len(item.bias))),)


def _masked(item: MaskedSum, bounds: Sequence[Bounds]) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    _, high = _ends(bounds)
    weights = item.bit_weights([top.bit_length() for top in high])
    rows = tuple(tuple((i, bit, weight) for (i, bit), weight in found.items()) for found in weights)
    return rows, plain(item.bias), high


def _rows(item: Dense) -> tuple[tuple[int, ...], ...]:
    return tuple(plain(row) for row in item.weights)


def _ends(bounds: Sequence[Bounds]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The least and the greatest of the numbers of all values, in order."""
    low = tuple(int(value) for ends in bounds for value in ends[0])
    return low, tuple(int(value) for ends in bounds for value in ends[1])


def plain(values: Any) -> tuple[int, ...]:
    """Python's integers."""
    return tuple(int(value) for value in values)

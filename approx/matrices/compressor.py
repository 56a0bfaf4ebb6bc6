"""Plans of adder trees: which full and half adders sum constant multiples of small inputs, as plain data.

A plan names cells over numbered bits and knows no hardware language; `inkling.hdl.operations.amaranth.masked` draws
it. Only the standard library is used, so that this file can be copied into a stand-alone design.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# What a cell computes of its sources a, b, c (missing sources are 0); node numbers 0 and 1 are those constants:
#   add       a + b + c = first + 2 * second
#   subtract  a - b - c = first - 2 * second
#   borrow    second output of subtract alone, as first output
#   odd       first output of add or subtract alone: a xor b xor c
#   any       a or b or c or ..., where at most one of them can be 1
ADD, SUBTRACT, BORROW, ODD, ANY = "add", "subtract", "borrow", "odd", "any"


@dataclass(frozen=True)
class AdderCell:
    """One cell of a plan; sources are nodes below its own."""

    kind: str
    sources: tuple[int, ...]


@dataclass(frozen=True)
class SumPlan:
    """An adder tree.

    Nodes are numbered: 0 and 1 are the constants, then one for each operand (input, bit), then two for each cell
    (its first and second output). total: the nodes of the sum's bits from bit `first_bit` on, least significant
    first; two's complement if `signed`, else unsigned.
    """

    operands: tuple[tuple[int, int], ...]
    cells: tuple[AdderCell, ...]
    total: tuple[int, ...]
    signed: bool
    first_bit: int = 0


def canonical_signed_digits(value: int) -> tuple[tuple[int, int], ...]:
    """The digits (power, +1 or -1) of `value`, no two adjacent (Reitwiesner 1960): as few as there can be."""
    digits = []
    power = 0
    while value:
        if value & 1:
            digit = 2 - (value & 3)
            digits.append((power, digit))
            value -= digit
        value >>= 1
        power += 1
    return tuple(digits)


def binary_digits(value: int) -> tuple[tuple[int, int], ...]:
    """The digits (power, sign) of plain binary, all with the sign of `value`."""
    sign = 1 if value > 0 else -1
    return tuple((power, sign) for power in range(abs(value).bit_length()) if abs(value) >> power & 1)


def fewest_digits(value: int) -> tuple[tuple[int, int], ...]:
    """The shorter of binary and canonical signed digits; binary when equal, since it stays in one tree."""
    binary, signed = binary_digits(value), canonical_signed_digits(value)
    return binary if len(binary) <= len(signed) else signed


def bits_to_hold(low: int, high: int) -> int:
    """Width of the smallest two's complement (low < 0) or unsigned number that holds low..high; at least 1."""
    if low < 0:
        return max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1
    return max(high.bit_length(), 1)


# NAND2 equivalents by kind and number of varying sources: a full adder is nine NAND2.
_NAND2 = {
    ADD: (0, 1, 5, 9),
    SUBTRACT: (0, 1, 5, 9),
    BORROW: (0, 0, 2, 5),
    ODD: (0, 1, 4, 8),
}


def cost(plan: SumPlan) -> int:
    """A quick estimate of the area in NAND2 equivalents, good for comparing plans of the same sum."""
    return sum(
        2 * len(cell.sources) - 2 if cell.kind == ANY else _NAND2[cell.kind][_varying(cell)] for cell in plan.cells
    )


def plan_bits(
    weights: Sequence[tuple[int, int, int]], bias: int, low: int, high: int, *, first_bit: int = 0
) -> SumPlan:
    """Plan bias + sum of weight * bit for single bits (input, bit, weight) of unsigned inputs, each given once.

    What masks leave of a sum of products, with terms of the same bit added up. low, high: range of the sum. Positive
    and negative digits are summed in two trees whose difference is the result; a constant lands where it is cheapest.
    Bits of the sum below `first_bit` are worked out only as far as the bits above need them.
    """
    plans = []
    for digits in (fewest_digits, binary_digits, canonical_signed_digits):
        positive: list[tuple[int, int, int]] = []
        negative: list[tuple[int, int, int]] = []
        largest = [0, 0]
        for i, bit, weight in weights:
            for power, sign in digits(weight):
                (positive if sign > 0 else negative).append((i, bit, power))
                largest[sign < 0] += 1 << power
        plans += [
            _difference(positive, negative, largest, constants, (low, high), first_bit)
            for constants in _placements(bias, bool(positive), bool(negative))
        ]
    return min(plans, key=cost)


def _varying(cell: AdderCell) -> int:
    return sum(node > 1 for node in cell.sources)


def _placements(fixed: int, has_positive: bool, has_negative: bool) -> Iterable[tuple[int, int, int]]:
    """Ways to write the constant as added - subtracted - borrowed, with borrowed 0 or 1."""
    yield max(fixed, 0), max(-fixed, 0), 0
    if has_negative and has_positive:
        yield max(fixed + 1, 0), max(-fixed - 1, 0), 1


def _first(waiting: list[tuple[int, int]]) -> int:
    """Take the node that arrives first off a heap of (depth, node)."""
    return heapq.heappop(waiting)[1]


class _Builder:
    """Collects cells; depth is the number of cells on the longest path to a node."""

    def __init__(self, operands: Sequence[tuple[int, int]]) -> None:
        self.node = {operand: 2 + k for k, operand in enumerate(operands)}
        self.depth = [0] * (2 + len(operands))
        self.cells: list[AdderCell] = []
        self.known: dict[AdderCell, tuple[int, int]] = {}

    def cell(self, kind: str, *sources: int) -> tuple[int, int]:
        """Append a cell and return its two outputs' nodes; what needs no gate becomes no cell."""
        varying = [node for node in sources if node > 1]
        ones = sum(node == 1 for node in sources)
        if kind in (ODD, ANY) and len(varying) == 1 and not ones:
            return varying[0], 0
        if kind in (ADD, ODD) and not varying:
            return ones & 1, ones >> 1
        if kind in (SUBTRACT, BORROW):
            a, b, c = sources
            if not varying:
                return (a ^ b ^ c, int(a < b + c)) if kind == SUBTRACT else (int(a < b + c), 0)
            if b == c == 0:
                return (a, 0) if kind == SUBTRACT else (0, 0)
        new = AdderCell(kind, sources)
        if new not in self.known:
            first = len(self.depth)
            self.depth += [1 + max(self.depth[node] for node in sources)] * 2
            self.cells.append(new)
            self.known[new] = first, first + 1
        return self.known[new]

    def add_columns(self, columns: list[list[int]], constant: int, width: int, largest: int) -> list[int]:
        """Sum bits by weight, `columns[k]` having weight 2**k, and a constant, modulo 2**width.

        Column by column from the least significant: a full adder takes the three bits that arrive first, and a
        half adder comes only where two bits are left over, so there is at most one to a column. (Every adder of
        a column sends one carry, whatever it takes, so no order has fewer of them; early bits first keeps the
        tree shallow, as Dadda 1965 and Wallace 1964 do.) largest: the greatest value of the sum, which tells
        that in the top column no two bits can be 1 together.
        """
        total = []
        columns = [list(column) for column in columns] + [[] for _ in range(width)]
        for k in range(width):
            one = constant >> k & 1
            waiting = [(self.depth[node], node) for node in columns[k]]
            heapq.heapify(waiting)
            if k == width - 1 and largest < 2**width:
                total.append(1 if one else self.cell(ANY, *sorted(columns[k]))[0] if columns[k] else 0)
                break
            if k == width - 1:
                while len(waiting) > 1:
                    left = self.cell(ODD, *(_first(waiting) for _ in range(min(3, len(waiting)))))[0]
                    heapq.heappush(waiting, (self.depth[left], left))
                left = _first(waiting) if waiting else 0
                total.append(self.cell(ODD, left, 1, 0)[0] if one else left)
                break
            while len(waiting) > 2:
                left, carry = self.cell(ADD, _first(waiting), _first(waiting), _first(waiting))
                heapq.heappush(waiting, (self.depth[left], left))
                columns[k + 1].append(carry)
            if len(waiting) == 2:
                left, carry = self.cell(ADD, _first(waiting), _first(waiting), one)
                columns[k + 1].append(carry)
            elif waiting and one:
                carry = _first(waiting)
                left = self.cell(ODD, carry, 1, 0)[0]
                columns[k + 1].append(carry)
            else:
                left = _first(waiting) if waiting else one
            total.append(left)
        return total


def _difference(
    positive: Sequence[tuple[int, int, int]],
    negative: Sequence[tuple[int, int, int]],
    largest: Sequence[int],
    constants: tuple[int, int, int],
    interval: tuple[int, int],
    first_bit: int,
) -> SumPlan:
    """One plan for a given placement of the constant."""
    added, subtracted, borrow = constants
    low, high = interval
    width = bits_to_hold(low, high)
    operands = tuple(sorted({(i, bit) for i, bit, _ in (*positive, *negative)}))
    builder = _Builder(operands)
    sides = []
    for summands, constant, most in ((positive, added, largest[0]), (negative, subtracted, largest[1])):
        # Only the result's own bits are needed: the difference is the same modulo 2**width.
        side_width = min((most + constant).bit_length(), width)
        columns: list[list[int]] = [[] for _ in range(side_width)]
        for i, bit, power in summands:
            if power < side_width:
                columns[power].append(builder.node[i, bit])
        sides.append(builder.add_columns(columns, constant, side_width, most + constant))
    plus, minus = (side + [0] * (width - len(side)) for side in sides)
    total = []
    for k in range(width):
        if k == width - 1:
            bit = builder.cell(ODD, plus[k], minus[k], borrow)[0]
        elif k < first_bit:
            bit, borrow = 0, builder.cell(BORROW, plus[k], minus[k], borrow)[0]
        else:
            bit, borrow = builder.cell(SUBTRACT, plus[k], minus[k], borrow)
        total.append(bit)
    # A shift beyond the top bit leaves the sign.
    kept = total[first_bit:] or ([total[-1]] if low < 0 else [0])
    return SumPlan(operands, tuple(builder.cells), tuple(kept), low < 0, first_bit)

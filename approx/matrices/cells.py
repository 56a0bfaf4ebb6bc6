"""Adder cells of shared and final sums as plain data: which bits meet in which cell, with equal cells kept once.

How many cells a sum takes is decided in `inkling.approx.matrices.columns`;
`inkling.hdl.operations.amaranth.matrix` draws them as gates.
"""

from collections.abc import Sequence
from typing import TypeAlias

from inkling.approx.matrices.adders import FULL, MIXED, NOT, Cell
from inkling.approx.matrices.columns import Column, Count, Half

# Two nodes of one sign, a third bit (node, sign), and the sign of the two.
_Meeting: TypeAlias = tuple[int, int, tuple[int, int], int]


class CellBuilder:
    """Collects the cells of one sum after another; depth is the number of cells on the longest path to a node."""

    def __init__(self, operands: Sequence[tuple[int, int]]) -> None:
        self.operands = tuple(operands)
        self.node = {operand: 2 + k for k, operand in enumerate(operands)}
        self.depth = [0] * (2 + len(operands))
        self.cells: list[Cell] = []
        self.known: dict[Cell, int] = {}
        # Full adders by their least source, to be met again in other sums.
        self.fulls: dict[int, list[Cell]] = {}

    def cell(self, kind: str, *sources: int) -> tuple[int, int]:
        """The nodes of a cell's two outputs; an equal cell is there once."""
        new = Cell(kind, sources)
        if new not in self.known:
            self.known[new] = len(self.depth)
            self.depth += [1 + max(self.depth[source] for source in sources)] * 2
            self.cells.append(new)
            if kind in (FULL, MIXED):
                self.fulls.setdefault(min(sources), []).append(new)
        first = self.known[new]
        return first, first + 1

    def invert(self, node: int) -> int:
        """The node of not `node`."""
        return 1 - node if node < 2 else self.cell(NOT, node)[0]

    def odd(self, nodes: Sequence[int]) -> int:
        """The exclusive-or of nodes, none of them constant."""
        waiting = sorted(nodes, key=lambda node: (self.depth[node], node))
        while len(waiting) > 1:
            a, b = sorted(waiting[:2])
            waiting = sorted([*waiting[2:], self.cell("and", a, b)[0]], key=lambda node: (self.depth[node], node))
        return waiting[0] if waiting else 0

    def add(self, columns: Sequence[Sequence[tuple[int, int]]], constant: int, count: Count) -> list[int]:
        """Add the bits (node, sign) of each weight and a constant as `count` says; the nodes of the total's bits."""
        waiting = [list(column) for column in columns] + [[]]
        total = []
        for k, column in enumerate(count.columns):
            digit = column.half.digit if column.half else column.digit
            total += [node for node, _ in self._column(waiting[k], waiting[k + 1], column)] or [column.digit]
            constant = (constant - digit) // 2 + column.constant
        last = self.odd([node for node, _ in waiting[len(count.columns)]])
        total.append(self.invert(last) if constant & 1 else last)
        return total

    def add_free(self, columns: Sequence[Sequence[tuple[int, int]]], count: Count) -> list[list[tuple[int, int]]]:
        """Add the bits (node, sign) of each weight as `count_free` says; the bits of each weight that stay."""
        waiting = [list(column) for column in columns]
        waiting += [[] for _ in range(len(count.columns) + 1 - len(waiting))]
        return [self._column(waiting[k], waiting[k + 1], column) for k, column in enumerate(count.columns)]

    def _column(
        self, bits: list[tuple[int, int]], carries: list[tuple[int, int]], column: Column
    ) -> list[tuple[int, int]]:
        """Reduce one column, send its carries on, and return what stays."""
        if not bits:
            return []
        quota = {1: column.positive_pairs, -1: column.negative_pairs}
        while quota[1] or quota[-1]:
            a, b, other, sign = self._meet_again(bits, quota) or self._first_to_arrive(bits, quota)
            for bit in ((a, sign), (b, sign), other):
                bits.remove(bit)
            c = other[0]
            if other[1] == sign:
                left, carry = self.cell(FULL, *sorted((a, b, c)))
            else:
                left, carry = self.cell(MIXED, *sorted((a, b)), c)
            bits.append((left, other[1]))
            carries.append((carry, sign))
            quota[sign] -= 1
        if column.half:
            return [(self._half(bits, carries, column.half), column.half.bit_sign)]
        if len(bits) > 1 or not (column.digit or column.extra):
            return sorted(bits, key=lambda bit: (-bit[1], bit[0]))  # as `kept` has it: positive first
        ((node, _sign),) = bits
        left = self.invert(node) if column.digit else node
        if column.extra:
            # The carry of -1 + b is the inverted bit; those of 1 + b and of -b are the bit.
            carries.append((left if column.digit < 0 else node, column.extra))
        return [(left, 1)]

    def _half(self, bits: list[tuple[int, int]], carries: list[tuple[int, int]], half: Half) -> int:
        (a, a_sign), (b, b_sign) = sorted(bits)
        kind = half.carry
        if (a_sign, b_sign) != half.pair:
            if half.pair[0] == half.pair[1]:
                raise ValueError(f"signs {a_sign, b_sign} where {half.pair} was counted")
            swap = {"less": "greater", "greater": "less", "not_less": "not_greater", "not_greater": "not_less"}
            kind = swap[kind]
        left, carry = self.cell(("x" if half.digit & 1 else "") + kind, a, b)
        carries.append((carry, half.carry_sign))
        return left

    def _first_to_arrive(self, bits: list[tuple[int, int]], quota: dict[int, int]) -> _Meeting:
        """A pair of one sign and a third bit, as early as can be."""
        order = sorted(bits, key=lambda bit: (self.depth[bit[0]], bit))
        best = None
        for sign in (1, -1):
            pair = [bit for bit in order if bit[1] == sign][:2]
            if not quota[sign] or len(pair) < 2:
                continue
            rest = list(order)
            for bit in pair:
                rest.remove(bit)
            # Among bits that arrive together one of the pair's sign leaves the other sign to its own pairs.
            third = min(rest, key=lambda bit: (self.depth[bit[0]], bit[1] != sign, bit))
            found = (max(self.depth[bit[0]] for bit in (*pair, third)), -sign, pair[0][0], pair[1][0], third, sign)
            best = found if best is None else min(best, found)
        if best is None:
            raise ValueError("no pair is left for a full adder that was counted")
        return best[2], best[3], best[4], best[5]

    def _meet_again(self, bits: list[tuple[int, int]], quota: dict[int, int]) -> _Meeting | None:
        """A full adder of another sum whose three sources wait here, with signs that fit."""
        signs: dict[int, int] = {}
        for node, sign in bits:
            if node in signs:
                return None  # a bit that counts twice: leave it to the ordinary way
            signs[node] = sign
        for node in sorted(signs):
            for cell in self.fulls.get(node, ()):
                a, b, c = cell.sources
                if not (a in signs and b in signs and c in signs):
                    continue
                fits = (signs[c] == signs[a]) == (cell.kind == FULL)
                if fits and signs[a] == signs[b] and quota[signs[a]]:
                    return a, b, (c, signs[c]), signs[a]
        return None

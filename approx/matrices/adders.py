"""A layer's adder cells as plain data. How they are planned is in `inkling.approx.matrices.plan` and
`inkling.approx.matrices.cells`.

Only the standard library is used, so that this file can be copied into a stand-alone design.
"""

from dataclasses import dataclass

# What a cell computes of its sources; node numbers 0 and 1 are the constants.
#   full   a xor b xor c, majority(a, b, c)
#   mixed  a xor b xor c, majority(a, b, not c)
#   and, nand, or, nor, less, not_less, greater, not_greater   a xor b, that function of a and b (less: not a and b)
#   the same with "x" before it: a xnor b and that function
#   not    not a, nothing
FULL, MIXED, NOT = "full", "mixed", "not"


@dataclass(frozen=True)
class Cell:
    """One cell; sources are nodes below its own two (first and second output)."""

    kind: str
    sources: tuple[int, ...]


@dataclass(frozen=True)
class CellPlan:
    """All adders of a layer. Nodes: the constants 0 and 1, one for each operand (input, bit), two for each cell.

    outputs: for each output the nodes of its bits, least significant first; two's complement where `signed`.
    """

    operands: tuple[tuple[int, int], ...]
    cells: tuple[Cell, ...]
    outputs: tuple[tuple[int, ...], ...]
    signed: tuple[bool, ...]

"""Every operation once: what it computes on integers, the range of its results, what it can take, its form in files.

The graphs that are made of operations live in `inkling.approx.reference.graph`; how an operation is emitted lives in
`inkling.hdl.operations`, one function for each language.
"""

from inkling.approx.reference.operations.activations import PHASE_BITS, ClippedReLU, PeriodicQuadratic, Rescale
from inkling.approx.reference.operations.decisions import (
    ArgMax,
    Decision,
    DecisionTree,
    Logic,
    Tournament,
    knock_out,
)
from inkling.approx.reference.operations.definition import (
    Bounds,
    Ints,
    Operation,
    operation,
    operations,
    signed_width,
)
from inkling.approx.reference.operations.linear import Add, Concat, Dense, MaskedSum, Select
from inkling.approx.reference.operations.texels import FRACTION_BITS, CoordinateSum, GridRead

__all__ = [
    "FRACTION_BITS",
    "PHASE_BITS",
    "Add",
    "ArgMax",
    "Bounds",
    "ClippedReLU",
    "Concat",
    "CoordinateSum",
    "Decision",
    "DecisionTree",
    "Dense",
    "GridRead",
    "Ints",
    "Logic",
    "MaskedSum",
    "Operation",
    "PeriodicQuadratic",
    "Rescale",
    "Select",
    "Tournament",
    "knock_out",
    "operation",
    "operations",
    "signed_width",
]

"""Every operation as Python that numba compiles: an expression or statements for one number of a lane of a batch.

Sums are computed in 64 bits; the store narrows them, and LLVM the whole sum.
"""

from collections.abc import Sequence

from inkling.approx.reference.operations import (
    Add,
    ArgMax,
    ClippedReLU,
    DecisionTree,
    Dense,
    Logic,
    MaskedSum,
    PeriodicQuadratic,
    Rescale,
    Tournament,
)
from inkling.hdl.operations.language import Language, Site, masked_terms
from inkling.hdl.operations.post_order import post_order
from inkling.hdl.operations.truth_table import expression, without_unread

NUMBA = Language("numba")


@NUMBA.writes_sum(Dense)
def dense(item: Dense, reads: Sequence[Sequence[str]], at: Site) -> str:
    """bias + sum of weight * source."""
    bias = int(item.bias[at.output])
    terms = [str(bias)] if bias else []
    for weight, source in zip(item.weights[at.output].tolist(), reads[0], strict=True):
        if weight:
            sign = "-" if weight < 0 else "+" if terms else ""
            factor = "" if abs(weight) == 1 else f"{abs(weight)} * "
            terms.append(f"{sign}{' ' if terms else ''}{factor}{source}")
    return " ".join(terms) or "0"


@NUMBA.writes_sum(MaskedSum)
def masked_sum(item: MaskedSum, reads: Sequence[Sequence[str]], at: Site) -> str:
    """bias + sum of sign * ((source & mask) << shift)."""
    bias = int(item.bias[at.output])
    terms = [str(bias)] if bias else []
    for source, sign, shift, mask in masked_terms(item, at.bounds[0][1], at.output):
        symbol = "-" if sign < 0 else "+" if terms else ""
        factor = f"{1 << shift} * " if shift else ""
        terms.append(f"{symbol}{' ' if terms else ''}{factor}({reads[0][source]} & {mask})")
    return " ".join(terms) or "0"


@NUMBA.writes_sum(Add)
def add(item: Add, reads: Sequence[Sequence[str]], at: Site) -> str:
    """The sum of one number of every value."""
    del item
    return " + ".join(value[at.output] for value in reads)


@NUMBA.writes(ClippedReLU)
def clipped_relu(item: ClippedReLU, value: str, at: Site) -> list[str]:
    """What no number in reach needs is left out; every step is narrowed, which numba would do in 64 bits."""
    shift, bits = item.of_each(len(at.bounds[0][0]))[at.output]
    top, kind, text = (1 << bits) - 1, f"np.int{at.width}", value
    if at.low < 0:
        text = f"max({text}, {kind}(0))"
    if shift:
        text = f"{kind}({text} >> {min(shift, 63)})"
    if at.high >> shift > top:
        text = f"min({text}, {kind}({top}))"
    return [f"{value} = {kind}({text})"] if text != value else []


@NUMBA.writes(Rescale)
def rescale(item: Rescale, value: str, at: Site) -> list[str]:
    return [f"{value} = np.int{at.width}({value} >> {item.shift})"] if item.shift else []


@NUMBA.writes(PeriodicQuadratic)
def periodic_quadratic(item: PeriodicQuadratic, value: str, at: Site) -> list[str]:
    kind = f"np.int{at.width}"
    moved = f"({value} >> {item.shift})" if item.shift >= 0 else f"({value} << {-item.shift})"
    return [
        f"{value} = {kind}(({kind}({moved}) + {kind}(32768)) & 65535) - {kind}(32768)",
        f"{value} = {kind}({kind}({value} * ({kind}(32768) - abs({value}))) >> 21)",
        f"{value} = {kind}(min({value}, {kind}(127)))",
    ]


@NUMBA.writes_label(ArgMax)
def arg_max(item: ArgMax, reads: Sequence[str], at: Site) -> list[str]:
    """The earliest wins among equals."""
    del item
    lines = [f"best = {reads[0]}", f"label = np.int{at.width}(0)"]
    for k, source in enumerate(reads[1:], 1):
        lines += [f"s = {source}", f"label = np.int{at.width}({k}) if s > best else label", "best = max(best, s)"]
    return lines


@NUMBA.writes_label(Tournament)
def tournament(item: Tournament, reads: Sequence[str], at: Site) -> list[str]:
    """A key's bits are left in place and its sign bit turned over, so that keys compare as unsigned numbers."""
    values, labels = [*reads], [f"np.int{at.width}({k})" for k in range(len(reads))]
    lines = []
    for m, ((a, b), (shift, bits)) in enumerate(zip(item.matches, item.keys(*at.bounds[0]), strict=True)):
        keys = [f"(({values[k]} & {(1 << bits) - 1 << shift}) ^ {1 << shift + bits - 1})" for k in (a, b)]
        lines.append(f"less{m} = {keys[0]} < {keys[1]}")
        lines.append(f"who{m} = {labels[b]} if less{m} else {labels[a]}")
        if m < len(item.matches) - 1:
            lines.append(f"best{m} = {values[b]} if less{m} else {values[a]}")
        values.append(f"best{m}")
        labels.append(f"who{m}")
    return [*lines, f"label = {labels[-1]}"]


@NUMBA.writes_label(DecisionTree)
def decision_tree(item: DecisionTree, reads: Sequence[str], at: Site) -> list[str]:
    """Every node decided from its children upwards, without a jump."""
    del at
    kind = "np.uint8" if item.label.max() < 256 else "np.int32"

    def result(node: int) -> str:
        return f"n{node}" if item.feature[node] >= 0 else f"{kind}({int(item.label[node])})"

    lines = []
    for node in post_order(item):
        source, threshold = reads[int(item.feature[node])], int(item.threshold[node])
        left, right = result(int(item.left[node])), result(int(item.right[node]))
        lines.append(f"n{node} = {left} if {source} <= {threshold} else {right}")
    return [*lines, f"label = {result(0)}"]


@NUMBA.writes_label(Logic)
def logic(item: Logic, reads: Sequence[str], at: Site) -> list[str]:
    """Every gate on the bits of one row, each held in a byte."""
    del at
    netlist, lines, nodes = item.netlist, [], ["np.uint8(0)", "np.uint8(1)"]
    for source, port in zip(reads, netlist.inputs, strict=True):
        for bit in range(port.width):
            lines.append(f"b{len(nodes)} = np.uint8(({source} >> {bit}) & 1)")
            nodes.append(f"b{len(nodes)}")
    for kind, read in zip(netlist.kinds, netlist.sources.tolist(), strict=True):
        cell = netlist.cell_types[kind]
        table, kept = without_unread(cell.table, len(cell.inputs))
        value = expression(table, [nodes[read[k]] for k in kept])
        # On bytes that hold 0 or 1 a complement is the last bit of the bitwise one.
        value = value.replace("~ZERO", "np.uint8(1)").replace("ZERO", "np.uint8(0)")
        lines.append(f"g{len(nodes)} = np.uint8({value}{' & 1' if '~' in value else ''})")
        nodes.append(f"g{len(nodes)}")
    label = [f"({nodes[node]} << {k})" if k else nodes[node] for k, node in enumerate(netlist.output_nodes)]
    return [*lines, f"label = {' | '.join(label)}"]

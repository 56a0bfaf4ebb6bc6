"""Every operation in C: an expression or statements for one number, of a single row or of a lane of a batch.

A shift of a negative number to the right is arithmetic, as in every compiler that is met; nothing else is left to
the compiler.
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

C = Language("C")


def literal(value: int, width: int) -> str:
    """A constant of a type of so many bits."""
    if width <= 16 or -(2**15) < value < 2**15:
        return str(value)
    # Below -2**63 + 1 nothing comes: plans keep the most negative number out.
    return f"INT{width}_C({value})" if value >= 0 else f"-INT{width}_C({-value})"


@C.writes_sum(Dense)
def dense(item: Dense, reads: Sequence[Sequence[str]], at: Site) -> str:
    """bias + sum of weight * source, as an expression of the site's width (int, where that is 16 bits)."""
    bias = int(item.bias[at.output])
    terms = [literal(bias, at.width)] if bias else []
    for weight, source in zip(item.weights[at.output].tolist(), reads[0], strict=True):
        if weight:
            sign = "-" if weight < 0 else "+" if terms else ""
            factor = "" if abs(weight) == 1 else f"{literal(abs(weight), at.width)}*"
            terms.append(f"{sign}{' ' if terms else ''}{factor}{source}")
    return " ".join(terms) or "0"


@C.writes_sum(MaskedSum)
def masked_sum(item: MaskedSum, reads: Sequence[Sequence[str]], at: Site) -> str:
    """bias + sum of sign * ((source & mask) << shift); products in place of shifts, as the type may be narrow."""
    bias = int(item.bias[at.output])
    terms = [literal(bias, at.width)] if bias else []
    for source, sign, shift, mask in masked_terms(item, at.bounds[0][1], at.output):
        factor = f"{literal(1 << shift, at.width)}*" if shift else ""
        symbol = "-" if sign < 0 else "+" if terms else ""
        terms.append(f"{symbol}{' ' if terms else ''}{factor}({reads[0][source]} & {literal(mask, at.width)})")
    return " ".join(terms) or "0"


@C.writes_sum(Add)
def add(item: Add, reads: Sequence[Sequence[str]], at: Site) -> str:
    """The sum of one number of every value."""
    del item
    return " + ".join(f"(int{at.width}_t){value[at.output]}" for value in reads)


@C.writes(ClippedReLU)
def clipped_relu(item: ClippedReLU, value: str, at: Site) -> list[str]:
    """The maximum first, so that no negative number is shifted; what no number in reach needs is left out."""
    shift, bits = item.of_each(len(at.bounds[0][0]))[at.output]
    top, lines = (1 << bits) - 1, []
    if at.low < 0:
        lines.append(f"{value} = {value} > 0 ? {value} : 0;")
    if shift:
        lines.append(f"{value} = (int{at.width}_t)({value} >> {shift});" if shift < at.width else f"{value} = 0;")
    if at.high >> shift > top:
        lines.append(f"{value} = {value} > {top} ? {top} : {value};")
    return lines


@C.writes(Rescale)
def rescale(item: Rescale, value: str, at: Site) -> list[str]:
    return [f"{value} = (int{at.width}_t)({value} >> {min(item.shift, at.width - 1)});"] if item.shift else []


@C.writes(PeriodicQuadratic)
def periodic_quadratic(item: PeriodicQuadratic, value: str, at: Site) -> list[str]:
    kind = f"int{at.width}_t"
    moved = f"{value} >> {item.shift}" if item.shift >= 0 else f"({kind})((u{kind}){value} << {-item.shift})"
    return [
        f"{value} = (({moved}) & 65535) - (({moved}) & 32768) * 2;",
        f"{value} = ({value} * (32768 - ({value} < 0 ? -{value} : {value}))) >> 21;",
        f"{value} = {value} > 127 ? 127 : {value};",
    ]


@C.writes_label(ArgMax)
def arg_max(item: ArgMax, reads: Sequence[str], at: Site) -> list[str]:
    """The earliest wins among equals."""
    del item
    kind = f"int{at.width}_t"
    if len(reads) == 1:
        return [f"const {kind} label = 0;"]
    lines = [f"{kind} best = {reads[0]}, label = 0;"]
    for k, source in enumerate(reads[1:], 1):
        lines.append(f"label = {source} > best ? {k} : label; best = {source} > best ? {source} : best;")
    return lines


@C.writes_label(Tournament)
def tournament(item: Tournament, reads: Sequence[str], at: Site) -> list[str]:
    """A key's bits are left in place and its sign bit turned over, so that keys compare as numbers that are never
    negative and no negative number is shifted.
    """
    kind, width = f"int{at.width}_t", at.width
    values, labels = [*reads], [str(k) for k in range(len(reads))]
    lines = []
    for m, ((a, b), (shift, bits)) in enumerate(zip(item.matches, item.keys(*at.bounds[0]), strict=True)):
        mask, sign = literal((1 << bits) - 1 << shift, width), literal(1 << shift + bits - 1, width)
        keys = [f"(({values[k]} & {mask}) ^ {sign})" for k in (a, b)]
        lines.append(f"const {kind} less{m} = {keys[0]} < {keys[1]};")
        lines.append(f"const {kind} who{m} = less{m} ? {labels[b]} : {labels[a]};")
        if m < len(item.matches) - 1:
            lines.append(f"const {kind} best{m} = less{m} ? {values[b]} : {values[a]};")
        values.append(f"best{m}")
        labels.append(f"who{m}")
    return [*lines, f"const {kind} label = {labels[-1]};"]


@C.writes_label(DecisionTree)
def decision_tree(item: DecisionTree, reads: Sequence[str], at: Site) -> list[str]:
    """Every node decided from its children upwards, without a jump. `tree_walk` is the form for one row."""
    del at
    kind = "uint8_t" if item.label.max() < 256 else "int32_t"

    def result(node: int) -> str:
        return f"n{node}" if item.feature[node] >= 0 else str(int(item.label[node]))

    lines = []
    for node in post_order(item):
        source, threshold = reads[int(item.feature[node])], literal(int(item.threshold[node]), 64)
        left, right = result(int(item.left[node])), result(int(item.right[node]))
        lines.append(f"const {kind} n{node} = {source} <= {threshold} ? {left} : {right};")
    return [*lines, f"const {kind} label = {result(0)};"]


def tree_walk(item: DecisionTree, values: str) -> list[str]:
    """The specialisation of `decision_tree` for one row: tables and a walk from the root."""
    tables = {"feature": item.feature, "threshold": item.threshold, "left": item.left, "right": item.right}
    lines = []
    for name, table in {**tables, "leaf": item.label}.items():
        width = 32 if abs(table).max() < 2**31 else 64
        text = ", ".join(literal(value, width) for value in table.tolist())
        lines.append(f"static const int{width}_t {name}[{len(table)}] = {{{text}}};")
    walk = f"node = {values}[feature[node]] <= threshold[node] ? left[node] : right[node];"
    return [*lines, "int32_t node = 0;", f"while (feature[node] >= 0) {walk}", "const int label = (int)leaf[node];"]


@C.writes_label(Logic)
def logic(item: Logic, reads: Sequence[str], at: Site) -> list[str]:
    """Every gate on the bits of one row; a network of gates alone has a fused form, `inkling.hdl.kernels.gates_c`.

    Only the lowest bit of a gate counts, so that complements need no mask.
    """
    del at
    netlist, nodes, lines = item.netlist, ["0u", "1u"], []
    for source, port in zip(reads, netlist.inputs, strict=True):
        nodes += [f"((unsigned){source} >> {bit})" for bit in range(port.width)]
    cells = [without_unread(cell.table, len(cell.inputs)) for cell in netlist.cell_types]
    needed = netlist.live()
    for kind, read in zip(netlist.kinds.tolist(), netlist.sources.tolist(), strict=True):
        node = len(nodes)
        table, kept = cells[kind]
        if needed[node]:
            value = expression(table, [nodes[read[k]] for k in kept]).replace("ZERO", "0u")
            lines.append(f"const unsigned g{node} = {value};")
        nodes.append(f"g{node}")
    bits = [f"({nodes[node]} & 1u) << {k}" for k, node in enumerate(netlist.output_nodes.tolist())]
    return [*lines, f"const int32_t label = (int32_t)({' | '.join(bits)});"]

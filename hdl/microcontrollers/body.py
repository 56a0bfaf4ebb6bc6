"""What a kernel for a microcontroller computes for one row, in several forms of which the smallest is taken.

Operations are written by `inkling.hdl.operations.c`; here they are put behind each other in the machine's own
numbers, or, where that is smaller, in loops over tables in flash.
"""

from collections.abc import Callable, Sequence

import numpy as np

from inkling.approx.reference.operations import ArgMax, DecisionTree, Dense, Ints, Logic
from inkling.hdl.kernels.plan import Plan, Stage
from inkling.hdl.microcontrollers import packed_tree
from inkling.hdl.operations.c import C
from inkling.hdl.operations.language import Site
from inkling.hdl.operations.truth_table import expression, without_unread
from inkling.train.errors import InputError


def forms(plan: Plan) -> tuple[str, ...]:
    """The forms that a plan can be written in.

    "branches": a tree alone as nested comparisons; "packed": a tree as bytes that a loop walks;
    "tables": dense layers as loops over weights in flash;
    "expressions": everything written out.
    """
    if isinstance(plan.decision, DecisionTree) and not plan.stages:
        return (
            ("branches", "packed", "expressions") if packed_tree.packs(plan.decision) else ("branches", "expressions")
        )
    if any(loops(stage) for stage in plan.stages):
        return ("expressions", "tables")
    return ("expressions",)


def check(plan: Plan) -> None:
    """Raise InputError for what a machine without 64-bit numbers cannot hold."""
    if plan.decision is None:
        raise InputError("a kernel for a microcontroller gives a label; this network gives scores")
    if max(plan.width, *(stage.width for stage in plan.stages), 0) > 32:
        raise InputError("a sum of this network needs more than 32 bits; use smaller weights or fewer input bits")


def body(plan: Plan, form: str) -> tuple[list[str], list[str]]:
    """Tables, at file level, and the statements of a function that reads `features` and returns a label."""
    if form == "branches" and isinstance(plan.decision, DecisionTree):
        return [], branches(plan.decision, lambda feature, threshold: f"features[{feature}] <= {threshold}")
    if form == "packed" and isinstance(plan.decision, DecisionTree):
        return packed_tree.body(plan.decision)
    if plan.gates is not None:
        return [], gates(plan.gates)
    tables: list[str] = []
    lines: list[str] = []
    last = len(plan.stages)
    fused = form == "tables" and _decides_in_loop(plan)
    for number, stage in enumerate(plan.stages, 1):
        if form == "tables" and loops(stage):
            tables += _tables(stage, number)
            lines += _loop(plan, stage, number, decides=fused and number == last)
        else:
            lines += _written_out(plan, stage, number)
    if fused:
        return tables, [*lines, "return label;"]
    sources = [_element(plan, *place) for place in plan.results]
    decided = C.decides[type(plan.decision)](plan.decision, sources, Site(0, max(plan.width, 16), (plan.bounds,)))
    lines += [_natural(line) for line in decided]
    return tables, [*lines, "return (uint8_t)label;"]


def branches(tree: DecisionTree, goes_left: Callable[[int, int], str]) -> list[str]:
    """The specialisation of a tree for one row on a machine that jumps cheaply: nested comparisons.

    goes_left: writes the condition of a node from its feature and threshold.
    """
    lines: list[str] = []
    # Without recursion: a tree of 2,000 leaves may be as deep.
    waiting: list[tuple[int, str, str]] = [(0, "", "")]
    while waiting:
        node, margin, text = waiting.pop()
        if text:
            lines.append(margin + text)
        elif tree.feature[node] < 0:
            lines.append(f"{margin}return {int(tree.label[node])};")
        else:
            lines.append(f"{margin}if ({goes_left(int(tree.feature[node]), int(tree.threshold[node]))}) {{")
            deeper = margin + ("    " if len(margin) < 40 else "")
            waiting += [(int(tree.right[node]), margin, ""), (0, margin, "}"), (int(tree.left[node]), deeper, "")]
    return lines


def gates(item: Logic) -> list[str]:
    """Gates in the machine's own byte or word, `uint_fast8_t`; only the lowest bit of each counts."""
    bits = [
        f"(features[{column}] >> {bit})" if bit else f"features[{column}]"
        for column, port in enumerate(item.netlist.inputs)
        for bit in range(port.width)
    ]
    unread = [] if item.netlist.used_ports() else ["(void)features;"]
    return [*unread, *_gates(item, ["0u", "1u", *bits], "uint_fast8_t", "({} & 1u)")]


def sign_gates(item: Logic, levels: Sequence[str]) -> list[str]:
    """The specialisation of gates behind thresholds for counts: a bit is the sign of a word.

    A difference of two counts is negative where the first is smaller, so that no comparison has to be made a 0 or 1.
    levels: an expression for every input bit, negative where the bit is 0. Their signs, SIGN(level), are a `sign_t`.
    """
    read = sorted(item.netlist.used_ports())
    lines = [f"const sign_t c{port} = SIGN({levels[port]});" for port in read]
    bits = [f"~c{port}" for port in range(len(item.netlist.inputs))]
    return [*lines, *_gates(item, ["0", "~0", *bits], "sign_t", "(unsigned)({} < 0)")]


def _gates(item: Logic, sources: Sequence[str], kind: str, bit: str) -> list[str]:
    """Every gate that counts in the C type `kind`, and the label of the `bit`s of the outputs.

    sources: expressions of the constants 0 and 1 and of all input bits.
    """
    netlist, nodes, lines = item.netlist, list(sources), []
    cells = [without_unread(cell.table, len(cell.inputs)) for cell in netlist.cell_types]
    needed = netlist.live()
    for number, read in zip(netlist.kinds.tolist(), netlist.sources.tolist(), strict=True):
        node = len(nodes)
        table, kept = cells[number]
        if needed[node]:
            value = expression(table, [nodes[read[k]] for k in kept]).replace("ZERO", sources[0])
            lines.append(f"const {kind} g{node} = ({kind}){value};")
        nodes.append(f"g{node}")
    bits = [
        bit.format(nodes[node]) + (f" << {k}" if k else "") for k, node in enumerate(netlist.output_nodes.tolist())
    ]
    return [*lines, f"return (uint8_t)({' | '.join(bits)});"]


# --- stages of sums ------------------------------------------------------------------------------------------


def _element(plan: Plan, group: int, index: int, width: int = 16) -> str:
    """A number that is held; widened where `int` may be too narrow for what is done with it."""
    plain = f"features[{index}]" if group == 0 else f"v{group}[{index}]"
    return plain if width <= 16 else f"(int_fast32_t){plain}"


def _held(plan: Plan, group: int) -> str:
    """The type in which a group lies in memory: as narrow as its numbers."""
    if plan.held[group] == 8 or _is_byte(plan, group):
        return "uint8_t"
    return f"int{plan.held[group]}_t"


def _is_byte(plan: Plan, group: int) -> bool:
    stage = plan.stages[group - 1]
    if not stage.each:
        return False
    low, high = stage.each[-1].interval(stage.each_bounds[-1])
    return bool(low.min() >= 0 and high.max() <= 255)


def _natural(line: str) -> str:
    """Numbers of 16 bits in the machine's own: what they hold is known to fit, so that wider is as right."""
    return line.replace("int16_t", "int_fast16_t").replace("int32_t", "int_fast32_t")


def _written_out(plan: Plan, stage: Stage, number: int) -> list[str]:
    width = max(stage.width, 16)
    kind = f"int_fast{width}_t"
    reads = [[_element(plan, group, index, width) for group, index in value] for value in stage.reads]
    held = _held(plan, number)
    lines = [f"{held} v{number}[{stage.outputs}];"]
    for output in range(stage.outputs):
        if stage.joins is None:
            value = reads[0][output]
        elif type(stage.joins) in C.joins:
            value = _natural(C.joins[type(stage.joins)](stage.joins, reads, stage.site(output)))
        else:
            raise InputError(f"a {type(stage.joins).__name__} inside a network is not written for microcontrollers")
        lines += ["{", f"    {kind} t = ({kind})({value});"]
        for item, site in zip(stage.each, stage.sites(output), strict=True):
            lines += [f"    {_natural(line)}" for line in C.each[type(item)](item, "t", site)]
        lines += [f"    v{number}[{output}] = ({held})t;", "}"]
    return [*lines, f"(void)v{number};"]


def loops(stage: Stage) -> bool:
    """Whether a stage is a dense layer whose outputs differ in their weights alone."""
    if not isinstance(stage.joins, Dense) or len(stage.reads) != 1:
        return False
    group = stage.reads[0][0][0] if stage.reads[0] else 0
    whole = stage.reads[0] == tuple((group, k) for k in range(len(stage.reads[0])))
    same = all(isinstance(value, int) for item in stage.each for value in vars(item).values())
    return whole and same and int(np.abs(stage.joins.weights).max(initial=0)) < 2**15


def _decides_in_loop(plan: Plan) -> bool:
    """Whether the last stage is a loop over scores of which the first greatest wins, so that no score is kept."""
    stage = plan.stages[-1] if plan.stages else None
    scores = tuple((len(plan.stages), k) for k in range(plan.outputs))
    return stage is not None and isinstance(plan.decision, ArgMax) and loops(stage) and plan.results == scores


def _narrowest(values: Ints) -> int:
    most = int(np.abs(values).max(initial=0))
    return 8 if most < 2**7 else 16 if most < 2**15 else 32


def _tables(stage: Stage, number: int) -> list[str]:
    dense = stage.joins
    if not isinstance(dense, Dense):
        raise TypeError("only a dense layer has a table of weights")
    lines = []
    for name, values in ((f"weights{number}", dense.weights.ravel()), (f"bias{number}", dense.bias)):
        text = ", ".join(str(value) for value in values.tolist())
        lines.append(f"static const int{_narrowest(values)}_t {name}[{len(values)}] FLASH = {{{text}}};")
    return lines


def _loop(plan: Plan, stage: Stage, number: int, *, decides: bool) -> list[str]:
    dense = stage.joins
    if not isinstance(dense, Dense):
        raise TypeError("only a dense layer is a loop")
    width = max(stage.width, 16)
    kind = f"int_fast{width}_t"
    outputs, inputs = dense.weights.shape
    group = stage.reads[0][0][0] if inputs else 0
    source = "features" if group == 0 else f"v{group}"
    load = {name: f"LOAD{_narrowest(values)}" for name, values in (("weights", dense.weights), ("bias", dense.bias))}
    counter = "uint_fast8_t" if max(outputs, inputs) < 255 else "uint_fast16_t"
    pointer = f"int{_narrowest(dense.weights)}_t"
    lines = [f"const {pointer} *w{number} = weights{number};"]
    if decides:
        lines += [f"{kind} best = 0;", "uint8_t label = 0;"]
    else:
        lines.append(f"{_held(plan, number)} v{number}[{outputs}];")
    lines += [
        f"for ({counter} o = 0; o < {outputs}; o++) {{",
        f"    {kind} t = {load['bias']}(&bias{number}[o]);",
        f"    for ({counter} i = 0; i < {inputs}; i++)",
        f"        t = ({kind})(t + ({kind}){load['weights']}(w{number}++) * {source}[i]);",
    ]
    # One text for every output: the range of all of them.
    for item, (low, high) in zip(stage.each, stage.each_bounds, strict=True):
        site = Site(0, width, ((np.full_like(low, low.min()), np.full_like(high, high.max())),))
        lines += [f"    {_natural(line)}" for line in C.each[type(item)](item, "t", site)]
    if decides:
        lines += ["    if (o == 0 || t > best) {", "        best = t;", "        label = (uint8_t)o;", "    }", "}"]
    else:
        lines += [f"    v{number}[o] = ({_held(plan, number)})t;", "}"]
    return lines

"""Verilog text of an integer network: Amaranth gives RTLIL, yosys in a child process writes it as Verilog.

The components themselves are in `inkling.hdl.circuits.classifier`; mapping to a technology's cells is elsewhere.
"""

import functools
import re
from collections import Counter

from inkling.approx.programs import yosys
from inkling.approx.reference.network import IntegerNetwork


def rtlil(network: IntegerNetwork, *, module: str = "top", sharing: int | None = None) -> str:
    """RTLIL text of the network's component as one module; sharing: `inkling.hdl.circuits.classifier.design`."""
    from amaranth.back import rtlil as back

    from inkling.hdl.circuits.classifier import Classifier
    from inkling.hdl.operations.amaranth.table import SHARING

    top = Classifier(network, sharing=SHARING if sharing is None else sharing)
    text: str = back.convert(top, name=module, emit_src=False)
    # Amaranth numbers ports from 0, which yosys takes for "no place" and puts last.
    place = {name: k for k, name in enumerate(top.signature.members, start=1)}
    return re.sub(
        r"^(  wire width \d+(?: signed)? (?:in|out)put) \d+ +(\\(\w+))$",
        lambda match: f"{match[1]} {place[match[3]]} {match[2]}",
        text,
        flags=re.MULTILINE,
    )


def behavioural(
    network: IntegerNetwork, *, module: str = "top", sharing: int | None = None, time_limit_s: float = 60
) -> str:
    """Verilog-2005 text of the network as a combinational module with one port per input (`inkling.hdl.names` names
    them).

    The output is `label`, or `score_0`, `score_1`, ... for a network that is no classifier. sharing: work that goes
    into finding shared sums (`inkling.hdl.circuits.classifier.design`). Equal arguments give byte-identical text.
    Raises inkling.approx.programs.process.ToolError if yosys fails or outlasts `time_limit_s`.
    """
    text = rtlil(network, module=module, sharing=sharing)
    return folded(yosys.verilog(text, time_limit_s=time_limit_s))


def folded(text: str) -> str:
    """The text with nameless wires put where they are read.

    Yosys writes one assignment to an operator; `assign _3_ = a & b; assign _4_ = _3_ | c;` reads better as one.
    """
    temporary = re.compile(r"\b_\d+_\b")
    uses = Counter(temporary.findall(text))
    # Of one bit (a wider expression can have another width where it stands), declared, assigned and read once.
    assigned = re.compile(r"  assign (_\d+_) = (.*);")
    found = (assigned.fullmatch(line) for line in text.splitlines())
    narrow = set(re.findall(r"^  wire (_\d+_);$", text, re.MULTILINE))
    value = {match[1]: match[2] for match in found if match and uses[match[1]] == 3 and match[1] in narrow}

    @functools.cache
    def expanded(expression: str) -> str:
        # Yosys mostly, but not always, writes what is read before what reads it.
        return temporary.sub(lambda m: f"({expanded(value[m[0]])})" if m[0] in value else m[0], expression)

    lines = []
    for line in text.splitlines():
        match = assigned.fullmatch(line)
        if match and match[1] in value:
            continue
        lines.append(line if re.fullmatch(r"  wire _\d+_;", line) else expanded(line))
    unneeded = {f"  wire {name};" for name in value}
    # A port is a wire without saying so again.
    unneeded |= {re.sub(r"(in|out)put", "wire", line) for line in lines if re.match(r"  (in|out)put ", line)}
    return "\n".join(line for line in lines if line not in unneeded).strip() + "\n"

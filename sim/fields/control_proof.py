"""Proof of a field engine's control, on the emitted text: no query is lost, repeated, overtaken or changed.

Every stage is proven by induction over clocks with its products and memories replaced by anything (an abstraction
that only adds behaviour); the links between stages are proven apart. Bits of answers are the business of simulation.
"""

import hashlib
import itertools
import re
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inkling.approx.programs import yosys
from inkling.approx.programs.process import ToolError
from inkling.approx.reference.field import IntegerField
from inkling.hdl.engine.schedule import DENSE_DEPTH, GRID_DEPTH, schedule
from inkling.sim.fields.wrapper import without_start
from inkling.sim.verdicts.verdict import Verdict

# Clocks that the induction may look back; one closes it, because the claims below are inductive together.
DEPTH = 2
# A wire without a driver is anything in every clock, so a deleted cell leaves more behaviour, never less.
_PREPARE = ("read_verilog -formal -sv checked.v", "hierarchy -top {top}", "proc", "delete t:$mul t:$mem*")
_INDUCT = "sat -tempinduct -maxsteps {depth} -prove-asserts -set-assumes {top}"
_SEARCH = (
    "sat -tempinduct -tempinduct-baseonly -maxsteps {clocks} -prove-asserts -set-assumes "
    "-show rst,valid,ready,active,out_valid,out_ready {top}"
)
_LINKS = ("hierarchy -top top", "proc", "flatten", "chformal -lower", "sat -prove-asserts top")
# What is kept of the solver's words.
_SAID = re.compile(r"^(?:\[|Imported|Import constraint|Solving|Induction|SAT|Base|Reached|Proof|ERROR).*")
# A stage that fails shows it in about two queries; a search beyond this would not end.
MOST_CLOCKS = 60


@dataclass(frozen=True)
class Certificate:
    """What repeats a proof: tool and version, depth, SHA-256 of the engine; of each stage and of the links
    the outcome, commands, SHA-256 of the text that was proven (with the properties in it) and the solver's words."""

    tool: str
    version: str
    depth: int
    engine_sha256: str
    parts: tuple[dict[str, Any], ...]


def prove(verilog: str, field: IntegerField, lanes: int, *, time_limit_s: float = 120.0) -> Verdict:
    """Prove the control of `inkling.hdl.engine.engine.emit(field, lanes)`, or find a clock in which a property fails.

    For each stage of s steps and depth d, from any state of the registers and one clock of reset, at every clock:
    the queries inside are those taken less those answered; an answer carries the payload of its query, in order;
    it comes s + d clocks after its query, not counting clocks in which an answer waits; a valid answer stays, with
    the bits of its numbers, until it is taken; a query is refused only where one is at work or an answer waits.
    The verdict is proven, refuted (mismatches 1), or says that nothing was shown in time.
    """
    how = schedule(field, lanes)
    shape = [(how.grid_steps, GRID_DEPTH)] if field.reads else []
    shape += [(fold.steps, DENSE_DEPTH) for fold in how.folds]
    start, parts = time.monotonic(), []
    for k, (steps, depth) in enumerate(shape):
        found = {"top": f"\\top.stage{k}", "depth": DEPTH, "clocks": min(2 * steps + depth + 8, MOST_CLOCKS)}
        commands = [item.format(**found) for item in (*_PREPARE, "chformal -lower", _INDUCT)]
        text = stage_text(verilog, k, steps, depth)
        part = _part(f"stage {k}", text, commands, time_limit_s)
        if part["outcome"] != "proven":
            again = _part(f"stage {k}", text, [*commands[:-1], _SEARCH.format(**found)], time_limit_s)
            part = again if again["outcome"] == "refuted" else part
        parts.append(part)
    inside = [f"delete \\top.stage{k}/t:* \\top.stage{k}/p:*" for k in range(len(shape))]
    parts.append(_part("links", links_text(verilog, len(shape)), [_PREPARE[0], *inside, *_LINKS], time_limit_s))
    seconds = time.monotonic() - start
    sha = hashlib.sha256(verilog.encode()).hexdigest()
    certificate = Certificate("yosys (pyosys), sat -tempinduct", version("pyosys"), DEPTH, sha, tuple(parts))
    refuted = [part["part"] for part in parts if part["outcome"] == "refuted"]
    missed = [part["part"] for part in parts if part["outcome"] == "not proven"]
    told = f"refuted: {', '.join(refuted)}" if refuted else f"not proven: {', '.join(missed)}" if missed else "proven"
    return Verdict(
        route="control-proof",
        subject="engine.v",
        reference="streams of inkling.hdl.engine.engine",
        vectors=0,
        mismatches=len(refuted),
        seconds=seconds,
        proven=not refuted and not missed,
        detail=f"{told} ({len(parts) - 1} stages by induction, products and memories arbitrary)",
        certificate=asdict(certificate),
    )


def stage_text(verilog: str, number: int, steps: int, depth: int) -> str:
    """Module `top.stage<number>` of the text with registers of any start, and the properties in it."""
    match = re.search(rf"^module \\top\.stage{number} .*?^endmodule$", verilog, re.MULTILINE | re.DOTALL)
    if match is None:
        raise ToolError(f"the text has no module `top.stage{number}`")
    body = without_start(match[0])
    carried = re.search(r"^  output \[(\d+):0\] side_out;$", body, re.MULTILINE)
    # Where nothing reads the payload after the stage, it is not in the text.
    bits = int(carried[1]) + 1 if carried else 0
    data = re.findall(r"^  output (?:signed )?(?:\[\d+:\d+\] )?(y\d\w*);$", body, re.MULTILINE)
    return body[: -len("endmodule")] + properties(steps, depth, bits, data) + "endmodule\n"


def properties(steps: int, depth: int, carried: int, data: list[str]) -> str:
    """Verilog that follows one query, whichever, through a stage, and asserts what `prove` says of every clock.

    carried: bits of the payload that leaves the stage, 0 where none does; data: its outputs that are numbers.
    """
    flags = ["", *(f"flag{k}" for k in range(1, depth)), "out_valid"]
    inside = " + ".join(["active", *flags[1:]])
    step = "step" if steps > 1 else "0"

    def same(one: str, other: str) -> str:
        return f"{one} == {other}" if carried else "1"

    lines = [
        "  // What follows is no part of the engine.",
        "  wire p_choose;",
        "  reg p_begun = 0, p_stalled = 0, p_picked, p_done, p_work;",
        f"  reg [{depth}:1] p_at;",
        f"  reg [{max(carried, 1) - 1}:0] p_kept, p_side;",
        "  reg [15:0] p_inside, p_ahead, p_age;",
        "  wire p_out = out_valid & out_ready;",
        "  wire p_pick = take & p_choose & ~p_picked;",
        "  always @(posedge clk) begin",
        "    p_begun <= 1;",
        "    p_stalled <= out_valid & ~out_ready & ~rst & p_begun;",
        "    p_side <= side_out;" if carried else "",
        "    if (rst) begin",
        "      p_picked <= 0; p_done <= 0; p_work <= 0; p_at <= 0; p_inside <= 0; p_ahead <= 0; p_age <= 0;",
        "    end else begin",
        "      p_inside <= p_inside + take - p_out;",
        "      if (go) p_work <= p_work & ~last;",
        f"      if (go) p_at <= {{p_at[{depth - 1}:1], p_work & last}};",
        "      if (p_pick) begin",
        "        p_kept <= side;" if carried else "",
        "        p_picked <= 1; p_work <= 1; p_ahead <= p_inside - p_out; p_age <= 0;",
        "      end else if (p_picked & ~p_done) begin",
        "        if (p_out && p_ahead != 0) p_ahead <= p_ahead - 1;",
        "        if (p_out && p_ahead == 0) p_done <= 1;",
        "        if (go) p_age <= p_age + 1;",
        "      end",
        "    end",
        "  end",
    ]
    for name in data:
        lines += [f"  reg [31:0] p_{name};", f"  always @(posedge clk) p_{name} <= {name};"]
    held = [f"copy{steps * ((k - 1) // steps)}" for k in range(1, depth + 1)]
    claims = [
        f"p_inside == {inside}",
        f"go == (~out_valid | out_ready) && ready == (go & (~active | {step} == {steps - 1}))",
        f"!(p_picked && !p_done && p_out && p_ahead == 0) || {same('side_out', 'p_kept')}",
        f"!(p_picked && !p_done) || p_age < {steps + depth}",
        "!out_valid || p_inside != 0",
        f"!p_stalled || (out_valid && {same('side_out', 'p_side')})",
        *(f"!p_stalled || {name} == $signed(p_{name})" for name in data),
        # What makes these inductive: where the query that is followed is, and how far apart queries are.
        f"!active || {step} < {steps}",
        f"p_work + {' + '.join(f'p_at[{k}]' for k in range(1, depth + 1))} == (p_picked & ~p_done)",
        "!p_done || p_picked",
        f"!p_work || (active && {same('held', 'p_kept')} && p_age == {step} && p_ahead == {' + '.join(flags[1:])})",
    ]
    for k in range(1, depth + 1):
        older = " + ".join(flags[k + 1 :]) or "0"
        claims.append(
            f"!p_at[{k}] || ({flags[k]} && {same(held[k - 1], 'p_kept')} && p_age == {steps + k - 1} "
            f"&& p_ahead == {older})"
        )
        claims.append(f"!(active && {flags[k]} && {step} >= {k})")
        claims += [f"!({flags[k]} && {flags[j]})" for j in range(k + 1, depth + 1) if j - k < steps]
    lines.append("  always @* assume (p_begun | rst);")
    lines += [f"  always @* if (p_begun) assert ({claim});" for claim in claims]
    return "\n".join(lines) + "\n"


def links_text(verilog: str, stages: int) -> str:
    """The text with what the chain of stages must be as assertions in module `top`."""
    match = re.search(r"^module top\(.*?^endmodule$", verilog, re.MULTILINE | re.DOTALL)
    if match is None:
        raise ToolError("the text has no module `top`")
    pins = []
    for k in range(stages):
        instance = re.search(rf"^  \\top\.stage{k}  stage{k} \((.*?)^  \);$", match[0], re.MULTILINE | re.DOTALL)
        if instance is None:
            raise ToolError(f"`top` has no stage{k}")
        pins.append(dict(re.findall(r"\.(\w+)\((.*)\),?$", instance[1], re.MULTILINE)))
    first, last = pins[0], pins[-1]
    pairs = [(first["valid"], "queries__valid"), (first["side"], "queries__payload")]
    pairs += [("queries__ready", first["ready"]), ("answers__valid", last["out_valid"])]
    pairs += [(last["out_ready"], "answers__ready")]
    for before, after in itertools.pairwise(pins):
        pairs += [(after["valid"], before["out_valid"]), (after["side"], before["side_out"])]
        pairs += [(before["out_ready"], after["ready"])]
    pairs += [(part[name], name) for part in pins for name in ("clk", "rst")]
    claims = "".join(f"  always @* assert ({one} == {other} );\n" for one, other in pairs)
    top = match[0][: -len("endmodule")] + claims + "endmodule\n"
    return verilog[: match.start()] + top + verilog[match.end() :]


def _part(name: str, text: str, commands: list[str], time_limit_s: float) -> dict[str, Any]:
    """One run of yosys: what was proven of which text, and how it ended."""
    with tempfile.TemporaryDirectory(prefix="inkling-proof-") as scratch:
        folder = Path(scratch)
        (folder / "checked.v").write_text(text)
        try:
            said = yosys.run_in(folder, commands, time_limit_s=time_limit_s)
        except ToolError as error:
            said = f"ERROR: {error}"
    outcome = "not proven"
    if re.search(
        r"^(?:Induction step proven: SUCCESS!|SAT proof finished - no model found: SUCCESS!)", said, re.MULTILINE
    ):
        outcome = "proven"
    elif re.search(r"^SAT .*model found.*FAIL!", said, re.MULTILINE):
        outcome = "refuted"
    tail = [line for line in said.splitlines() if _SAID.match(line)][-6:]
    if outcome == "refuted":
        tail += re.findall(r"^ +\d+ \\\w+ +\d+", said, re.MULTILINE)
    return {
        "part": name,
        "outcome": outcome,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "commands": commands,
        "output": tail,
    }

"""Verilog from outside, read word by word before any tool sees it: only what describes circuits is let through.

Yosys and Verilator read and write files, and call C functions and programs, where a text asks for it: by directives,
system tasks, DPI imports. So this is a list of what may stand in a text, not of what may not.
"""

import re
from collections.abc import Iterator

from inkling.hdl.reserved import SYSTEMVERILOG
from inkling.train.errors import InputError

# What Inkling's own emitters write: plain logic, registers, and memories with their content.
_LOGIC = """
always assign begin case casez default else end endcase endmodule if initial inout input integer module negedge not or
and nand nor xor xnor buf output posedge reg signed wire
"""
# What else a circuit of the user's own may be described with.
_MORE = """
always_comb always_ff automatic bit byte casex endfunction endgenerate enum for function generate genvar int
localparam logic longint packed parameter priority return shortint struct tri typedef unique unsigned union void wand
while wor
"""
_EMITTED = frozenset(_LOGIC.split())
_OWN = _EMITTED | frozenset(_MORE.split())
_GUARD = ("ifndef", "endif")
_DIRECTIVES = frozenset((*_GUARD, "ifdef", "else", "elsif", "timescale", "default_nettype", "resetall"))
_CONVERSIONS = frozenset(("$signed", "$unsigned"))
_FUNCTIONS = _CONVERSIONS | {"$clog2", "$bits", "$size"}
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)|(?P<escaped>\\[!-~]+(?=\s|$))|(?P<attribute>\(\*(?!\s*\)))|(?P<comment>//|/\*)"
    r"|(?P<string>\")|(?P<system>\$\w*)|(?P<directive>`\w*)|(?P<number>[0-9][0-9_]*|'[sS]?[bBoOdDhH]\s*[0-9a-fA-F_xXzZ?]+)"
    r"|(?P<word>[A-Za-z_][\w$]*)|(?P<sign>[-+*/%&|^~!<>=?:;,.@#(){}\[\]']+?)"
)
_SAID = {
    "attribute": "a comment or an attribute",
    "comment": "a comment or an attribute",
    "string": "a string",
    "system": "a system task",
    "directive": "a directive",
}
_SKIPPED = re.compile(r"//[^\n]*|/\*.*?\*/|\(\*(?!\s*\)).*?\*\)", re.DOTALL)


def check_verilog(verilog: str, where: str) -> None:
    """Raise InputError where a design's Verilog text holds anything that an emitted one has not."""
    for offset, kind, token in _tokens(verilog):
        if problem := _problem(kind, token, _EMITTED, _CONVERSIONS, _GUARD):
            raise _refused(
                verilog, where, offset, problem, "which no emitted design has; it is not given to any tool"
            )


def own_verilog(verilog: str, where: str) -> str:
    """A text of the user's own without its comments and attributes. Raises InputError for more than a circuit."""
    bare = _SKIPPED.sub(lambda match: " " + "\n" * match[0].count("\n"), verilog)
    for offset, kind, token in _tokens(bare):
        if problem := _problem(kind, token, _OWN, _FUNCTIONS, _DIRECTIVES):
            advice = "which could do more than describe a circuit; give a text without it"
            raise _refused(bare, where, offset, problem, advice)
    return bare


def _tokens(verilog: str) -> Iterator[tuple[int, str, str]]:
    """Offset, kind and text of every token; what is none is of kind ""."""
    at = 0
    while at < len(verilog):
        found = _TOKEN.match(verilog, at)
        if found is None:
            yield at, "", verilog[at]
            at += 1
            continue
        if found.lastgroup != "space":
            yield at, found.lastgroup or "", found[0]
        at = found.end()


def _problem(
    kind: str,
    token: str,
    words: frozenset[str],
    functions: frozenset[str],
    directives: frozenset[str] | tuple[str, ...],
) -> str:
    """What is wrong with a token, "" where nothing is."""
    if kind == "word":
        return f"`{token[:40]}`, more than logic" if token in SYSTEMVERILOG and token not in words else ""
    if (kind == "system" and token in functions) or (kind == "directive" and token[1:] in directives):
        return ""
    if kind == "":
        return f"the character {token!r}"
    if kind in ("system", "directive"):
        return f"{token[:40]}, {_SAID[kind]}"
    return _SAID.get(kind, "")


def _refused(verilog: str, where: str, offset: int, problem: str, advice: str) -> InputError:
    line = verilog.count("\n", 0, offset) + 1
    return InputError(f"{where}:{line}: holds {problem}, {advice}")

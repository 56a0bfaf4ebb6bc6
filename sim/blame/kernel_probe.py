"""Looking into a kernel: labels of chosen rows in chosen company, and the values of its named variables for one row.

For C a copy of the text is compiled in which every variable is also stored; the numba text is run by the plain
interpreter, which lets its variables be read. Both run in a child process; whether a text may be run is the
caller's decision (`inkling.sim.designs.recheck`).
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs.process import ToolError, python
from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import DecisionTree
from inkling.hdl.kernels.plan import plan
from inkling.sim.kernels.children import compile_c
from inkling.sim.verdicts.vectors import reference
from inkling.train.files import checked_json

# Rows that a kernel computes together; a row's company can matter only within them.
BLOCK, GATE_BLOCK = 64, 512

_VARIABLE = re.compile(r"const (?:u?int\d+_t|word|unsigned) (\w+) = (?![{])[^;]*;")
_WALK = re.compile(r"(?<=while \(feature\[node\] >= 0\))\s+(node = [^;]*;)")
_SILENCE = re.compile(r"^    \(void\)v0;[^\n]*$", re.MULTILINE)

_C_CHILD = """
import ctypes, sys
import numpy as np
library, verb, kind, inputs, outputs, names, lanes = sys.argv[1:]
inputs, outputs, names, lanes = int(inputs), int(outputs), int(names), int(lanes)
code = ctypes.CDLL(library)
batch, single = getattr(code, verb + "_batch"), getattr(code, verb)
batch.argtypes, batch.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p), None
x = np.fromfile("rows.bin", np.uint8).reshape(-1, lanes, inputs)
together = np.zeros((len(x), lanes, outputs), kind)
alone, rest = np.zeros((2, len(x), outputs), kind)
seen = np.zeros((2, len(x), names), np.int64)
shown = (ctypes.c_int64 * max(names, 1)).in_dll(code, "inkling_seen")
for k, rows in enumerate(x):
    ctypes.memset(shown, 0, ctypes.sizeof(shown))
    batch(rows.ctypes.data, lanes, together[k].ctypes.data)
    seen[0, k] = shown[:names]
    ctypes.memset(shown, 0, ctypes.sizeof(shown))
    row = np.ascontiguousarray(rows[-1])
    if verb.endswith("_classify"):
        alone[k] = single(ctypes.c_void_p(row.ctypes.data))
    else:
        single(ctypes.c_void_p(row.ctypes.data), ctypes.c_void_p(alone[k].ctypes.data))
    seen[1, k] = shown[:names]
    batch(row.ctypes.data, 1, rest[k].ctypes.data)
np.concatenate([together.reshape(-1), alone.reshape(-1), rest.reshape(-1)]).astype(np.int64).tofile("found.bin")
seen.tofile("seen.bin")
"""

_NUMBA_CHILD = """
import importlib.util, json, sys, types
import numpy as np
path, verb, inputs, outputs, lanes = sys.argv[1:]
inputs, outputs, lanes = int(inputs), int(outputs), int(lanes)
# The plain interpreter runs it: variables can be read there, and nothing has to be compiled.
plain = types.ModuleType("numba")
plain.njit = lambda function: function
sys.modules["numba"] = plain
spec = importlib.util.spec_from_file_location("kernel_under_test", path)
kernel = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kernel)
x = np.fromfile("rows.bin", np.uint8).reshape(-1, lanes, inputs)
together = np.zeros((len(x), lanes, outputs), np.int64)
last = {}
def follow(frame, event, value):
    if frame.f_code.co_name != "_run":
        return None
    frame.f_trace_lines = False
    def ended(frame, event, value):
        if event == "return":
            last.update(frame.f_locals)
        return ended
    return ended
np.seterr(all="ignore")
seen = []
for k, rows in enumerate(x):
    last.clear()
    sys.settrace(follow)
    together[k] = np.asarray(getattr(kernel, verb)(rows)).reshape(lanes, outputs)
    sys.settrace(None)
    names = {}
    for name, value in last.items():
        if name[:1] == "v" and name[1:].isdigit():
            for i, item in enumerate(value.reshape(-1, lanes)[:, -1]):
                names["%s[%d]" % (name, i)] = int(item)
    names.update((n, int(v)) for n, v in last.items() if np.ndim(v) == 0 and n not in ("start", "l", "i", "t", "s"))
    seen.append(names)
together.tofile("found.bin")
json.dump(seen, open("seen.json", "w"))
"""


@dataclass(frozen=True, eq=False)
class Kernel:
    """A kernel ready to be asked: a compiled library and the names of what it stores, or a numba text."""

    network: IntegerNetwork
    folder: Path
    language: str
    names: tuple[str, ...]

    @property
    def lanes(self) -> int:
        gates = self.language == "c" and plan(self.network).gates is not None
        return GATE_BLOCK if gates else BLOCK


def prepare(network: IntegerNetwork, language: str, source: str, header: str, folder: Path) -> Kernel:
    """A kernel of `language` "c" or "numba" in an existing folder. Raises ToolError where it does not compile."""
    if language == "numba":
        (folder / "kernel.py").write_text(source, encoding="utf-8")
        return Kernel(network, folder, language, ())
    text, names = _storing(network, source)
    (folder / "kernel.c").write_text(text, encoding="utf-8")
    (folder / "kernel.h").write_text(header, encoding="utf-8")
    compile_c(folder / "kernel.c", time_limit_s=120, options=["-O1", "-w", "-fwrapv", "-fno-strict-aliasing"])
    return Kernel(network, folder, language, names)


@dataclass(frozen=True, eq=False)
class Seen:
    """What a kernel did with rows in company: by function, whether it was wrong, bool [companies], and its values.

    Functions are "block" (many rows at once), "single" and "rest" (a batch that fills no block; nothing is seen).
    """

    wrong: dict[str, NDArray[np.bool_]]
    values: dict[str, list[dict[str, int]]]


def wrong(kernel: Kernel, values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of the rows, uint8 [rows, inputs], the kernel answers wrongly: alone, among zeros, or among its like."""
    found = np.zeros(len(values), np.bool_)
    for flags in look(kernel, values).wrong.values():
        found |= flags.reshape(2, len(values)).any(axis=0)
    return found


def look(kernel: Kernel, values: NDArray[np.uint8]) -> Seen:
    """Give the kernel every row, uint8 [rows, inputs], as the last among zeros and then (companies) in all places."""
    zeros = np.zeros((len(values), kernel.lanes, values.shape[1]), np.uint8)
    zeros[:, -1] = values
    company = np.concatenate([zeros, np.repeat(values[:, None], kernel.lanes, axis=1)])
    network, folder = kernel.network, kernel.folder
    expected = reference(network, company.reshape(-1, company.shape[2])).reshape(*company.shape[:2], -1)
    company.tofile(folder / "rows.bin")
    verb = "classify" if network.is_classifier else "scores"
    sizes = [str(company.shape[2]), str(expected.shape[2])]
    if kernel.language == "numba":
        script = (str(folder / "kernel.py"), verb, *sizes, str(kernel.lanes))
        python(_NUMBA_CHILD, *script, time_limit_s=300, cwd=folder)
        found = np.fromfile(folder / "found.bin", np.int64).reshape(expected.shape)
        seen = checked_json.value_of((folder / "seen.json").read_text("utf-8"), "kernel.py", "verify again")
        return Seen({"block": (found != expected).any(axis=(1, 2))}, {"block": seen})
    kind = "uint8" if network.is_classifier else f"int{plan(network).width}"
    arguments = [f"inkling_{verb}", kind, *sizes, str(len(kernel.names)), str(kernel.lanes)]
    python(_C_CHILD, str(folder / "kernel.so"), *arguments, time_limit_s=300, cwd=folder)
    answers = np.fromfile(folder / "found.bin", np.int64)
    together = answers[: expected.size].reshape(expected.shape)
    alone, rest = answers[expected.size :].reshape(2, len(company), -1)
    flags = {
        "block": (together != expected).any(axis=(1, 2)),
        "single": (alone != expected[:, -1]).any(axis=1),
        "rest": (rest != expected[:, -1]).any(axis=1),
    }
    stored = np.fromfile(folder / "seen.bin", np.int64).reshape(2, len(company), len(kernel.names))
    values_of = {}
    for number, function in enumerate(("block", "single")):
        places = [(k, name.split(":")[1]) for k, name in enumerate(kernel.names) if name.startswith(f"{function}:")]
        values_of[function] = [{name: int(row[k]) for k, name in places} for row in stored[number]]
    return Seen(flags, values_of)


def first_difference(suspect: Seen, sound: Seen) -> tuple[str, str, int, int] | None:
    """Function, variable, expected and found value of the first variable that differs where the suspect is wrong.

    The suspect's order of variables counts. The variable is "" where only the answer differs.
    """
    for function, flags in suspect.wrong.items():
        for k in np.flatnonzero(flags):
            if function not in suspect.values:
                return function, "", 0, 0
            found, expected = suspect.values[function][k], sound.values[function][k]
            for name, value in found.items():
                if name in expected and expected[name] != value:
                    return function, name, expected[name], value
            return function, "", 0, 0
    return None


def _storing(network: IntegerNetwork, source: str) -> tuple[str, tuple[str, ...]]:
    """The text with a store after every variable, and the names of the places: "function:variable".

    In a block the last lane is stored; in gates, which hold many rows a word, the last row's bit.
    """
    names: list[str] = []
    gates = plan(network).gates is not None
    entry = source.find("int inkling_classify(" if network.is_classifier else "void inkling_scores(")
    block = len(source) if gates else source.find("static void block(")
    if min(entry, block) < 0:
        raise ToolError("the text has no entry for a row and a block")

    def within(at: int) -> str:
        alone = at > entry if gates else entry < at < block
        return "single" if alone else "block"

    def store(at: int, name: str, value: str, condition: str = "") -> str:
        key = f"{within(at)}:{name}"
        if key not in names:
            names.append(key)
        return f" {condition}inkling_seen[{names.index(key)}] = (int64_t)({value});"

    def group(match: re.Match[str]) -> str:
        how, text = plan(network), match[0]
        single = within(match.start()) == "single"
        for number, size in enumerate(how.sizes):
            for i in range(size):
                place = f"v{number}[{i if single else i * BLOCK + BLOCK - 1}]"
                text += store(match.start(), f"v{number}[{i}]", place)
        return text

    def variable(match: re.Match[str]) -> str:
        single = within(match.start()) == "single"
        if gates and not single:
            last = f"((const unsigned char *)&{match[1]})[sizeof {match[1]} - 1] >> 7"
            return match[0] + store(match.start(), match[1], last)
        value = f"{match[1]} & 1" if gates else match[1]
        return match[0] + store(match.start(), match[1], value, "" if single else f"if (l == {BLOCK - 1}) ")

    def walk(match: re.Match[str]) -> str:
        tree = plan(network).decision
        assert isinstance(tree, DecisionTree)
        base = len(names)
        names.extend(f"single:node{k}" for k in range(len(tree.feature)))
        return f"{{ const int32_t was = node; {match[1]} inkling_seen[{base} + was] = node; }}"

    # All substitutions look at the original text, so that places tell in which function they are.
    edits = [(m.end(), group(m)[len(m[0]) :]) for m in _SILENCE.finditer(source)]
    edits += [(m.end(), variable(m)[len(m[0]) :]) for m in _VARIABLE.finditer(source) if _in_body(source, m)]
    for at, added in sorted(edits, reverse=True):
        source = source[:at] + added + source[at:]
    if isinstance(plan(network).decision, DecisionTree):
        source = _WALK.sub(walk, source, count=1)
    head = f"#include <stdint.h>\nint64_t inkling_seen[{max(len(names), 1)}];\n"
    return head + source, tuple(names)


def _in_body(source: str, match: re.Match[str]) -> bool:
    """Whether a declaration is one of the network's: no table, and none of the helpers that turn bytes into bits."""
    if source[max(match.start() - 7, 0) : match.start()].endswith("static "):
        return False
    start = source.rfind("\n{\n", 0, match.start())
    opening = source[source.rfind("\n", 0, start) + 1 : start]
    return bool(
        re.match(r"(?:static (?:APART )?void (?:gates\d+|block)\(|int \w+_classify\(|void \w+_scores\()", opening)
    )

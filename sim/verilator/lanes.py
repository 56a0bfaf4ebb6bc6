"""A verilated combinational model compiled for 64 vectors at a time: Verilator's own C++ over vectors of bytes.

What Verilator writes for emitted designs is straight-line code of bit operations on bytes, so the very same text
computes 64 rows where its types are vectors. Where a text holds anything else there are no lanes, and the harness
takes one row at a time; what it computes in lanes it compares with that on the first rows.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from inkling.sim.verdicts.ports import Output

LANES = 64
_HEAD = "void Vbench___024root___"
# All that the text of a model may hold beside names and numbers, and names that mean more than bit operations.
_TOKEN = re.compile(r"\w+|==|!=|>>|<<|\S")
_PLAIN = {"==", "!=", ">>", "<<", *"()=;,{}&|^~[]."}
_MORE = re.compile(r"if|do|while|for|VL_\w+|[SQ]Data|Vl\w+|reinterpret_cast")
_PRELUDE = """// Vectors of bytes in place of Verilator's types: one place for each of 64 rows.
#include <cstddef>
#include <cstdint>
#include <functional>
namespace lanes {
typedef uint8_t Bytes __attribute__((vector_size(64)));
struct Value {
    Bytes v;
    Value() = default;
    Value(unsigned x) : v(Bytes{} + static_cast<uint8_t>(x)) {}
    Value(int x) : Value(static_cast<unsigned>(x)) {}
    explicit Value(Bytes x) : v(x) {}
};
static inline Value operator&(Value a, Value b) { return Value(a.v & b.v); }
static inline Value operator|(Value a, Value b) { return Value(a.v | b.v); }
static inline Value operator^(Value a, Value b) { return Value(a.v ^ b.v); }
static inline Value operator~(Value a) { return Value(~a.v); }
static inline Value operator>>(Value a, unsigned by) {
    return Value(by < 8 ? a.v >> static_cast<uint8_t>(by) : Bytes{});
}
static inline Value operator<<(Value a, unsigned by) {
    return Value(by < 8 ? a.v << static_cast<uint8_t>(by) : Bytes{});
}
static inline Value operator==(Value a, Value b) { return Value(Bytes(a.v == b.v) & 1); }
static inline Value operator!=(Value a, Value b) { return Value(Bytes(a.v != b.v) & 1); }
typedef Value CData;
typedef Value IData;
struct Root {
%FIELDS%
};
"""


def source(folder: Path, inputs: int, outputs: Sequence[Output]) -> str | None:
    """C++ with `lanes::drive`, `lanes::eval` and `lanes::sample` for the model in folder/verilated, or None.

    Outputs must fit a byte each, as must every variable that the model's functions use.
    """
    if any(item.width > 8 or item.signed for item in outputs):
        return None
    place = folder / "verilated"
    text = "".join(path.read_text() for path in sorted(place.glob("Vbench___024root*.cpp")))
    functions = dict(re.findall(rf"^{_HEAD}(\w+)\(Vbench___024root\* vlSelf\) {{\n(.*?)^}}\n", text, re.M | re.S))
    steps = re.findall(r"^        Vbench___024root___(\w+)\(vlSelf\);", functions.get("eval_ico", ""), re.M)
    if not steps or any(name not in functions for name in steps):
        return None
    bodies = []
    for name in steps:
        body = re.sub(r"/\*.*?\*/", "", functions[name].partition("// Body\n")[2])
        local = functions[name].partition("// Locals\n")[2].partition("// Body\n")[0]
        widths = [int(width) for width in re.findall(r"/\*(\d+):0\*/", local)]
        local = re.sub(r"/\*.*?\*/", "", local)
        both = local + body
        tokens = set(_TOKEN.findall(both))
        if any(_MORE.fullmatch(x) if x[0].isalnum() or x[0] == "_" else x not in _PLAIN for x in tokens):
            return None
        if max(widths, default=0) > 7:
            return None
        bodies.append(f"static void {name}(Root& vlSelfRef) {{\n{local}{body}}}\n")
    header = (place / "Vbench___024root.h").read_text()
    fields = re.findall(r"^    VL_(?:IN|OUT)8\((\w+),", header, re.M)
    fields += re.findall(r"^    CData/\*[0-7]:0\*/ (\w+);", header, re.M)
    lines = [_PRELUDE.replace("%FIELDS%", "\n".join(f"    CData {name};" for name in fields)), *bodies]
    lines += ["static inline void eval(Root& root) {", *(f"    {name}(root);" for name in steps), "}"]
    lines += ["static inline void drive(Root& m, const uint8_t* rows) {"]
    lines += [f"    for (int r = 0; r < {LANES}; r++) {{ const uint8_t* row = rows + r * {inputs};"]
    lines += [*(f"        m.i{k}.v[r] = row[{k}];" for k in range(inputs)), "    }", "}"]
    lines += ["static inline void sample(const Root& m, uint8_t* out) {"]
    lines += [f"    for (int r = 0; r < {LANES}; r++) {{"]
    lines += [*(f"        out[r * {len(outputs)} + {k}] = m.o{k}.v[r];" for k in range(len(outputs))), "    }", "}"]
    return "\n".join([*lines, "}  // namespace lanes", ""])

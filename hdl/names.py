"""Port names: any column names become identifiers that Verilog, C and Python all take. Pure text, nothing else."""

import builtins
import keyword
import re
import unicodedata
from collections.abc import Sequence

LONGEST = 48

# IEEE 1800-2017, annex B.
_SYSTEMVERILOG = """
accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins
binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const
constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge
else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule
endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect
export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global
highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input
inside instance int integer interconnect interface intersect join join_any join_none large let liblist library local
localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor
noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program
property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase
randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1
s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled signed small
soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1 sync_accept_on
sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1
triand trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var vectored virtual
void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""

# C23 and C++23 (Verilator writes C++), names of their headers that emitted code uses, and what GNU C defines.
_C = """
alignas alignof and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor bool catch char char16_t
char32_t char8_t co_await co_return co_yield compl concept const_cast consteval constexpr constinit decltype delete
double dynamic_cast explicit false float friend goto i386 inline int16_t int32_t int64_t int8_t intptr_t linux long
main memcpy memset mutable namespace noexcept not_eq nullptr operator or_eq private ptrdiff_t public reflexpr register
reinterpret_cast requires short size_t sizeof static_assert static_cast std switch synchronized template thread_local
throw true try typeid typename typeof typeof_unqual uint16_t uint32_t uint64_t uint8_t uintptr_t unix using volatile
wchar_t xor_eq
"""

# What the emitted designs name themselves.
_OWN = "label top clk rst np numpy numba"

_RESERVED = frozenset(
    [*_SYSTEMVERILOG.split(), *_C.split(), *_OWN.split()]
    + [word.lower() for word in [*keyword.kwlist, *keyword.softkwlist, *dir(builtins)]]
)
_OWN_PATTERN = re.compile(r"score_\d+|[xy]_\d+")


def port_names(names: Sequence[str]) -> tuple[str, ...]:
    """One identifier for each name, in order: unique, lower-case, of [a-z0-9_], at most 48 characters.

    It starts with a letter, has no two underscores in a row, and is no keyword of Verilog, SystemVerilog, C, C++ or
    Python and none of the names that designs use themselves. The same names always give the same identifiers.
    """
    taken: set[str] = set()
    found = []
    for name in names:
        stem = _identifier(name)
        candidate, count = stem, 1
        while candidate in taken:
            count += 1
            suffix = f"_{count}"
            candidate = stem[: LONGEST - len(suffix)].rstrip("_") + suffix
        taken.add(candidate)
        found.append(candidate)
    return tuple(found)


def _identifier(name: str) -> str:
    """A valid identifier for one name; different names may share it."""
    # Column names come from outside and may be of any length.
    plain = unicodedata.normalize("NFKD", name[: 16 * LONGEST].casefold()).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:LONGEST].rstrip("_")
    if not stem or not stem[0].isalpha() or stem in _RESERVED or _OWN_PATTERN.fullmatch(stem):
        stem = f"col_{stem}".rstrip("_")[:LONGEST].rstrip("_")
    return stem


def comment_text(text: str) -> str:
    """A text that can stand in a C, Verilog or Python comment whatever it holds: printable ASCII on one line."""
    kept = "".join(c if " " <= c <= "~" and c != "\\" else f"<U+{ord(c):04X}>" for c in text[:200])
    for pair in ("*/", "/*", "??"):
        while pair in kept:
            kept = kept.replace(pair, f"{pair[0]} {pair[1]}")
    return kept

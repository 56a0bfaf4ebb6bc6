"""Words that no port may be called: what the languages, tools and classes that a port's name goes through keep.

The list alone lives here; how a column's name becomes a port's is in `inkling.hdl.names`. C#'s contextual words
(`value`, `get`, ...) are no reserved ones and are left out.
"""

import builtins
import keyword
import re

# SystemVerilog, IEEE 1800-2017, annex B.
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

# C23 and C++23 (Verilator writes C++), names of their headers that emitted code uses or that are macros, and what
# GNU C defines.
_C = """
alignas alignof and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor bool catch char char16_t
char32_t char8_t co_await co_return co_yield compl concept const_cast consteval constexpr constinit decltype delete
double dynamic_cast errno explicit false float friend goto i386 inline int16_t int32_t int64_t int8_t intptr_t linux
long main memcpy memset mutable namespace noexcept not_eq nullptr operator or_eq private ptrdiff_t public reflexpr
register reinterpret_cast requires short size_t sizeof static_assert static_cast std switch synchronized template
thread_local throw true try typeid typename typeof typeof_unqual uint16_t uint32_t uint64_t uint8_t
uintptr_t unix using volatile wchar_t xor_eq
"""

# VHDL, IEEE 1076-2019, section 15.10.
_VHDL = """
abs access after alias all and architecture array assert assume attribute begin block body buffer bus case component
configuration constant context cover default disconnect downto else elsif end entity exit fairness file for force
function generate generic group guarded if impure in inertial inout is label library linkage literal loop map mod nand
new next nor not null of on open or others out package parameter port postponed private procedure process property
protected pure range record register reject release rem report restrict return rol ror select sequence severity shared
signal sla sll sra srl strong subtype then to transport type unaffected units until use variable view vmode vpkg vprop
vunit wait when while with xnor xor
"""

# C# 13, the reserved words of section 6.4.4.
_CSHARP = """
abstract as base bool break byte case catch char checked class const continue decimal default delegate do double else
enum event explicit extern false finally fixed float for foreach goto if implicit in int interface internal is lock
long namespace new null object operator out override params private protected public readonly ref return sbyte sealed
short sizeof stackalloc static string struct switch this throw true try typeof uint ulong unchecked unsafe ushort
using virtual void volatile while
"""

# Members of the C++ class that Verilator makes of a module, beside which a port of the same name does not compile,
# and classes and packages that it always knows.
_VERILATOR = """
contextp eval eval_end_step eval_step mutex name process rootp semaphore std threads trace vlsymsp
"""

# What a component of Amaranth holds, and the attributes of our own components (combinational and folded).
_AMARANTH = "elaborate metadata signature input_names output_names parts plan"

# What the emitted designs name themselves: their outputs, their control, their module; and the receiver of a bench's
# `answer(port=value)`.
_OWN = "label top clk rst start done np numpy numba self cls wiring"

SYSTEMVERILOG = frozenset(_SYSTEMVERILOG.split())
RESERVED = frozenset(
    [word for text in (_SYSTEMVERILOG, _C, _VHDL, _CSHARP, _VERILATOR, _AMARANTH, _OWN) for word in text.split()]
    + [word.lower() for word in [*keyword.kwlist, *keyword.softkwlist, *dir(builtins)]]
)
_NUMBERED = re.compile(r"(score|[xy])_\d+")


def reserved(word: str) -> bool:
    """Whether a lower-case identifier is taken; `score_0`, `x_0`, `y_0` and so on are ports of our own."""
    return word in RESERVED or _NUMBERED.fullmatch(word) is not None

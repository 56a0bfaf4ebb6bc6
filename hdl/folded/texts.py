"""Texts of a folded classifier: Verilog, and component.py, which needs nothing but Amaranth.

The circuit itself is `inkling.hdl.folded.circuit`.
"""

from collections.abc import Sequence
from dataclasses import fields

from inkling.approx.folding.plan import FoldPlan
from inkling.approx.programs import yosys
from inkling.approx.reference.network import IntegerNetwork
from inkling.hdl.circuits.component_file import body_of, needed, sorted_imports
from inkling.hdl.names import port_names

# Printed flip-flops have no value at power-on: `rst` gives one to those that need it.
_PASSES = ("proc", "opt_clean", "setattr -unset init w:*")
_FOOT = '''

class Top(FoldedClassifier):
    """The design: `clk`, `rst`, `start`, the input ports of PLAN, `done`, `label`; see FoldedClassifier."""

    def __init__(self) -> None:
        super().__init__(PLAN)


if __name__ == "__main__":
    from amaranth.back import verilog

    print(verilog.convert(Top(), name="top", emit_src=False))
'''


def folded_ports(network: IntegerNetwork) -> tuple[str, ...]:
    """Names of the input ports in the order of the network's inputs, as in the combinational design.

    None is a port of the control: these are reserved in every design.
    """
    return port_names([item.name for item in network.inputs])


def verilog(plan: FoldPlan, *, module: str = "top", time_limit_s: float = 60) -> str:
    """Verilog-2005 text with the component's ports, `clk` and `rst`; registers have no value at power-on.

    Equal plans give byte-identical text. Raises inkling.approx.programs.process.ToolError if yosys fails or outlasts
    the limit.
    """
    from amaranth.back import rtlil

    from inkling.hdl.folded.circuit import FoldedClassifier

    text = rtlil.convert(FoldedClassifier(plan), name=module, emit_src=False)
    return yosys.verilog(text, _PASSES, time_limit_s=time_limit_s)


def component(plan: FoldPlan, *, class_names: Sequence[str] = ()) -> str:
    """Python text with a class `Top` (wiring.Component); run as a script it prints Verilog.

    class_names: what the codes of `label` mean, for the reader.
    """
    imports: set[str] = set()
    bodies = [body_of(module, imports) for module in needed(["inkling.hdl.folded.circuit"])]
    head = '"""A folded classifier as an Amaranth component, made by Inkling.\n\n'
    head += f"`Top` answers {plan.clocks} clocks after `start`. It needs Amaranth 0.5 and nothing else.\n"
    head += 'Run as a script, it prints Verilog.\n"""\n'
    names = [f"    {code}: {name[:80]!a}," for code, name in enumerate(class_names)]
    lines = [f"    {field.name}={_literal(getattr(plan, field.name))}," for field in fields(plan)]
    sections = [
        head + "\n" + "\n".join(sorted_imports(imports)) + "\n",
        "\n# What the codes of `label` mean.\nCLASSES = {\n" + "\n".join(names) + "\n}\n" if names else "",
        *("\n\n" + body for body in bodies),
        "\n\nPLAN = FoldPlan(\n" + "\n".join(lines) + "\n)\n",
        _FOOT,
    ]
    return "".join(sections)


def _literal(value: object) -> str:
    """A tuple of tuples or of texts takes a line for each."""
    if isinstance(value, tuple) and value and isinstance(value[0], tuple | str):
        return "(\n" + "".join(f"        {item!r},\n" for item in value) + "    )"
    return repr(value)

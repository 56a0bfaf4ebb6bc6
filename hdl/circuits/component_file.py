"""A stand-alone `component.py`: the Amaranth design of one network as a file that needs nothing but Amaranth.

The file is cut from the sources that Inkling itself runs, so that there is one definition of the hardware.
"""

import ast
import dataclasses
import importlib
import inspect
from collections.abc import Sequence

from inkling.approx.reference.network import IntegerNetwork, label_bits

_PART = "inkling.hdl.operations.amaranth.part"
_WIRING = """
# For each part, and last for the outputs, the numbers it reads: the part that gives one (0: INPUTS), its place there.
WIRING = (
{wiring})
"""
_FOOT = '''

class Top(Chain):
    """The design: input ports as in INPUTS, and {outputs}; combinational."""

    def __init__(self) -> None:
        super().__init__(INPUTS, PARTS, LABEL_WIDTH{wiring})


if __name__ == "__main__":
    from amaranth.back import verilog

    print(verilog.convert(Top(), name="top", emit_src=False))
'''


def emit(network: IntegerNetwork, *, class_names: Sequence[str] = (), sharing: int | None = None) -> str:
    """Python text with a class `Top` (wiring.Component) that computes the network; run as a script it prints Verilog.

    Its ports, and with equal `sharing` its hardware, are those of `inkling.hdl.circuits.verilog.behavioural`.
    class_names: what the codes of `label` mean, for the reader.
    """
    from inkling.hdl.circuits.classifier import design, input_ports
    from inkling.hdl.operations.amaranth.table import SHARING

    found = design(network, sharing=SHARING if sharing is None else sharing)
    imports: set[str] = set()
    modules = needed([_PART, *(type(part).__module__ for part in found.parts)])
    bodies = [body_of(module, imports) for module in modules]
    ports = input_ports(network)
    outputs = "one output port `label`" if network.is_classifier else "output ports `score_0`, `score_1`, ..."
    columns = [
        f"    ({name!r}, {width}),  # {_shown(item.name)}{f' without its {item.drop} low bits' if item.drop else ''}"
        for (name, width), item in zip(ports, network.inputs, strict=True)
    ]
    names = [f"    {code}: {_shown(name)}," for code, name in enumerate(class_names)]
    label_width = label_bits(network) if network.is_classifier else None
    head = (
        f'"""A {"classifier" if network.is_classifier else "network"} as an Amaranth component, made by Inkling.\n\n'
    )
    head += f"`Top` has {len(ports)} unsigned input ports and {outputs}. It needs Amaranth 0.5 and nothing else.\n"
    head += 'Run as a script, it prints Verilog.\n"""\n'
    sections = [
        head + "\n" + "\n".join(sorted_imports(imports)) + "\n",
        "\n# Name and bits of every input port, and the column it reads.\nINPUTS = (\n"
        + "\n".join(columns)
        + "\n)\n",
        f"\n# Bits of the output port `label`; None where the outputs are scores.\nLABEL_WIDTH = {label_width}\n",
        "\n# What the codes of `label` mean.\nCLASSES = {\n" + "\n".join(names) + "\n}\n" if names else "",
        *("\n\n" + body for body in bodies),
        "\n\nPARTS = (\n" + "\n".join(_literal(part) for part in found.parts) + "\n)\n",
        _WIRING.format(wiring="".join(f"    {row!r},\n" for row in found.wiring)) if found.wiring else "",
        _FOOT.format(outputs=outputs, wiring=", WIRING" if found.wiring else ""),
    ]
    return "".join(sections)


def _shown(text: str) -> str:
    """Text from outside as a Python literal on one line, ASCII only, so that it can end no comment and no string."""
    return ascii(text if len(text) <= 80 else text[:77] + "...")


def needed(modules: Sequence[str]) -> list[str]:
    """The modules and all of the project that they import, each after what it imports."""
    found: list[str] = []

    def visit(module: str) -> None:
        if module in found:
            return
        for node in ast.parse(inspect.getsource(importlib.import_module(module))).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("inkling."):
                visit(str(node.module))
        found.append(module)

    for module in modules:
        visit(module)
    return found


def body_of(module: str, imports: set[str]) -> str:
    """A module's source without docstring and imports; imports of other packages are added to `imports`."""
    text = inspect.getsource(importlib.import_module(module))
    lines = text.splitlines()
    keep = [True] * len(lines)
    for k, node in enumerate(ast.parse(text).body):
        is_docstring = k == 0 and isinstance(node, ast.Expr)
        if not is_docstring and not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for line in range(node.lineno - 1, node.end_lineno or node.lineno):
            keep[line] = False
        own = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("inkling.")
        if not is_docstring and not own:
            imports.add(ast.unparse(node))
    return "\n".join(line for line, kept in zip(lines, keep, strict=True) if kept).strip() + "\n"


def sorted_imports(imports: set[str]) -> list[str]:
    """Imports of one module joined to one line, the standard library first."""
    plain = sorted(line for line in imports if line.startswith("import "))
    named: dict[str, set[str]] = {}
    for line in imports - set(plain):
        module, _, names = line.removeprefix("from ").partition(" import ")
        named.setdefault(module, set()).update(names.split(", "))
    joined = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(named.items())]
    ours = [line for line in joined if line.startswith("from amaranth")]
    return [*plain, *(line for line in joined if line not in ours), "", *ours]


def _literal(part: object) -> str:
    """A part as the expression that makes it, a row of weights or an adder cell on each line."""
    return f"    {_expression(part, '    ')},"


def _expression(value: object, indent: str) -> str:
    inner = indent + "    "
    if dataclasses.is_dataclass(value) and any(_is_long(getattr(value, f.name)) for f in dataclasses.fields(value)):
        fields = dataclasses.fields(value)
        lines = [f"{inner}{field.name}={_expression(getattr(value, field.name), inner)}," for field in fields]
        return "\n".join([f"{type(value).__name__}(", *lines, f"{indent})"])
    if isinstance(value, tuple) and _is_long(value):
        return "\n".join(["(", *(f"{inner}{_expression(item, inner)}," for item in value), f"{indent})"])
    return repr(value)


def _is_long(value: object) -> bool:
    """Whether it takes a line for each of its parts."""
    return dataclasses.is_dataclass(value) or (
        isinstance(value, tuple) and any(isinstance(item, tuple) or dataclasses.is_dataclass(item) for item in value)
    )

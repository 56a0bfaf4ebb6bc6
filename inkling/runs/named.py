"""A design's kernel and circuit under a name of the user's own, beside those that are verified: NAME.c and others.

The kernel is emitted with NAME as the prefix of all it defines, the circuits are the design's texts with NAME in
place of `top`. So that several designs fit into one program and one chip.
"""

import re
from pathlib import Path

from inkling.approx.reference import network_files
from inkling.hdl.kernels import c_kernel, readings
from inkling.hdl.reserved import reserved
from inkling.train.errors import InputError
from inkling.train.files.checked_json import document
from inkling.train.files.text import text

_HEAD = re.compile(r"^(\s*module\s+)top\b", re.MULTILINE)
# Of the files of a design, none is overwritten.
_TAKEN = ("kernel", "top", "mapped", "component")


def check_name(name: str) -> None:
    """Raise InputError for a name that C, Verilog or a design's folder cannot take."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,47}", name):
        raise InputError(f"--name {name!r:.60}: give a letter, then at most 47 letters, digits and _")
    if reserved(name.lower()) or name.lower() in _TAKEN:
        raise InputError(f"--name {name}: is a word of C, of Verilog or of a design's folder; give another")


def write(folder: Path, name: str) -> tuple[str, ...]:
    """Write the files into a design's folder, and give their names. Raises InputError."""
    check_name(name)
    network = network_files.load(folder)
    described = document(folder / "design.json")
    classes = described["output"]["classes"] if network.is_classifier else ()
    read_as = readings.of_described(described.get("inputs"))
    source, header = c_kernel.emit(network, name=name, labels=classes, readings=read_as)
    texts = {f"{name}.c": source.replace('#include "kernel.h"', f'#include "{name}.h"', 1), f"{name}.h": header}
    for original, named in (("top.v", f"{name}.v"), ("mapped.v", f"{name}_mapped.v")):
        verilog = text(folder / original)
        if re.search(rf"^\s*module\s+{name}\b", verilog, re.MULTILINE):
            raise InputError(f"--name {name}: is a cell of the technology; give another")
        texts[named] = _HEAD.sub(rf"\g<1>{name}", verilog, count=1)
    for file, content in texts.items():
        (folder / file).write_text(content, encoding="utf-8")
    return tuple(texts)

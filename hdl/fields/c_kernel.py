"""A C99 kernel of an `IntegerField`: kernel.c, kernel.h and the table file that `<name>_load` takes.

One source holds a portable path and, where the compiler knows x86, AVX2 and AVX-512 VNNI paths chosen when tables are
loaded; all give the reference's bits. The paths' inner parts are in `inkling.hdl.fields.portable`,
`inkling.hdl.fields.avx2` and `inkling.hdl.fields.avx512`; calling a compiled kernel from Python is in
`inkling.hdl.fields.call`.
"""

import re
from dataclasses import dataclass

from inkling.approx.programs.frames import frame
from inkling.hdl.fields import avx2, avx512, portable
from inkling.hdl.fields.plan import HEADER, MAGIC, VERSION, FieldPlan, tables
from inkling.hdl.operations.c import C
from inkling.train.errors import InputError

LANES = portable.LANES
PATHS = ("portable", "avx2", "avx512")


@dataclass(frozen=True)
class FieldKernel:
    """The texts of kernel.c and kernel.h, and the bytes of the table file."""

    source: str
    header: str
    tables: bytes


def emit(field_plan: FieldPlan, *, name: str = "field") -> FieldKernel:
    """The kernel of a laid-out field (`inkling.hdl.fields.plan.plan`).

    Raises InputError for a field without a hidden layer.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(f"{name!r} is not a C identifier")
    field = field_plan.field
    if len(field.dense) < 2:
        raise InputError("a field without a hidden layer has no kernel: give the network one")
    for layer in field.activations:
        C.check(layer)
    lines = [
        *_preamble(field_plan, name),
        *portable.constants(field_plan),
        *portable.blocks(field_plan),
        *(_fused(field_plan) if field_plan.fused else []),
        *_entries(field_plan, name),
    ]
    text = "\n".join(lines).replace("struct FIELD", f"struct {name}_field") + "\n"
    return FieldKernel(text, header(field_plan, name), tables(field_plan).tobytes())


def _fused(field_plan: FieldPlan) -> list[str]:
    """The forms for x86, each layer one with the operation after it."""
    return [
        "#if HAVE_X86",
        *avx2.constants(field_plan),
        *avx512.constants(field_plan),
        *avx512.blocks(field_plan),
        *avx2.blocks(field_plan),
        "#endif",
        "",
    ]


def header(how: FieldPlan, name: str) -> str:
    """The documented interface."""
    field, guard = how.field, f"{name.upper()}_KERNEL_H"
    coding = field.coding
    sight = (
        f""" * Visibility: a target of offset (dx, dy, dz) from entry's position has the code of its squared distance,
 * the bits of the float dx*dx + dy*dy + dz*dz >> {coding.drop}, and is seen where code < answer + {coding.margin}.
"""
        if field.meaning == "visibility"
        else ""
    )
    return frame(
        __file__,
        "kernel.h",
        name=name,
        NAME=name.upper(),
        guard=guard,
        meaning=field.meaning,
        entries=field.entries,
        outputs=field.outputs,
        margin=coding.margin,
        sight=sight,
    )


def _preamble(how: FieldPlan, name: str) -> list[str]:
    unfused = "" if how.fused else " && 0 /* no fused form */"
    return frame(
        __file__,
        "preamble.c",
        name=name,
        unfused=unfused,
        lanes=LANES,
        outputs=how.field.outputs,
        stride=how.stride,
    ).splitlines()


def _entries(how: FieldPlan, name: str) -> list[str]:
    field, coding = how.field, how.field.coding
    magic = ", ".join(str(byte) for byte in MAGIC)
    fingerprint = ", ".join(str(byte) for byte in how.fingerprint)
    if field.meaning == "visibility":
        distance = (
            f"const uint32_t bits = (uint32_t)(answers[0] < 0 ? 0 : answers[0]) << {coding.drop};\n"
            "    float squared;\n    memcpy(&squared, &bits, 4);\n    return sqrtf(squared);"
        )
    else:
        distance = f"return (float)({coding.scale[0]!r} * answers[0] + {coding.offset[0]!r});"
    return frame(
        __file__,
        "entries.c",
        name=name,
        magic=magic,
        fingerprint=fingerprint,
        head_bytes=HEADER,
        version=VERSION,
        entries=field.entries,
        last=field.entries - 1,
        shared_bytes=how.shared_bytes,
        total=how.total,
        low_code=coding.low_code,
        high_code=coding.high_code,
        margin=coding.margin,
        drop=coding.drop,
        stretch=repr(coding.stretch),
        distance=distance,
    ).splitlines()

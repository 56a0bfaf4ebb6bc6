"""One definition of an operation and one function for it in every language: the list, and what watches it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from inkling.approx.reference import operations as reference
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense, operation, operations
from inkling.hdl.operations.amaranth.table import PAIRS, PARTS, draws
from inkling.hdl.operations.c import C
from inkling.hdl.operations.numba import NUMBA

ROOT = Path(__file__).resolve().parents[3]

# Wires alone: a plan renames their numbers, and no language writes anything.
WIRING = {"concat", "select"}
# What reads a field's tables and coordinates lies with how they are laid out in memory or on the chip.
FIELD_READS = {"grid_read", "coordinate_sum"}

# Files of hdl that name an operation without being its function in a language, and why.
FORMS = {
    "hdl/kernels/plan.py": "widths and wiring: which operations join, which end a network",
    "hdl/kernels/c_kernel.py": "a tree alone in a row is walked: inkling.hdl.operations.c.tree_walk",
    "hdl/circuits/classifier.py": "wiring",
    "hdl/fields/plan.py": "packed weights and texels; what the AVX forms hold",
    "hdl/fields/avx2.py": "a layer and what follows it, fused for AVX2",
    "hdl/fields/avx512.py": "a layer and what follows it, fused for AVX-512 VNNI",
    "hdl/fields/avx512_single.py": "the same for one query",
    "hdl/engine/stages.py": "a layer folded on few multipliers",
    "hdl/engine/grid.py": "texels in banks of memory",
    "hdl/engine/schedule.py": "counts multipliers",
    "hdl/microcontrollers/body.py": "one row: a tree jumps, layers are loops over tables in flash, gates are bytes",
    "hdl/microcontrollers/kernel.py": "a tree compares counts of converters itself",
    "hdl/microcontrollers/packed_tree.py": "one row: a tree as bytes that a loop walks",
}


def classes() -> set[str]:
    return {definition.made.__name__ for definition in operations().values()}


def test_every_operation_has_one_definition_and_one_function_in_every_language() -> None:
    for kind, definition in operations().items():
        made = definition.made
        assert getattr(reference, made.__name__) is made, kind
        places = [table for language in (C, NUMBA) for table in _tables(language) if made in table]
        if kind in WIRING | FIELD_READS:
            assert not places and made not in PARTS, kind
        else:
            assert len(places) == 2 and made in PARTS, f"{kind} is not written once in C, numba and Amaranth"
    known = {definition.made for definition in operations().values()}
    assert set(PARTS) <= known and {made for pair in PAIRS for made in pair} <= known


def _tables(language: object) -> Iterator[dict[type, object]]:
    yield from (language.each, language.joins, language.decides)  # type: ignore[attr-defined]


def test_a_second_one_is_refused() -> None:
    with pytest.raises(ValueError, match="already"):
        operation("clipped_relu")(Dense)
    for language in (C, NUMBA):
        for register in (language.writes, language.writes_sum, language.writes_label):
            with pytest.raises(ValueError, match=r"ClippedReLU is written in .* already"):
                register(ClippedReLU)(lambda *_: [])
    with pytest.raises(ValueError, match="already"):
        draws(ArgMax)(lambda *_: None)


def names_operations(text: str) -> bool:
    """Whether a text imports the class of an operation from the reference."""
    return any(
        isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("inkling.approx.reference.operations")
        and {alias.name for alias in node.names} & classes()
        for node in ast.walk(ast.parse(text))
    )


def test_no_other_file_writes_an_operation() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "hdl").rglob("*.py")
        if path.relative_to(ROOT).parts[1] != "operations" and names_operations(path.read_text())
    }
    assert found <= set(FORMS), "register a function in hdl/operations, or name the fused form here"
    # The watcher sees what it should: the form that was written twice before.
    assert names_operations("from inkling.approx.reference.operations import ClippedReLU\n")
    assert not names_operations("from inkling.approx.reference.operations import Bounds, Ints\n")

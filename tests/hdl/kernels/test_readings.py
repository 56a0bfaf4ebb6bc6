"""Readings to features and labels to names, in C and Python as defined; kernels for other machines."""

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense
from inkling.hdl.kernels import c_kernel, numba_kernel
from inkling.hdl.kernels.readings import Reading, of_described
from inkling.train.errors import InputError
from inkling.train.tables.quantiser import Quantiser

CLASSES = ("rot", 'sehr "gut" \\ ??/ */', "\u00fc\u4e2d\n", "</script>")
READINGS = (
    Reading("pH", 2.74, 4.01, 4),
    Reading("T [\u00b0C] */ \\", -1e-3, 1e6, 8),
    Reading('x\n"', 0.1, 0.3, 3),
    Reading("pH", 2.74, 4.01, 6, 17),
)
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Werror")


def network() -> IntegerNetwork:
    rng = np.random.default_rng(2)
    inputs = tuple(Input(f"f{k}", k, item.bits if not item.level else 1) for k, item in enumerate(READINGS))
    layers = (
        Dense(rng.integers(-9, 10, (5, 4)), rng.integers(-9, 10, 5)),
        ClippedReLU(2, 4),
        Dense(rng.integers(-7, 8, (4, 5)), rng.integers(-9, 10, 4)),
        ArgMax(),
    )
    return IntegerNetwork(inputs, layers, 4)


def drawn() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Readings on, next to and far from every threshold."""
    rng = np.random.default_rng(3)
    columns = []
    for item in READINGS:
        edges = item.low + (item.high - item.low) * rng.integers(-2, 2**item.bits + 3, 4000) / 2**item.bits
        beside = np.nextafter(edges, edges + rng.choice([-1.0, 1.0], 4000))
        columns.append(np.where(rng.random(4000) < 0.5, edges, beside))
    found = np.stack(columns, axis=1)
    found[:4] = [[-1e300] * 4, [1e300] * 4, [-np.inf] * 4, [np.inf] * 4]
    return found


def expected(values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    columns = []
    for item, column in zip(READINGS, values.T, strict=True):
        codes = Quantiser(item.low, item.high, item.bits).codes(column)
        columns.append((codes >= item.level).astype(np.uint8) if item.level else codes)
    return np.stack(columns, axis=1)


def test_c_and_python_give_the_codes_and_the_names_of_the_definition(tmp_path: Path) -> None:
    source, header = c_kernel.emit(network(), labels=CLASSES, readings=READINGS)
    (tmp_path / "kernel.c").write_text(source)
    (tmp_path / "kernel.h").write_text(header)
    (tmp_path / "use.c").write_text(
        '#include "kernel.h"\nvoid encode(const double *r, uint8_t *f);\nconst char *name(int k);\n'
        "void encode(const double *r, uint8_t *f) { inkling_encode(r, f); }\n"
        "const char *name(int k) { return inkling_class_name(k); }\n"
    )
    library = tmp_path / "use.so"
    command = ["cc", *STRICT, "-O2", "-shared", "-fPIC", "-o", str(library), "use.c", "kernel.c"]
    subprocess.run(command, cwd=tmp_path, check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.name.restype = ctypes.c_char_p
    values = drawn()
    found = np.zeros(values.shape, np.uint8)
    for row, out in zip(values, found, strict=True):
        loaded.encode(row.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p))
    assert np.array_equal(found, expected(values))
    nothing = np.zeros((1, 4), np.uint8) + 7
    loaded.encode(np.full(4, np.nan).ctypes.data_as(ctypes.c_void_p), nothing.ctypes.data_as(ctypes.c_void_p))
    assert not nothing.any()
    assert [loaded.name(k).decode() for k in (*range(4), 4, -1)] == [*CLASSES, "", ""]
    text = numba_kernel.emit(network(), labels=CLASSES, readings=READINGS)
    names: dict[str, Any] = {}
    exec(compile(text, "kernel.py", "exec"), names)
    assert np.array_equal(names["encode"](values), expected(values))
    assert names["COLUMNS"] == tuple(item.column for item in READINGS)
    told = names["classify_readings"](values[:200])
    assert told.tolist() == [CLASSES[k] for k in network().evaluate(expected(values[:200])).tolist()]
    with pytest.raises(ValueError, match="must be numbers"):
        names["encode"](np.full((1, 4), np.nan))


def test_a_changed_range_is_another_code() -> None:
    """The comparison above can fail: one end moved by a part in a million is seen at its thresholds."""
    other = Quantiser(2.74 + 1e-6, 4.01, 4)
    values = drawn()[4:, 0]
    assert (other.codes(values) != expected(drawn()[4:])[:, 0]).any()


def test_what_design_json_has_is_read_and_anything_else_is_refused() -> None:
    item: dict[str, Any] = {"column": "a", "low": 0, "high": 2.5, "bits": 4}
    assert of_described([item]) == (Reading("a", 0.0, 2.5, 4),)
    level = {**item, "bits": 1, "level": 9, "grid_bits": 6}
    assert of_described([level]) == (Reading("a", 0.0, 2.5, 6, 9),)
    for key, value in (
        ("low", float("nan")),
        ("high", -1),
        ("bits", "4"),
        ("column", 3),
        ("low", True),
        ("bits", 99),
    ):
        with pytest.raises(InputError, match="input 0 has no"):
            of_described([{**item, key: value}])
    with pytest.raises(InputError):
        of_described(None)


APPLE = ("--target=arm64-apple-macos11", "-ffreestanding", "-nostdlibinc", "-isystem", "own")
TARGETS = {
    "windows": ("x86_64-w64-mingw32-gcc", (), "gcc-mingw-w64-x86-64"),
    "apple": ("clang", APPLE, "clang"),
    "arm": ("arm-none-eabi-gcc", ("-mcpu=cortex-m4", "-mthumb"), "gcc-arm-none-eabi"),
}
# Apple's own headers are nowhere but on Apple's machines.
STRING = "#include <stddef.h>\nvoid *memcpy(void *, const void *, size_t);\nvoid *memset(void *, int, size_t);\n"
MATH = "float sqrtf(float);\nfloat floorf(float);\nfloat fabsf(float);\ndouble floor(double);\ndouble sqrt(double);\n"


@pytest.mark.parametrize("target", TARGETS)
def test_kernels_compile_for_other_machines(target: str, tmp_path: Path) -> None:
    from inkling.approx.fields.random_field import random_field
    from inkling.hdl.fields.c_kernel import emit
    from inkling.hdl.fields.plan import plan

    compiler, options, package = TARGETS[target]
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed (Debian: apt-get install {package})")
    field = emit(plan(random_field(5, levels=((3, 3, 2, 4),), hidden=(3,))))
    texts = {
        "network": (*c_kernel.emit(network(), name="leaf", labels=CLASSES, readings=READINGS), STRICT),
        "gates": (*c_kernel.emit(_gates(), labels=CLASSES), STRICT),
        "field": (field.source, field.header, ("-std=c99", "-Wall", "-Wextra")),
    }
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "string.h").write_text(STRING)
    (tmp_path / "own" / "math.h").write_text(MATH)
    last = ["-fsyntax-only"] if target == "apple" else ["-c", "-o", "kernel.o"]
    for kind, (source, header, warnings) in texts.items():
        (tmp_path / "kernel.c").write_text(source)
        (tmp_path / "kernel.h").write_text(header)
        command = [compiler, *options, *warnings, "-O1", *last, "kernel.c"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, (kind, done.stderr)


def _gates() -> IntegerNetwork:
    from inkling.approx.reference.netlist import CellType, Netlist, Port
    from inkling.approx.reference.operations import Logic

    rng = np.random.default_rng(5)
    cells = (CellType("NAND2", ("A", "B"), "Y", 7), CellType("XOR2", ("A", "B"), "Y", 6))
    sources = np.array([[g - 1, rng.integers(2, g - 1)] for g in range(8, 30)], np.int32)
    kinds = rng.integers(0, 2, 22).astype(np.uint8)
    ports = tuple(Port(f"f{k}", 3) for k in range(2))
    netlist = Netlist(ports, (Port("label", 2),), cells, kinds, sources, np.array([29, 28], np.int32))
    return IntegerNetwork(tuple(Input(f"f{k}", k, 3) for k in range(2)), (Logic(netlist),), 4)


def test_gate_kernels_are_clean_of_sign_conversions(tmp_path: Path) -> None:
    source, header = c_kernel.emit(_gates(), labels=CLASSES)
    (tmp_path / "kernel.c").write_text(source)
    (tmp_path / "kernel.h").write_text(header)
    subprocess.run(["cc", *STRICT, "-O1", "-c", "-o", "kernel.o", "kernel.c"], cwd=tmp_path, check=True)

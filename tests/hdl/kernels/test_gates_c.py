"""Bit-sliced C, compiled and run as a program, against the word-parallel evaluation and the truth tables."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inkling.approx.netlists.evaluate import labels, outputs
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.hdl.kernels import gates_c
from inkling.hdl.kernels.gates_c import emit, expression, has_label_entry, without_unread

MAIN = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
void inkling_gates_classify_batch(const uint8_t *features, size_t rows, uint8_t *labels);
int main(int argc, char **argv)
{
    size_t rows = (size_t)atol(argv[1]), inputs = (size_t)atol(argv[2]);
    uint8_t *x = malloc(rows * inputs + 1), *y = malloc(rows + 1);
    (void)argc;
    if (fread(x, inputs, rows, stdin) != rows) return 1;
    inkling_gates_classify_batch(x, rows, y);
    fwrite(y, 1, rows, stdout);
    free(x); free(y);
    return 0;
}
"""

PLANES_MAIN = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
void inkling_gates_planes(const uint64_t *in, uint64_t *out, size_t blocks);
int main(int argc, char **argv)
{
    size_t blocks = (size_t)atol(argv[1]), in = (size_t)atol(argv[2]) * 8, out = (size_t)atol(argv[3]) * 8;
    uint64_t *x = malloc(blocks * in * 8), *y = malloc(blocks * out * 8);
    (void)argc;
    if (fread(x, in * 8, blocks, stdin) != blocks) return 1;
    inkling_gates_planes(x, y, blocks);
    fwrite(y, out * 8, blocks, stdout);
    free(x); free(y);
    return 0;
}
"""

# Each way through the preprocessor's branches that this machine can run.
WAYS = {
    "native": ["-O3", "-march=native"],
    "avx2": ["-O2", "-mavx2"],
    "sse2": ["-O2"],
    "portable": ["-O2", "-U__SSE2__", "-U__GNUC__"],
    "sanitised": ["-O1", "-fsanitize=undefined,address", "-fno-sanitize-recover=all"],
}


def random_netlist(seed: int, widths: list[int], arities: list[int], gates: int, output_widths: list[int]) -> Netlist:
    rng = np.random.default_rng(seed)
    cells = tuple(
        CellType(f"C{i}", tuple("ABCDEF"[:k]), "Y", int.from_bytes(rng.bytes(8), "little") % 2 ** (2**k))
        for i, k in enumerate(arities)
    )
    first = 2 + sum(widths)
    kinds = rng.integers(0, len(cells), gates).astype(np.uint8)
    sources = np.zeros((gates, max(arities)), np.int32)
    for gate, kind in enumerate(kinds):
        sources[gate, : arities[kind]] = rng.integers(max(0, gate - 30), first + gate, arities[kind])
    ports = tuple(Port(f"o{k}", width) for k, width in enumerate(output_widths))
    inputs = tuple(Port(f"i{k}", width) for k, width in enumerate(widths))
    nodes = rng.integers(first + gates - 20, first + gates, sum(output_widths)).astype(np.int32)
    return Netlist(inputs, ports, cells, kinds, sources, nodes)


def values_of(netlist: Netlist, rows: int) -> NDArray[np.uint8]:
    tops = [2**port.width for port in netlist.inputs]
    return np.random.default_rng(2).integers(0, tops, (rows, len(tops))).astype(np.uint8)


def build(folder: Path, netlist: Netlist, main: str, options: list[str]) -> Path:
    (folder / "gates.c").write_text(emit(netlist))
    (folder / "main.c").write_text(main)
    # Two steps: the options that hide what the compiler can do are for the emitted text alone.
    first = ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", *options, "-c", "gates.c"]
    second = ["cc", *(o for o in options if o.startswith("-f")), "main.c", "gates.o", "-o", "program"]
    for command in (first, second):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "program"


@pytest.mark.parametrize("way", WAYS)
def test_labels_equal_the_evaluation(way: str, tmp_path: Path) -> None:
    if way == "avx2" and "avx2" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no AVX2")
    netlist = random_netlist(4, [3, 8, 1, 5, 2], [0, 1, 2, 2, 2, 3, 4, 6], 150, [7])
    x = values_of(netlist, 512 * 2 + 45)
    try:
        program = build(tmp_path, netlist, MAIN, WAYS[way])
    except subprocess.CalledProcessError as error:
        if way == "sanitised" and b"gates.c" not in error.stderr.replace(b"gates.o", b""):
            pytest.skip("the compiler has no sanitisers here")
        raise AssertionError(error.stderr.decode()) from error
    for rows in (len(x), 512, 1, 0):
        argv = [str(program), str(rows), str(x.shape[1])]
        done = subprocess.run(argv, input=x[:rows].tobytes(), capture_output=True, check=True)
        np.testing.assert_array_equal(np.frombuffer(done.stdout, np.uint8), labels(netlist, x[:rows]))


def test_netlist_of_many_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates_c, "GATES_PER_FUNCTION", 7)
    netlist = random_netlist(9, [8, 8, 8], [1, 2, 2, 2], 400, [8])
    text = emit(netlist)
    assert text.count("static APART void") > 20
    x = values_of(netlist, 700)
    program = build(tmp_path, netlist, MAIN, ["-O1"])
    done = subprocess.run([program, "700", "3"], input=x.tobytes(), capture_output=True, check=True)
    np.testing.assert_array_equal(np.frombuffer(done.stdout, np.uint8), labels(netlist, x))


def test_planes_and_several_outputs(tmp_path: Path) -> None:
    netlist = random_netlist(6, [5, 12], [1, 2, 3], 60, [3, 9])
    assert not has_label_entry(netlist)
    assert "classify" not in emit(netlist)
    values = np.random.default_rng(0).integers(0, [32, 4096], (1024, 2))
    bits = np.hstack([values[:, [k]] >> np.arange(port.width) & 1 for k, port in enumerate(netlist.inputs)])
    packed = np.packbits(bits.reshape(2, 512, 17).transpose(0, 2, 1).astype(np.uint8), axis=2, bitorder="little")
    program = build(tmp_path, netlist, PLANES_MAIN, ["-O2"])
    done = subprocess.run([program, "2", "17", "12"], input=packed.tobytes(), capture_output=True, check=True)
    planes = np.frombuffer(done.stdout, np.uint8).reshape(2, 12, 64)
    found = np.unpackbits(planes, axis=2, bitorder="little").transpose(0, 2, 1).reshape(1024, 12).astype(np.int64)
    expected = outputs(netlist, values)
    np.testing.assert_array_equal(found[:, :3] @ (1 << np.arange(3)), expected[:, 0])
    np.testing.assert_array_equal(found[:, 3:] @ (1 << np.arange(9)), expected[:, 1])


@pytest.mark.parametrize("inputs", range(5))
def test_expression(inputs: int) -> None:
    rng = np.random.default_rng(inputs)
    size = 1 << inputs
    tables = range(2**size) if inputs < 4 else (int(t) for t in rng.integers(0, 2**size, 300))
    names = "abcd"[:inputs]
    # Bit m of each source is what it carries in minterm m, so that one evaluation gives the whole table.
    columns = {name: sum((m >> k & 1) << m for m in range(size)) for k, name in enumerate(names)}
    for table in tables:
        found = eval(expression(table, list(names)), {"ZERO": 0, **columns})
        assert found & (2**size - 1) == table


def test_inputs_that_a_table_does_not_read() -> None:
    assert without_unread(0xCA, 3) == (0xCA, (0, 1, 2))
    assert without_unread(0b1100, 2) == (0b10, (1,))
    assert without_unread(0b11110000_11110000, 4) == (0b10, (2,))
    assert without_unread(0xFF, 3) == (1, ())
    assert without_unread(0, 2) == (0, ())


def test_gates_that_reach_no_output_are_left_out_and_names_stay_comments() -> None:
    cells = (CellType("AND2", ("A", "B"), "Y", 8),)
    sources = np.array([[2, 3], [2, 2]], np.int32)
    netlist = Netlist(
        (Port("*/ evil", 2),), (Port("label", 1),), cells, np.zeros(2, np.uint8), sources, np.array([4])
    )
    text = emit(netlist)
    assert "g4 =" in text and "g5" not in text
    assert "*/ evil" not in text
    assert text == emit(netlist)

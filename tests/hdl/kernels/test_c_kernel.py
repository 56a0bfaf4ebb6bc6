"""The C kernel compiled with several compilers and options, run as a program, against the definition."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inkling.approx.programs.process import run
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, DecisionTree, Dense, Logic, Operation
from inkling.hdl.kernels.c_kernel import emit
from inkling.hdl.kernels.plan import plan
from inkling.hdl.names import comment_text
from inkling.train.errors import InputError

MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include "kernel.h"
int main(int argc, char **argv)
{{
    size_t rows = (size_t)atol(argv[1]);
    /* Blocks of exactly the right size: the address sanitiser sees any access beyond them. */
    uint8_t *x = malloc(rows * INKLING_FEATURES + 1);
    {kind} *y = malloc((rows + 1) * {count} * sizeof *y), *z = malloc((rows + 1) * {count} * sizeof *z);
    (void)argc;
    if (fread(x, INKLING_FEATURES, rows, stdin) != rows) return 1;
    inkling_{verb}_batch(x, rows, y);
    for (size_t i = 0; i < rows; i++) {single};
    fwrite(y, sizeof *y, rows * {count}, stdout);
    fwrite(z, sizeof *z, rows * {count}, stdout);
    free(x); free(y); free(z);
    return 0;
}}
"""

STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]


def inputs(count: int, bits: int = 4) -> tuple[Input, ...]:
    return tuple(Input(f"f{i}", i, bits) for i in range(count))


def dense(rng: np.random.Generator, outputs: int, sources: int, largest: int) -> Dense:
    weights = rng.integers(-largest, largest + 1, (outputs, sources))
    return Dense(weights, rng.integers(-largest * 4, largest * 4 + 1, outputs))


def random_tree(rng: np.random.Generator, leaves: int, count: int, limit: int, classes: int) -> DecisionTree:
    feature, threshold, left, right = [-1], [0], [0], [0]
    open_nodes = [0]
    for _ in range(leaves - 1):
        node = open_nodes.pop(int(rng.integers(len(open_nodes))))
        feature[node], threshold[node] = int(rng.integers(count)), int(rng.integers(-1, limit + 1))
        left[node], right[node] = len(feature), len(feature) + 1
        open_nodes += [len(feature), len(feature) + 1]
        for column in (feature, threshold, left, right):
            column += [-1, -1] if column is feature else [0, 0]
    label = rng.integers(0, classes, len(feature))
    columns = [np.array(column, np.int64) for column in (feature, threshold, left, right)]
    return DecisionTree(columns[0], columns[1], columns[2], columns[3], label)


def mlp(seed: int, sizes: tuple[int, int, int], bits: int, largest: int, relu: ClippedReLU) -> IntegerNetwork:
    rng = np.random.default_rng(seed)
    first, second = dense(rng, sizes[1], sizes[0], largest), dense(rng, sizes[2], sizes[1], largest)
    return IntegerNetwork(inputs(sizes[0], bits), (first, relu, second, ArgMax()), sizes[2])


def networks() -> dict[str, IntegerNetwork]:
    rng = np.random.default_rng(7)
    scores: tuple[Operation, ...] = (dense(rng, 5, 6, 40), ClippedReLU(2, 5), dense(rng, 3, 5, 9))
    deep: tuple[Operation, ...] = (
        *(dense(rng, 5, 3, 30), ClippedReLU(3, 6), ClippedReLU(1, 4)),
        *(dense(rng, 4, 5, 30), ClippedReLU(0, 8), dense(rng, 4, 4, 3), ArgMax()),
    )
    return {
        "sixteen bits": mlp(0, (16, 5, 10), 4, 7, ClippedReLU(2, 5)),
        "thirty-two bits": mlp(1, (11, 4, 7), 8, 127, ClippedReLU(9, 8)),
        "sixty-four bits": mlp(2, (3, 2, 3), 8, 2**30, ClippedReLU(4, 31)),
        "no clipping needed": mlp(3, (5, 3, 2), 2, 2, ClippedReLU(70, 9)),
        "one input": mlp(4, (1, 2, 3), 8, 9, ClippedReLU(1, 8)),
        "ties": IntegerNetwork(inputs(3, 1), (Dense(np.eye(3, dtype=np.int64), np.zeros(3, np.int64)), ArgMax()), 3),
        "relu first": IntegerNetwork(inputs(4, 8), (ClippedReLU(3, 4), dense(rng, 3, 4, 5), ArgMax()), 3),
        "arg-max alone": IntegerNetwork(inputs(3, 3), (ArgMax(),), 3),
        "deep": IntegerNetwork(inputs(3, 5), deep, 4),
        "scores": IntegerNetwork(inputs(6, 6), scores, 0),
        "wide scores": IntegerNetwork(inputs(2, 8), (dense(rng, 2, 2, 2**40),), 0),
        "tree": IntegerNetwork(inputs(5, 8), (random_tree(rng, 40, 5, 256, 200),), 200),
        "stump": IntegerNetwork(inputs(2, 3), (random_tree(rng, 1, 2, 8, 3),), 3),
        "tree behind scores": IntegerNetwork(inputs(4), (dense(rng, 3, 4, 9), random_tree(rng, 9, 3, 60, 4)), 4),
    }


def vectors(network: IntegerNetwork, rows: int) -> NDArray[np.uint8]:
    tops = np.array([2**item.bits for item in network.inputs])
    x = np.random.default_rng(1).integers(0, tops, (rows, len(tops)))
    x[0], x[-1] = 0, tops - 1
    return x.astype(np.uint8)


def run_program(
    folder: Path, network: IntegerNetwork, x: NDArray[np.uint8], compiler: str, options: list[str]
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """What the batch and the single entry give."""
    source, header = emit(network)
    how = plan(network)
    call = "z[i] = (uint8_t)inkling_classify(x + i * INKLING_FEATURES)"
    verb, kind, count = "classify", "uint8", 1
    if not network.is_classifier:
        verb, kind, count = "scores", f"int{how.width}", how.outputs
        call = f"inkling_scores(x + i * INKLING_FEATURES, z + i * {count})"
    main = MAIN.format(verb=verb, kind=f"{kind}_t", count=count, single=call)
    for name, text in {"kernel.c": source, "kernel.h": header, "main.c": main}.items():
        (folder / name).write_text(text)
    subprocess.run([compiler, *STRICT, *options, "kernel.c", "main.c", "-o", "program"], cwd=folder, check=True)
    done = subprocess.run([folder / "program", str(len(x))], input=x.tobytes(), capture_output=True, check=True)
    both = np.frombuffer(done.stdout, kind).reshape(2, *((len(x),) if count == 1 else (len(x), count)))
    return both[0], both[1]


@pytest.mark.parametrize("name", networks())
def test_equals_the_definition(name: str, tmp_path: Path) -> None:
    network = networks()[name]
    x = vectors(network, 64 * 3 + 17)
    batch, single = run_program(tmp_path, network, x, "cc", ["-O2", "-ftree-vectorize", "-march=native"])
    expected = network.evaluate(x)
    np.testing.assert_array_equal(batch, expected)
    np.testing.assert_array_equal(single, expected)


@pytest.mark.parametrize("name", ["sixty-four bits", "deep", "scores", "tree"])
def test_sanitisers_have_nothing_to_say(name: str, tmp_path: Path) -> None:
    network = networks()[name]
    x = vectors(network, 70)
    options = ["-O1", "-fsanitize=undefined,address", "-fno-sanitize-recover=all"]
    (tmp_path / "empty.c").write_text("int main(void) { return 0; }\n")
    probe = subprocess.run(["cc", *options, "empty.c", "-o", "empty"], cwd=tmp_path, capture_output=True)
    if probe.returncode or subprocess.run([tmp_path / "empty"], capture_output=True).returncode:
        pytest.skip("the compiler has no sanitisers here")
    batch, single = run_program(tmp_path, network, x, "cc", options)
    np.testing.assert_array_equal(batch, network.evaluate(x))
    np.testing.assert_array_equal(single, network.evaluate(x))


@pytest.mark.parametrize("compiler", ["clang", "tcc"])
def test_other_compilers(compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler} here")
    network = networks()["deep"]
    x = vectors(network, 200)
    batch, single = run_program(tmp_path, network, x, compiler, ["-O2"])
    np.testing.assert_array_equal(batch, network.evaluate(x))
    np.testing.assert_array_equal(single, network.evaluate(x))


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 65])
def test_any_number_of_rows(rows: int, tmp_path: Path) -> None:
    network = networks()["ties"]
    x = vectors(network, 65)[:rows]
    batch, single = run_program(tmp_path, network, x, "cc", ["-O1"])
    np.testing.assert_array_equal(batch, network.evaluate(x))
    np.testing.assert_array_equal(single, network.evaluate(x))


def test_widths_follow_the_intervals() -> None:
    widths = {name: [stage.width for stage in plan(network).stages] for name, network in networks().items()}
    assert widths["sixteen bits"] == [16, 16]
    assert widths["thirty-two bits"] == [32, 32]
    assert widths["sixty-four bits"] == [64, 64]
    # 127 * 255 + 382 = 32767 is the last sum that 16 bits hold; the very least number is left out.
    for bias, width in ((382, 16), (383, 32), (-32767, 16), (-32768, 32)):
        network = IntegerNetwork(inputs(1, 8), (Dense(np.array([[127]]), np.array([bias])),), 0)
        assert plan(network).stages[0].width == width


def test_hostile_names_stay_in_their_comment(tmp_path: Path) -> None:
    names = [
        "*/ int evil(void) { return 1; } /*",
        "two\nlines\r",
        "trigraph ??/",
        "back\\",
        "ü\u202e\u2028",
        "int",
        "*" * 900 + "/",
    ]
    network = IntegerNetwork(
        tuple(Input(name, i, 2) for i, name in enumerate(names)),
        (dense(np.random.default_rng(0), 2, len(names), 3), ArgMax()),
        2,
    )
    source, header = emit(network, labels=["*/", "no"])
    assert header.isascii() and source.isascii()
    assert header.count("*/") == header.count("/*")
    (tmp_path / "kernel.h").write_text(header)
    (tmp_path / "kernel.c").write_text(source)
    subprocess.run(["cc", *STRICT, "-c", "kernel.c"], cwd=tmp_path, check=True)
    (tmp_path / "user.cpp").write_text('#include "kernel.h"\n#include "kernel.h"\nint x = INKLING_FEATURES;\n')
    subprocess.run(["c++", "-Wall", "-Werror", "-fsyntax-only", "user.cpp"], cwd=tmp_path, check=True)
    assert "evil(void)" in header
    preprocessed = subprocess.run(
        ["cc", "-E", "-P", "kernel.h"], cwd=tmp_path, check=True, capture_output=True
    ).stdout
    assert b"evil" not in preprocessed


@pytest.mark.parametrize("text", ["a*/b", "**//", "????", "a\\\nb", "/*/", "\x00\x1b", "*" * 300])
def test_comment_text(text: str) -> None:
    safe = comment_text(text)
    assert safe.isascii() and safe.isprintable()
    assert not any(bad in safe for bad in ("*/", "/*", "??", "\\", "\n"))


def test_equal_networks_give_equal_texts() -> None:
    first = [emit(network) for network in networks().values()]
    assert first == [emit(network) for network in networks().values()]


@pytest.mark.parametrize(
    ("network", "what"),
    [
        (
            IntegerNetwork(inputs(1, 9), (Dense(np.ones((2, 1), np.int64), np.zeros(2, np.int64)), ArgMax()), 2),
            "8 bits",
        ),
        (
            IntegerNetwork(inputs(1), (Dense(np.ones((300, 1), np.int64), np.zeros(300, np.int64)), ArgMax()), 300),
            "256",
        ),
        (IntegerNetwork(inputs(2), (Dense(np.full((1, 2), 2**62), np.zeros(1, np.int64)),), 0), "64 bits"),
    ],
)
def test_what_a_kernel_cannot_hold(network: IntegerNetwork, what: str) -> None:
    with pytest.raises(InputError, match=what):
        emit(network)


def test_name_must_be_an_identifier() -> None:
    with pytest.raises(ValueError, match="identifier"):
        emit(networks()["ties"], name="a b")


def test_two_gate_kernels_link_into_one_program(tmp_path: Path) -> None:
    """Every symbol that others can see is one that the header declares, and begins with the kernel's name."""
    cell = CellType("NAND2", ("A", "B"), "Y", 7)
    ports = (Port("a", 1), Port("b", 1))
    netlist = Netlist(
        ports,
        (Port("label", 1),),
        (cell,),
        np.zeros(1, np.uint8),
        np.array([[2, 3]], np.int32),
        np.array([4], np.int32),
    )
    network = IntegerNetwork(tuple(Input(port.name, k, 1) for k, port in enumerate(ports)), (Logic(netlist),), 2)
    for name in ("one", "two"):
        source, header = emit(network, name=name)
        (tmp_path / f"{name}.c").write_text(source.replace('"kernel.h"', f'"{name}.h"'))
        (tmp_path / f"{name}.h").write_text(header)
    main = '#include "one.h"\n#include "two.h"\nint main(void)\n{\n    const uint8_t x[2] = {1, 1};\n'
    (tmp_path / "main.c").write_text(main + "    return one_classify(x) + two_classify(x);\n}\n")
    run(
        ["cc", "-std=c99", "-Wall", "-Werror", "-o", "both", "main.c", "one.c", "two.c"],
        time_limit_s=60,
        cwd=tmp_path,
    )
    run([tmp_path / "both"], time_limit_s=10)
    run(["cc", "-c", "one.c"], time_limit_s=60, cwd=tmp_path)
    listed = run(["nm", "-g", "--defined-only", "one.o"], time_limit_s=10, cwd=tmp_path).stdout.split()[2::3]
    assert sorted(listed) == ["one_classify", "one_classify_batch"]

"""Two designs under names of their own in one program; names that cannot be are refused before the work."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.reference import network_files
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, Dense
from inkling.runs import named
from inkling.train.errors import InputError

TEXTS = {
    "top.v": "module top(a, b, label);\nendmodule\n",
    "mapped.v": "module INVX1 (input A, output Y);\nendmodule\nmodule top(a, b, label);\nendmodule\n",
}
DESIGN = """{"inputs": [{"column": "a", "low": 0.0, "high": 8.0, "bits": 3},
{"column": "b", "low": -1.0, "high": 1.0, "bits": 3}], "output": {"port": "label", "classes": ["x", "y", "z"]}}"""


def made(folder: Path, seed: int) -> IntegerNetwork:
    rng = np.random.default_rng(seed)
    dense = Dense(rng.integers(-9, 10, (3, 2)), rng.integers(-20, 21, 3))
    network = IntegerNetwork(tuple(Input(n, k, 3) for k, n in enumerate("ab")), (dense, ArgMax()), 3)
    folder.mkdir()
    network_files.save(network, folder)
    for name, content in {**TEXTS, "design.json": DESIGN}.items():
        (folder / name).write_text(content)
    return network


def test_two_kernels_link_and_answer_each_for_itself(tmp_path: Path) -> None:
    networks = {name: made(tmp_path / name, seed) for seed, name in enumerate(("leaf", "Root2"))}
    for name in networks:
        assert named.write(tmp_path / name, name) == (f"{name}.c", f"{name}.h", f"{name}.v", f"{name}_mapped.v")
        for file in (f"{name}.v", f"{name}_mapped.v"):
            text = (tmp_path / name / file).read_text()
            assert f"module {name}(a, b, label);" in text and "module top" not in text
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "leaf/leaf.h"\n#include "Root2/Root2.h"\nint main(void) {\n'
        "  uint8_t f[2];\n  for (int k = 0; k < 64; k++) {\n"
        "    const double r[2] = {k % 8 + 0.5, (k / 8 + 0.5) / 4.0 - 1.0};\n    leaf_encode(r, f);\n"
        '    printf("%s %d\\n", leaf_class_name(leaf_classify(f)), Root2_classify(f));\n  }\n  return 0;\n}\n'
    )
    command = [
        "cc",
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-o",
        "main",
        "main.c",
        "leaf/leaf.c",
        "Root2/Root2.c",
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    out = subprocess.run([tmp_path / "main"], check=True, capture_output=True, text=True).stdout.split()
    codes = np.array([[k % 8, k // 8] for k in range(64)], np.uint8)
    assert out[::2] == ["xyz"[k] for k in networks["leaf"].evaluate(codes).tolist()]
    assert list(map(int, out[1::2])) == networks["Root2"].evaluate(codes).tolist()
    assert out[::2] != ["xyz"[int(k)] for k in out[1::2]]


@pytest.mark.parametrize("name", ["", "3d", "a-b", "int", "module", "top", "kernel", "x" * 49, "INVX1"])
def test_names_that_cannot_be_are_refused(name: str, tmp_path: Path) -> None:
    made(tmp_path / "design", 1)
    before = sorted(path.name for path in (tmp_path / "design").iterdir())
    with pytest.raises(InputError, match="--name"):
        named.write(tmp_path / "design", name)
    assert sorted(path.name for path in (tmp_path / "design").iterdir()) == before
    shutil.rmtree(tmp_path / "design")

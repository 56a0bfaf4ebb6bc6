"""One whole run from the command line: every file of the contract, repeatable, blind to test rows, able to fail."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkling.approx.programs.process import python, run
from inkling.approx.reference.network_files import load

POINT = {
    *("name", "method", "levels", "accuracy", "balanced_accuracy", "area_cm2", "area_spread_cm2", "static_power_mw"),
    *("delay_ms", "gates", "inputs_used", "input_bits_used", "verified"),
}
FILES = {
    *("design.json", "network.json", "network.npz", "netlist.json", "top.v", "mapped.v", "component.py", "kernel.c"),
    *("kernel.h", "kernel.py", "verdict.json", "manifest.json", "cost.json", "readings.json"),
}
ROUTES = ["numba", "c", "verilator", "cocotb", "gates", "verilator-mapped", "proof"]

Runner = Callable[[str], Any]


@pytest.fixture(scope="module")
def plain(tiny_run: Runner) -> Any:
    ended = tiny_run("")
    assert ended.code == 0, ended.err
    return ended


@pytest.fixture(scope="module")
def designs(plain: Any) -> list[Path]:
    """The folders of the designs, in the report's order: the exact network's and at least one approximate one's."""
    names = [point["name"] for point in _json(plain.folder / "report.json")["points"]]
    assert "exact-8-bit" in names
    assert len(names) > 1
    return [plain.folder / "designs" / name for name in names]


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _codes(design: dict[str, Any], rows: np.ndarray, names: list[str]) -> np.ndarray:
    """The contract's formula, written again from the text of design.json alone."""
    columns = []
    for item in design["inputs"]:
        value = rows[:, names.index(item["column"])]
        if "threshold" in item:  # a comparator
            columns.append(value >= item["threshold"])
            continue
        code = np.floor((value - item["low"]) / (item["high"] - item["low"]) * 2 ** item["bits"])
        columns.append(np.clip(code, 0, 2 ** item["bits"] - 1))
    return np.stack(columns, axis=1).astype(np.uint8)


def test_hostile_modules_of_the_working_folder_are_never_imported(plain: Any) -> None:
    folder = plain.folder.parent
    assert (folder / "train.py").exists()
    assert (folder / "sim" / "__init__.py").exists()
    assert not (folder / "imported.txt").exists(), (folder / "imported.txt").read_text()


def test_nothing_lies_beside_the_run_folder(plain: Any) -> None:
    assert not [path.name for path in plain.folder.parent.iterdir() if path.name.startswith("result.")]


def test_report_follows_the_contract(plain: Any) -> None:
    report = _json(plain.folder / "report.json")
    assert report["dataset"] == "iris"
    assert report["rows"] == {"train": 84, "validation": 21, "test": 45}
    assert report["majority_rate"] == pytest.approx(1 / 3, abs=1e-5)
    kinds = {"decision tree", "logistic regression, 8-bit", "co-designed unary tree"}
    assert {point["method"] for point in report["rivals"]} == kinds
    assert set(report["nodes"]) == {point["name"] for point in (*report["points"], *report["rivals"])}
    for point in (*report["points"], *report["rivals"]):
        assert set(point) >= POINT
        assert set(point["accuracy"]) == {"train", "validation", "test"}
        assert all(0 <= value <= 1 for value in (*point["accuracy"].values(), point["balanced_accuracy"]))
        for figure in ("static_power_mw", "delay_ms"):
            assert set(point[figure]) >= {"1.0", "0.6"}
            assert all(value > 0 for value in point[figure].values())
        assert point["area_cm2"] > 0 <= point["area_spread_cm2"]
        assert point["inputs_used"] <= point["input_bits_used"] <= 4 * point["inputs_used"]
        assert 1 <= point["ladders"] <= 4 and point["comparators"] >= point["ladders"]
        assert point["node_area_cm2"] == pytest.approx(point["area_cm2"] + point["converters_area_cm2"], rel=1e-4)
        assert point["node_power_mw"]["1.0"] > point["static_power_mw"]["1.0"]
        node = report["nodes"][point["name"]]
        assert sum(part["area_cm2"] for part in node["parts"]) == pytest.approx(point["node_area_cm2"], rel=1e-4)
        shaken = node["robustness"]
        assert shaken["nominal"] == pytest.approx(point["accuracy"]["test"], abs=1e-5)
        assert shaken["quantile_5"] <= shaken["mean"] <= 1 and shaken["nodes"] == 1000
        assert point["verified"] is True
    # A cell of EGFET takes 0.1 to 1 mm2: what is called cm2 is cm2.
    for point in report["points"]:
        assert 0.001 < point["area_cm2"] / point["gates"] < 0.01
    asked = _json(plain.folder / "run.json")
    assert asked["schema"].startswith("inkling.run/")
    assert asked["seed"] == 42
    assert asked["effort"] == "trial"
    assert {"inkling", "numpy", "torch", "verilator"} <= set(asked["versions"])
    assert asked["data_fingerprint"] == report["fingerprint"]
    assert "/" not in asked["command"]
    html = (plain.folder / "report.html").read_text("utf-8")
    assert all(point["name"] in html for point in (*report["points"], *report["rivals"]))


def test_every_file_of_a_design_is_there_and_every_route_passed(plain: Any, designs: list[Path]) -> None:
    assert sorted((plain.folder / "designs").iterdir()) == sorted(designs)
    for folder in designs:
        assert {path.name for path in folder.iterdir()} == FILES
        verdicts = _json(folder / "verdict.json")
        assert [item["route"] for item in verdicts] == ROUTES
        assert all(item["mismatches"] == 0 and item["counter_example"] is None for item in verdicts)
        assert all(item["vectors"] >= 500 for item in verdicts if item["route"] != "proof")
        assert verdicts[-1]["proven"] is True


def test_designs_answer_as_the_report_says_without_the_rest_of_the_project(
    plain: Any, designs: list[Path], tmp_path: Path
) -> None:
    """kernel.c through its header, with codes by the formula of design.json, on the rows of scikit-learn's iris."""
    from sklearn.datasets import load_iris

    iris = load_iris()
    report = _json(plain.folder / "report.json")
    for folder in designs:
        design = _json(folder / "design.json")
        codes = _codes(design, iris.data, [str(text) for text in iris.feature_names])
        program = tmp_path / "main.c"
        program.write_text(
            f'#include <stdio.h>\n#include "kernel.h"\nint main(void) {{ unsigned char x[{codes.shape[1]}];'
            'while (fread(x, 1, sizeof x, stdin) == sizeof x) printf("%d\\n", inkling_classify(x)); return 0; }'
        )
        binary = tmp_path / "main"
        options = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", f"-I{folder}"]
        run(["cc", *options, program, folder / "kernel.c", "-o", binary], time_limit_s=60)
        done = subprocess.run([binary], input=codes.tobytes(), capture_output=True, check=True, timeout=20)
        labels = np.array(done.stdout.split(), np.int64)
        assert (labels == load(folder).evaluate(codes)).all()
        # Class texts in order of the code; the accuracy over all rows is the weighted mean of the report's three.
        classes = np.array([*design["output"]["classes"], "none of them"])
        right = np.mean(classes[labels] == iris.target_names[iris.target])
        (point,) = [item for item in report["points"] if item["name"] == folder.name]
        stated = sum(point["accuracy"][split] * report["rows"][split] for split in report["rows"]) / len(codes)
        assert right == pytest.approx(stated, abs=1e-4)
        assert "setosa" in (folder / "kernel.h").read_text("utf-8")


def test_emitted_files_stand_alone(designs: list[Path], tmp_path: Path) -> None:
    # An interpreter that knows installed packages but neither ours nor the checkout.
    script = (
        "import sys; ours = {'train', 'approx', 'hdl', 'sim', 'reports', 'inkling'}\n"
        "class Refuse:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name.split('.')[0] in ours: raise ImportError(f'{name} is not needed')\n"
        "sys.meta_path.insert(0, Refuse()); sys.path.insert(0, '.')\n"
        "import component; top = component.Top(); print(sorted(top.signature.members))\n"
        "import kernel; print(kernel.classify.__name__)\n"
        "from pyosys import libyosys as ys\n"
        "for name in ('top.v', 'mapped.v'):\n"
        "    design = ys.Design(); ys.run_pass('read_verilog ' + name, design)\n"
        "    ys.run_pass('hierarchy -check -top top', design)\n"
        "    print(sorted(w.name.str()[1:] for w in design.top_module().selected_wires()\n"
        "        if w.port_input or w.port_output))\n"
    )
    for design in designs:
        folder = tmp_path / design.name
        folder.mkdir()
        for file in ("component.py", "kernel.py", "top.v", "mapped.v"):
            (folder / file).write_bytes((design / file).read_bytes())
        lines = python(script, time_limit_s=120, cwd=folder).stdout.splitlines()
        ports = str(sorted([item["port"] for item in _json(design / "design.json")["inputs"]] + ["label"]))
        assert [line for line in lines if line.startswith("[")] == [ports] * 3
        assert "classify" in lines


def test_the_same_seed_gives_the_same_bytes_and_test_rows_decide_nothing(plain: Any, tiny_run: Runner) -> None:
    """One worker in place of two, and noise for test rows until the report: not a byte of any file is another."""
    again = tiny_run("one-worker,other-test-rows")
    assert again.code == 0, again.err
    first, second = (
        {str(path.relative_to(one.folder)): path.read_bytes() for path in one.folder.rglob("*") if path.is_file()}
        for one in (plain, again)
    )
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []


def test_a_planted_fault_gives_exit_code_1_and_a_counter_example(tiny_run: Runner) -> None:
    ended = tiny_run("fault")
    assert ended.code == 1
    assert ended.err.strip() == "inkling: verification failed for exact-8-bit, power-of-two-1; see verdict.json there"
    verdicts = {item["route"]: item for item in _json(ended.folder / "designs" / "power-of-two-1" / "verdict.json")}
    assert [route for route, item in verdicts.items() if item["mismatches"]] == ["c"]
    example = verdicts["c"]["counter_example"]
    ports = [item["port"] for item in _json(ended.folder / "designs" / "power-of-two-1" / "design.json")["inputs"]]
    row = np.array([[example[port] for port in ports]])
    network = load(ended.folder / "designs" / "power-of-two-1")
    assert network.evaluate(row)[0] == example["expected label"] != example["found label"]
    assert [point["verified"] for point in _json(ended.folder / "report.json")["points"]] == [False, False]


def test_a_missing_tool_is_one_line_and_leaves_nothing(
    start_run: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = start_run(tmp_path, "no-tools", "--out", "result")
    _, err = process.communicate(timeout=200)
    assert process.returncode == 1
    assert err == "inkling: cc was not found; `inkling doctor` says how to get it\n"
    assert list(tmp_path.iterdir()) == []

"""`inkling verify` and `inkling faults` from the command line: exit codes, what is written, what is printed."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import inkling
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.netlist_files import to_json
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.network_files import save
from inkling.approx.reference.operations import Logic
from inkling.hdl.cells.verilog_writer import emit
from inkling.hdl.circuits import component_file
from inkling.hdl.circuits.verilog import behavioural
from inkling.hdl.kernels import c_kernel, numba_kernel, readings

CELLS = (CellType("NAND2", ("A", "B"), "Y", 7), CellType("XOR2", ("A", "B"), "Y", 6))
CLASSES = ("low", "mid", "high", "top")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with one design of twelve cells, and a table with its columns beside."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    place = folder / "designs" / "gates-1"
    place.mkdir(parents=True)
    rng, ports = np.random.default_rng(5), tuple(Port(f"f{k}", 3) for k in range(2))
    sources = np.array([[g - 1, rng.integers(2, g - 1)] for g in range(8, 20)], np.int32)
    kinds = rng.integers(0, 2, 12).astype(np.uint8)
    netlist = Netlist(ports, (Port("label", 2),), CELLS, kinds, sources, np.array([19, 18], np.int32))
    network = IntegerNetwork(tuple(Input(f"f{k}", k, 3) for k in range(2)), (Logic(netlist),), 4)
    inputs = [{"port": f"f{k}", "column": f"f{k}", "bits": 3, "low": 0.0, "high": 8.0} for k in range(2)]
    read_as = readings.of_described(inputs)
    kernel_c, kernel_h = c_kernel.emit(network, labels=CLASSES, readings=read_as)
    kernel_py = numba_kernel.emit(network, labels=CLASSES, readings=read_as)
    texts = {
        **{"top.v": behavioural(network), "mapped.v": emit(netlist), "netlist.json": to_json(netlist)},
        **{"kernel.c": kernel_c, "kernel.h": kernel_h, "kernel.py": kernel_py},
        "component.py": component_file.emit(network, class_names=CLASSES),
        "design.json": json.dumps({"inputs": inputs, "output": {"port": "label", "classes": CLASSES}}),
    }
    for name, text in texts.items():
        (place / name).write_text(text)
    save(network, place)
    (folder / "run.json").write_text('{"effort": "quick"}')
    rows = rng.integers(0, 8, (200, 2))
    labels = network.evaluate(rows)
    lines = [f"{a}.5,{b}.5,{CLASSES[k]}" for (a, b), k in zip(rows.tolist(), labels.tolist(), strict=True)]
    (folder.parent / "rows.csv").write_text("\n".join(["f0,f1,label", *lines, ""]))
    return folder


def command(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    script = "from inkling.cli.main import main; main()"
    line = [sys.executable, "-P", "-c", script, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)


def test_a_sound_run_and_a_changed_one(run_folder: Path, tmp_path: Path) -> None:
    good = command("verify", run_folder, "--rows", run_folder.parent / "rows.csv", "--json")
    assert good.returncode == 0, good.stderr
    document = json.loads(good.stdout)
    (design,) = document["designs"]
    assert document["passed"] and design["passed"] and design["proven"] and not design["faults"]
    assert len(design["verdicts"]) == 15
    assert {"manifest", "design", "readings", "cost"} <= {verdict["route"] for verdict in design["verdicts"]}
    proof = json.loads((run_folder / "designs" / "gates-1" / "verdict.json").read_text())[-1]
    assert (proof["route"], set(proof["certificate"]["sha256"])) == ("proof", {"top.v", "mapped.v"})
    # One cell of another kind, in a copy.
    place = tmp_path / "bad"
    place.mkdir()
    for path in (run_folder / "designs" / "gates-1").iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    text = (place / "mapped.v").read_text()
    line = next(line for line in text.splitlines() if " g10 (" in line)
    cell = line.split()[0]
    other = line.replace(cell, "XOR2" if cell == "NAND2" else "NAND2", 1)
    (place / "mapped.v").write_text(text.replace(line, other))
    bad = command("verify", place, "--vcd", tmp_path / "wave.vcd")
    assert bad.returncode == 1
    assert "inkling: verification failed for bad" in bad.stderr
    assert "mapped.v: n10 is" in bad.stdout
    assert "refuted" in bad.stdout
    assert "$var wire 1" in (tmp_path / "wave.vcd").read_text()
    recorded = {item["route"]: item["mismatches"] for item in json.loads((place / "verdict.json").read_text())}
    assert {route for route, wrong in recorded.items() if wrong} == {"mapped-cells", "verilator-mapped", "proof"}


def test_faults_are_counted_and_the_test_set_shows_them(run_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "set.csv"
    design = run_folder / "designs" / "gates-1"
    done = command(
        "faults", design, "--rows", run_folder.parent / "rows.csv", "--out", out, "--json", "--rate", "0.05"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["measure"], found["rows"], found["cells"], found["sound"]) == ("accuracy", 200, 12, 1.0)
    assert 0.5 < found["coverage"] <= 1
    assert found["worst_under_one_fault"] <= found["mean_under_one_fault"] < 1
    assert found["at_defect_rate"]["mean"] < 1
    assert found["critical_cells"][0]["instance"].startswith("g")
    with out.open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == found["test_set"]["vectors"] < 40
    assert set(rows[0]) == {"f0", "f1", "label"}
    without = json.loads(command("faults", design, "--out", out, "--json").stdout)
    assert (without["measure"], without["rows"], without["sound"]) == ("agreement with the sound circuit", 1000, 1.0)


def test_the_test_set_keeps_the_coverage(run_folder: Path) -> None:
    from inkling.designs.faults import fault_summary, random_rows
    from inkling.sim.designs.folder import read

    design = read(run_folder / "designs" / "gates-1")
    values = random_rows(design)
    summary, chosen = fault_summary(design, values, None, 0.01)
    again, _ = fault_summary(design, values[chosen], None, 0.01)
    assert again["coverage"] == summary["coverage"]
    fewer, _ = fault_summary(design, values[chosen[1:]], None, 0.01)
    assert fewer["coverage"] < summary["coverage"]
    other = replace(design, texts={**design.texts, "mapped.v": ""})
    assert fault_summary(other, values, None, 0.01)[0]["critical_cells"][0]["instance"].startswith("gate ")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("verify", "missing"), "no folder 'missing'"),
        (("verify", "{parent}"), "neither network.json nor designs"),
        (("faults", "missing"), "missing"),
        (("faults", "{design}", "--rate", "2"), "--rate"),
        (("faults", "{design}", "--rows", "none.csv"), "none.csv"),
        (("verify", "{run}", "--vectors", "0"), "--vectors"),
        (("faults", "{design}", "--rows", "iris"), "has no column 'f0'"),
    ],
)
def test_wrong_input_is_one_line(arguments: tuple[str, ...], names: str, run_folder: Path) -> None:
    places = {"run": run_folder, "parent": run_folder.parent, "design": run_folder / "designs" / "gates-1"}
    done = command(*(item.format(**places) for item in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert names in done.stderr
    assert done.stderr.startswith("inkling: ") and done.stderr.count("\n") == 1


def test_predict_gives_the_class_of_every_row(run_folder: Path, tmp_path: Path) -> None:
    place, table = run_folder / "designs" / "gates-1", run_folder.parent / "rows.csv"
    labels = [line.rsplit(",", 1)[1] for line in table.read_text().splitlines()[1:]]
    done = command("predict", place, table)
    assert done.returncode == 0 and done.stdout.splitlines() == ["prediction", *labels]
    assert "200 of 200 rows" in done.stderr
    done = command("predict", place, table, "--json", "--out", tmp_path / "answers.json")
    assert done.stdout == "" and json.loads((tmp_path / "answers.json").read_text())["predictions"] == labels
    (tmp_path / "other.csv").write_text("f0,g\n1,2\n")
    done = command("predict", place, tmp_path / "other.csv")
    assert done.returncode == 2 and "no column 'f1'" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_loaded_design_answers_readings(run_folder: Path) -> None:
    """By names, in any order and beside others, or as an array in the order of its inputs."""
    design = inkling.load(run_folder / "designs" / "gates-1")
    assert isinstance(design, inkling.Design) and design.columns == ("f0", "f1") and design.classes == CLASSES
    rows = np.random.default_rng(1).uniform(-1, 9, (50, 2))
    codes = np.clip(np.floor(rows), 0, 7).astype(np.int64)
    expected = [CLASSES[k] for k in design.network.evaluate(codes)]
    assert design.predict(rows).tolist() == expected
    assert design.predict({"f1": rows[:, 1], "more": rows[:, 0], "f0": rows[:, 0]}).tolist() == expected
    assert design.predict(pd.DataFrame(rows[:, ::-1], columns=["f1", "f0"])).tolist() == expected
    assert len(design.predict(run_folder.parent / "rows.csv")) == 200
    for wrong in (rows[:, :1], rows * np.nan, {"f0": rows[:, 0]}):
        with pytest.raises(inkling.InputError):
            design.predict(wrong)

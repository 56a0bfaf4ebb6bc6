"""Changes planted in a classifier's folder: those of function, meaning or cost are caught, harmless ones are not."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkling.designs import verify
from inkling.designs.report import rebuild
from inkling.reports.results.report import read as read_report
from inkling.sim.designs import manifest
from inkling.sim.designs.folder import emission, read
from inkling.sim.designs.recheck import Budget, recheck
from inkling.sim.verdicts.files import digest
from inkling.sim.verdicts.verdict import Outcome, Verdict
from inkling.train.errors import InputError

Change = Callable[[Path], None]
JSON_FILES = ("design.json", "network.json", "netlist.json", "cost.json", "readings.json")
TEXT_FILES = ("top.v", "mapped.v", "kernel.c", "kernel.h", "kernel.py", "component.py")


def in_json(name: str, change: Callable[[Any], object]) -> Change:
    def apply(folder: Path) -> None:
        data = json.loads((folder / name).read_text())
        change(data)
        (folder / name).write_text(json.dumps(data))

    return apply


def in_text(name: str, old: str, new: str) -> Change:
    def apply(folder: Path) -> None:
        text = (folder / name).read_text()
        changed = re.sub(old, new, text, count=1)
        assert changed != text, (name, old)
        (folder / name).write_text(changed)

    return apply


def of_input(number: int, key: str, value: object) -> Change:
    return in_json("design.json", lambda data: data["inputs"][number].__setitem__(key, value))


def swapped(key: str, one: int = 0, other: int = 1) -> Change:
    def change(data: Any) -> None:
        first, second = data["inputs"][one], data["inputs"][other]
        first[key], second[key] = second[key], first[key]

    return in_json("design.json", change)


def ends_swapped(data: Any) -> None:
    item = data["inputs"][0]
    item["low"], item["high"] = item["high"], item["low"]


def ranges_swapped(data: Any) -> None:
    first, second = data["inputs"][:2]
    for key in ("low", "high"):
        first[key], second[key] = second[key], first[key]


def point(data: Any) -> Any:
    return data["points"][0]


def cell(data: Any) -> Any:
    return next(iter(data["cells"].values()))


REPORT = "../../report.json"


# Changes of what design.json means, each seen without the manifest.
MEANING: dict[str, Change] = {
    **{f"low of input {k} moved": of_input(k, "low", -0.5 - k) for k in range(7)},
    **{f"high of input {k} moved": of_input(k, "high", 16.5 + k) for k in range(7)},
    "low slightly moved": of_input(3, "low", -4.02),
    "low and high exchanged": in_json("design.json", ends_swapped),
    "ranges exchanged": in_json("design.json", ranges_swapped),
    "low is a text": of_input(0, "low", "zero"),
    "low is missing": in_json("design.json", lambda data: data["inputs"][0].pop("low")),
    "high is true": of_input(0, "high", True),
    "columns exchanged": swapped("column"),
    "another column": of_input(2, "column", "g"),
    "a column twice": of_input(2, "column", "f1"),
    "column is a number": of_input(2, "column", 3),
    "ports exchanged": swapped("port"),
    "another port": of_input(2, "port", "x"),
    "another width": of_input(2, "bits", 5),
    "an input missing": in_json("design.json", lambda data: data["inputs"].pop()),
    "inputs reversed": in_json("design.json", lambda data: data["inputs"].reverse()),
    "output port": in_json("design.json", lambda data: data["output"].__setitem__("port", "y")),
    "classes exchanged": in_json("design.json", lambda data: data["output"]["classes"].reverse()),
    "a class renamed": in_json("design.json", lambda data: data["output"]["classes"].__setitem__(0, "z")),
    "a class twice": in_json("design.json", lambda data: data["output"]["classes"].__setitem__(0, "b")),
    "a class missing": in_json("design.json", lambda data: data["output"]["classes"].pop()),
    "another schema": in_json("design.json", lambda data: data.__setitem__("schema", "inkling.design/9")),
}


def not_a_number(folder: Path) -> None:
    text = (folder / "design.json").read_text()
    (folder / "design.json").write_text(re.sub(r'"low": [-\d.]+', '"low": NaN', text, count=1))


MEANING["low is NaN"] = not_a_number


def dead_gates(data: Any) -> None:
    data["gates"] += [data["gates"][0]] * 20


def cells_exchanged(data: Any) -> None:
    names = list(data["cells"])
    first, second = data["cells"][names[0]], data["cells"][names[1]]
    first["count"], second["count"] = second["count"], first["count"]


# Changes of cost, each seen without the manifest.
COST: dict[str, Change] = {
    "dead gates in netlist.json": in_json("netlist.json", dead_gates),
    "a dead gate in mapped.v": in_text(
        "mapped.v", r"\n(  (\w+) g0 \((.*)\.Y\(n0\)\);)", r"\n\1\n  \2 gx (\3.Y(nx));"
    ),
    "area of cost.json": in_json("cost.json", lambda data: data.__setitem__("area_cm2", 0.001)),
    "gates of cost.json": in_json("cost.json", lambda data: data.__setitem__("gates", 1)),
    "power of cost.json": in_json("cost.json", lambda data: data["static_power_mw"].__setitem__("1.0", 1e-4)),
    "delay of cost.json": in_json("cost.json", lambda data: data["delay_ms"].__setitem__("1.0", 1e-4)),
    "cells of cost.json": in_json("cost.json", cells_exchanged),
    "rows of cost.json": in_json("cost.json", lambda data: data.__setitem__("rows", 7)),
    "a cell's area": in_json("cost.json", lambda data: cell(data).__setitem__("area_um2", 1.0)),
    "a cell's power": in_json("cost.json", lambda data: cell(data)["power_nw"]["1.0"].__setitem__(0, 1.0)),
    "report's area": in_json(REPORT, lambda data: point(data).__setitem__("area_cm2", 1e-4)),
    "report's gates": in_json(REPORT, lambda data: point(data).__setitem__("gates", 3)),
    "report's power": in_json(REPORT, lambda data: point(data)["static_power_mw"].__setitem__("0.6", 1e-5)),
    "report's delay": in_json(REPORT, lambda data: point(data)["delay_ms"].__setitem__("0.6", 0.5)),
}
# Changes of anything else, told by the manifest.
OTHER: dict[str, Change] = {
    "columns exchanged in network.json": in_json(
        "network.json", lambda data: data["inputs"][0].__setitem__("column", data["inputs"][1]["column"])
    ),
    "name": in_json("design.json", lambda data: data.__setitem__("name", "other")),
    "method": in_json("design.json", lambda data: data.__setitem__("method", "other")),
    "levels": in_json("design.json", lambda data: data.__setitem__("levels", [5])),
    "seed": in_json("design.json", lambda data: data.__setitem__("seed", 7)),
    "fingerprint": in_json("design.json", lambda data: data.__setitem__("data_fingerprint", "f" * 16)),
    "answers of readings.json": in_json("readings.json", lambda data: data["answers"].reverse()),
    "a key twice": in_text("design.json", r'"seed"', '"seed": 3, "seed"'),
    **{f"{name} is empty": lambda folder, name=name: (folder / name).write_text("") and None for name in TEXT_FILES},
    **{
        f"{name} is cut": lambda folder, name=name: (
            (folder / name).write_text((folder / name).read_text()[:-60]) and None
        )
        for name in (*TEXT_FILES, *JSON_FILES)
    },
    **{
        f"{name} is missing": lambda folder, name=name: (folder / name).unlink()
        for name in (*TEXT_FILES, *JSON_FILES, "network.npz", "manifest.json")
    },
    "a vertical tab in kernel.c": in_text("kernel.c", r"\n", "\v"),
    "a form feed in kernel.py": in_text("kernel.py", r"\n", "\f"),
    "a word of kernel.h": in_text("kernel.h", "uint8_t", "int8_t"),
    "a comment in kernel.py": in_text("kernel.py", r"\n", "\n# more\n"),
    "ports of mapped.v exchanged": in_text("mapped.v", r"module top \((\w+), (\w+)", r"module top (\2, \1"),
    "ports of top.v exchanged": in_text("top.v", r"module top\((\w+), (\w+)", r"module top(\2, \1"),
    "a free pin of a model in mapped.v": in_text("mapped.v", r"(module \w+X1 \(input \w+)", r"\1, input free"),
}
HARMLESS: dict[str, Change] = {
    **{f"keys of {name} in another order": in_json(name, lambda data: _reordered(data)) for name in JSON_FILES},
    **{
        f"{name} with CRLF": lambda folder, name=name: (
            (folder / name).write_bytes((folder / name).read_bytes().replace(b"\n", b"\r\n")) and None
        )
        for name in (*TEXT_FILES, *JSON_FILES)
    },
    **{
        f"{name} without its last line end": lambda folder, name=name: (
            (folder / name).write_bytes((folder / name).read_bytes().rstrip(b"\n")) and None
        )
        for name in (*TEXT_FILES, *JSON_FILES)
    },
    **{
        f"{name} with more line ends": lambda folder, name=name: (
            (folder / name).write_bytes((folder / name).read_bytes() + b"\n\n") and None
        )
        for name in (*TEXT_FILES, *JSON_FILES)
    },
    "a file of the user's own": lambda folder: (folder / "notes.txt").write_text("mine") and None,
    "verdicts of before": lambda folder: (folder / "verdict.json").unlink(),
}


def _reordered(data: Any) -> None:
    for key in sorted(data, reverse=True):
        data[key] = data.pop(key)


@pytest.fixture
def folder(whole_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole_run, tmp_path / "run") / "designs" / "exact"


EMITTED: dict[str, dict[str, str]] = {}


def told(folder: Path, *routes: str) -> list[Verdict] | str:
    """What is found of a design besides its function, and by some routes; or the error that ends it."""
    try:
        design = read(folder)
        # Emitting takes longest, and most changes leave what it is made from.
        of = [digest(name, (folder / name).read_bytes()) for name in ("network.json", "netlist.json")]
        key = " ".join([*of, *design.classes])
        if key not in EMITTED:
            EMITTED[key] = emission(design, (20_000,))
        found = verify.check_whole(folder, design, EMITTED[key], trust=False)
        if routes:
            budget = Budget(vectors=2000, slow_vectors=10, proof_s=60.0)
            found += recheck(design, sharings=(), budget=budget, only=routes, emitted=EMITTED[key]).verdicts
        return found
    except InputError as error:
        assert "\n" not in str(error)
        return str(error)


def caught(found: list[Verdict] | str) -> set[str]:
    """The routes that failed; {"input"} for an error."""
    return {"input"} if isinstance(found, str) else {verdict.route for verdict in found if verdict.failed}


def test_the_folder_as_it_was_made_passes(folder: Path) -> None:
    found = told(folder, "gates", "proof", "mapped-cells")
    assert not isinstance(found, str)
    assert [verdict.outcome for verdict in found] == [Outcome.PASSED] * 7, found
    assert not manifest.verdict(folder.parent.parent).failed


@pytest.mark.parametrize("change", MEANING)
def test_a_change_of_meaning_is_caught_even_where_the_manifest_was_written_again(change: str, folder: Path) -> None:
    MEANING[change](folder)
    assert {"manifest", "input"} & caught(told(folder))
    manifest.write(folder)
    assert {"design", "readings", "input"} & caught(told(folder)), change


@pytest.mark.parametrize("change", COST)
def test_a_change_of_cost_is_caught_even_where_the_manifest_was_written_again(change: str, folder: Path) -> None:
    COST[change](folder)
    manifest.write(folder)
    assert {"cost", "input"} & caught(told(folder)), change
    with pytest.raises(InputError):
        rebuild(folder.parent.parent)


@pytest.mark.parametrize("change", OTHER)
def test_any_other_change_is_caught_and_named(change: str, folder: Path) -> None:
    OTHER[change](folder)
    found = told(folder)
    assert {"manifest", "input"} & caught(found), change
    if not isinstance(found, str) and "manifest.json" not in change:
        name = next((name for name in (*TEXT_FILES, *JSON_FILES, "network.npz") if name in change), "design.json")
        assert name in found[0].detail, found[0]


@pytest.mark.parametrize("change", HARMLESS)
def test_what_changes_nothing_is_no_fault(change: str, folder: Path) -> None:
    HARMLESS[change](folder)
    assert caught(told(folder)) == set(), change


def rare(text: str) -> str:
    """top.v with another answer for one value of seven inputs, 2^-28 of the inputs."""
    condition = " & ".join(f"(f{k} == 4'd{k + 3})" for k in range(7))
    inner = text.replace("module top(", "module inner(", 1)
    ports = ", ".join(f"f{k}" for k in range(7))
    declared = "".join(f"  input [3:0] f{k};\n" for k in range(7))
    pins = ", ".join(f".f{k}(f{k})" for k in range(7))
    return (
        f"{inner}\nmodule top({ports}, label);\n{declared}  output [1:0] label;\n  wire [1:0] w;\n"
        f"  inner u({pins}, .label(w));\n  assign label = w ^ {{1'b0, {condition}}};\nendmodule\n"
    )


def trojan(data: Any) -> None:
    """Gates of netlist.json that turn label[0] for one value of the inputs."""
    kinds = {kind["name"]: number for number, kind in enumerate(data["cell_types"])}
    first = 2 + 28

    def gate(kind: str, *sources: int) -> int:
        data["gates"].append([kinds[kind], *sources])
        return first + len(data["gates"]) - 1

    word = sum(value << 4 * k for k, value in enumerate(range(3, 10)))
    node = None
    for bit in range(28):
        one = 2 + bit
        one = one if word >> bit & 1 else gate("NAND2X1", one, 1)
        node = one if node is None else gate("NAND2X1", gate("NAND2X1", node, one), 1)
    label = data["output_nodes"][0]
    assert node is not None
    both = gate("NAND2X1", label, node)
    data["output_nodes"][0] = gate("NAND2X1", gate("NAND2X1", label, both), gate("NAND2X1", node, both))


def test_texts_that_are_wrong_alike_are_refuted_by_the_reference(folder: Path) -> None:
    """One value in 2^28: no vector meets it, and top.v, mapped.v and netlist.json agree on it."""
    from inkling.approx.reference import netlist_files
    from inkling.hdl.cells.verilog_writer import emit

    sound = (folder / "mapped.v").read_text()
    in_json("netlist.json", trojan)(folder)
    netlist = netlist_files.from_json((folder / "netlist.json").read_text(), "netlist.json")
    (folder / "mapped.v").write_text(emit(netlist))
    (folder / "top.v").write_text(rare((folder / "top.v").read_text()))
    manifest.write(folder)
    found = told(folder, "gates", "mapped-cells", "proof", "proof-top")
    assert {"proof", "proof-top", "cost"} <= caught(found), found
    assert "gates" not in caught(found) and "mapped-cells" not in caught(found)
    # In netlist.json alone, which its cells do not follow.
    (folder / "mapped.v").write_text(sound)
    found = told(folder, "proof", "proof-netlist")
    assert "proof-netlist" in caught(found) and "proof" not in caught(found)


def test_a_report_believes_neither_a_stale_verdict_nor_a_changed_report(folder: Path) -> None:
    run = folder.parent.parent
    in_text("kernel.c", "const", "const  ")(folder)
    rebuild(run)
    report = read_report(run / "report.json")
    assert not report.points[0].verified and any(
        "kernel.c is not the file that was verified" in n for n in report.notes
    )
    in_json("report.json", lambda data: data["points"][0]["accuracy"].__setitem__("test", 0.999))(run)
    assert manifest.verdict(run).failed
    with pytest.raises(InputError, match=r"report\.json is not the file that the run wrote"):
        rebuild(run)


def test_readings_are_those_that_the_run_quantised(folder: Path) -> None:
    kept = json.loads((folder / "readings.json").read_text())
    assert len(kept["readings"]) > 50 and len({tuple(row) for row in kept["codes"]}) > 50
    assert set(kept["answers"]) <= {"a", "b", "c"} and np.isfinite(kept["readings"]).all()

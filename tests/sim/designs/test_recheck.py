"""A design folder checked again: a good one passes every route, a planted fault is caught and traced to its node."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.netlist_files import to_json
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.network_files import save
from inkling.approx.reference.operations import ArgMax, ClippedReLU, DecisionTree, Dense, Logic
from inkling.hdl.cells.verilog_writer import emit
from inkling.hdl.circuits import component_file
from inkling.hdl.circuits.verilog import behavioural
from inkling.hdl.kernels import c_kernel, numba_kernel
from inkling.sim.blame.trace import Blame, blame, layer_values, repairing_gates
from inkling.sim.designs.folder import check_verilog, read
from inkling.sim.designs.recheck import Budget, Rechecked, recheck
from inkling.sim.kernels.gates_bulk import verify_bulk
from inkling.sim.proofs import named_logic
from inkling.train.errors import InputError

CELLS = (
    CellType("NAND2", ("A", "B"), "Y", 7),
    CellType("NOR2", ("A", "B"), "Y", 1),
    CellType("XOR2", ("A", "B"), "Y", 6),
)
QUICK = Budget(vectors=3000, slow_vectors=200, simulation_s=20)
SHARING = (20_000,)


def circuit() -> IntegerNetwork:
    """Thirty gates over three inputs of four bits."""
    rng, ports = np.random.default_rng(8), tuple(Port(f"f{k}", 4) for k in range(3))
    # Each gate reads the one before it, so that all of them matter.
    sources = np.array([[g - 1, rng.integers(2, g - 1)] for g in range(14, 44)], np.int32)
    kinds = rng.choice([0, 1, 2, 2, 2], 30).astype(np.uint8)
    netlist = Netlist(ports, (Port("label", 2),), CELLS, kinds, sources, np.array([43, 42], np.int32))
    return IntegerNetwork(tuple(Input(f"f{k}", k, 4) for k in range(3)), (Logic(netlist),), 4)


def dense() -> IntegerNetwork:
    rng = np.random.default_rng(2)
    layers = (
        Dense(rng.integers(-9, 10, (2, 3)), rng.integers(-9, 10, 2)),
        ClippedReLU(2, 4),
        Dense(rng.integers(-7, 8, (3, 2)), rng.integers(-9, 10, 3)),
        ArgMax(),
    )
    return IntegerNetwork(tuple(Input(f"f{k}", k, 4) for k in range(3)), layers, 3)


def tree() -> IntegerNetwork:
    none = [-1] * 4
    columns = np.array([[0, 1, 2, *none], [7, 4, 9, 0, 0, 0, 0], [1, 3, 5, *none], [2, 4, 6, *none]])
    layer = DecisionTree(*columns, np.array([0, 0, 0, 0, 1, 2, 1]))
    return IntegerNetwork(tuple(Input(f"f{k}", k, 4) for k in range(3)), (layer,), 3)


def write(network: IntegerNetwork, folder: Path) -> Path:
    """The files of a design, its cells the plain gates of its Verilog."""
    folder.mkdir(parents=True)
    verilog = behavioural(network)
    netlist = named_logic.read([verilog], network)[0].netlist
    label = netlist.outputs[0]
    cells = tuple(replace(cell, name=cell.name.strip("$_") + str(len(cell.inputs))) for cell in netlist.cell_types)
    netlist = replace(netlist, outputs=(label,), output_nodes=netlist.output_nodes[: label.width], cell_types=cells)
    classes = [f"c{k}" for k in range(network.classes)]
    kernel_c, kernel_h = c_kernel.emit(network, labels=classes)
    texts = {
        **{"top.v": verilog, "mapped.v": emit(netlist), "netlist.json": to_json(netlist), "kernel.c": kernel_c},
        **{"kernel.h": kernel_h, "kernel.py": numba_kernel.emit(network, labels=classes)},
        "component.py": component_file.emit(network, class_names=classes),
        "design.json": json.dumps({"output": {"port": "label", "classes": classes}}),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    save(network, folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("designs")
    return {make.__name__: write(make(), base / make.__name__) for make in (circuit, dense, tree)}


def checked(folder: Path, *only: str, trust: bool = True) -> Rechecked:
    return recheck(read(folder), sharings=SHARING, budget=QUICK, trust=trust, only=only or None)


def changed(source: Path, folder: Path, name: str, change: Callable[[str], str]) -> Path:
    """A copy of a design with one text changed."""
    folder.mkdir()
    for path in source.iterdir():
        content = path.read_bytes()
        if path.name == name:
            new = change(content.decode())
            assert new.encode() != content
            content = new.encode()
        (folder / path.name).write_bytes(content)
    return folder


def test_a_good_design_passes_every_route(folders: dict[str, Path]) -> None:
    found = checked(folders["circuit"], trust=False)
    assert not found.differs
    routes = {verdict.route: verdict for verdict in found.verdicts}
    assert list(routes) == [
        *("numba", "c", "gates", "gates-c", "mapped-cells", "component", "amaranth", "verilator", "cocotb"),
        *("verilator-mapped", "proof"),
    ]
    assert all(verdict.passed for verdict in found.verdicts), found.verdicts
    # Twelve bits: everything that all vectors went through is proven.
    assert {name for name, verdict in routes.items() if not verdict.proven} == {"amaranth", "cocotb"}


def swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


CASES = {
    "a gate of kernel.c": ("circuit", "kernel.c", "c"),
    "a gate of kernel.py": ("circuit", "kernel.py", "numba"),
    "a weight of kernel.c": ("dense", "kernel.c", "c"),
    "a weight of kernel.py": ("dense", "kernel.py", "numba"),
    "a threshold of kernel.c": ("tree", "kernel.c", "c"),
    "a cell of mapped.v": ("circuit", "mapped.v", "mapped-cells"),
    "a gate of netlist.json": ("circuit", "netlist.json", "gates"),
    "a gate of component.py": ("circuit", "component.py", "component"),
}


def plant(case: str, text: str) -> tuple[str, str]:
    """A changed text, and the node that a report should name."""
    if case.startswith("a gate of kernel"):  # the gate that gives the label's lowest bit
        head, tail = text.split("g43 = ", 1)
        old = re.search(r" ([&|^]) ", tail)
        assert old
        return f"{head}g43 = {tail[: old.start(1)]}{'|' if old[1] == '&' else '&'}{tail[old.end(1) :]}", "g43"
    if case.startswith("a weight"):
        place = text.index("block(") if "kernel.c" in case else text.index("def _run")
        end = text.index("v2[64 + l] = ", place)  # the second score
        start = text.rindex("(", 0, text.rindex("v1[", 0, end))
        number = text[start + 1 :].split(" ")[0]
        return text[: start + 1] + str(int(number) + 9) + text[start + 1 + len(number) :], "v2[1]"
    if case.startswith("a threshold"):
        return text.replace("threshold[7] = {7, 4", "threshold[7] = {7, 6"), "node1"
    if case == "a cell of mapped.v":
        line = [line for line in text.splitlines() if line.startswith("  XOR2 ")][-1]
        return text.replace(line, line.replace("XOR2", "OR2")), line.split(".Y(")[1].rstrip(");")
    if case == "a gate of netlist.json":
        document = json.loads(text)
        names = [kind["name"] for kind in document["cell_types"]]
        gate = max(k for k, found in enumerate(document["gates"]) if names[found[0]] == "XOR2")
        document["gates"][gate][0] = names.index("OR2")
        return json.dumps(document), f"n{gate}"
    start = text.index("        gates=(\n")
    return text[:start] + text[start:].replace(" 6,", " 8,", 1), "gates0_g0"


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_caught_shrunk_and_traced_to_its_node(case: str, folders: dict[str, Path], tmp_path: Path) -> None:
    source, name, route = CASES[case]
    text, node = plant(case, (folders[source] / name).read_text())
    folder = changed(folders[source], tmp_path / "bad", name, lambda _: text)
    found = checked(folder, route)
    (verdict,) = found.verdicts
    assert not verdict.passed
    design = read(folder)
    place = blame(design, found, verdict)
    assert isinstance(place, Blame)
    assert place.node == node, place
    assert place.expected != place.found
    assert sum(place.vector.values()) <= sum(v for k, v in (verdict.counter_example or {}).items() if " " not in k)
    assert place.scopes


def test_foreign_code_is_not_run_unless_it_is_trusted(folders: dict[str, Path], tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    code = f"\nopen({str(trace)!r}, 'w').write('ran')\n"
    for name, route in (("kernel.py", "numba"), ("component.py", "component")):
        folder = changed(folders["circuit"], tmp_path / name, name, lambda text: text + code)
        (verdict,) = checked(folder, route, trust=False).verdicts
        assert not verdict.passed
        assert "not run" in verdict.detail
        assert not trace.exists()
        assert checked(folder, route).verdicts[0].passed
        assert trace.read_text() == "ran"
        trace.unlink()


@pytest.mark.parametrize(
    "text",
    [
        'initial $system("touch x");',
        '`include "/etc/passwd"',
        'import "DPI-C" function int system(input string s);',
        "(* keep *) wire a;",
        "$readmemh(a, b);",
        "/* verilator lint_off */",
    ],
)
def test_verilog_that_could_do_more_than_logic_reaches_no_tool(
    text: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"top\.v:2: holds"):
        check_verilog(f"module top;\n{text}\nendmodule\n", "top.v")
    folder = changed(folders["circuit"], tmp_path / "bad", "top.v", swap("endmodule", f"{text}\nendmodule"))
    with pytest.raises(InputError, match="which no emitted design has"):
        read(folder)


def test_a_wrong_netlist_and_its_cells_are_traced_by_what_would_repair_them(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    text, node = plant("a gate of netlist.json", (folders["circuit"] / "netlist.json").read_text())
    folder = changed(folders["circuit"], tmp_path / "bad", "netlist.json", lambda _: text)
    (folder / "mapped.v").write_text(emit(read(folder).netlist))
    found = checked(folder, "gates")
    place = blame(read(folder), found, found.verdicts[0])
    assert place is not None
    assert place.node.startswith("g")
    assert "would repair every failing vector" in place.told
    assert int(node[1:]) in repairing_gates(read(folder), found)


def test_bulk_vectors_find_a_wrong_gate_and_pass_a_right_one(folders: dict[str, Path], tmp_path: Path) -> None:
    good = read(folders["circuit"])
    verdict = verify_bulk(good.netlist, good.network, vectors=200_000, seconds=30)
    assert verdict.passed
    assert verdict.vectors >= 200_000
    text, _ = plant("a gate of netlist.json", (folders["circuit"] / "netlist.json").read_text())
    bad = read(changed(folders["circuit"], tmp_path / "bad", "netlist.json", lambda _: text))
    wrong = verify_bulk(bad.netlist, bad.network, vectors=200_000, seconds=30)
    assert not wrong.passed
    example = wrong.counter_example
    assert example is not None
    row = np.array([[value for name, value in example.items() if " " not in name]])
    assert good.network.evaluate(row)[0] == example["expected label"] != example["found label"]


def test_layers_of_the_reference_are_what_a_kernel_holds() -> None:
    network, row = dense(), np.array([3, 9, 15], np.uint8)
    found = layer_values(network, row)
    hidden = network.layers[1].evaluate(network.layers[0].evaluate(row[None].astype(np.int64)))
    assert [found[f"v1[{k}]"] for k in range(2)] == hidden[0].tolist()
    assert [found[f"v2[{k}]"] for k in range(3)] == network.layers[2].evaluate(hidden)[0].tolist()
    assert len(found) == 8


@pytest.mark.parametrize("name", ["network.json", "netlist.json", "top.v", "kernel.c", "design.json"])
def test_a_missing_or_malformed_file_is_one_line(name: str, folders: dict[str, Path], tmp_path: Path) -> None:
    folder = changed(folders["circuit"], tmp_path / "bad", name, lambda _: "\x00[[" * 50)
    if name not in ("top.v", "kernel.c"):  # any text is a text; what it computes is the routes' business
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            read(folder)
    (folder / name).unlink()
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        read(folder)

"""The rules of the house, read from the source: imports only downward, no catch-all modules, sealed test rows."""

import ast
import graphlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# From the bottom to the top: a stage imports from itself and from what stands before it.
ORDER = ("train", "approx", "hdl", "sim", "reports", "inkling")
CATCH_ALL = ("utils", "util", "helpers", "helper", "misc", "common", "tools")
# Programs that are copied into a run's folder stand alone: they import nothing of the project.
ALONE = ("sim/benches/bench.py", "sim/fields/bench.py", "sim/benches/run_bench.py")
# The functions that may open the sealed test rows of a data set: the report's, and the split's notes on its classes.
OPENS_TEST_ROWS = {
    ("reports/results/assess.py", "assess"),
    ("inkling/campaigns/point.py", "_sizes"),
    ("inkling/runs/run.py", "_sizes"),
    ("inkling/runs/outcome.py", "report_on"),
    ("inkling/designs/microcontroller_search.py", "with_test"),
    ("train/tables/split.py", "_notes"),
    ("train/tables/leaks.py", "copied_rows"),
}


def modules() -> list[str]:
    """Every module of the stages, as its path from the root; not again through the links in `inkling`."""
    found = {
        path
        for stage in ORDER
        for path in (ROOT / stage).rglob("*.py")
        if not any(parent.is_symlink() for parent in path.parents)
    }
    return sorted(str(path.relative_to(ROOT)) for path in found)


def name_of(path: str) -> str:
    """The name by which a module is imported: approx/gates/search.py is inkling.approx.gates.search."""
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return name if name == "inkling" or name.startswith("inkling.") else f"inkling.{name}"


def stage_of(name: str) -> str:
    """The stage of a module `inkling.approx.gates.search`: approx; the door's own modules are of `inkling`."""
    second = name.split(".")[1] if "." in name else ""
    return second if second in ORDER[:-1] else "inkling"


def room_of(name: str) -> str:
    """The room of a module, `inkling.approx.gates`; a module that stands alone in its stage is a room by itself."""
    parts = name.split(".")
    return ".".join(parts[: 2 if stage_of(name) == "inkling" else 3])


def imported(text: str) -> Iterator[tuple[int, str]]:
    """(line, full name) of everything that a text imports, inside functions too, also by name at run time."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                yield node.lineno, str(node.args[0].value)


def upward(path: str, text: str) -> list[str]:
    """Imports of a module that go up, past the name `inkling`, or out of a program that must stand alone."""
    level = ORDER.index(path.split("/")[0])
    allowed = () if path in ALONE else ORDER[: level + 1]

    def wrong(name: str) -> bool:
        first = name.split(".")[0]
        if first == "inkling":
            return stage_of(name) not in allowed
        return first in (*ORDER, "tests") or name.startswith(".")

    return [f"{path}:{line} imports {name}" for line, name in imported(text) if wrong(name)]


def edges(texts: dict[str, str]) -> dict[str, set[str]]:
    """For the modules of texts by path: the modules of the same texts that each imports, by their import names.

    Imports that only a type checker sees count as well.
    """
    known = {name_of(path) for path in texts}
    found: dict[str, set[str]] = {}
    for path, text in texts.items():
        own = found.setdefault(name_of(path), set())
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                own.update(alias.name for alias in node.names if alias.name in known)
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names} & known
                own.update(inner or {node.module} & known)
        own.discard(name_of(path))
    return found


def circle(graph: dict[str, set[str]]) -> tuple[str, ...]:
    """A circle of imports, or () where there is none."""
    try:
        tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        return tuple(error.args[1])
    return ()


def rooms(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same imports between rooms; a package's own docstring module is part of the room."""
    found: dict[str, set[str]] = {}
    for name, targets in graph.items():
        found.setdefault(room_of(name), set()).update({room_of(target) for target in targets} - {room_of(name)})
    return found


def catch_all(path: str) -> bool:
    """Whether a module's name says nothing of what lives in it."""
    return any(part in CATCH_ALL for part in path.removesuffix(".py").split("/"))


def opened_test_rows(path: str, text: str) -> list[str]:
    """Places that read the attribute `test` of anything, outside the functions that may; by getattr too."""
    found = []

    def visit(node: ast.AST, function: str) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not function:
            # A decorator such as cocotb's is no reading of rows.
            for child in (*node.body, node.args):
                visit(child, node.name)
            return
        reads = isinstance(node, ast.Attribute) and node.attr == "test"
        method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "test"
        named = (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("getattr", "attrgetter")
            and any(isinstance(part, ast.Constant) and part.value == "test" for part in node.args)
        )
        if (reads or named) and (path, function) not in OPENS_TEST_ROWS:
            found.append(f"{path}:{node.lineno} reads test rows in {function or 'the module'}")  # type: ignore[attr-defined]
        for child in ast.iter_child_nodes(node):
            if not (method and child is node.func):  # type: ignore[attr-defined]
                visit(child, function)
            else:
                visit(child.value, function)

    visit(ast.parse(text), "")
    return found


def texts() -> dict[str, str]:
    return {path: (ROOT / path).read_text("utf-8") for path in modules()}


@pytest.mark.parametrize("stage", ORDER)
def test_stages_import_only_downward(stage: str) -> None:
    own = [path for path in modules() if path.split("/")[0] == stage]
    assert len(own) > 3
    assert [line for path in own for line in upward(path, (ROOT / path).read_text("utf-8"))] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("train/networks/training.py", "from inkling.approx.reference.operations import Dense"),
        ("approx/quantise/networks.py", "def f():\n    import inkling.hdl.circuits.verilog"),
        ("hdl/circuits/tree.py", "if True:\n    from inkling.sim.kernels import gates"),
        ("sim/kernels/gates.py", "import numpy, inkling.reports.results.point"),
        ("hdl/cost/circuit.py", "from inkling.runs.run import execute"),
        ("sim/benches/bench.py", "from inkling.approx.reference.operations import Dense"),
        ("train/tables/score.py", "import importlib\nimportlib.import_module('inkling.sim.kernels.gates')"),
        ("hdl/circuits/tree.py", "from tests.sim import conftest"),
        ("inkling/runs/run.py", "from train.errors import InputError"),
        ("hdl/circuits/tree.py", "from ...sim import gates"),
    ],
)
def test_an_import_upward_is_found(path: str, text: str) -> None:
    assert len(upward(path, text)) == 1


def test_nothing_is_imported_past_the_name_of_the_distribution() -> None:
    """Documents and tests too: `from train import ...` breaks beside a user's own train.py."""
    old = re.compile(r"^\s*(from|import) (train|approx|hdl|sim|reports)[. ]", re.MULTILINE)
    listed = subprocess.run(["git", "ls-files", "*.py", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    texts = {path: (ROOT / path).read_text("utf-8") for path in listed.stdout.split() if (ROOT / path).exists()}
    assert len(texts) > 300
    assert [path for path, text in texts.items() if old.search(text)] == []
    assert old.search("    from train.errors import InputError")


def test_the_stages_are_links_in_the_package() -> None:
    for stage in ORDER[:-1]:
        link = ROOT / "inkling" / stage
        assert link.is_symlink() and link.resolve() == ROOT / stage and not str(link.readlink()).startswith("/")


def test_no_module_and_no_room_imports_in_a_circle() -> None:
    graph = edges(texts())
    assert circle(graph) == ()
    assert circle(rooms(graph)) == ()


def test_circles_are_found() -> None:
    first, second = "from inkling.hdl.b.two import x", "def f():\n    from inkling.hdl.a import one"
    graph = edges({"hdl/a/one.py": first, "hdl/b/two.py": second})
    assert set(circle(graph)) == {"inkling.hdl.a.one", "inkling.hdl.b.two"}
    apart = edges({"hdl/a/one.py": first, "hdl/b/two.py": "", "hdl/b/three.py": second})
    assert circle(apart) == () and set(circle(rooms(apart))) == {"inkling.hdl.a", "inkling.hdl.b"}


def test_every_room_says_what_lives_in_it() -> None:
    folders = {str(Path(path).parent) for path in modules()}
    for folder in folders:
        docstring = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text("utf-8")))
        assert docstring and docstring.count(".") >= 1, folder


def test_modules_that_docstrings_name_exist() -> None:
    """`inkling.approx.gates.search` or a name in it, between backticks in a text of ours."""
    known = {name_of(path) for path in modules()}
    missing = []
    for path, text in texts().items():
        for name in re.findall(r"`(inkling(?:\.\w+)+)", text):
            parts = name.split(".")
            found = next((k for k in range(len(parts), 1, -1) if ".".join(parts[:k]) in known), 0)
            source = (
                ROOT.joinpath(*(".".join(parts[:found]).split(".")[stage_of(name) != "inkling" :])) if found else ROOT
            )
            file = source.with_suffix(".py") if source.with_suffix(".py").exists() else source / "__init__.py"
            rest = parts[found:]
            if not found or (rest and not re.search(rf"\b{rest[0]}\b", file.read_text("utf-8"))):
                missing.append(f"{path}: {name}")
    assert missing == []


def test_no_module_is_called_after_nothing() -> None:
    assert [path for path in modules() if catch_all(path)] == []
    assert catch_all("train/utils.py")
    assert catch_all("hdl/helpers/text.py")
    assert not catch_all("train/networks/training.py")


def test_only_the_report_opens_the_test_rows() -> None:
    assert [line for path in modules() for line in opened_test_rows(path, (ROOT / path).read_text("utf-8"))] == []
    # Each exception is one that is needed.
    for path, function in OPENS_TEST_ROWS:
        found = opened_test_rows("elsewhere.py", (ROOT / path).read_text("utf-8"))
        assert any(line.endswith(f"in {function}") for line in found)


@pytest.mark.parametrize(
    "text",
    [
        "def choose(dataset):\n    return dataset.test.labels",
        "rows = load('iris').test",
        "def tune(dataset):\n    def inner():\n        return dataset.test[1]\n    return inner",
        "def tune(dataset):\n    return getattr(dataset, 'test')",
        "import operator\nrows = operator.attrgetter('test')(dataset)",
    ],
)
def test_opened_test_rows_are_found(text: str) -> None:
    assert len(opened_test_rows("approx/gates/search.py", text)) == 1


def test_running_a_test_is_no_reading_of_test_rows() -> None:
    text = "@cocotb.test()\nasync def every_vector(dut):\n    runner.test(1)\n"
    assert opened_test_rows("sim/benches/bench.py", text) == []

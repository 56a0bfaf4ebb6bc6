"""The rules of the house, read from the source: imports only downward, no catch-all modules, sealed test rows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# From the bottom to the top: a package imports from itself and from what stands before it.
ORDER = ("train", "approx", "hdl", "sim", "reports", "inkling")
CATCH_ALL = ("utils", "util", "helpers", "helper", "misc", "common", "tools")
# Programs that are copied into a run's folder stand alone: they import nothing of the project.
ALONE = ("sim/bench.py", "sim/field_bench.py", "sim/run_bench.py")
# The functions that may open the sealed test rows of a data set: the report's, and the split's notes on its classes.
OPENS_TEST_ROWS = {
    ("reports/assess.py", "assess"),
    ("inkling/campaign_point.py", "_sizes"),
    ("inkling/run.py", "_sizes"),
    ("inkling/outcome.py", "report_on"),
    ("train/split.py", "_notes"),
}


def modules() -> list[str]:
    """Every module of the packages, as its path from the root."""
    found = [str(path.relative_to(ROOT)) for package in ORDER for path in (ROOT / package).rglob("*.py")]
    return sorted(found)


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
    """Imports of a module that go up, or out of a program that must stand alone."""
    level = ORDER.index(path.split("/")[0])
    allowed = () if path in ALONE else ORDER[: level + 1]
    forbidden = {*ORDER, "tests"} - set(allowed)
    return [
        f"{path}:{line} imports {name}"
        for line, name in imported(text)
        if name.split(".")[0] in forbidden or name.startswith(".")
    ]


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


@pytest.mark.parametrize("package", ORDER)
def test_packages_import_only_downward(package: str) -> None:
    own = [path for path in modules() if path.split("/")[0] == package]
    assert len(own) > 3
    assert [line for path in own for line in upward(path, (ROOT / path).read_text("utf-8"))] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("train/mlp.py", "from approx.network import Dense"),
        ("approx/quantise.py", "def f():\n    import hdl.verilog"),
        ("hdl/tree.py", "if True:\n    from sim import gates"),
        ("sim/gates.py", "import numpy, reports.cost"),
        ("reports/cost.py", "from inkling.run import execute"),
        ("sim/bench.py", "from approx.network import Dense"),
        ("train/score.py", "import importlib\nimportlib.import_module('sim.gates')"),
        ("hdl/tree.py", "from tests.sim import conftest"),
        ("hdl/tree.py", "from ..sim import gates"),
    ],
)
def test_an_import_upward_is_found(path: str, text: str) -> None:
    assert len(upward(path, text)) == 1
    assert upward("inkling/run.py", text.replace("tests.", "sim.").replace("..", "")) == []


def test_no_module_is_called_after_nothing() -> None:
    assert [path for path in modules() if catch_all(path)] == []
    assert catch_all("train/utils.py")
    assert catch_all("hdl/helpers/text.py")
    assert not catch_all("train/mlp.py")


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
    assert len(opened_test_rows("approx/gate_search.py", text)) == 1


def test_running_a_test_is_no_reading_of_test_rows() -> None:
    text = "@cocotb.test()\nasync def every_vector(dut):\n    runner.test(1)\n"
    assert opened_test_rows("sim/bench.py", text) == []

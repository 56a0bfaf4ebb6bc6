"""The command line: every wrong input is one line on standard error and exit code 2; help is light."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from inkling.approx.programs.process import python

# Many command lines in one interpreter: each runs in a fork of its own, after the slow imports.
FORKS = """
import json, os, sys, traceback
import inkling.runs.run, inkling.train.tables.sources, inkling.hdl.cells.liberty
import sklearn.model_selection, pyarrow.parquet
from inkling.cli.main import main
sys.argv = ["inkling", "run", "no such table"]  # what a command imports, it has imported then
try:
    main()
except SystemExit:
    pass
for number, (folder, arguments) in enumerate(json.load(open("cases.json"))):
    if os.fork() == 0:
        code = 1
        os.chdir(folder)
        for stream in (1, 2):
            os.dup2(os.open(f"../{number}.{stream}", os.O_WRONLY | os.O_CREAT), stream)
        try:
            sys.argv = ["inkling", *arguments]
            main()
            code = 0
        except SystemExit as error:
            code = error.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    _, status = os.wait()
    print(os.waitstatus_to_exitcode(status), flush=True)  # what is not written yet, forks would write again
"""

ROWS = "".join(f"{i},{i * 7 % 13},{'ab'[i % 2]}\n" for i in range(40))
TABLES = {
    "good.csv": f"x,y,label\n{ROWS}",
    "texts.csv": f"x,y,label\n{ROWS}red,1,a\n",
    "missing.csv": f"x,y,label\n{ROWS}1,,a\n",
    "one_class.csv": "x,label\n" + "".join(f"{i},a\n" for i in range(40)),
    "small_class.csv": "x,label\n1,a\n2,b\n3,c\n",
    "wide.csv": f"x,y,label\n{ROWS}1,2,3,a\n",
    "constant.csv": "x,label\n" + "1,a\n1,b\n" * 20,
    "infinite.csv": f"x,y,label\n{ROWS}inf,1,a\n",
    "twice.csv": f"x,x,label\n{ROWS}",
    "header.csv": "x,y,label\n",
    "one_column.csv": "x\n1\n2\n",
    "continuous.csv": "x,label\n" + "".join(f"{i},{i / 7}\n" for i in range(40)),
    "empty.csv": "",
    "zeros.csv": "\0" * 500,
    "latin.csv": b"x,label\n1,\xe9\n",
    "binary.csv": bytes(range(1, 256)) * 9,
    "binary.parquet": bytes(range(256)) * 9,
    "quote.csv": f'x,y,label\n{ROWS}1,"2,a\n',
    "long.csv": "x" * 3_000_000,
    "table.xlsx": "PK",
    "garbage.lib": "library(a) { cell(b) { area : ;;; } ",
    "empty.lib": "",
    "binary.lib": bytes(range(256)) * 9,
    "cells.lib": "library(a) { }",
}

# Arguments after `run`, and what the line must name.
WRONG: list[tuple[Sequence[str], str]] = [
    (["none.csv"], "none.csv"),
    (["irsi"], "did you mean 'iris'"),
    (["folder.csv"], "not a file"),
    (["table.xlsx"], "table.xlsx"),
    (["good.csv", "--target", "lable"], "did you mean 'label'"),
    (["texts.csv"], "--one-hot"),
    (["missing.csv"], "--drop-missing"),
    (["one_class.csv"], "one class"),
    (["small_class.csv"], "has 1 row"),
    (["wide.csv"], "line 42"),
    (["constant.csv"], "constant"),
    (["infinite.csv"], "infinite"),
    (["twice.csv"], "more than once"),
    (["header.csv"], "no rows"),
    (["one_column.csv"], "one column"),
    (["continuous.csv"], "continuous"),
    (["empty.csv"], "empty"),
    (["zeros.csv"], "binary"),
    (["latin.csv"], "UTF-8"),
    (["binary.csv"], "binary.csv"),
    (["binary.parquet"], "binary.parquet"),
    (["quote.csv"], "quotation mark"),
    (["long.csv"], "characters"),
    (["huge.csv"], "MiB"),
    (["a\nb.csv"], "no file"),
    (["good.csv", "--effort", "huge"], "quick, standard, thorough"),
    (["good.csv", "--seed", "-1"], "--seed"),
    (["good.csv", "--seed", "4294967296"], "--seed"),
    (["good.csv", "--jobs", "0"], "--jobs 0 is outside 1..64"),
    (["good.csv", "--bits", "0"], "1 to 8"),
    (["good.csv", "--bits", "9"], "1 to 8"),
    (["good.csv", "--out", "good.csv"], "--out good.csv exists"),
    (["good.csv", "--out", "foreign"], "--out foreign exists"),
    (["good.csv", "--out", "good.csv/below"], "--out good.csv/below"),
    (["good.csv", "--out", "/proc/inkling"], "--out /proc/inkling"),
    (["good.csv", "--out", "o" * 300], "--out ooo"),
    (["good.csv", "--out", "loop"], "--out loop"),
    (["good.csv", "--out", "/"], "--out /"),
    (["good.csv", "--out", "."], "--out ."),
    (["good.csv", "--technology", "none.lib"], "none.lib"),
    (["good.csv", "--technology", "garbage.lib"], "garbage.lib"),
    (["good.csv", "--technology", "empty.lib"], "empty.lib"),
    (["good.csv", "--technology", "binary.lib"], "binary.lib"),
    (["good.csv", "--technology", "cells.lib"], "cells.lib"),
    (["good.csv", "--technology", "foreign"], "foreign"),
    (["cardio", "--data", "foreign"], "cardio.csv"),
    (["cardio", "--data", "none"], "none"),
]
# What typer itself refuses; it shows the usage first.
USAGE = [
    [],
    ["run"],
    ["nothing"],
    ["run", "iris", "--bits", "x"],
    ["run", "iris", "--seed", "1.5"],
    ["run", "iris", "--no"],
]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], tuple[int, str, str]]:
    """Exit code, standard output and standard error of every command line above; it must leave no file behind."""
    base = tmp_path_factory.mktemp("command-lines")
    folder = base / "work"
    (folder / "folder.csv").mkdir(parents=True)
    (folder / "foreign").mkdir()
    (folder / "foreign" / "thesis.txt").write_text("years of work")
    (folder / "loop").symlink_to("loop")
    for name, content in TABLES.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with (folder / "huge.csv").open("wb") as file:
        file.truncate(5 * 2**30)  # a hole: it takes no space
    before = sorted(str(path) for path in folder.rglob("*"))
    lines = [["run", *arguments] for arguments, _ in WRONG] + USAGE
    (base / "cases.json").write_text(json.dumps([[str(folder), line] for line in lines]))
    codes = python(FORKS, time_limit_s=500, cwd=base).stdout.split()
    assert sorted(str(path) for path in folder.rglob("*")) == before
    texts = [[(base / f"{k}.{stream}").read_text("utf-8") for stream in (1, 2)] for k in range(len(lines))]
    return {tuple(line): (int(code), out, err) for line, code, (out, err) in zip(lines, codes, texts, strict=True)}


@pytest.mark.parametrize(
    ("arguments", "names"), WRONG, ids=lambda item: " ".join(item)[:40] if isinstance(item, list) else ""
)
def test_wrong_input_is_one_line_and_exit_code_2(
    arguments: Sequence[str], names: str, ended: dict[tuple[str, ...], tuple[int, str, str]]
) -> None:
    code, out, err = ended["run", *arguments]
    assert code == 2, err
    assert err.startswith("inkling: ")
    assert err.count("\n") == 1
    assert names in err
    assert len(err) < 700
    assert out == ""


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_wrong_usage_is_exit_code_2(arguments: list[str], ended: dict[tuple[str, ...], tuple[int, str, str]]) -> None:
    code, out, err = ended[tuple(arguments)]
    assert code == 2, err
    assert "Traceback" not in out + err
    if arguments:
        assert len(err.splitlines()) == 1 and "--help`" in err
    else:
        assert "Usage:" in out + err  # nothing was asked: the help


def test_the_console_script_ends_as_the_function_does(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("inkling")
    done = subprocess.run([script, "run", "none.csv"], cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("inkling: there is no file 'none.csv'")
    assert done.stderr.count("\n") == 1


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from inkling.cli.main import main; sys.argv = ['inkling', 'run', '--help']\n"
        "try: main()\n"
        "except SystemExit as error: assert not error.code\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    out = python(script, time_limit_s=60).stdout
    assert "--target" in out
    heavy = {*("torch", "numpy", "numba", "sklearn", "amaranth", "pyosys", "cocotb", "pandas", "pyarrow", "scipy")}
    assert heavy & set(out.splitlines()[-1].split()) == set()


def test_datasets_are_listed(tmp_path: Path) -> None:
    out = python("from inkling.cli.main import main; main()", "datasets", time_limit_s=60, cwd=tmp_path).stdout
    assert all(name in out for name in ("iris", "wine", "wdbc", "digits", "pendigits", "cardio"))


def test_a_checkout_as_working_folder_hides_nothing(tmp_path: Path) -> None:
    """Where our own packages lie in the working folder, they are still found when a command needs them."""
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    script = "from inkling.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, "run", str(tmp_path / "none.csv")],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)

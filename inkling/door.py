"""The Python door to the commands: `run` and `field` start them, `load` reads what they left.

They work in a process of their own, so that a script needs no `if __name__ == "__main__"`, Ctrl-C ends them as on the
command line, and modules of the caller's folder are never taken for ours. Results are in `inkling.results`.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inkling.approx.programs.process import ToolError
from inkling.results import Design, Field, Run, read
from inkling.train.errors import InputError

_PROGRAM = "import sys; sys.path.append(sys.argv.pop(1)); from inkling.cli.main import main; main()"


def run(
    table: Any,
    *,
    target: str | None = None,
    out: str | Path | None = None,
    effort: str = "quick",
    seed: int = 42,
    progress: bool = False,
    **options: Any,
) -> Run:
    """Design classifier circuits for a table of labelled readings: `inkling run` from Python.

    Parameters
    ----------
    table : str, Path or data frame
        A CSV or Parquet file, a named data set (``inkling datasets``), or a data frame of pandas or polars.
    target : str, optional
        The label column; the last one where not given.
    out : str or Path, optional
        The run folder; ``runs/NAME`` where not given. An earlier run folder there is replaced.
    effort : str
        "quick", "standard" or "thorough".
    seed : int
        Of the split and of everything random, 0 to 2**32 - 1.
    progress : bool
        Whether to print each stage as it ends.
    **options
        Any other option of ``inkling run --help``, with underscores: ``bits=3``, ``one_hot=True``,
        ``technology=["cells_1V.lib", "cells_0V6.lib"]``.

    Returns
    -------
    Run
        The run folder, its report and its designs.

    Raises
    ------
    InputError
        Where a table or an option is wrong; the message says what, where and what to do.
    inkling.approx.programs.process.ToolError
        Where a tool fails, or a design fails its verification.
    """
    with _as_file(table) as (place, name):
        folder = Path(out) if out is not None else Path("runs") / name
        options = {"target": target, "effort": effort, "seed": seed, **options}
        _command(["run", place, "--out", str(folder)], options, progress)
    return Run(folder)


def field(
    source: str | Path,
    *,
    out: str | Path | None = None,
    effort: str = "quick",
    seed: int = 42,
    kilobytes: int = 16,
    progress: bool = False,
    **options: Any,
) -> Field:
    """Train a neural field in integers of a scene, picture, shape or series: `inkling field` from Python.

    Parameters
    ----------
    source : str or Path
        A mesh, a picture, a series (``.wav``, ``.npy``, ``.csv``), "town", "game-level", or a sample picture.
    out : str or Path, optional
        The run folder; ``runs/NAME`` where not given.
    effort : str
        "quick", "standard" or "thorough".
    seed : int
        Of everything random, 0 to 2**32 - 1.
    kilobytes : int
        Of a picture's packed field, or of tables: each position's, a series'.
    progress : bool
        Whether to print each stage as it ends.
    **options
        Any other option of ``inkling field --help``, with underscores: ``positions=4``, ``what="sdf"``.

    Returns
    -------
    Field
        The run folder, its report, the integer field and its kernel.

    Raises
    ------
    InputError
        Where a source or an option is wrong.
    inkling.approx.programs.process.ToolError
        Where a tool fails, or a kernel differs from the reference.
    """
    folder = Path(out) if out is not None else Path("runs") / (Path(source).stem or "field")
    options = {"effort": effort, "seed": seed, "kilobytes": kilobytes, **options}
    _command(["field", str(source), "--out", str(folder)], options, progress)
    return Field(folder)


def load(folder: str | Path) -> Run | Design | Field:
    """Read what a command left: a run folder, a design folder or a field's folder.

    Parameters
    ----------
    folder : str or Path
        Of ``inkling run``, ``import``, ``emit``, ``field``, `run`, `field` or `BespokeClassifier.emit`.

    Returns
    -------
    Run, Design or Field
        By what the folder holds.

    Raises
    ------
    InputError
        Where it holds none of them, or a file in it is malformed.
    """
    return read(Path(folder))


@contextmanager
def _as_file(table: Any) -> Iterator[tuple[str, str]]:
    """The table as a word of the command line, and the name of its run; data frames are written beside."""
    if isinstance(table, str | Path):
        yield str(table), Path(table).stem
        return
    with tempfile.TemporaryDirectory(prefix="inkling-") as folder:
        place = Path(folder) / "table.csv"
        if hasattr(table, "to_csv"):
            table.to_csv(place, index=False)
        elif hasattr(table, "write_csv"):
            table.write_csv(place)
        else:
            raise InputError(f"a {type(table).__name__} is no table: give a file, a named set or a data frame")
        yield str(place), "table"


def _command(words: Sequence[str], options: dict[str, Any], progress: bool) -> None:
    """Run a command with --json. Raises InputError for exit code 2, ToolError for 1, KeyboardInterrupt for 130."""
    root = str(Path(__file__).parents[1])
    call = [sys.executable, "-P", "-c", _PROGRAM, root, *words, "--json", *_written(options)]
    said = ""
    with subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        stopped = False
        while process.stderr is not None:
            try:
                for line in process.stderr:
                    said = line.strip() or said
                    if progress:
                        print(line, end="")
                break
            except KeyboardInterrupt:  # the command has got it too, and ends with what it has found by then
                if stopped:
                    raise
                stopped = True
        code = process.wait()
    said = said.removeprefix("inkling: ")
    if code == 2:
        raise InputError(said)
    if code == 130:
        raise KeyboardInterrupt
    if code:
        raise ToolError(said or f"inkling {words[0]} ended with {code}")


def _written(options: dict[str, Any]) -> list[str]:
    """Options of a call as words: True is a flag, None and False are left out, several values come one by one."""
    words = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif value is not None and value is not False:
            several = value if isinstance(value, list | tuple) else [value]
            words += [f"{flag}={item}" for item in several]
    return words

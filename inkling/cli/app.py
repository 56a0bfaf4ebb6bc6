"""The typer application and what its commands share: options, completions, and how tools' failures and Ctrl-C end.

Commands register themselves in `inkling.cli.runs`, `inkling.cli.steps` and `inkling.cli.views`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from inkling.runs.effort import EFFORTS
from inkling.train.errors import InputError

app = typer.Typer(
    name="inkling",
    help="Measured data in; the smallest verified classifier circuit and the fastest integer kernel out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def complete_effort(incomplete: str) -> list[str]:
    return [name for name in EFFORTS if name.startswith(incomplete)]


def complete_table(incomplete: str) -> list[str]:
    """Named data sets, and the tables of the working folder."""
    from inkling.train.tables.sources import names

    files = [path.name for path in Path().iterdir() if path.suffix in (".csv", ".parquet")]
    return [name for name in (*(item.name for item in names()), *sorted(files)) if name.startswith(incomplete)]


def one_of(*words: str) -> object:
    """A completion of fixed words."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document; progress goes to standard error.")]
EffortName = Annotated[str, typer.Option(help="trial, quick, standard or thorough.", autocompletion=complete_effort)]
Seed = Annotated[int, typer.Option(help="Seed of the split and of everything random.")]
Target = Annotated[str | None, typer.Option(help="The label column; the last one where not given.")]
DataFolder = Annotated[Path | None, typer.Option(help="Folder of UCI tables; else INKLING_DATA.")]
Liberty = Annotated[
    list[Path] | None, typer.Option(help="Liberty files, one per supply voltage; else built-in EGFET.")
]
Separator = Annotated[
    str, typer.Option(help="Between fields of a text: comma, semicolon, tab, space, pipe; else the header tells.")
]
Decimal = Annotated[str, typer.Option(help="Before fractions in a text: . or ,")]
UnitsRow = Annotated[bool, typer.Option("--units-row", help="The line below the header holds units: leave it out.")]
Columns = Annotated[list[str] | None, typer.Option(help="A feature to read, and no others; may be given again.")]
Drop = Annotated[list[str] | None, typer.Option(help="A column to leave out; may be given again.")]
Group = Annotated[
    str | None,
    typer.Option(help="A column of persons, batches, ...: no feature, and never on two sides of the split."),
]
TestFile = Annotated[str | None, typer.Option("--test", help="A table of test rows; then no others are set aside.")]
DropMissing = Annotated[bool, typer.Option("--drop-missing", help="Leave out rows with missing values.")]


def reading_options(
    separator: str,
    decimal: str,
    units_row: bool,
    columns: list[str] | None,
    drop: list[str] | None,
    group: str | None,
    test: str | None,
) -> dict[str, Any]:
    """What tables are read by in every command that takes one, as keywords of a `Reading`."""
    return {
        "separator": separator,
        "decimal": decimal,
        "units_row": units_row,
        "columns": tuple(columns or ()),
        "drop": tuple(drop or ()),
        "group": group,
        "test_file": test,
    }


def check_effort(effort: str) -> None:
    """Raise InputError for an unknown name."""
    if effort not in EFFORTS:
        raise InputError(f"--effort {effort!r} is not one of {', '.join(EFFORTS)}")


def check_seed(seed: int) -> None:
    """Raise InputError for a seed that no generator takes."""
    if not 0 <= seed < 2**32:
        raise InputError(f"--seed {seed} is outside 0..4294967295")


@contextmanager
def ending() -> Iterator[None]:
    """Where a tool fails: one line and exit code 1; Ctrl-C: exit code 130."""
    from inkling.approx.programs.process import ToolError

    try:
        yield
    except ToolError as error:
        print(f"inkling: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        print("inkling: stopped", file=sys.stderr)
        raise typer.Exit(130) from error

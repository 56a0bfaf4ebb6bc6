"""Commands for one step of a run each, which go from files to files. Nothing is computed here."""

from pathlib import Path
from typing import Annotated

import typer

from inkling.cli.app import (
    AsJson,
    Columns,
    DataFolder,
    Decimal,
    Drop,
    DropMissing,
    EffortName,
    Group,
    Liberty,
    Seed,
    Separator,
    Target,
    TestFile,
    UnitsRow,
    app,
    check_effort,
    check_seed,
    complete_table,
    ending,
    one_of,
    reading_options,
)
from inkling.runs.effort import EFFORTS
from inkling.train.errors import InputError

TableOption = Annotated[
    str | None,
    typer.Option(help="Where the table is now, if not where `train` found it.", autocompletion=complete_table),
]


@app.command()
def train(
    table: Annotated[
        str,
        typer.Argument(
            help="A CSV or Parquet file, or a named set (see `inkling datasets`).", autocompletion=complete_table
        ),
    ],
    out: Annotated[Path, typer.Option(help="The file of the float network, JSON.")],
    kind: Annotated[
        str,
        typer.Option(
            help="float, or power_of_two for weights of one digit.", autocompletion=one_of("float", "power_of_two")
        ),
    ] = "float",
    hidden: Annotated[
        list[int] | None, typer.Option(help="Hidden neurons; several times for several widths.")
    ] = None,
    target: Target = None,
    effort: EffortName = "quick",
    seed: Seed = 42,
    bits: Annotated[int, typer.Option(help="Bits of each quantised feature, 1 to 8.")] = 4,
    ranges: Annotated[
        str, typer.Option(help="Input ranges: fitted or span.", autocompletion=one_of("fitted", "span"))
    ] = "fitted",
    one_hot: Annotated[bool, typer.Option("--one-hot", help="Expand text columns to 0/1 columns.")] = False,
    drop_missing: DropMissing = False,
    separator: Separator = "",
    decimal: Decimal = ".",
    units_row: UnitsRow = False,
    columns: Columns = None,
    drop: Drop = None,
    group: Group = None,
    test: TestFile = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Step 1: from a table to a trained float network in a file; the next step is `inkling approximate`.

    Example: inkling train sensors.csv --target label --out net.json
    """
    check_effort(effort)
    check_seed(seed)
    from inkling.reports.terminal.console import Terminal
    from inkling.runs import steps
    from inkling.train.tables.reading import Reading

    reading = Reading(
        *(table, target, seed, bits, ranges, one_hot, drop_missing),
        **reading_options(separator, decimal, units_row, columns, drop, group, test),
    )
    with ending():
        found = steps.train(reading, out, kind=kind, hidden=hidden or (), effort=EFFORTS[effort], data=data)
    steps.show(found, Terminal(), as_json)


@app.command()
def approximate(
    network: Annotated[Path, typer.Argument(help="A file of `inkling train`, or a folder of this command.")],
    out: Annotated[Path, typer.Option(help="The folder of the smaller network.")],
    by: Annotated[
        str,
        typer.Option(
            help="integers (quantise only), arithmetic (levels 1 to 4) or gates (level 5).",
            autocompletion=one_of("integers", "arithmetic", "gates"),
        ),
    ] = "arithmetic",
    table: TableOption = None,
    data: DataFolder = None,
    effort: EffortName = "quick",
    seed: Seed = 42,
    moves: Annotated[int | None, typer.Option(help="Changes that the arithmetic search tries.")] = None,
    tolerance: Annotated[float, typer.Option(help="Accuracy, 0..1, that may be given up for a smaller one.")] = 0.01,
    technology: Liberty = None,
    as_json: AsJson = False,
) -> None:
    """Step 2: from a network to a smaller integer network; may be repeated, and `inkling emit` is the next step.

    Example: inkling approximate net.json --by arithmetic --out small
    """
    check_effort(effort)
    check_seed(seed)
    if moves is not None and not 1 <= moves <= 10**12:
        raise InputError(f"--moves {moves} is outside 1..1000000000000")
    if not 0 <= tolerance <= 1:
        raise InputError(f"--tolerance {tolerance} is outside 0..1")
    from inkling.hdl.cells.choice import technology_of
    from inkling.reports.terminal.console import Terminal
    from inkling.runs import steps

    console = Terminal(stderr=as_json)
    with ending():
        found = steps.approximate(
            network,
            out,
            how=by,
            table=table,
            data=data,
            effort=EFFORTS[effort],
            seed=seed,
            moves=moves,
            tolerance=tolerance,
            technology=technology_of(technology or ()),
            console=console,
        )
    steps.show(found, console, as_json)


@app.command()
def emit(
    network: Annotated[Path, typer.Argument(help="A folder with network.json, or with netlist.json alone.")],
    out: Annotated[Path, typer.Option(help="The design folder.")],
    table: TableOption = None,
    data: DataFolder = None,
    effort: EffortName = "quick",
    seed: Seed = 42,
    technology: Liberty = None,
    name: Annotated[
        str | None,
        typer.Option(help="Also NAME.c, NAME.h, NAME.v and NAME_mapped.v: prefix of the kernel, name of the module."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Step 3: from a network to a design folder: Verilog, mapped cells, Amaranth, C, numba, costed and verified.

    Exit code 1 where a check fails. Example: inkling emit small --out designs/small
    """
    check_effort(effort)
    check_seed(seed)
    from inkling.hdl.cells.choice import technology_of
    from inkling.reports.terminal.console import Terminal
    from inkling.runs import steps

    console = Terminal(stderr=as_json)
    with ending():
        found, passed = steps.emit(
            network,
            out,
            table=table,
            data=data,
            effort=EFFORTS[effort],
            seed=seed,
            technology=technology_of(technology or ()),
            console=console,
            name=name,
        )
    steps.show(found, console, as_json)
    if not passed:
        raise typer.Exit(1)


@app.command()
def report(
    folder: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, or a campaign's store or file.")],
    converters: Annotated[
        Path | None, typer.Option(help="A JSON table of converters, by bits of an input, to be counted in.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the page and report.json of a run again, from its files alone, with what came since.

    Of a campaign: fronts merged over splits, means, spreads, and tests against the rivals.

    Example: inkling report runs/sensors --converters adc.json
    """
    from inkling.campaigns.report import is_campaign, show_campaign

    if is_campaign(folder):
        show_campaign(folder, as_json=as_json)
        return
    from inkling.designs.report import rebuild

    rebuild(Path(folder), converters=converters, as_json=as_json)

"""Commands that look at what there is, from verify to doctor. Nothing is computed here."""

from pathlib import Path
from typing import Annotated

import typer

from inkling.cli.app import AsJson, DataFolder, app, ending
from inkling.train.errors import InputError


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="A run folder, or one design folder in it.")],
    rows: Annotated[
        str | None,
        typer.Option(help="A table or a named set, whose rows are tried first; columns as in design.json."),
    ] = None,
    data: DataFolder = None,
    vectors: Annotated[int, typer.Option(help="Vectors of each fast route; all there are up to 24 input bits.")] = 10
    ** 6,
    proof_s: Annotated[float, typer.Option(help="Seconds for each proof.")] = 60.0,
    bulk: Annotated[int, typer.Option(help="Most vectors behind a proof that did not close.")] = 10**9,
    bulk_s: Annotated[float, typer.Option(help="Seconds for these.")] = 60.0,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 also where a check stayed undecided.")
    ] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Also execute kernels and components that this version does not emit.")
    ] = False,
    vcd: Annotated[Path | None, typer.Option(help="A file for the waveform of a failing vector.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check designs again from their files alone: every route, a proof, and the place of a fault.

    Exit code 1 where a design fails; where a proof only ran out of time it is told as undecided, exit code 0.

    Example: inkling verify runs/sensors
    """
    if not 1 <= vectors <= 10**8 or not 1 <= bulk <= 10**12:
        raise InputError("--vectors must be in 1..100000000, --bulk in 1..1000000000000")
    if not 0 < proof_s <= 10**5 or not 0 < bulk_s <= 10**5:
        raise InputError("--proof-s and --bulk-s must be in seconds, above 0 and at most 100000")
    from inkling.designs.verify import verify as check
    from inkling.sim.designs.recheck import Budget
    from inkling.sim.verdicts.verdict import Outcome

    budget = Budget(vectors=vectors, proof_s=proof_s, bulk_vectors=bulk, bulk_s=bulk_s)
    with ending():
        outcome = check(
            folder, rows=rows, target=None, data=data, budget=budget, trust=trust, as_json=as_json, waveform=vcd
        )
    if outcome is Outcome.FAILED or (strict and outcome is Outcome.UNDECIDED):
        raise typer.Exit(1)


@app.command()
def predict(
    folder: Annotated[Path, typer.Argument(metavar="DESIGN", help="A design folder.")],
    table: Annotated[str, typer.Argument(help="A table or a named set; columns as in design.json.")],
    data: DataFolder = None,
    out: Annotated[Path | None, typer.Option(help="A CSV file; standard output where not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """The class of every row of a table by one design; of a regression its outputs.

    Example: inkling predict runs/sensors/designs/gates-1 today.csv --out answers.csv
    """
    from inkling.designs.predict import predict as answer

    answer(folder, table, data=data, out=out, as_json=as_json)


@app.command()
def faults(
    folder: Annotated[Path, typer.Argument(help="A design folder.")],
    rows: Annotated[
        str | None, typer.Option(help="A table or a named set to simulate; 1,000 random vectors where not given.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The label column of the table; the last where not given.")
    ] = None,
    data: DataFolder = None,
    rate: Annotated[float, typer.Option(help="Chance that a gate is stuck.")] = 0.001,
    out: Annotated[
        Path | None, typer.Option(help="The test set as CSV; test_set.csv in the folder, if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate every stuck-at defect of a mapped design: coverage, accuracy, critical cells, a short test set.

    Example: inkling faults runs/sensors/designs/gates-1 --rows sensors.csv
    """
    if not 0 <= rate <= 1:
        raise InputError(f"--rate {rate} is outside 0..1")
    from inkling.designs.faults import report_faults

    report_faults(folder, rows=rows, target=target, data=data, rate=rate, out=out, as_json=as_json)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    converters: Annotated[Path | None, typer.Option(help="A JSON table of converters, by bits of an input.")] = None,
    page: Annotated[Path | None, typer.Option(help="Also write a page, HTML, with at most four runs.")] = None,
    as_json: AsJson = False,
) -> None:
    """The designs of several runs side by side, by area.

    Example: inkling compare runs/quick runs/standard --converters adc.json
    """
    from inkling.cli.listing import show_comparison

    show_comparison(runs, converters, as_json)
    if page is not None:
        from inkling.designs.compare import write_page

        write_page(runs, page)


@app.command()
def technologies(
    liberty: Annotated[list[Path] | None, typer.Argument(help="Liberty files, one per supply voltage.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the built-in technology, or what is read from Liberty files.

    Example: inkling technologies cells_1.0V.lib cells_0.6V.lib
    """
    from inkling.cli.listing import show_technologies

    show_technologies(liberty or [], as_json)


@app.command()
def datasets(as_json: AsJson = False) -> None:
    """List the named data sets and where each comes from.

    Example: inkling datasets --json
    """
    from inkling.cli.listing import show_datasets

    show_datasets(as_json)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Which tools and packages are found, and how to get what is not; exit code 1 where something lacks.

    Example: inkling doctor
    """
    from inkling.cli.listing import show_doctor

    if not show_doctor(as_json):
        raise typer.Exit(1)

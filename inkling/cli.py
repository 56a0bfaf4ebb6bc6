"""The command line. Nothing is computed here, and nothing heavy is imported before a command needs it."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from inkling.effort import EFFORTS
from train.errors import InputError

app = typer.Typer(
    name="inkling",
    help="Measured data in; the smallest verified classifier circuit and the fastest integer kernel out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def run(
    table: Annotated[str, typer.Argument(help="A CSV or Parquet file, or a named set (see `inkling datasets`).")],
    target: Annotated[str | None, typer.Option(help="The label column; the last one where not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/NAME where not given.")] = None,
    effort: Annotated[str, typer.Option(help="quick, standard or thorough.")] = "quick",
    seed: Annotated[int, typer.Option(help="Seed of the split and of everything random.")] = 42,
    bits: Annotated[int, typer.Option(help="Bits of each quantised feature, 1 to 8.")] = 4,
    ranges: Annotated[
        str, typer.Option(help="Input ranges: fitted (to the thresholds that matter) or span (least to largest).")
    ] = "fitted",
    one_hot: Annotated[bool, typer.Option("--one-hot", help="Expand text columns to 0/1 columns.")] = False,
    drop_missing: Annotated[bool, typer.Option("--drop-missing", help="Leave out rows with missing values.")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder of UCI tables; else INKLING_DATA.")] = None,
    jobs: Annotated[
        int | None,
        typer.Option(help="Processes, and islands of the gate search; else one island, and all cores after it."),
    ] = None,
    delay_limit: Annotated[
        float, typer.Option(help="Most ms that a circuit of the gate search may take at any supply; 0: no limit.")
    ] = 200.0,
    power_weight: Annotated[
        float, typer.Option(help="cm2 that 1 mW at the lowest supply counts as in the gate search; 0: area alone.")
    ] = 0.0,
    technology: Annotated[
        list[Path] | None, typer.Option(help="Liberty files, one per supply voltage; else built-in EGFET.")
    ] = None,
) -> None:
    """From a table of labelled readings to verified, costed classifier circuits.

    Example: inkling run sensors.csv --target label --out runs/sensors
    """
    if effort not in EFFORTS:
        raise InputError(f"--effort {effort!r} is not one of {', '.join(EFFORTS)}")
    if not 0 <= seed < 2**32:
        raise InputError(f"--seed {seed} is outside 0..4294967295")
    if jobs is not None and not 1 <= jobs <= 64:
        raise InputError(f"--jobs {jobs} is outside 1..64")
    if not 0 <= delay_limit <= 10**9:
        raise InputError(f"--delay-limit {delay_limit} is outside 0..1000000000 ms")
    if not 0 <= power_weight <= 10**4:
        raise InputError(f"--power-weight {power_weight} is outside 0..10000 cm2 per mW")
    from hdl.process import ToolError
    from inkling.request import Request
    from inkling.run import execute

    request = Request(
        table=table,
        target=target,
        out=out,
        effort=EFFORTS[effort],
        seed=seed,
        bits=bits,
        ranges=ranges,
        one_hot=one_hot,
        drop_missing=drop_missing,
        data=data,
        technology=tuple(technology or ()),
        jobs=jobs,
        delay_limit_ms=delay_limit,
        power_weight=power_weight,
    )
    try:
        execute(request)
    except ToolError as error:
        print(f"inkling: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        print("inkling: stopped", file=sys.stderr)
        raise typer.Exit(130) from error


@app.command("import")
def bring(
    model: Annotated[Path, typer.Argument(help="An ONNX or QONNX file with its weights inside.")],
    data: Annotated[str, typer.Option(help="The table that it was trained on: CSV, Parquet or a named set.")],
    target: Annotated[str | None, typer.Option(help="The target column; the last one where not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/MODEL where not given.")] = None,
    regression: Annotated[bool, typer.Option("--regression", help="Outputs are values, not classes.")] = False,
    effort: Annotated[str, typer.Option(help="quick, standard or thorough.")] = "quick",
    seed: Annotated[int, typer.Option(help="Seed of the split and of everything random.")] = 42,
    bits: Annotated[
        int | None, typer.Option(help="Bits of each input, 1 to 8; the fewest that do otherwise.")
    ] = None,
    weight_bits: Annotated[int, typer.Option(help="Bits of a weight, 2 to 16.")] = 8,
    hidden_bits: Annotated[
        int | None, typer.Option(help="Bits of a hidden value, 1 to 16; the fewest that do otherwise.")
    ] = None,
    drop_missing: Annotated[bool, typer.Option("--drop-missing", help="Leave out rows with missing values.")] = False,
    technology: Annotated[
        list[Path] | None, typer.Option(help="Liberty files, one per supply voltage; else built-in EGFET.")
    ] = None,
) -> None:
    """From a trained model (ONNX, QONNX) to a verified, costed circuit, and what the conversion cost.

    Example: inkling import model.onnx --data sensors.csv --target label --out runs/model
    """
    if effort not in EFFORTS:
        raise InputError(f"--effort {effort!r} is not one of {', '.join(EFFORTS)}")
    if not 0 <= seed < 2**32:
        raise InputError(f"--seed {seed} is outside 0..4294967295")
    from hdl.process import ToolError
    from inkling.bring import Import, execute

    asked = Import(
        model=model,
        data=data,
        target=target,
        out=out,
        task="regression" if regression else "classification",
        effort=EFFORTS[effort],
        seed=seed,
        bits=bits,
        weight_bits=weight_bits,
        hidden_bits=hidden_bits,
        drop_missing=drop_missing,
        technology=tuple(technology or ()),
    )
    try:
        execute(asked)
    except ToolError as error:
        print(f"inkling: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        print("inkling: stopped", file=sys.stderr)
        raise typer.Exit(130) from error


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def datasets(as_json: AsJson = False) -> None:
    """List the named data sets and where each comes from."""
    from inkling.listing import show_datasets

    show_datasets(as_json)


@app.command()
def technologies(
    liberty: Annotated[list[Path] | None, typer.Argument(help="Liberty files, one per supply voltage.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the built-in technology, or what is read from Liberty files."""
    from inkling.listing import show_technologies

    show_technologies(liberty or [], as_json)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    converters: Annotated[Path | None, typer.Option(help="A JSON table of converters, by bits of an input.")] = None,
    as_json: AsJson = False,
) -> None:
    """The designs of several runs side by side, by area.

    Example: inkling compare runs/quick runs/standard --converters adc.json
    """
    from inkling.listing import show_comparison

    show_comparison(runs, converters, as_json)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Which tools and packages are found, and how to get what is not; exit code 1 where something lacks."""
    from inkling.listing import show_doctor

    if not show_doctor(as_json):
        raise typer.Exit(1)


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="A run folder, or one design folder in it.")],
    rows: Annotated[
        str | None,
        typer.Option(help="A table or a named set, whose rows are tried first; columns as in design.json."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of UCI tables; else INKLING_DATA.")] = None,
    vectors: Annotated[int, typer.Option(help="Vectors of each fast route; all there are up to 24 input bits.")] = 10
    ** 6,
    proof_s: Annotated[float, typer.Option(help="Seconds for each proof.")] = 60.0,
    bulk: Annotated[int, typer.Option(help="Most vectors behind a proof that did not close.")] = 10**9,
    bulk_s: Annotated[float, typer.Option(help="Seconds for these.")] = 60.0,
    trust: Annotated[
        bool, typer.Option("--trust", help="Also execute kernels and components that this version does not emit.")
    ] = False,
    vcd: Annotated[Path | None, typer.Option(help="A file for the waveform of a failing vector.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check designs again from their files alone: every route, a proof, and the place of a fault.

    Exit code 1 where a design fails. Example: inkling verify runs/sensors
    """
    if not 1 <= vectors <= 10**8 or not 1 <= bulk <= 10**12:
        raise InputError("--vectors must be in 1..100000000, --bulk in 1..1000000000000")
    if not 0 < proof_s <= 10**5 or not 0 < bulk_s <= 10**5:
        raise InputError("--proof-s and --bulk-s must be in seconds, above 0 and at most 100000")
    from inkling.verify import verify as check
    from sim.recheck import Budget

    budget = Budget(vectors=vectors, proof_s=proof_s, bulk_vectors=bulk, bulk_s=bulk_s)
    try:
        passed = check(
            folder, rows=rows, target=None, data=data, budget=budget, trust=trust, as_json=as_json, waveform=vcd
        )
    except KeyboardInterrupt as error:
        print("inkling: stopped", file=sys.stderr)
        raise typer.Exit(130) from error
    if not passed:
        raise typer.Exit(1)


@app.command()
def faults(
    folder: Annotated[Path, typer.Argument(help="A design folder.")],
    rows: Annotated[
        str | None, typer.Option(help="A table or a named set to simulate; 1,000 random vectors where not given.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The label column of the table; the last where not given.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of UCI tables; else INKLING_DATA.")] = None,
    rate: Annotated[float, typer.Option(help="Chance that a gate is stuck.")] = 0.001,
    out: Annotated[
        Path | None, typer.Option(help="The test set as CSV; test_set.csv in the folder, if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Simulate every stuck-at defect of a mapped design: coverage, accuracy, critical cells, a short test set.

    Example: inkling faults runs/sensors/designs/gates-1 --rows sensors.csv
    """
    if not 0 <= rate <= 1:
        raise InputError(f"--rate {rate} is outside 0..1")
    from inkling.faults import report_faults

    report_faults(folder, rows=rows, target=target, data=data, rate=rate, out=out, as_json=as_json)


@app.command()
def field(
    source: Annotated[str, typer.Argument(help="A picture or mesh file, town, game-level, or a sample picture.")],
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/NAME where not given.")] = None,
    effort: Annotated[str, typer.Option(help="quick, standard or thorough.")] = "quick",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 42,
    kilobytes: Annotated[int, typer.Option(help="Of tables: a picture's, or each position's.")] = 16,
    positions: Annotated[int, typer.Option(help="Places in a scene to see from.")] = 16,
    what: Annotated[str, typer.Option(help="Of a mesh: visibility, or sdf for signed distances.")] = "visibility",
) -> None:
    """From a picture or a scene to a verified integer neural field and its kernels; exit code 1 where one differs.

    Example: inkling field town --out runs/town --positions 16
    """
    from hdl.process import ToolError
    from inkling.field_run import FieldRequest, check_request, execute

    request = FieldRequest(source, out, effort, seed, kilobytes, positions, what)
    check_request(request)
    try:
        passed = execute(request)
    except ToolError as error:
        print(f"inkling: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        print("inkling: stopped", file=sys.stderr)
        raise typer.Exit(130) from error
    if not passed:
        raise typer.Exit(1)


def main() -> None:
    """The console script: wrong input is one line and exit code 2, Ctrl-C is 130."""
    # A user's own train.py or sim/ in the working folder must never shadow our packages, also in worker processes;
    # where the working folder is that of our packages (a checkout), there is nothing to shadow.
    working = {"", str(Path.cwd())} - {str(Path(__file__).resolve().parents[1])}
    sys.path[:] = [entry for entry in sys.path if entry not in working]
    # To end by unwinding: workers and tools are ended, and nothing half-written is left.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        app(standalone_mode=True)
    except InputError as error:
        print(f"inkling: {error}", file=sys.stderr)
        sys.exit(2)


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)

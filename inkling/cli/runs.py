"""Commands that go the whole way and leave a run folder: run, field, import. Nothing is computed here."""

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


@app.command()
def run(
    table: Annotated[
        str,
        typer.Argument(
            help="A CSV or Parquet file, or a named set (see `inkling datasets`).", autocompletion=complete_table
        ),
    ],
    target: Target = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/NAME where not given.")] = None,
    effort: EffortName = "quick",
    seed: Seed = 42,
    bits: Annotated[int, typer.Option(help="Bits of each quantised feature, 1 to 8.")] = 4,
    ranges: Annotated[
        str | None,
        typer.Option(
            help="Input ranges: fitted (to the thresholds that matter; presumes that every sensor is scaled to its "
            "range) or span (least to largest). Span for --converters unary, fitted otherwise.",
            autocompletion=one_of("fitted", "span"),
        ),
    ] = None,
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
    jobs: Annotated[
        int | None,
        typer.Option(help="Processes, and islands of the gate search; else one island, and all cores after it."),
    ] = None,
    delay_limit: Annotated[
        float, typer.Option(help="Most ms that a circuit of the gate search may take at any supply; 0: no limit.")
    ] = 200.0,
    power_weight: Annotated[
        float | None,
        typer.Option(
            help="cm2 that 1 mW counts as in the gate search: at the nominal supply and 0.14 for --converters unary, "
            "else at the lowest supply and 0, area alone."
        ),
    ] = None,
    converters: Annotated[
        str | None,
        typer.Option(
            help="What stands before the logic: unary (a comparator for every threshold that is read, all of it "
            "searched together), binary (codes), or none (codes, not counted). Unary for the built-in printed "
            "technology and with --converter-figures, else none.",
            autocompletion=one_of("unary", "binary", "none"),
        ),
    ] = None,
    levels: Annotated[int, typer.Option(help="Bits of the grid that unary converters' levels are on, 1 to 8.")] = 6,
    converter_figures: Annotated[
        str | None,
        typer.Option(help="A TOML file of converters, or one of the built-in: bespoke (usual) or encoded."),
    ] = None,
    robust: Annotated[
        float,
        typer.Option(
            help="Search unary nodes for print that varies: a standard deviation of the thresholds, % of the range."
        ),
    ] = 0.0,
    offset: Annotated[
        float, typer.Option(help="The standard deviation of the thresholds of the nodes that the report draws, %.")
    ] = 2.0,
    defects: Annotated[float, typer.Option(help="Stuck-at defects per cm2 of the drawn nodes.")] = 0.1,
    technology: Liberty = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Lose files that were put into an earlier run folder.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """From a table of labelled readings to verified, costed classifier circuits.

    Example: inkling run sensors.csv --target label --out runs/sensors
    """
    check_effort(effort)
    check_seed(seed)
    if jobs is not None and not 1 <= jobs <= 64:
        raise InputError(f"--jobs {jobs} is outside 1..64")
    if not 0 <= delay_limit <= 10**9:
        raise InputError(f"--delay-limit {delay_limit} is outside 0..1000000000 ms")
    from inkling.runs.request import CONVERTERS, USUAL_RANGES, usual_converters

    kind = converters or usual_converters(tuple(technology or ()), converter_figures)
    if kind not in CONVERTERS:
        raise InputError(f"--converters {kind!r} is not one of {', '.join(CONVERTERS)}")
    if not 1 <= levels <= 8:
        raise InputError(f"--levels {levels} is outside 1..8 bits")
    if power_weight is not None and not 0 <= power_weight <= 10**4:
        raise InputError(f"--power-weight {power_weight} is outside 0..10000 cm2 per mW")
    if not (0 <= robust <= 30 and 0 <= offset <= 30 and 0 <= defects <= 10**4):
        raise InputError("--robust and --offset must be in 0..30 per cent, --defects in 0..10000 per cm2")
    if robust and kind != "unary":
        raise InputError("--robust is for --converters unary; leave it out, or give these")
    with ending():
        from inkling.runs.request import Request
        from inkling.runs.run import execute
        from inkling.sim.faults.variation import Variation
        from inkling.train.tables.reading import Reading

        request = Request(
            Reading(
                *(table, target, seed, bits, ranges or USUAL_RANGES[kind], one_hot, drop_missing),
                **reading_options(separator, decimal, units_row, columns, drop, group, test),
            ),
            out,
            EFFORTS[effort],
            data=data,
            technology=tuple(technology or ()),
            jobs=jobs,
            delay_limit_ms=delay_limit,
            power_weight=power_weight,
            overwrite=overwrite,
            converters=kind,
            levels=levels,
            converter_figures=converter_figures,
            variation=Variation(offset, defects),
            robust=robust,
        )
        execute(request, as_json=as_json)


@app.command()
def field(
    source: Annotated[
        str,
        typer.Argument(
            help="A picture, mesh or series (.wav, .npy, .csv), town, game-level, or a sample picture.",
            autocompletion=one_of("town", "game-level"),
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/NAME where not given.")] = None,
    effort: EffortName = "quick",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 42,
    kilobytes: Annotated[
        int, typer.Option(help="Of a picture's packed field, or of tables: each position's, a series'.")
    ] = 16,
    positions: Annotated[int, typer.Option(help="Places in a scene to see from.")] = 16,
    what: Annotated[
        str,
        typer.Option(
            help="Of a mesh: visibility, or sdf for signed distances.", autocompletion=one_of("visibility", "sdf")
        ),
    ] = "visibility",
    scene_seed: Annotated[int, typer.Option(help="Seed that the town is built by.")] = 0,
    places: Annotated[
        Path | None, typer.Option(help="A file of places to see from: x, y, z a line, in the mesh's own coordinates.")
    ] = None,
    up: Annotated[
        str | None,
        typer.Option(
            help="The mesh's upward axis; y of .glb, z of others, if not given.", autocompletion=one_of("y", "z")
        ),
    ] = None,
    unit: Annotated[str, typer.Option(help="The mesh's unit: m, cm, mm, in, ft or metres per unit.")] = "m",
    conservative: Annotated[
        float | None, typer.Option(help="Most that may wrongly be called visible, a share of all queries: 0.001.")
    ] = None,
    engine: Annotated[
        int, typer.Option(help="Also a clocked engine in Verilog on so many multiply lanes; 0: none.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """From a picture, scene, shape or series to a verified integer field and its kernels; exit code 1 if one differs.

    Example: inkling field town --out runs/town --positions 16
    """
    from inkling.fields.learn import Scene
    from inkling.fields.run import FieldRequest, check_request, execute

    scene = Scene(scene_seed, up, _metres(unit), places, conservative)
    request = FieldRequest(source, out, effort, seed, kilobytes, positions, what, engine, scene)
    check_request(request)
    with ending():
        if not execute(request, as_json=as_json):
            raise typer.Exit(1)


def _metres(unit: str) -> float:
    """Metres per unit, by name or number. Raises InputError."""
    from inkling.train.scenes.world import UNITS

    if unit in UNITS:
        return UNITS[unit]
    try:
        metres = float(unit)
    except ValueError:
        metres = 0.0
    if not 1e-6 <= metres <= 1e6:
        raise InputError(f"--unit {unit!r:.40} is none of {', '.join(UNITS)}, nor metres per unit")
    return metres


@app.command("import")
def bring(
    model: Annotated[Path, typer.Argument(help="An ONNX or QONNX file with its weights inside.")],
    data: Annotated[
        str,
        typer.Option(
            help="The table that it was trained on: CSV, Parquet or a named set.", autocompletion=complete_table
        ),
    ],
    target: Annotated[str | None, typer.Option(help="The target column; the last one where not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/MODEL where not given.")] = None,
    regression: Annotated[bool, typer.Option("--regression", help="Outputs are values, not classes.")] = False,
    effort: EffortName = "quick",
    seed: Seed = 42,
    bits: Annotated[
        int | None, typer.Option(help="Bits of each input, 1 to 8; the fewest that do otherwise.")
    ] = None,
    weight_bits: Annotated[int, typer.Option(help="Bits of a weight, 2 to 16.")] = 8,
    hidden_bits: Annotated[
        int | None, typer.Option(help="Bits of a hidden value, 1 to 16; the fewest that do otherwise.")
    ] = None,
    agreement: Annotated[
        float,
        typer.Option(help="Share of rows on which circuit and file must agree; below it the exit code is 1."),
    ] = 0.9,
    drop_missing: DropMissing = False,
    separator: Separator = "",
    decimal: Decimal = ".",
    units_row: UnitsRow = False,
    columns: Columns = None,
    drop: Drop = None,
    group: Group = None,
    test: TestFile = None,
    technology: Liberty = None,
    as_json: AsJson = False,
) -> None:
    """From a trained model (ONNX, QONNX) to a verified, costed circuit, and what the conversion cost.

    Example: inkling import model.onnx --data sensors.csv --target label --out runs/model
    """
    check_effort(effort)
    check_seed(seed)
    with ending():
        from inkling.runs.import_model import Import, execute
        from inkling.train.tables.reading import Reading

        asked = Import(
            model=model,
            reading=Reading(
                *(data, target, seed),
                drop_missing=drop_missing,
                **reading_options(separator, decimal, units_row, columns, drop, group, test),
            ),
            out=out,
            task="regression" if regression else "classification",
            effort=EFFORTS[effort],
            bits=bits,
            weight_bits=weight_bits,
            hidden_bits=hidden_bits,
            technology=tuple(technology or ()),
            agreement=agreement,
        )
        execute(asked, as_json=as_json)

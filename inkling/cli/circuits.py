"""Commands that build other circuits from a design: a folded one, one for an FPGA. Nothing is computed here."""

import re
from pathlib import Path
from typing import Annotated

import typer

from inkling.cli.app import AsJson, DataFolder, EffortName, Liberty, Seed, app, check_effort, check_seed, ending
from inkling.train.errors import InputError


@app.command()
def fold(
    folder: Annotated[Path, typer.Argument(help="A design folder with a network of two dense layers.")],
    clocks: Annotated[int, typer.Option(help="Most clocks from start to done.")] = 100_000,
    out: Annotated[Path | None, typer.Option(help="Where files go; FOLDER/folded where not given.")] = None,
    rows: Annotated[str | None, typer.Option(help="A table or a named set whose rows are checked first.")] = None,
    data: DataFolder = None,
    effort: EffortName = "quick",
    seed: Seed = 42,
    vectors: Annotated[int, typer.Option(help="Random vectors to check, beside the rows.")] = 2000,
    technology: Liberty = None,
    as_json: AsJson = False,
) -> None:
    """A sequential circuit of a design's network, in which all inputs share one adder, in printed cells.

    Exit code 1 where a check fails. Example: inkling fold runs/arrhythmia/designs/power-of-two-1 --clocks 2000
    """
    check_effort(effort)
    check_seed(seed)
    if not 1 <= clocks <= 10**9 or not 1 <= vectors <= 10**7:
        raise InputError("--clocks must be in 1..1000000000, --vectors in 1..10000000")
    from inkling.designs.fold_command import FoldRequest, execute

    with ending():
        passed = execute(
            FoldRequest(folder, clocks, out, rows, data, effort, seed, vectors, tuple(technology or ()), as_json)
        )
    if not passed:
        raise typer.Exit(1)


@app.command()
def fpga(
    source: Annotated[Path, typer.Argument(help="A design folder, or a Verilog file.")],
    device: Annotated[str, typer.Option(help="lut6, up5k, hx1k, hx8k, ecp5-25k or ecp5-85k.")] = "up5k",
    module: Annotated[str, typer.Option(help="The top module.")] = "top",
    clock: Annotated[str, typer.Option(help="The clock's port, where there is one.")] = "clk",
    route: Annotated[bool, typer.Option(help="Place and route, where the extra `fpga` is installed.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of the placer.")] = 1,
    limit_s: Annotated[float, typer.Option(help="Seconds for each tool.")] = 600.0,
    as_json: AsJson = False,
) -> None:
    """LUTs, block RAMs and the fastest clock of a design on an FPGA, by yosys and nextpnr.

    Example: inkling fpga runs/pendigits/designs/gates-1 --device hx8k
    """
    check_seed(seed)
    if not 1 <= limit_s <= 10**5:
        raise InputError(f"--limit-s {limit_s} is outside 1..100000")
    from inkling.designs.fpga import FpgaRequest, report_fpga

    with ending():
        report_fpga(FpgaRequest(source, device, module, clock, route, seed, limit_s, as_json))


@app.command()
def mcu(
    source: Annotated[str, typer.Argument(help="A design folder, or a table: a named set or a file.")],
    target: Annotated[
        list[str] | None, typer.Option(help="cortex-m0, cortex-m3, cortex-m4, avr or rv32imc; all that are here.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the library goes; FOLDER/mcu or runs/mcu if not given.")
    ] = None,
    name: Annotated[str, typer.Option(help="Prefix of the C functions, name of the library.")] = "inkling",
    converter_bits: Annotated[int, typer.Option(help="Bits of the analogue-to-digital converter, 1 to 16.")] = 10,
    scale: Annotated[
        list[str] | None, typer.Option(help="COLUMN=ZERO..FULL: readings at no and full count; else its range.")
    ] = None,
    objective: Annotated[str, typer.Option(help="size or speed, by which the form is chosen.")] = "size",
    vectors: Annotated[int, typer.Option(help="Rows to compare on each target.")] = 10_000,
    seed: Seed = 42,
    as_json: AsJson = False,
    label: Annotated[str | None, typer.Option(help="Of a table: the column of classes; else the last one.")] = None,
    bits: Annotated[int, typer.Option(help="Of a table: bits of a feature's code, 1 to 8.")] = 6,
    effort: EffortName = "quick",
    design: Annotated[str | None, typer.Option(help="Of a table: the model to deliver, by its name.")] = None,
    data: DataFolder = None,
) -> None:
    """A design as a C library for microcontrollers: bytes, instructions an answer, and the same labels in emulators.

    Of a table, models are searched with bytes of flash as their price. Exit code 1 where a label differs.
    Examples: inkling mcu runs/cardio/designs/gates-2 --target avr; inkling mcu table.csv --target cortex-m0
    """
    check_seed(seed)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,47}", name):
        raise InputError(f"--name {name!r:.60}: give a C identifier of at most 48 letters, digits and _")
    if objective not in ("size", "speed"):
        raise InputError(f"--objective {objective!r:.40}: give size or speed")
    if not 1 <= vectors <= 10**6 or not 1 <= converter_bits <= 16:
        raise InputError("--vectors must be in 1..1000000, --converter-bits in 1..16")
    from inkling.designs.microcontroller import McuRequest, execute, scale_of

    folder = Path(source)
    of_design = (folder / "design.json").exists()
    request = McuRequest(
        folder,
        out or (folder / "mcu" if of_design else Path("runs") / "mcu"),
        tuple(target or ()),
        name,
        converter_bits,
        tuple(scale_of(text) for text in scale or ()),
        objective,
        vectors,
        seed,
        as_json,
        design,
    )
    with ending():
        if of_design:
            passed = execute(request)
        else:
            from inkling.designs import microcontroller_search
            from inkling.train.tables.reading import Reading

            check_effort(effort)
            passed = microcontroller_search.execute(
                Reading(source, target=label, seed=seed, bits=bits), effort, request, data
            )
    if not passed:
        raise typer.Exit(1)

"""The command of campaigns, `inkling explore`; what it does is in `inkling.campaigns.explore`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from inkling.cli.app import AsJson, app
from inkling.train.errors import InputError


@app.command()
def explore(
    campaign: Annotated[Path, typer.Argument(help="A campaign's TOML file (see docs/scale.md).")],
    store: Annotated[
        str | None, typer.Option(help="SQLite file or postgresql:// URL; runs/NAME.sqlite where not given.")
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="A Dask scheduler, tcp://HOST:PORT; else local.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what the store lacks.")] = False,
    jobs: Annotated[int | None, typer.Option(help="Local processes; as many as cores where not given.")] = None,
    adaptive: Annotated[bool, typer.Option("--adaptive", help="Start local processes as work needs them.")] = False,
    dashboard: Annotated[str | None, typer.Option(help="Address of Dask's page, such as 127.0.0.1:8787.")] = None,
    wait_s: Annotated[float, typer.Option(help="Seconds to wait for a scheduler that was lost.")] = 60.0,
    data: Annotated[Path | None, typer.Option(help="Folder of UCI tables; else INKLING_DATA.")] = None,
    as_json: AsJson = False,
) -> None:
    """Data sets x methods x splits x seeds x technologies x budgets, on local processes or a Dask cluster.

    Exit code 1 where a point failed. Example: inkling explore printed.toml --store printed.sqlite --resume
    """
    if jobs is not None and not 1 <= jobs <= 1024:
        raise InputError(f"--jobs {jobs} is outside 1..1024")
    if not 0 <= wait_s <= 10**6:
        raise InputError(f"--wait-s {wait_s} is outside 0..1000000")
    from inkling.campaigns.explore import Exploration
    from inkling.campaigns.explore import explore as compute

    asked = Exploration(campaign, store, scheduler, resume, jobs, adaptive, dashboard, wait_s, data, as_json)
    try:
        passed = compute(asked)
    except ConnectionError as error:
        print(f"inkling: {error}; what was found is stored, go on with --resume", file=sys.stderr)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        print("inkling: stopped; what was found is stored, go on with --resume", file=sys.stderr)
        raise typer.Exit(130) from error
    if not passed:
        raise typer.Exit(1)

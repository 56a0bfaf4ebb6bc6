"""Commands for one step of a run each, which go from files to files. Nothing is computed here."""

from pathlib import Path
from typing import Annotated

import typer

from inkling.app import AsJson, app


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A run folder.")],
    converters: Annotated[
        Path | None, typer.Option(help="A JSON table of converters, by bits of an input, to be counted in.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the page and report.json of a run again, from its files alone, with what came since.

    Example: inkling report runs/sensors --converters adc.json
    """
    from inkling.report_again import rebuild

    rebuild(folder, converters=converters, as_json=as_json)

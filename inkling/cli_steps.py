"""Commands for one step of a run each, which go from files to files. Nothing is computed here."""

from pathlib import Path
from typing import Annotated

import typer

from inkling.app import AsJson, app


@app.command()
def report(
    folder: Annotated[
        str, typer.Argument(metavar="RUN", help="A run folder, or a campaign: its TOML file or store.")
    ],
    converters: Annotated[
        Path | None, typer.Option(help="A JSON table of converters, by bits of an input, to be counted in.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the page and report.json of a run again, from its files alone, with what came since.

    Of a campaign: fronts merged over splits, means, spreads, and tests against the rivals.

    Example: inkling report runs/sensors --converters adc.json
    """
    from inkling.campaign_report import is_campaign, show_campaign

    if is_campaign(folder):
        show_campaign(folder, as_json=as_json)
        return
    from inkling.report_again import rebuild

    rebuild(Path(folder), converters=converters, as_json=as_json)

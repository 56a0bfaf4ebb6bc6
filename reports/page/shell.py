"""The frame of every page: head, policy, styles, scripts and embedded data around a body, all in one file.

What stands in the body is the business of `inkling.reports.page.classifier` and its neighbours.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inkling.reports.page.escape import escape, script_data
from inkling.reports.page.plotly_bundle import bundle, digest

_HERE = Path(__file__).parent


def document(
    title: str,
    body: str,
    *,
    scripts: Sequence[str] = ("page.js",),
    data: Mapping[str, Any] | None = None,
    blobs: Mapping[str, str] | None = None,
    plot: bool = False,
) -> str:
    """A whole HTML page. title: any text; body: HTML, escaped already.

    scripts: files beside this one; data: JSON elements by their ids; blobs: base64 texts by the ids of their
    elements; plot: carry the plotting library.
    """
    style = _read("page.css")
    code = [_read(name) for name in scripts]
    run = [digest(text) for text in code]
    sheets = [digest(style)]
    carried, marks = "", ""
    if plot:
        library = bundle()
        run.append(library.digest)
        sheets.append(digest(""))  # the library makes an empty sheet and fills it rule by rule
        carried = f'<script type="text/plain" id="library" data-digest="{library.digest}">{library.packed}</script>\n'
        marks = "".join(f'<meta id="{name}">' for name in library.styles)
    # Only our own styles and scripts may run, even if an escape were forgotten somewhere.
    policy = (
        f"default-src 'none'; style-src {_sources(sheets)}; script-src {_sources(run)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    embedded = "".join(
        f'<script type="application/json" id="{escape(name)}">{script_data(value)}</script>\n'
        for name, value in (data or {}).items()
    )
    embedded += "".join(
        f'<script type="text/plain" id="{escape(name)}">{text}</script>\n' for name, text in (blobs or {}).items()
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light dark">'
        f'{marks}<link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f"<style>{style}</style></head>\n<body><main>\n{body}\n</main>\n{embedded}{carried}"
        + "".join(f"<script>{text}</script>\n" for text in code)
        + "</body></html>\n"
    )


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _sources(digests: Sequence[str]) -> str:
    return " ".join(f"'{item}'" for item in digests)

"""Pages out of templates (`*.html` beside this file): every text escaped by itself, and one frame around each page.

What stands in a page is its template's business and that of the module of the same name; the frame is `frame.html`.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from inkling.reports.page import escape
from inkling.reports.results import conclusion

_HERE = Path(__file__).parent


def render(
    template: str,
    *,
    title: str,
    scripts: Sequence[str] = ("page.js",),
    data: Mapping[str, Any] | None = None,
    blobs: Mapping[str, bytes] | None = None,
    **values: Any,
) -> str:
    """A whole HTML page in one file that loads nothing. Any text may stand in title and values.

    template: a file beside this one that extends frame.html; scripts: files beside this one; data: JSON elements by
    their ids; blobs: files by the ids of their elements; values: what the template reads.
    """
    style, *code = (_source(name) for name in ("page.css", *scripts))
    # Only our own styles and scripts may run, even if an escape were forgotten somewhere.
    run = " ".join(f"'{digest(source)}'" for source in code)
    policy = (
        f"default-src 'none'; style-src '{digest(style)}'; script-src {run}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template(template)
        .render(
            title=title,
            style=Markup(style),
            code=[Markup(t) for t in code],
            policy=Markup(policy),
            data={name: Markup(escape.script_data(value)) for name, value in (data or {}).items()},
            blobs={name: _base64(content) for name, content in (blobs or {}).items()},
            **values,
        )
    )


def digest(source: str) -> str:
    """A source of a Content-Security-Policy: the hash of an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "shorten": escape.shorten,
        "percent": conclusion.percent,
        "area": conclusion.area,
        "figures": conclusion.figures,
        "power_source": conclusion.power_source,
        "px": lambda value: f"{value:.1f}",
        "count": lambda value: f"{value:,}",
        "general": lambda value, digits=4: f"{value:.{digits}g}",
        "base64": _base64,
    }
    return environment


def _printed(value: Any) -> Any:
    """What an expression of a template prints: any text is on one line and bare of control characters."""
    return escape.bare(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _base64(content: bytes) -> Markup:
    return Markup(base64.b64encode(content).decode())


def _source(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")

"""Text from users made safe to show: on one line, bare of control characters, and data for a script element.

Templates of pages escape by themselves (`inkling.reports.page.render`); terminals get text through `plain`.
"""

import json
import re
import unicodedata
from typing import Any

# Besides controls and lone surrogates, the marks that turn the direction of a whole line of text.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Spaces but for the no-break space, which belongs between a figure and its unit.
_SPACES = re.compile(r"[^\S\u00a0]+")


def plain(text: str) -> str:
    """The text on one line, with U+FFFD for each control character, lone surrogate and direction override."""
    return bare(text).strip(" ")


def bare(text: str) -> str:
    """As `plain`, with a space where the text began or ended with some."""
    return visible(_SPACES.sub(" ", text))


def visible(text: str) -> str:
    """The text with its spaces and line ends, and U+FFFD for every other control character and direction override."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c == "\n" or not _steers(c) else "\ufffd" for c in text)


def _steers(c: str) -> bool:
    return c in _BIDI or unicodedata.category(c) in ("Cc", "Cs")


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, the last an ellipsis where something was cut."""
    text = plain(text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def script_data(data: Any) -> str:
    """JSON that no browser can take for markup: without <, > and &, in ASCII."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

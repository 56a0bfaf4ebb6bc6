"""Text from users made safe to show: escaped for HTML, bare of control characters, and data for a script element.

Everything on the page that did not come from this package's own source goes through here.
"""

import html
import json
import unicodedata
from typing import Any

# Besides controls and lone surrogates, the marks that turn the direction of a whole line of text.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain(text: str) -> str:
    """The text on one line, with U+FFFD for each control character, lone surrogate and direction override."""
    spaced = " ".join(text.split())
    return "".join("\ufffd" if c in _BIDI or unicodedata.category(c) in ("Cc", "Cs") else c for c in spaced)


def escape(text: str) -> str:
    """Safe inside an element and inside a quoted attribute."""
    return html.escape(plain(text), quote=True)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, the last an ellipsis where something was cut."""
    text = plain(text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def script_data(data: Any) -> str:
    """JSON that no browser can take for markup: without <, > and &, in ASCII."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

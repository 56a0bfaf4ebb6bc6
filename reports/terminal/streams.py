"""Standard streams that take any text: what their encoding lacks is written in ASCII instead of raising an error.

Nothing is imported here that takes time, for every command begins with it.
"""

import codecs
import io
import sys
import unicodedata

# What our own sentences and names of columns use; accents lose their marks, all else becomes a question mark.
_ASCII = {
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{INFINITY}": "inf",
    "\N{PLUS-MINUS SIGN}": "+-",
    "\N{BLACK CIRCLE}": "*",
    "\N{CHECK MARK}": "ok",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
}


def tolerate() -> None:
    """Let standard output and standard error take any text; streams that are not Python's own stay as they are."""
    codecs.register_error("inkling-ascii", _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="inkling-ascii")


def in_ascii(text: str) -> str:
    """The text in ASCII, readable as far as it goes."""
    return "".join(_letter(c) for c in text)


def _letter(c: str) -> str:
    if c.isascii():
        return c
    plain = unicodedata.normalize("NFKD", c).encode("ascii", "ignore").decode()
    return _ASCII.get(c) or plain or "?"


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return in_ascii(error.object[error.start : error.end]), error.end

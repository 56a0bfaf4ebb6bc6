"""The plotting library of the pages, packed: that of the installed `plotly` package, and what a strict page needs.

The page carries it compressed (2 MB instead of 4.8 MB) and lets the browser unpack it; its hash stands in the page's
policy, so that nothing but this text may run. Drawing with it is `front.js`' business.
"""

import base64
import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from inkling.train.errors import InputError


@dataclass(frozen=True)
class Bundle:
    """packed: gzip in base64; digest: "sha256-..." of the text; styles: ids of style sheets that it must not add."""

    packed: str
    digest: str
    styles: tuple[str, ...]
    version: str


@cache
def bundle() -> Bundle:
    """Read and pack plotly.min.js. Raises InputError where the package is not installed."""
    spec = find_spec("plotly")
    path = Path(spec.origin).parent / "package_data" / "plotly.min.js" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise InputError("the package plotly is not installed, which reports carry: pip install plotly")
    # As the browser will see it: a script's text has no carriage returns.
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n").replace("\r", "\n")
    found = re.search(r"plotly\.js v([\d.]+)", text)
    # The library adds sheets for maps, which nothing here draws, unless elements of these ids are there already.
    styles = re.findall(r'if\(!document\.getElementById\("([0-9a-f]{64})"\)\)\{var', text)
    return Bundle(
        base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode(),
        digest(text),
        tuple(dict.fromkeys(styles)),
        found[1] if found else "",
    )


def digest(text: str) -> str:
    """A source of a Content-Security-Policy: the hash of an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

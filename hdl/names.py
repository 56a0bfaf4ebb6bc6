"""Port names: any column names become identifiers that every language of a design takes. Pure text."""

import re
import unicodedata
from collections.abc import Sequence

from inkling.hdl.reserved import reserved

LONGEST = 48

_PLAIN = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def port_names(names: Sequence[str]) -> tuple[str, ...]:
    """One identifier for each name, in order: unique, lower-case, of [a-z0-9_], at most 48 characters.

    It starts with a letter, has no two underscores in a row, ends in none, and is none of `inkling.hdl.reserved`. A
    name that is such an identifier stays as it is, whatever stands beside it; the others make way. So the ports of a
    table's columns are found once, from all columns, and keep their names in every design that reads some of them.
    The same names always give the same identifiers.
    """
    taken: set[str] = set()
    found = [""] * len(names)
    for place, name in enumerate(names):
        if _legal(name) and name not in taken:
            taken.add(name)
            found[place] = name
    for place, name in enumerate(names):
        if found[place]:
            continue
        stem = _identifier(name)
        candidate, count = stem, 1
        if stem in taken and reserved(f"{stem}_2"):  # as are all its numbered ones
            stem = f"col_{stem}"
        while candidate in taken or reserved(candidate):
            count += 1
            suffix = f"_{count}"
            candidate = stem[: LONGEST - len(suffix)].rstrip("_") + suffix
        taken.add(candidate)
        found[place] = candidate
    return tuple(found)


def threshold_port(port: str, level: int) -> str:
    """The port of one threshold of a column: its own name, shortened where need be, and the level."""
    end = f"_ge_{level}"
    return port[: LONGEST - len(end)].rstrip("_") + end


def _legal(name: str) -> bool:
    return len(name) <= LONGEST and _PLAIN.fullmatch(name) is not None and not reserved(name)


def _identifier(name: str) -> str:
    """A valid identifier for one name; different names may share it."""
    # Column names come from outside and may be of any length.
    plain = unicodedata.normalize("NFKD", name[: 16 * LONGEST].casefold()).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:LONGEST].rstrip("_")
    if not stem or not stem[0].isalpha() or reserved(stem):
        stem = f"col_{stem}".rstrip("_")[:LONGEST].rstrip("_")
    return stem


def comment_text(text: str) -> str:
    """A text that can stand in a C, Verilog or Python comment whatever it holds: printable ASCII on one line."""
    kept = "".join(c if " " <= c <= "~" and c != "\\" else f"<U+{ord(c):04X}>" for c in text[:200])
    for pair in ("*/", "/*", "??"):
        while pair in kept:
            kept = kept.replace(pair, f"{pair[0]} {pair[1]}")
    return kept

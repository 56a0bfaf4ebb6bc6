"""Which technology is meant: that of Liberty files, or the one that is built in.

Reading Liberty is in `inkling.hdl.cells.liberty`, the built-in table in `inkling.hdl.cells.egfet`.
"""

from collections.abc import Sequence
from pathlib import Path

from inkling.hdl.cells.technology import Technology


def technology_of(paths: Sequence[str | Path]) -> Technology:
    """The technology of Liberty files, one per supply voltage; without files the built-in one. Raises InputError."""
    if paths:
        from inkling.hdl.cells.liberty import load

        return load(*map(Path, paths))
    from inkling.hdl.cells.egfet import technology

    return technology()

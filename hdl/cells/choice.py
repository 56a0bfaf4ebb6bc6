"""Which technology is meant: that of Liberty files, or the one that is built in.

Reading Liberty is in `inkling.hdl.cells.liberty`, the built-in table in `inkling.hdl.cells.egfet`.
"""

from collections.abc import Sequence
from pathlib import Path

from inkling.hdl.cells.technology import Technology
from inkling.train.errors import InputError


def technology_of(paths: Sequence[str | Path]) -> Technology:
    """The technology of Liberty files, one per supply voltage; without files the built-in one.

    Raises InputError, also for cells that no circuit can be mapped to: the mapper needs an inverter and a gate of two
    inputs that is no exclusive or.
    """
    if paths:
        from inkling.hdl.cells.liberty import load

        found = load(*map(Path, paths))
        tables = {(len(cell.type.inputs), cell.type.table) for cell in found.cells}
        lacking = [] if (1, 0b01) in tables else ["an inverter, as Y = !A"]
        if not any(count == 2 and table.bit_count() in (1, 3) for count, table in tables):
            lacking.append("a NAND, NOR, AND or OR of two inputs")
        if lacking:
            raise InputError(f"{Path(paths[0])}: lacks {' and '.join(lacking)}, which mapping needs; add a cell")
        return found
    from inkling.hdl.cells.egfet import technology

    return technology()

"""What commands leave, as Python values: `Run`, `Design` and `Field`, each a folder that is read when asked for.

Nothing is made here; `inkling.door` starts the commands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError

if TYPE_CHECKING:
    from inkling.approx.reference.field import IntegerField
    from inkling.approx.reference.network import IntegerNetwork
    from inkling.hdl.fields.call import CField
    from inkling.reports.results.field import FieldReport
    from inkling.reports.results.report import Report
    from inkling.sim.designs.folder import DesignFolder
    from inkling.sim.verdicts.verdict import Verdict


@dataclass(frozen=True)
class Design:
    """A design folder: one circuit, its kernels and what they mean.

    Parameters
    ----------
    folder : Path
        A folder that holds ``design.json`` and ``network.json``.
    """

    folder: Path

    @cached_property
    def files(self) -> "DesignFolder":
        """All files, checked. Raises InputError."""
        from inkling.sim.designs.folder import read

        return read(self.folder)

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.folder.name

    @property
    def network(self) -> "IntegerNetwork":
        """The integer network, which defines what every emitted file computes."""
        return self.files.network

    @property
    def classes(self) -> tuple[str, ...]:
        """What the output codes mean."""
        return self.files.classes

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table that it reads, in the order of its inputs."""
        return tuple(str(item["column"]) for item in self.files.described["inputs"])

    def codes(self, readings: Any) -> NDArray[np.uint8]:
        """Readings as the codes that enter the circuit, by the ranges in ``design.json``.

        Parameters
        ----------
        readings : file, named data set, data frame, mapping of columns, or array [rows, inputs]
            An array has its columns in the order of `columns`.

        Returns
        -------
        numpy.ndarray
            uint8 [rows, inputs].

        Raises
        ------
        InputError
            Where a column is missing or holds anything but finite numbers.
        """
        from inkling.designs.rows import design_codes, design_rows

        if isinstance(readings, str | Path):
            return design_rows(self.files, str(readings))[0]
        if isinstance(readings, Mapping) or hasattr(readings, "columns"):
            known = list(readings if isinstance(readings, Mapping) else readings.columns)
            missing = [name for name in self.columns if name not in known]
            if missing:
                raise InputError(f"the readings have no column {missing[0]!r}, which {self.name} reads")
            readings = [np.asarray(readings[name], np.float64) for name in self.columns]
        else:
            readings = np.asarray(readings, np.float64)
            if readings.ndim != 2 or readings.shape[1] != len(self.columns):
                raise InputError(f"give readings as [rows, {len(self.columns)}]: {', '.join(self.columns)}")
            readings = list(readings.T)
        return design_codes(self.files, readings)

    def predict(self, readings: Any) -> NDArray[Any]:
        """The class of every row of readings, by the integer network.

        Parameters
        ----------
        readings
            As for `codes`.

        Returns
        -------
        numpy.ndarray
            Texts [rows]; of a regression the scores, int64 [rows, outputs].

        Raises
        ------
        InputError
            As for `codes`.
        """
        from inkling.designs.rows import answers

        return answers(self.files, self.codes(readings))

    def verify(self, *, vectors: int = 100_000) -> "tuple[Verdict, ...]":
        """Check the folder's files again by every route, as ``inkling verify`` does, without writing anything.

        Parameters
        ----------
        vectors : int
            Vectors of each fast route; all there are up to 24 input bits.

        Returns
        -------
        tuple of inkling.sim.verdicts.verdict.Verdict
            One for each route; `passed` tells how it ended.

        Raises
        ------
        InputError
            Where a file is missing or malformed.
        """
        from inkling.designs.verify import sharing_of
        from inkling.sim.designs.recheck import Budget, recheck

        return recheck(self.files, sharings=(sharing_of(self.folder),), budget=Budget(vectors=vectors)).verdicts


@dataclass(frozen=True)
class Run:
    """A run folder of `inkling run` or `inkling import`.

    Parameters
    ----------
    folder : Path
        A folder that holds ``report.json`` and ``designs``.
    """

    folder: Path

    @cached_property
    def report(self) -> "Report":
        """report.json: points and rivals with their accuracy, area, power and delay. Raises InputError."""
        from inkling.reports.results.report import read

        return read(self.folder / "report.json")

    @cached_property
    def designs(self) -> dict[str, Design]:
        """The designs by name, in the report's order."""
        found = (Design(self.folder / "designs" / point.name) for point in self.report.points)
        return {design.name: design for design in found}

    def smallest(self, accuracy: float, *, split: str = "validation") -> Design:
        """The design of the least area with at least this accuracy.

        Parameters
        ----------
        accuracy : float
            0 to 1.
        split : str
            "train", "validation" or "test"; to choose by test rows makes their accuracy too good to be true.

        Returns
        -------
        Design

        Raises
        ------
        InputError
            Where no design is that accurate.
        """
        able = [point for point in self.report.points if point.accuracy[split] >= accuracy]
        if not able:
            best = max(point.accuracy[split] for point in self.report.points)
            raise InputError(f"no design has {accuracy:.1%} on {split} rows; the best has {best:.1%}")
        return self.designs[min(able, key=lambda point: point.area_cm2).name]


@dataclass(frozen=True)
class Field:
    """A run folder of `inkling field`.

    Parameters
    ----------
    folder : Path
        A folder that holds ``field.json``.
    """

    folder: Path

    @cached_property
    def report(self) -> "FieldReport":
        """report.json. Raises InputError."""
        from inkling.reports.results.field import read

        return read(self.folder / "report.json")

    @cached_property
    def integers(self) -> "IntegerField":
        """The integer field, which defines what every emitted file computes. Raises InputError."""
        from inkling.approx.reference.field_files import load

        return load(self.folder)

    @cached_property
    def kernel(self) -> "CField":
        """The C kernel, emitted, compiled and loaded: `encode`, `visible`, `evaluate`, `decode`.

        It is made from the integer field; a kernel.c in the folder is not run.
        """
        import tempfile

        from inkling.hdl.fields.call import build
        from inkling.hdl.fields.plan import plan

        with tempfile.TemporaryDirectory(prefix="inkling-") as folder:
            return build(plan(self.integers), Path(folder))

    def verify(self, *, queries: int = 100_000) -> "tuple[Verdict, ...]":
        """Check the folder's files again by every route, as ``inkling verify`` does, without writing anything.

        Parameters
        ----------
        queries : int
            Of each kernel; an engine gets as many clocks as 20 times that.

        Returns
        -------
        tuple of inkling.sim.verdicts.verdict.Verdict
            One for each route.

        Raises
        ------
        InputError
            Where a file is missing or malformed.
        """
        from inkling.sim.fields.recheck import FieldBudget, recheck

        return recheck(self.folder, budget=FieldBudget(queries=queries, clocks=20 * queries))


def read(folder: Path) -> Run | Design | Field:
    """By what a folder holds. Raises InputError."""
    if (folder / "field.json").is_file():
        return Field(folder)
    if (folder / "design.json").is_file():
        return Design(folder)
    if (folder / "report.json").is_file() and (folder / "designs").is_dir():
        return Run(folder)
    raise InputError(f"{folder} is no folder of a run, a design or a field; give one that a command has left")

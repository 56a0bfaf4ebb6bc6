"""`Request`: what the user asked of a run, and the command that repeats it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inkling.runs.effort import Effort
from inkling.sim.faults.variation import Variation
from inkling.train.tables.quantiser import check_bits
from inkling.train.tables.reading import Reading

CONVERTERS = ("unary", "binary", "none")
USUAL_RANGES = {"unary": "span", "binary": "fitted", "none": "fitted"}
LEVELS = 6
USUAL_VARIATION = Variation()
DELAY_LIMIT_MS = 200.0  # printed classifiers are asked a few times a second


def usual_converters(technology: Sequence[Path], figures: str | None) -> str:
    """Thresholds for the built-in printed technology; Liberty files say nothing of converters, so figures must."""
    return "none" if technology and figures is None else "unary"


@dataclass(frozen=True)
class Request:
    """What the user asked for; see `inkling run --help`.

    converters: "unary" (inputs are thresholds of readings), "binary" (codes) or "none" (codes, whose converters are
    not counted); levels: bits of the grid that thresholds are on; power_weight: cm2 that 1 mW counts as in the gate
    search, at the nominal supply of a whole node and at the lowest of logic alone; None: what is usual.
    converter_figures: those of a file or the name of built-in ones, the technology's own where None; variation: of
    the nodes that the report draws; robust: standard deviation of the threshold shifts, per cent of the range, that
    the gate search on thresholds counts with, 0 for none.
    """

    reading: Reading
    out: Path | None
    effort: Effort
    data: Path | None = None
    technology: tuple[Path, ...] = ()
    jobs: int | None = None
    delay_limit_ms: float = DELAY_LIMIT_MS
    power_weight: float | None = None
    overwrite: bool = False  # files that were put into an earlier run folder; no part of what is repeated
    converters: str = "none"
    levels: int = LEVELS
    converter_figures: str | None = None
    variation: Variation = USUAL_VARIATION
    robust: float = 0.0

    def table(self) -> Reading:
        """How the table is read: with thresholds as inputs on the grid of their levels, which is finer than codes.

        Raises InputError for bits that no code has.
        """
        if self.converters != "unary":
            return self.reading
        check_bits(self.reading.bits)
        return replace(self.reading, bits=max(self.reading.bits, self.levels))

    def command(self) -> str:
        """The command that repeats this run anywhere: without the folders of this machine."""
        words = ["inkling", "run", *self.reading.words(), "--effort", self.effort.name]
        if self.converters != usual_converters(self.technology, self.converter_figures):
            words += ["--converters", self.converters]
        if self.jobs is not None:  # the islands of the gate search are part of what decides its result
            words += ["--jobs", str(self.jobs)]
        if self.delay_limit_ms != DELAY_LIMIT_MS:
            words += ["--delay-limit", f"{self.delay_limit_ms:.12g}"]
        if self.converters == "unary" and self.levels != LEVELS:
            words += ["--levels", str(self.levels)]
        if self.converter_figures is not None:
            words += ["--converter-figures", Path(self.converter_figures).name]
        if self.variation.sigma != USUAL_VARIATION.sigma:
            words += ["--offset", f"{self.variation.sigma:.12g}"]
        if self.variation.defects != USUAL_VARIATION.defects:
            words += ["--defects", f"{self.variation.defects:.12g}"]
        if self.robust:
            words += ["--robust", f"{self.robust:.12g}"]
        if self.power_weight is not None:
            words += ["--power-weight", f"{self.power_weight:.12g}"]
        for path in self.technology:
            words += ["--technology", path.name]
        return shlex.join(words)

"""`Request`: what the user asked of a run, and the command that repeats it."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from inkling.runs.effort import Effort
from inkling.train.tables.reading import Reading

DELAY_LIMIT_MS = 200.0  # printed classifiers are asked a few times a second


@dataclass(frozen=True)
class Request:
    """What the user asked for; see `inkling run --help`."""

    reading: Reading
    out: Path | None
    effort: Effort
    data: Path | None = None
    technology: tuple[Path, ...] = ()
    jobs: int | None = None
    delay_limit_ms: float = DELAY_LIMIT_MS
    power_weight: float = 0.0
    overwrite: bool = False  # files that were put into an earlier run folder; no part of what is repeated

    def command(self) -> str:
        """The command that repeats this run anywhere: without the folders of this machine."""
        words = ["inkling", "run", *self.reading.words(), "--effort", self.effort.name]
        if self.jobs is not None:  # the islands of the gate search are part of what decides its result
            words += ["--jobs", str(self.jobs)]
        if self.delay_limit_ms != DELAY_LIMIT_MS:
            words += ["--delay-limit", f"{self.delay_limit_ms:.12g}"]
        if self.power_weight:
            words += ["--power-weight", f"{self.power_weight:.12g}"]
        for path in self.technology:
            words += ["--technology", path.name]
        return shlex.join(words)

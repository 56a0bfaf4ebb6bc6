"""`Verdict`: what was compared with what, how much of it, and what came out: passed, failed or undecided. Data only.

How verdicts are kept in files is `inkling.sim.verdicts.files`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What a check came to. Undecided: nothing differed, and nothing was compared or proven either."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"


# How progress lines tell an outcome.
MARKS = {Outcome.PASSED: "verified", Outcome.FAILED: "FAILED", Outcome.UNDECIDED: "undecided"}


@dataclass(frozen=True)
class Verdict:
    """The outcome of one verification route.

    route: "numba", "c", "verilator", "cocotb", "gates", "verilator-mapped", "proof", ...; subject: the file or text
    that was checked; reference: what it was compared with. vectors: how many things were compared, in `unit`s.
    counter_example: feature values by port name with expected and found label, or None. proven: True only where the
    whole input space is covered (exhaustive, SAT, or byte for byte). detail: a short honest sentence ("not proven in
    60 s", ...). seconds: wall time of the comparison alone; vectors_per_second may be derived from it. certificate:
    what repeats a proof (tool, version, commands, the solver's answer, SHA-256 of both sides), or None. coverage:
    points that a bench exercised, or None. files: SHA-256 of the files that the verdict is about, by name.
    """

    route: str
    subject: str
    reference: str
    vectors: int
    mismatches: int
    seconds: float
    counter_example: dict[str, int] | None = None
    proven: bool = False
    detail: str = ""
    extra: dict[str, float] = field(default_factory=dict)
    certificate: dict[str, Any] | None = None
    coverage: dict[str, Any] | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    unit: str = "vectors"

    @property
    def outcome(self) -> Outcome:
        if self.mismatches:
            return Outcome.FAILED
        return Outcome.PASSED if self.proven or self.vectors else Outcome.UNDECIDED

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASSED

    @property
    def failed(self) -> bool:
        return self.outcome is Outcome.FAILED

    def to_json(self) -> dict[str, Any]:
        """Plain data for verdict.json, without times (files are byte-identical for equal seeds).

        An `outcome` stands there where it is undecided; mismatches tell the others apart.
        """
        data = asdict(self)
        if self.outcome is Outcome.UNDECIDED:
            data["outcome"] = str(self.outcome)
        del data["seconds"], data["extra"]
        for name, empty in (("certificate", None), ("coverage", None), ("files", {}), ("unit", "vectors")):
            if data[name] == empty:
                del data[name]
        return data

    def line(self) -> str:
        """The verdict as a line for a terminal."""
        word = "proven" if self.passed and self.proven else str(self.outcome)
        count = f" {self.vectors:,} {self.unit}" if self.vectors else ""
        wrong = f", {self.mismatches:,} wrong" if self.failed and self.vectors else ""
        parts = [f"{count}{wrong}".strip(), self.detail]
        if self.counter_example:
            parts.append(", ".join(f"{name} {value}" for name, value in self.counter_example.items()))
        rest = "  ".join(part for part in parts if part)
        shown = f"  {word:<9}  {self.route:<23}{self.subject:<13} {rest}".rstrip()
        # Names come from files: nothing of them may steer a terminal.
        return "".join(c if c.isprintable() else "\ufffd" for c in shown)


def overall(verdicts: Iterable[Verdict]) -> Outcome:
    """The outcome of all checks of one thing: failed where one failed, undecided where one is, and none settles it.

    What one check leaves open about a subject is settled by another that proved something of the same subject: a
    proof by SAT that ran out of time matters no more where every value was tried. No check at all is undecided.
    """
    taken = tuple(verdicts)
    if any(verdict.failed for verdict in taken):
        return Outcome.FAILED
    settled = {verdict.subject for verdict in taken if verdict.passed and verdict.proven}
    undecided = any(verdict.outcome is Outcome.UNDECIDED and verdict.subject not in settled for verdict in taken)
    return Outcome.UNDECIDED if undecided or not taken else Outcome.PASSED

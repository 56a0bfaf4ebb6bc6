"""`Verdict`: what was compared with what, on how many vectors, and the first counter-example. Data only."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """The outcome of one verification route.

    route: "numba", "c", "verilator", "cocotb", "gates", "verilator-mapped", "proof"; subject: the file or text
    that was checked; reference: what it was compared with. counter_example: feature values by port name with
    expected and found label, or None. proven: True only where the whole input space is covered (exhaustive or
    SAT). detail: a short honest sentence ("not proven in 60 s", ...). seconds: wall time of the comparison alone;
    vectors_per_second may be derived from it. certificate: what repeats a proof (tool, version, commands, the
    solver's answer, SHA-256 of both sides), or None.
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

    @property
    def passed(self) -> bool:
        return self.mismatches == 0

    def to_json(self) -> dict[str, Any]:
        """Plain data for verdict.json, without the wall time (files are byte-identical for equal seeds)."""
        data = asdict(self)
        del data["seconds"], data["extra"]
        if data["certificate"] is None:
            del data["certificate"]
        return data

"""`Point`: one classifier circuit with its accuracy and its cost, as it stands in report.json.

How the figures are found lives in `inkling.hdl.cost.circuit` and its neighbours; nothing is measured here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inkling.sim.verdicts.verdict import Outcome
from inkling.train.errors import InputError
from inkling.train.files.checked_json import Fields

SPLITS = ("train", "validation", "test")
VOLTAGES = ("1.0", "0.6")


@dataclass(frozen=True)
class Point:
    """A design or a rival.

    method: what it is ("approximated network", "decision tree", "logistic regression"; a comma or a bracket starts
    particulars); levels: those of the ladder of approximations that were used, 1..6; accuracy: fraction 0..1 by
    split; balanced_accuracy: mean recall over the classes of the test rows; area_cm2: the best of several
    mapping runs, area_spread_cm2 the largest less the smallest of them; static_power_mw and delay_ms: by supply
    voltage, None where the technology has no such corner; verified: every route agreed bit for bit; undecided:
    nothing failed, but a check came to no result, as a proof that ran out of time;
    converters_area_cm2 and converters_power_mw: of the analogue-to-digital converters of its inputs, None where
    nobody said what a converter costs; accuracy_new_rows: on the test rows whose codes no training or validation row
    has, None where it is that on all of them or not known;
    node_power_mw: of logic and converters together, by the logic's supply; comparators, ladders: of the converters;
    all None where the run did not count them.
    """

    name: str
    method: str
    levels: tuple[int, ...]
    accuracy: Mapping[str, float]
    balanced_accuracy: float
    area_cm2: float
    area_spread_cm2: float
    static_power_mw: Mapping[str, float | None]
    delay_ms: Mapping[str, float | None]
    gates: int
    inputs_used: int
    input_bits_used: int
    verified: bool
    converters_area_cm2: float | None = None
    converters_power_mw: float | None = None
    node_power_mw: Mapping[str, float | None] | None = None
    comparators: int | None = None
    ladders: int | None = None
    undecided: bool = False
    accuracy_new_rows: float | None = None

    @property
    def outcome(self) -> Outcome:
        return outcome_of(self.verified, self.undecided)

    @property
    def offered(self) -> bool:
        """Whether a report may choose it: nothing failed. What a clock left undecided must not change a choice."""
        return self.outcome is not Outcome.FAILED

    @property
    def node_area_cm2(self) -> float | None:
        """Of converters and logic together."""
        return None if self.converters_area_cm2 is None else self.area_cm2 + self.converters_area_cm2

    @property
    def kind(self) -> str:
        """The method without its particulars: "decision tree, 12 leaves" is a "decision tree"."""
        return self.method.split("(")[0].split(",")[0].strip() or "other"

    @property
    def is_tree(self) -> bool:
        return "tree" in self.kind.lower()

    def to_json(self) -> dict[str, Any]:
        """Plain data in the order of the contract, fractions to 6 decimals, the rest to 6 significant digits."""
        data: dict[str, Any] = {
            "name": self.name,
            "method": self.method,
            "levels": list(self.levels),
            "accuracy": {split: round(self.accuracy[split], 6) for split in SPLITS},
            "balanced_accuracy": round(self.balanced_accuracy, 6),
            "area_cm2": significant(self.area_cm2),
            "area_spread_cm2": significant(self.area_spread_cm2),
            "static_power_mw": {v: significant(self.static_power_mw.get(v)) for v in VOLTAGES},
            "delay_ms": {v: significant(self.delay_ms.get(v)) for v in VOLTAGES},
            "gates": self.gates,
            "inputs_used": self.inputs_used,
            "input_bits_used": self.input_bits_used,
            "verified": self.verified,
        }
        if self.undecided:
            data["outcome"] = str(self.outcome)
        if self.accuracy_new_rows is not None:
            data["accuracy_new_rows"] = round(self.accuracy_new_rows, 6)
        if self.converters_area_cm2 is not None:
            data["converters_area_cm2"] = significant(self.converters_area_cm2)
            data["converters_power_mw"] = significant(self.converters_power_mw)
            data["node_area_cm2"] = significant(self.node_area_cm2)
        if self.node_power_mw is not None:
            data["node_power_mw"] = {v: significant(self.node_power_mw.get(v)) for v in VOLTAGES}
            data["comparators"], data["ladders"] = self.comparators, self.ladders
        return data


def outcome_of(verified: bool, undecided: bool) -> Outcome:
    """What the two marks of a report say together."""
    if verified:
        return Outcome.PASSED
    return Outcome.UNDECIDED if undecided else Outcome.FAILED


def read_undecided(fields: Fields) -> bool:
    """The second mark, which reports of earlier versions have not. Raises InputError."""
    return not fields.flag("verified") and fields.text("outcome", "") == Outcome.UNDECIDED


def significant(value: float | None) -> float | None:
    """Six significant digits: more than any figure here deserves, few enough to be stable."""
    return None if value is None else float(f"{value:.6g}")


def from_fields(fields: Fields) -> Point:
    """Read a point of a report. Raises InputError on a missing, mistyped or impossible field."""
    levels = fields.items("levels")
    if not all(isinstance(level, int) and not isinstance(level, bool) and 1 <= level <= 6 for level in levels):
        raise InputError(f"{fields.where}: 'levels' must be integers within 1..6; write the report again")
    accuracy = fields.inner("accuracy")
    power, delay = fields.inner("static_power_mw"), fields.inner("delay_ms")
    node = fields.inner("node_power_mw", optional=True)
    return Point(
        name=fields.text("name"),
        method=fields.text("method"),
        levels=tuple(levels),
        accuracy={split: accuracy.number(split, 0, 1) for split in SPLITS},
        balanced_accuracy=fields.number("balanced_accuracy", 0, 1),
        area_cm2=fields.number("area_cm2"),
        area_spread_cm2=fields.number("area_spread_cm2"),
        static_power_mw={v: power.optional_number(v) for v in VOLTAGES},
        delay_ms={v: delay.optional_number(v) for v in VOLTAGES},
        gates=fields.integer("gates"),
        inputs_used=fields.integer("inputs_used"),
        input_bits_used=fields.integer("input_bits_used"),
        verified=fields.flag("verified"),
        undecided=read_undecided(fields),
        accuracy_new_rows=fields.number("accuracy_new_rows", 0, 1) if fields.has("accuracy_new_rows") else None,
        converters_area_cm2=fields.optional_number("converters_area_cm2"),
        converters_power_mw=fields.optional_number("converters_power_mw"),
        node_power_mw={v: node.optional_number(v) for v in VOLTAGES} if fields.has("node_power_mw") else None,
        comparators=fields.integer("comparators") if fields.has("comparators") else None,
        ladders=fields.integer("ladders") if fields.has("ladders") else None,
    )

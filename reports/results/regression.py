"""`RegressionReport`: what came out of an imported regression, written as report.json. Reading checks every field.

Its page is `inkling.reports.page.regression`; reports of classifiers are `inkling.reports.results.report`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkling.reports.results.circuit import Circuit
from inkling.reports.results.circuit import from_fields as circuit_from_fields
from inkling.reports.results.point import SPLITS, outcome_of, read_undecided, significant
from inkling.reports.results.report import read_verdict
from inkling.sim.verdicts.verdict import Outcome
from inkling.train.files.checked_json import Fields, load

SCHEMA = "inkling.regression/1"
# Pairs of the test rows that the picture shows.
MOST_PAIRS = 500


@dataclass(frozen=True)
class Errors:
    """Root of the mean squared error and R2 on some rows, of the float model and of its integers."""

    rmse_float: float
    r2_float: float
    rmse_integer: float
    r2_integer: float


@dataclass(frozen=True)
class RegressionReport:
    """One circuit. name: of its design; errors and rows: by split; pairs: (truth, answer) of test rows.

    area_cm2, static_power_mw and delay_ms (by supply voltage), gates, inputs_used, input_bits_used, verified and
    undecided are as in `inkling.reports.results.point.Point`; command, seed, notes and verdicts as in `Report`.
    """

    dataset: str
    name: str
    errors: Mapping[str, Errors]
    area_cm2: float
    static_power_mw: Mapping[str, float | None]
    delay_ms: Mapping[str, float | None]
    gates: int
    inputs_used: int
    input_bits_used: int
    verified: bool
    circuit: Circuit
    verdicts: tuple[Mapping[str, Any], ...]
    pairs: tuple[tuple[float, float], ...]
    rows: Mapping[str, int]
    command: str = ""
    seed: int = 0
    notes: tuple[str, ...] = ()
    undecided: bool = False

    @property
    def outcome(self) -> Outcome:
        return outcome_of(self.verified, self.undecided)

    def to_json(self) -> dict[str, Any]:
        """Plain data in a fixed order; of the pairs at most MOST_PAIRS."""
        return {
            "schema": SCHEMA,
            "dataset": self.dataset,
            "rows": dict(self.rows),
            "command": self.command,
            "seed": self.seed,
            "notes": list(self.notes),
            "errors": {
                split: {
                    "rmse_float": significant(found.rmse_float),
                    "r2_float": round(found.r2_float, 6),
                    "rmse_integer": significant(found.rmse_integer),
                    "r2_integer": round(found.r2_integer, 6),
                }
                for split, found in self.errors.items()
            },
            "cost": {
                "area_cm2": significant(self.area_cm2),
                "static_power_mw": {v: significant(mw) for v, mw in self.static_power_mw.items()},
                "delay_ms": {v: significant(ms) for v, ms in self.delay_ms.items()},
                "gates": self.gates,
                "inputs_used": self.inputs_used,
                "input_bits_used": self.input_bits_used,
            },
            "verified": self.verified,
            **({"outcome": str(self.outcome)} if self.undecided else {}),
            "name": self.name,
            "circuit": self.circuit.to_json(),
            "verdicts": [dict(verdict) for verdict in self.verdicts],
            "test_pairs": [[significant(a), significant(b)] for a, b in self.pairs[:MOST_PAIRS]],
        }


def read(path: Path) -> RegressionReport:
    """Read report.json of a regression. Raises InputError, with the place, on anything else."""
    fields = load(path)
    if fields.text("schema", "") != SCHEMA:
        raise fields.fail("schema", repr(SCHEMA))
    cost, errors, rows = fields.inner("cost"), fields.inner("errors"), fields.inner("rows", optional=True)
    power, delay = cost.inner("static_power_mw"), cost.inner("delay_ms")
    return RegressionReport(
        dataset=fields.text("dataset"),
        name=fields.text("name"),
        errors={split: _errors(errors.inner(split)) for split in SPLITS},
        area_cm2=cost.number("area_cm2"),
        static_power_mw={v: power.optional_number(v) for v in power.data},
        delay_ms={v: delay.optional_number(v) for v in delay.data},
        gates=cost.integer("gates"),
        inputs_used=cost.integer("inputs_used"),
        input_bits_used=cost.integer("input_bits_used"),
        verified=fields.flag("verified"),
        undecided=read_undecided(fields),
        circuit=circuit_from_fields(fields.inner("circuit")),
        verdicts=tuple(read_verdict(item) for item in fields.objects("verdicts")),
        pairs=_pairs(fields),
        rows={split: rows.integer(split) for split in rows.data},
        command=fields.text("command", ""),
        seed=fields.integer("seed", 0),
        notes=fields.texts("notes", optional=True),
    )


def _errors(fields: Fields) -> Errors:
    keys = ("rmse_float", "r2_float", "rmse_integer", "r2_integer")
    return Errors(*(fields.number(key, 0.0 if key.startswith("rmse") else -1e300) for key in keys))


def _pairs(fields: Fields) -> tuple[tuple[float, float], ...]:
    found = []
    for pair in fields.items("test_pairs")[:MOST_PAIRS]:
        fine = isinstance(pair, list) and len(pair) == 2 and all(type(v) in (int, float) for v in pair)
        if not fine or not all(abs(v) < 1e300 for v in pair):
            raise fields.fail("test_pairs", "pairs of numbers")
        found.append((float(pair[0]), float(pair[1])))
    return tuple(found)

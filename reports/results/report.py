"""`Report`: everything that a run found out about one table, written as report.json and report.html.

Reading checks every field, for a report may come from anywhere. How it looks lives in
`inkling.reports.page.classifier` and `inkling.reports.terminal.run`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inkling.reports.results.circuit import Circuit
from inkling.reports.results.circuit import from_fields as circuit_from_fields
from inkling.reports.results.node import Node
from inkling.reports.results.node import from_fields as node_from_fields
from inkling.reports.results.point import SPLITS, Point, from_fields
from inkling.sim.verdicts import files as verdict_files
from inkling.train.errors import InputError
from inkling.train.files.checked_json import Fields, load


@dataclass(frozen=True)
class Report:
    """What came out of a run on one table.

    rows: rows by split; majority_rate: share of the test rows that carry the most frequent class of the training
    rows; rivals and points: in the order they are to be written. The rest may stay empty. seed, command, versions
    (by package), fingerprint (of the data set): how to repeat the run. classes: labels in order of the output code.
    bits: quantiser bits by column. notes: decisions taken on the user's behalf. technology: name and origin of the
    cells. measured: sentences on how figures were measured (splits, mapping runs, seeds). verdicts:
    `Verdict.to_json()` of every route, by the name of a design. circuits: what is inside, by the name of a design
    or rival; converters: where the figures of the converters come from, "" where there are none;
    nodes: bills of parts and robustness, by the name of a design or rival, where converters are counted.
    """

    dataset: str
    rows: Mapping[str, int]
    majority_rate: float
    rivals: tuple[Point, ...]
    points: tuple[Point, ...]
    seed: int = 0
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    classes: tuple[str, ...] = ()
    bits: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    technology: str = ""
    measured: tuple[str, ...] = ()
    verdicts: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    circuits: Mapping[str, Circuit] = field(default_factory=dict)
    converters: str = ""
    nodes: Mapping[str, Node] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data, the contract's keys first. Raises ValueError where two points share a name."""
        names = [point.name for point in (*self.rivals, *self.points)]
        if len(set(names)) != len(names):
            raise ValueError(f"points of a report need different names, found {sorted(names)}")
        return {
            "dataset": self.dataset,
            "rows": {split: self.rows[split] for split in SPLITS},
            "majority_rate": round(self.majority_rate, 6),
            "rivals": [point.to_json() for point in self.rivals],
            "points": [point.to_json() for point in self.points],
            "seed": self.seed,
            "command": self.command,
            "versions": {name: self.versions[name] for name in sorted(self.versions)},
            "fingerprint": self.fingerprint,
            "classes": list(self.classes),
            "bits": dict(self.bits),
            "notes": list(self.notes),
            "technology": self.technology,
            "measured": list(self.measured),
            "verdicts": {name: [dict(verdict) for verdict in self.verdicts[name]] for name in sorted(self.verdicts)},
            "circuits": {name: self.circuits[name].to_json() for name in sorted(self.circuits)},
            "converters": self.converters,
            **({"nodes": {name: self.nodes[name].to_json() for name in sorted(self.nodes)}} if self.nodes else {}),
        }


def read(path: Path) -> Report:
    """Read report.json. Raises InputError, with the place, on anything that `write` would not have written."""
    fields = load(path)
    rows = fields.inner("rows")
    versions, bits, verdicts, circuits, nodes = (
        fields.inner(key, optional=True) for key in ("versions", "bits", "verdicts", "circuits", "nodes")
    )
    report = Report(
        dataset=fields.text("dataset"),
        rows={split: rows.integer(split) for split in SPLITS},
        majority_rate=fields.number("majority_rate", 0, 1),
        rivals=tuple(from_fields(item) for item in fields.objects("rivals")),
        points=tuple(from_fields(item) for item in fields.objects("points")),
        seed=fields.integer("seed", 0),
        command=fields.text("command", ""),
        versions={name: versions.text(name) for name in versions.data},
        fingerprint=fields.text("fingerprint", ""),
        classes=fields.texts("classes", optional=True),
        bits={name: bits.integer(name) for name in bits.data},
        notes=fields.texts("notes", optional=True),
        technology=fields.text("technology", ""),
        measured=fields.texts("measured", optional=True),
        verdicts={name: tuple(read_verdict(item) for item in verdicts.objects(name)) for name in verdicts.data},
        circuits={name: circuit_from_fields(circuits.inner(name)) for name in circuits.data},
        converters=fields.text("converters", ""),
        nodes={name: node_from_fields(nodes.inner(name)) for name in nodes.data},
    )
    names = [point.name for point in (*report.rivals, *report.points)]
    if len(set(names)) != len(names):
        raise InputError(f"{path}: two points share a name; write the report again")
    return report


def read_verdict(fields: Fields) -> dict[str, Any]:
    """One verdict with the fields that `inkling.sim.verdicts.verdict.Verdict.to_json` writes, in their order."""
    return verdict_files.from_fields(fields).to_json()

"""What a report tells of one whole node: its bill of parts, its robustness.

A `Point` has the sums, a report by whole nodes is `inkling.reports.results.whole`'s; what parts cost comes from
`inkling.hdl.converters`, robustness from `inkling.sim.faults.variation`.
"""

from dataclasses import asdict, dataclass
from typing import Any

from inkling.reports.results.point import significant
from inkling.sim.faults.variation import Robustness
from inkling.train.files.checked_json import Fields

SHARES = (
    *("nominal", "mean", "quantile_5", "faultless"),
    *("with_defects_mean", "with_defects_quantile_5"),
)


@dataclass(frozen=True)
class Part:
    """So many parts of a kind: area in cm2 and power in mW of all of them, the logic's at the nominal supply."""

    name: str
    count: int
    area_cm2: float
    power_mw: float


@dataclass(frozen=True)
class Node:
    """parts: the bill, logic last; robustness: of drawn nodes on the test rows, None where none were drawn."""

    parts: tuple[Part, ...]
    robustness: Robustness | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is not known is left out."""
        data: dict[str, Any] = {
            "parts": [
                {
                    "name": part.name,
                    "count": part.count,
                    "area_cm2": significant(part.area_cm2),
                    "power_mw": significant(part.power_mw),
                }
                for part in self.parts
            ]
        }
        if self.robustness is not None:
            found = asdict(self.robustness)
            data["robustness"] = {key: round(v, 6) if key in SHARES else v for key, v in found.items()}
        return data


def from_fields(fields: Fields) -> Node:
    """Read what `Node.to_json` writes. Raises InputError on anything else."""
    parts = tuple(
        Part(item.text("name"), item.integer("count"), item.number("area_cm2"), item.number("power_mw"))
        for item in fields.objects("parts")
    )
    if not fields.has("robustness"):
        return Node(parts)
    found = fields.inner("robustness")
    shares = {name: found.number(name, 0, 1) for name in SHARES}
    robustness = Robustness(
        sigma_percent=found.number("sigma_percent", 0, 100),
        defects_per_cm2=found.number("defects_per_cm2"),
        nodes=found.integer("nodes"),
        rows=found.integer("rows"),
        **shares,
    )
    return Node(parts, robustness)

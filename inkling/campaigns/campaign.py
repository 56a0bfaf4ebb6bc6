"""`Campaign`: data sets x methods x splits x seeds x technologies x budgets, and the key of each point of it.

Reading and checking a campaign's TOML file is in `inkling.campaigns.file`, computing a point in
`inkling.campaigns.point`.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from inkling.train.tables.reading import Reading

# Raised when the same specification would give another result: older points are then computed again.
REVISION = 1

# What a method takes of a budget; nothing else of it enters the key of its points.
METHODS: dict[str, tuple[str, ...]] = {
    "arithmetic": ("arithmetic_moves", "circuits"),
    "exact": ("restarts",),
    "gates": ("rounds", "circuits", "islands"),
    "logistic": (),
    "power_of_two": ("restarts", "networks"),
    # Computes no circuit: made-up figures after `rounds` ms of processor time, to measure a cluster and a store.
    "simulated": ("rounds", "circuits"),
    "tree": ("trees",),
}
RIVALS = ("tree", "logistic")


# The options of a reading that every key of a point holds.
_FIRST = ("target", "bits", "ranges", "one_hot", "drop_missing")


@dataclass(frozen=True)
class Data:
    """A table and how it is read, but for the seed, a point's split; digest: SHA-256 of its columns."""

    reading: Reading
    digest: str

    @property
    def name(self) -> str:
        return self.reading.source

    def to_json(self) -> dict[str, Any]:
        """Options that came later stand there only where they are unusual, so that keys stay as they were."""
        options = self.reading.to_json()
        usual = Reading(self.reading.source).to_json()
        del options["source"], options["seed"]
        kept = {name: value for name, value in options.items() if name in _FIRST or value != usual[name]}
        return {"name": self.name, "digest": self.digest, **kept}

    @staticmethod
    def from_json(document: dict[str, Any]) -> "Data":
        options: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in document.items()
            if name not in ("name", "digest")
        }
        return Data(Reading(document["name"], **options), document["digest"])


@dataclass(frozen=True)
class Cells:
    """A technology by name, and the SHA-256 of its figures."""

    name: str
    digest: str


@dataclass(frozen=True)
class Budget:
    """Numbers by the names of `inkling.runs.effort.Effort`, and `islands` of the gate search."""

    name: str
    values: dict[str, Any]

    def of(self, method: str) -> dict[str, Any]:
        """The part that the method takes."""
        return {name: self.values[name] for name in METHODS[method]}


@dataclass(frozen=True)
class Point:
    """One search on one split: all that its result depends on. key: SHA-256 of that, the same on every machine."""

    key: str
    data: Data
    technology: Cells
    method: str
    budget: Budget
    split: int
    seed: int

    def specification(self) -> str:
        """What the key is the hash of, as canonical JSON."""
        return _specification(_of_parts(self.data, self.technology, self.method, self.budget), self.split, self.seed)


@dataclass(frozen=True)
class Campaign:
    """What was asked. areas: cm2 at which the report compares; rivals: methods that the others are compared with."""

    name: str
    datasets: tuple[Data, ...]
    methods: tuple[str, ...]
    splits: tuple[int, ...]
    seeds: tuple[int, ...]
    technologies: tuple[Cells, ...]
    budgets: tuple[Budget, ...]
    areas: tuple[float, ...]
    rivals: tuple[str, ...]

    def __len__(self) -> int:
        parts = (self.datasets, self.methods, self.splits, self.seeds, self.technologies)
        # Points that differ in what their method does not read are one point.
        size = 1
        for part in (parts[0], parts[2], parts[3], parts[4]):
            size *= len(part)
        return size * sum(len(self._budgets_of(method)) for method in self.methods)

    def _budgets_of(self, method: str) -> list[Budget]:
        """The first budget of each that are equal to the method."""
        found: dict[str, Budget] = {}
        for budget in self.budgets:
            found.setdefault(_canonical(budget.of(method)), budget)
        return list(found.values())

    def points(self) -> Iterator[Point]:
        """Every point once, in the canonical order: early splits of everything come first."""
        kinds = [
            (data, technology, method, budget, _of_parts(data, technology, method, budget))
            for data in self.datasets
            for technology in self.technologies
            for method in self.methods
            for budget in self._budgets_of(method)
        ]
        for split in self.splits:
            for seed in self.seeds:
                for data, technology, method, budget, parts in kinds:
                    key = hashlib.sha256(_specification(parts, split, seed).encode()).hexdigest()
                    yield Point(key, data, technology, method, budget, split, seed)

    def to_json(self) -> str:
        """The whole campaign as canonical JSON."""
        return _canonical(asdict(self) | {"datasets": [data.to_json() for data in self.datasets]})

    @staticmethod
    def from_json(text: str) -> "Campaign":
        """What `to_json` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        document = json.loads(text)
        return Campaign(
            name=document["name"],
            datasets=tuple(Data.from_json(item) for item in document["datasets"]),
            methods=tuple(document["methods"]),
            splits=tuple(document["splits"]),
            seeds=tuple(document["seeds"]),
            technologies=tuple(Cells(**item) for item in document["technologies"]),
            budgets=tuple(Budget(**item) for item in document["budgets"]),
            areas=tuple(document["areas"]),
            rivals=tuple(document["rivals"]),
        )


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _of_parts(data: Data, technology: Cells, method: str, budget: Budget) -> str:
    """The part of a specification that many points share: a campaign may have a million of them."""
    about = {"data": data.to_json(), "technology": asdict(technology), "method": method, "revision": REVISION}
    return f'{{"about":{_canonical(about)},"budget":{_canonical(budget.of(method))}'


def _specification(parts: str, split: int, seed: int) -> str:
    return f'{parts},"seed":{seed},"split":{split}}}'

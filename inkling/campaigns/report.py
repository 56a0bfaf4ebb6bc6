"""`inkling report` on a campaign: fronts merged over splits, means and spreads, and what differs from the rivals.

The statistics are in `inkling.reports.results.statistics`, the figures in a store (`inkling.campaigns.store`). The
result is a function of what is stored alone, in the campaign's canonical order, whoever computed it and when.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inkling.campaigns.campaign import Campaign
from inkling.campaigns.store import Store, is_url, open_store
from inkling.reports.results.statistics import (
    Circuit,
    chosen,
    corrected_t,
    holm,
    levels,
    spread,
    volume,
    wilcoxon,
    within,
)
from inkling.reports.terminal.console import Terminal
from inkling.reports.terminal.table import Column, show
from inkling.train.errors import InputError


@dataclass
class Contender:
    """A method with a budget on one table and technology; by (split, seed) all circuits, later the chosen ones."""

    method: str
    budget: str
    fronts: dict[tuple[int, int], list[Circuit]] = field(default_factory=dict)


@dataclass
class Group:
    """All that is compared: one table in one technology."""

    dataset: str
    technology: str
    contenders: list[Contender]
    rows: tuple[int, int] = (1, 1)  # that choose and train, and that test
    majority_rates: list[float] = field(default_factory=list)


def is_campaign(place: str) -> bool:
    """Whether a text names a campaign: a store's URL or file, or a campaign's TOML file."""
    if is_url(place):
        return True
    path = Path(place)
    if path.suffix == ".toml":
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def show_campaign(place: str, *, as_json: bool = False, name: str | None = None) -> None:
    """Print the report of a store's campaign, or of all where it holds several. Raises InputError."""
    with open_store(_store_of(place), create=False) as store:
        campaigns = [item for item in store.campaigns() if name is None or item.name == name]
        if not campaigns:
            raise InputError(f"{store}: holds no campaign{'' if name is None else f' {name!r}'}")
        reports = [summary(store, campaign) for campaign in campaigns]
    if as_json:
        print(json.dumps(reports[0] if len(reports) == 1 else reports, indent=1))
        return
    for report in reports:
        _print(report)


def _store_of(place: str) -> str:
    """The store of a campaign's file: where it is put when nothing is said."""
    if is_url(place) or Path(place).suffix != ".toml":
        return place
    from inkling.campaigns.explore import default_store
    from inkling.campaigns.file import parse

    path = Path(place)
    return default_store(str(parse(path).get("name", path.stem)))


def summary(store: Store, campaign: Campaign) -> dict[str, Any]:
    """The report as data; see docs/scale.md for its fields."""
    groups, counts = _read(store, campaign)
    found = [_of_group(group, campaign) for group in groups if any(c.fronts for c in group.contenders)]
    tests = [comparison for group in found for comparison in group["comparisons"]]
    for comparison, adjusted in zip(tests, holm([item["p_t"] for item in tests]), strict=True):
        comparison["p_holm"] = adjusted
    return {"schema": "inkling.campaign-report/1", "campaign": campaign.name, "points": counts, "groups": found}


def _read(store: Store, campaign: Campaign) -> tuple[list[Group], dict[str, int]]:
    groups: dict[tuple[str, str], Group] = {}
    contenders: dict[tuple[str, str, str, str], Contender] = {}
    places: dict[str, tuple[Group, Contender, tuple[int, int]]] = {}
    for point in campaign.points():
        where = point.data.name, point.technology.name
        if where not in groups:
            groups[where] = Group(*where, [])
        mark = *where, point.method, point.budget.name
        if mark not in contenders:
            contenders[mark] = Contender(point.method, point.budget.name)
            groups[where].contenders.append(contenders[mark])
        places[point.key] = groups[where], contenders[mark], (point.split, point.seed)
    stored = failed = 0
    for key, error, train_rows, validation_rows, test_rows, majority_rate in store.points():
        if key not in places:
            continue
        if error is not None:
            failed += 1
            continue
        stored += 1
        group, contender, unit = places[key]
        contender.fronts[unit] = []
        group.rows = train_rows + validation_rows, test_rows
        group.majority_rates.append(majority_rate)
    for key, _, *figures in store.circuits():
        if key in places:
            _, contender, unit = places[key]
            contender.fronts[unit].append(Circuit(*figures))
    counts = {"asked": len(places), "stored": stored, "failed": failed, "missing": len(places) - stored - failed}
    return list(groups.values()), counts


def _of_group(group: Group, campaign: Campaign) -> dict[str, Any]:
    areas = [c.area_cm2 for contender in group.contenders for front in contender.fronts.values() for c in front]
    largest = max(areas, default=1.0)
    limits = campaign.areas or (levels([area for area in areas if area > 0]) if any(areas) else ())
    for contender in group.contenders:
        contender.fronts = {unit: chosen(front) for unit, front in sorted(contender.fronts.items())}
    majority = sorted(group.majority_rates)[len(group.majority_rates) // 2]
    measured = [_measured(contender, limits, majority, 1.001 * max(largest, 0.001)) for contender in group.contenders]
    shown = [
        {
            "method": contender.method,
            "budget": contender.budget,
            "rival": contender.method in campaign.rivals,
            "splits": len(values["hypervolume"]),
            "points": len(contender.fronts),
            "hypervolume": _spread(values["hypervolume"]),
            "at": [_at(contender, limit, values[_measure(limit)]) for limit in limits],
        }
        for contender, values in zip(group.contenders, measured, strict=True)
        if contender.fronts
    ]
    return {
        "dataset": group.dataset,
        "technology": group.technology,
        "majority_rate": majority,
        "contenders": shown,
        "front": _front(shown, limits),
        "comparisons": _comparisons(group, campaign, measured),
    }


def _measure(limit: float) -> str:
    return f"test accuracy at {limit:g} cm2"


def _measured(
    contender: Contender, limits: Sequence[float], majority: float, largest: float
) -> dict[str, dict[int, float]]:
    """Of each measure the value of each split, a mean over the seeds."""
    measures = ["hypervolume", *(_measure(limit) for limit in limits)]
    found: dict[str, dict[int, list[float]]] = {measure: {} for measure in measures}
    for (split, _), stairs in contender.fronts.items():
        found["hypervolume"].setdefault(split, []).append(volume(stairs, majority, largest))
        for limit in limits:
            best = within(stairs, limit)
            # The constant answer needs no circuit.
            found[_measure(limit)].setdefault(split, []).append(best.held_out if best is not None else majority)
    return {
        measure: {split: sum(values) / len(values) for split, values in by_split.items()}
        for measure, by_split in found.items()
    }


def _spread(values: Mapping[int, float]) -> dict[str, float]:
    mean, deviation = spread([values[split] for split in sorted(values)])
    return {"mean": mean, "deviation": deviation}


def _at(contender: Contender, limit: float, values: Mapping[int, float]) -> dict[str, Any]:
    """Accuracy within an area; area and power of the circuits that fit, and in how many points one does."""
    fits = [within(stairs, limit) for stairs in contender.fronts.values()]
    there = [circuit for circuit in fits if circuit is not None]
    found: dict[str, Any] = {"limit_cm2": limit, "test": _spread(values), "fitting": len(there)}
    if there:
        found["area_cm2"] = spread([circuit.area_cm2 for circuit in there])[0]
        found["power_mw"] = spread([circuit.power_mw for circuit in there])[0]
    return found


def _front(shown: Sequence[Mapping[str, Any]], limits: Sequence[float]) -> list[dict[str, Any]]:
    """At each area who is best in the mean, as long as more area buys more."""
    found: list[dict[str, Any]] = []
    for k, limit in enumerate(limits):
        able = [item for item in shown if item["at"][k]["fitting"]]
        if not able:
            continue
        best = max(able, key=lambda item: float(item["at"][k]["test"]["mean"]))
        test = best["at"][k]["test"]
        if not found or test["mean"] > found[-1]["test"]["mean"]:
            found.append({"limit_cm2": limit, "method": best["method"], "budget": best["budget"], "test": test})
    return found


def _comparisons(
    group: Group, campaign: Campaign, measured: Sequence[Mapping[str, Mapping[int, float]]]
) -> list[dict[str, Any]]:
    """Every other method against every rival, on the splits that both have."""
    pairs = list(zip(group.contenders, measured, strict=True))
    found = []
    for contender, ours in pairs:
        if contender.method in campaign.rivals or not contender.fronts:
            continue
        for rival, theirs in pairs:
            if rival.method not in campaign.rivals or not rival.fronts:
                continue
            for measure, values in ours.items():
                shared = sorted(set(values) & set(theirs[measure]))
                if len(shared) < 2:
                    continue
                differences = [values[split] - theirs[measure][split] for split in shared]
                found.append(
                    {
                        "method": contender.method,
                        "budget": contender.budget,
                        "rival": rival.method,
                        "rival_budget": rival.budget,
                        "measure": measure,
                        "splits": len(shared),
                        "difference": spread(differences)[0],
                        "p_t": corrected_t(differences, group.rows[1], group.rows[0]),
                        "p_wilcoxon": wilcoxon(differences),
                    }
                )
    return found


def _print(report: Mapping[str, Any]) -> None:
    console = Terminal()
    counts = report["points"]
    console.print(
        f"{report['campaign']}: {counts['stored']} of {counts['asked']} points, {counts['failed']} failed, "
        f"{counts['missing']} missing"
    )
    for group in report["groups"]:
        _print_group(group, console)


def _print_group(group: Mapping[str, Any], console: Terminal) -> None:
    title = f"{group['dataset']}, {group['technology']} (majority rate {100 * group['majority_rate']:.1f} %)"
    limits = [f"{item['limit_cm2']:g}" for item in group["contenders"][0]["at"]]
    rows = [
        [
            f"{item['method']} {item['budget']}{' (rival)' if item['rival'] else ''}",
            str(item["splits"]),
            f"{item['hypervolume']['mean']:.3f} +- {item['hypervolume']['deviation']:.3f}",
            *(
                f"{100 * at['test']['mean']:.1f} +- {100 * at['test']['deviation']:.1f}" if at["fitting"] else ""
                for at in item["at"]
            ),
        ]
        for item in group["contenders"]
    ]
    console.print(f"\n{title}: test accuracy in %")
    # Areas between the smallest and the largest are the first to go.
    inner = [0, *range(1, len(limits) - 1), 0][: len(limits)]
    columns = [
        Column("method", text=True),
        Column("splits"),
        Column("hypervolume"),
        *(Column(f"within\n{limit} cm2", drop=drop) for limit, drop in zip(limits, inner, strict=True)),
    ]
    show(columns, rows, console, notes=["Means over the splits +- their standard deviation."])
    best = ", ".join(
        f"{100 * item['test']['mean']:.1f} % within {item['limit_cm2']:g} cm2 ({item['method']} {item['budget']})"
        for item in group["front"]
    )
    console.print(f"front of all: {best}")
    tests = [
        [
            f"{item['method']} {item['budget']}",
            f"{item['rival']} {item['rival_budget']}",
            item["measure"].removeprefix("test accuracy "),
            f"{item['difference']:+.4f}",
            *(f"{item[name]:.2g}" for name in ("p_t", "p_holm", "p_wilcoxon")),
        ]
        for item in group["comparisons"]
    ]
    if tests:
        columns = [
            Column("method", text=True),
            Column("against", text=True),
            Column("measure", text=True),
            Column("difference"),
            Column("p,\ncorrected t", drop=1),
            Column("p,\nHolm"),
            Column("p,\nWilcoxon", drop=2),
        ]
        console.print(f"\n{title}: against the rivals")
        show(columns, tests, console)

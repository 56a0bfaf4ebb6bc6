"""What a page says of verdicts: the outcome of each, and designs beside routes.

Verdicts are plain data as `inkling.reports.results.report.read_verdict` checks it; `checks.html` prints them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inkling.reports.results.report import Report

PASSED, FAILED, UNDECIDED = "passed", "failed", "undecided"


@dataclass(frozen=True)
class Check:
    """One or several verdicts of a route together: passed, failed or undecided, and what that rests on."""

    outcome: str
    vectors: int
    mismatches: int
    proven: bool


@dataclass(frozen=True)
class Matrix:
    """Designs and what each route says of them; None where it was not taken. listed: every verdict by design."""

    routes: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Check | None, ...]], ...]
    listed: tuple[tuple[str, tuple[Mapping[str, Any], ...]], ...]


def check(verdicts: Sequence[Mapping[str, Any]]) -> Check:
    """Of at least one verdict: failed where one is, else undecided where nothing was compared and nothing proven."""
    vectors = sum(v["vectors"] for v in verdicts)
    mismatches = sum(v["mismatches"] for v in verdicts)
    proven = any(v.get("proven") for v in verdicts)
    outcomes = [v.get("outcome") for v in verdicts]
    if mismatches or FAILED in outcomes:
        outcome = FAILED
    elif proven or (vectors and UNDECIDED not in outcomes):
        outcome = PASSED
    else:
        # A proof that ran out of time has found nothing, neither for nor against.
        outcome = UNDECIDED
    return Check(outcome, vectors, mismatches, proven)


def matrix(report: Report) -> Matrix:
    """Every design with verdicts, in the order of the points, then names that are no point."""
    names = [p.name for p in (*report.points, *report.rivals)]
    names += sorted(set(report.verdicts) - set(names))
    listed = tuple((name, tuple(report.verdicts[name])) for name in names if report.verdicts.get(name))
    routes = tuple(dict.fromkeys(v["route"] for _, verdicts in listed for v in verdicts))
    rows = []
    for name, verdicts in listed:
        by_route = {route: [v for v in verdicts if v["route"] == route] for route in routes}
        rows.append((name, tuple(check(found) if found else None for found in by_route.values())))
    return Matrix(routes, tuple(rows), listed)

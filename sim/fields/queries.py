"""Random queries of a neural field, the reference's answers to them, and what a route's answers come to.

Who computes the other answers lives in the routes' own modules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.field import IntegerField
from inkling.sim.verdicts.verdict import Verdict

REFERENCE = "IntegerField.evaluate"
CHUNK = 100_000
EDGE = 2**16 - 1


@dataclass(frozen=True, eq=False)
class Places:
    """Entries and coordinates, int64 [n] each."""

    entry: NDArray[np.int64]
    u: NDArray[np.int64]
    v: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Queries(Places):
    """Places with distances to compare, int64 [n]; `code` is read for visibility only."""

    code: NDArray[np.int64]


def random_places(field: IntegerField, count: int, seed: int) -> Places:
    """Uniform over the whole range; the first ones are the corners of the square."""
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, field.entries, count)
    u, v = rng.integers(0, EDGE + 1, (2, count))
    corners = min(count, 4)
    u[:corners], v[:corners] = [0, 0, EDGE, EDGE][:corners], [0, EDGE, 0, EDGE][:corners]
    return Places(entry, u, v)


def random_queries(field: IntegerField, count: int, seed: int) -> Queries:
    """Places with codes that lie about the answers, so both outcomes occur, the extremes of a code among them."""
    places = random_places(field, count, seed)
    rng = np.random.default_rng((seed, 1))
    code = reference(field, places)[:, 0].astype(np.int64) + field.coding.margin + rng.integers(-3, 4, count)
    for extreme in (-(2**31), 2**31 - 1):
        code[rng.integers(0, count, -(-count // 32))] = extreme
    return Queries(places.entry, places.u, places.v, code)


def reference(field: IntegerField, places: Places) -> NDArray[np.int32]:
    """`field.evaluate` in pieces, so that a million queries fit into memory: int32 [n, outputs]."""
    columns = (places.entry, places.u, places.v)
    pieces = range(0, max(len(places.entry), 1), CHUNK)
    return np.concatenate([field.evaluate(*(part[k : k + CHUNK] for part in columns)) for k in pieces])


def compare(
    places: Places,
    expected: NDArray[np.int32],
    found: NDArray[np.int32],
    *,
    route: str,
    subject: str,
    seconds: float,
    detail: str = "",
) -> Verdict:
    """The verdict on answers to the first places, int32 [n, outputs]. Raises ValueError where the shapes differ."""
    if found.shape != expected.shape or not len(found):
        raise ValueError(f"cannot compare {list(found.shape)} answers with {list(expected.shape)}")
    differ = np.flatnonzero((found != expected).any(axis=1))
    example = None
    if len(differ):
        row = int(differ[0])
        output = int(np.flatnonzero(found[row] != expected[row])[0])
        example = {name: int(getattr(places, name)[row]) for name in ("entry", "u", "v")}
        example |= {"output": output, "expected": int(expected[row, output]), "found": int(found[row, output])}
    return Verdict(
        route, subject, REFERENCE, len(found), len(differ), seconds, example, detail=detail, unit="queries"
    )


def failed(route: str, subject: str, reason: str, count: int = 0) -> Verdict:
    """The verdict on what could not be run at all."""
    return Verdict(route, subject, REFERENCE, count, max(count, 1), 0.0, detail=reason, unit="queries")


def stream_verdict(
    queries: Queries,
    expected: NDArray[np.uint32],
    wrong: int,
    first: tuple[int, NDArray[np.uint32]] | None,
    count: Mapping[str, Any],
    *,
    route: str,
    seconds: float,
    extra: dict[str, float],
    late: str = "",
) -> Verdict:
    """The verdict on an engine's streams.

    expected: uint32 [n, words]; wrong: answers that differ; first: row and words of the first of them; count:
    answers `received`, `extra` ones, and `unstable` clocks in which a waiting answer changed; late: how the clocks
    differ from the model's, "" where they do not.
    """
    detail, example = [], None
    total, received = len(expected), int(count["received"])
    if first is not None:
        row, shown = first
        place = int(np.flatnonzero(expected[row] != shown)[0])
        example = {name: int(getattr(queries, name)[row]) for name in ("entry", "u", "v", "code")}
        example |= {"word": place, "expected": int(expected[row, place]), "found": int(shown[place])}
        detail.append(f"{wrong} wrong answers, the first to query {row}")
    if received < total:
        detail.append(f"only {received} of {total} queries were answered")
    for name, words in (("extra", "answers too many"), ("unstable", "changes of an answer that waited")):
        if count[name]:
            detail.append(f"{count[name]} {words}")
    if late:
        detail.append(late)
    return Verdict(
        route=route,
        subject="engine.v",
        reference=REFERENCE,
        vectors=total,
        mismatches=wrong + total - received + int(count["extra"]) + int(count["unstable"]) + bool(late),
        seconds=seconds,
        counter_example=example,
        detail="; ".join(detail),
        extra=extra,
        unit="queries",
    )

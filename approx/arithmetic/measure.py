"""Real mapping inside the arithmetic search: which candidates to measure, and what their measured prices change.

How a circuit is mapped is given by the caller as a function, for mapping lies above this package; estimates are in
`inkling.approx.arithmetic.cost`.
"""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.approx.arithmetic.kernel import Genome
from inkling.approx.reference.network import IntegerNetwork

# Area in cm2 and static power in mW of a network's circuit, or None where it could not be had (in time).
Measure: TypeAlias = Callable[[IntegerNetwork], tuple[float, float] | None]

# How much smaller than expected a circuit may well turn out: one in four does.
HOPE = 0.85


class Measured(NamedTuple):
    """A genome whose circuit was measured; area and power are nan where that failed."""

    genome: Genome
    area_cm2: float
    power_mw: float

    @property
    def there(self) -> bool:
        return not math.isnan(self.area_cm2)


@dataclass(frozen=True)
class Point:
    """What choosing needs to know of a candidate; price is the measured one once there is one."""

    place: int
    estimate: float
    selection: float
    price: float | None = None
    failed: bool = False


def fingerprint(network: IntegerNetwork) -> str:
    """SHA-256 over all that a network is."""
    found = hashlib.sha256(f"{network.inputs!r} {network.classes}".encode())
    for layer in network.layers:
        found.update(type(layer).__name__.encode())
        for field in dataclasses.fields(layer):  # type: ignore[arg-type]
            value = getattr(layer, field.name)
            if isinstance(value, np.ndarray):
                found.update(
                    f"{field.name} {value.dtype} {value.shape}".encode() + np.ascontiguousarray(value).tobytes()
                )
            else:
                found.update(f"{field.name} {value!r}".encode())
    return found.hexdigest()


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no cheaper one matches, cheapest first; by estimates where a price was not measured."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (_price(p), -p.selection, p.place)):
        if not kept or point.selection > kept[-1].selection:
            kept.append(point)
    return kept


def next_to_measure(points: Sequence[Point], done: int, budget: int, goals: Sequence[float] = ()) -> Point | None:
    """The point to measure as number `done` of `budget`; None where no other can change the front.

    Without goals the first half is spread evenly over the estimated front, by the logarithm of the price. The rest
    goes to points that, if their circuits come out small, gain most on what was measured: at goals, then anywhere.
    """
    able = [p for p in points if p.price is None and not p.failed]
    if not goals and done < budget // 2:
        shown = [p for p in front([p for p in points if not p.failed]) if p.price is None]
        if shown:
            return max(shown, key=lambda p: (_gap(p, points), p.selection))
    hoped = {point.place: HOPE * point.estimate * _luck(point, points) for point in able}

    def gain(point: Point, price: float) -> float:
        return point.selection - max(
            (p.selection for p in points if p.price is not None and p.price <= price), default=0.0
        )

    gains = [(gain(p, goal), -p.estimate, p.place, p) for goal in goals for p in able if hoped[p.place] <= goal]
    if not gains or max(item[0] for item in gains) <= 0:
        gains = [(gain(p, hoped[p.place]), -p.estimate, p.place, p) for p in able]
    best = max(gains, key=lambda item: item[:3], default=None)
    return best[3] if best is not None and best[0] > 0 else None


def _luck(point: Point, points: Sequence[Point]) -> float:
    """Measured over estimated price of the measured point nearest in estimate; 1 without any."""
    known = [p for p in points if p.price is not None and p.estimate > 0]
    nearest = min(known, key=lambda p: (abs(math.log(p.estimate / max(point.estimate, 1e-6))), p.place), default=None)
    return 1.0 if nearest is None or nearest.price is None else max(nearest.price / nearest.estimate, 0.2)


def _price(point: Point) -> float:
    return point.estimate if point.price is None else point.price


def _gap(point: Point, points: Sequence[Point]) -> float:
    """Distance in the logarithm of the estimate to the nearest point that was measured; infinite without any."""
    here = math.log(max(point.estimate, 1e-6))
    return min(
        (abs(here - math.log(max(p.estimate, 1e-6))) for p in points if p.price is not None or p.failed),
        default=math.inf,
    )


def corrected(
    counts: NDArray[np.float64], measured: NDArray[np.float64], defaults: Sequence[float], weight: float
) -> NDArray[np.float64]:
    """Prices of the parts, fitted to measured areas and drawn towards the defaults."""
    from inkling.approx.arithmetic import cost

    return cost.fit(counts, measured, start=defaults, weight=weight, centred=False)


def summary(held: Mapping[str, Measured]) -> tuple[list[str], NDArray[np.int16], NDArray[np.float64]]:
    """Arrays for a checkpoint: fingerprints, genomes [measured, size], and area and power [measured, 2]."""
    names = sorted(held)
    genomes = np.array([held[name].genome for name in names], np.int16)
    numbers = np.array([[held[name].area_cm2, held[name].power_mw] for name in names], np.float64).reshape(-1, 2)
    return names, genomes, numbers

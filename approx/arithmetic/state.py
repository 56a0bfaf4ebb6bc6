"""What the arithmetic search is told, holds and gives back: settings, state and candidates, as plain data.

What is done with them lives in `inkling.approx.arithmetic.search`, how they are kept in
`inkling.approx.arithmetic.checkpoint`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inkling.approx.arithmetic import cost
from inkling.approx.arithmetic.kernel import LEVELS, Archive, Genome, Shape
from inkling.approx.arithmetic.measure import Measured
from inkling.approx.reference.network import IntegerNetwork


@dataclass(frozen=True, eq=False)
class Candidate:
    """One point of the front; area in cm2 and power in mW are estimates unless measured, accuracies in 0..1."""

    network: IntegerNetwork
    area_cm2: float
    power_mw: float
    scored: float
    train: float
    validation: float
    measured: bool = False


@dataclass(frozen=True)
class Settings:
    """How the search starts and moves.

    widths: hidden neurons of the networks that are trained (None: by the table); digits: signed digits that weights
    keep; prices: from and to, in error share per cm2; temperatures: drawn log-uniformly, in error share; effort: rows
    times neurons times changes of a round; teacher_rows: nearby rows that a teacher labels; selection: weight of the
    validation accuracy in the choice; levels: what may be changed;
    area_prices, power_prices: of each part of `kernel.FEATURES`; power_weight: cm2 that one mW of static power counts
    for. The front is one of accuracy against area + power_weight * power: a weight chooses the trade; as mapped power
    follows mapped area (rank correlation 0.998) a third axis would show little.
    measurements: candidates that the function given as `measure` is asked about at the end, the front being of those;
    measure_share: of the seconds, kept for that; goals: prices where the front matters most, measured first;
    correct_every: rounds after which some are measured already and the prices of parts are fitted anew, drawn to
    area_prices (0: never. Fitting to up to 18 circuits of the same set did not rank others better).
    """

    widths: tuple[int, ...] | None = None
    restarts: int = 9
    epochs: int | None = None
    digits: tuple[int, ...] = (1, 2)
    prices: tuple[float, float] = (0.005, 3.0)
    temperatures: tuple[float, float] = (2e-4, 4e-3)
    effort: float = 4e8
    teacher_rows: int = 2000
    selection: float = 0.5
    levels: tuple[str, ...] = LEVELS
    area_prices: tuple[float, ...] = tuple(cost.prices(cost.AREA_CM2))
    power_prices: tuple[float, ...] = tuple(cost.prices(cost.POWER_MW))
    power_weight: float = 0.0
    measurements: int = 16
    measure_share: float = 0.25
    goals: tuple[float, ...] = ()
    correct_every: int = 0

    def price_of_parts(self, areas: Sequence[float] | None = None) -> NDArray[np.float64]:
        """What the search makes small, in cm2."""
        return np.array(areas or self.area_prices) + self.power_weight * np.array(self.power_prices)


@dataclass(frozen=True, eq=False)
class Entry:
    """A candidate chosen by validation: its genome, price, and accuracies."""

    genome: Genome
    price: float
    scored: float
    train: float
    validation: float
    selection: float


@dataclass(eq=False)
class State:
    """What a search has found so far; a round depends on it, the seed and the round's number alone."""

    shape: Shape
    starts: list[Genome]
    archive: Archive
    chosen: dict[int, Entry] = field(default_factory=dict)
    rounds: int = 0
    evaluated: int = 0
    measured: dict[str, Measured] = field(default_factory=dict)
    area_prices: tuple[float, ...] | None = None

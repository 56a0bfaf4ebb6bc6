"""The arithmetic search: from a table to a front of approximate integer networks, area against accuracy.

Annealing in rounds over terms, masks, biases, activations, comparators and inputs at once, scored on training rows
and on nearby rows that a teacher labels; changes and their evaluation live in `arithmetic_kernel.cpp`, prices in
`approx.arithmetic_cost`. Validation rows choose among candidates and are never scored; test rows are never seen.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from approx import arithmetic_cost, arithmetic_seeds, teacher
from approx.arithmetic_genome import to_network
from approx.arithmetic_native import LEVELS, Anneal, Archive, Evaluator, Genome, Shape
from approx.network import IntegerNetwork
from train.dataset import Development, Rows

STEPS = 400  # of the archive's error axis
AREA_RATIO = 0.02  # two chosen candidates' areas differ by more


@dataclass(frozen=True, eq=False)
class Candidate:
    """One point of the front; area in cm2 and power in mW are estimates, accuracies shares in 0..1."""

    network: IntegerNetwork
    area_cm2: float
    power_mw: float
    scored: float
    train: float
    validation: float


Progress: TypeAlias = Callable[[float, Sequence[Candidate]], None]


@dataclass(frozen=True)
class Settings:
    """How the search starts and moves.

    widths: hidden neurons of the networks that are trained (None: by the table); digits: signed digits that weights
    keep; prices: from and to, in error share per cm2; temperatures: drawn log-uniformly, in error share; effort: rows
    times neurons times changes of a round; teacher_rows: nearby rows that a teacher labels; selection: weight of the
    validation accuracy in the choice; levels: what may be changed; area_prices, power_prices: of each part of
    `arithmetic_native.FEATURES`; power_weight: cm2 that one mW counts for.
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
    area_prices: tuple[float, ...] = tuple(arithmetic_cost.prices(arithmetic_cost.AREA_CM2))
    power_prices: tuple[float, ...] = tuple(arithmetic_cost.prices(arithmetic_cost.POWER_MW))
    power_weight: float = 0.0

    def price_of_parts(self) -> NDArray[np.float64]:
        """What the search makes small, in cm2."""
        return np.array(self.area_prices) + self.power_weight * np.array(self.power_prices)


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


def default_widths(development: Development) -> tuple[int, ...]:
    """Hidden widths to start from."""
    classes = len(development.classes)
    return (2, 3, 5) if classes <= 4 else (2, 4, 6) if classes <= 7 else (5, 8, 12)


def search(
    development: Development,
    *,
    seconds: float | None = None,
    moves: int | None = None,
    seed: int = 0,
    settings: Settings | None = None,
    starts: Sequence[arithmetic_seeds.Start] | None = None,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> tuple[Candidate, ...]:
    """The front of approximate networks, the smallest first.

    seconds: time limit, training included (how far the search comes then depends on the machine); moves: changes that
    are tried, which makes the result a function of the seed; at least one is given. starts: instead of training.
    progress: called at most twice a second with the fraction done and the front so far. checkpoint: file to continue
    from and to write to. Ctrl-C ends the search and returns the front so far. Raises InputError for a checkpoint of
    another search and where there is no C++ compiler.
    """
    if seconds is None and moves is None:
        raise ValueError("give seconds or moves")
    from approx import arithmetic_checkpoint

    how = settings or Settings()
    begun = time.monotonic()
    asked = arithmetic_checkpoint.fingerprint(development, how, seed, starts)
    state = arithmetic_checkpoint.load(checkpoint, asked) if checkpoint else None
    if state is None:
        if starts is None:
            widths = how.widths or default_widths(development)
            starts = arithmetic_seeds.trained(
                development,
                widths=widths,
                restarts=how.restarts,
                seed=seed,
                epochs=how.epochs,
                time_limit_s=None if seconds is None else seconds / 3,
            )
        shape, genomes = arithmetic_seeds.genomes(starts, development, how.digits)
        state = State(shape, genomes, Archive.empty(STEPS, shape.size))
    run = _Run(development, how, seed, state)
    told = saved = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            done = run.done(begun, seconds, moves)
            # Every start is looked at once, however little time is left.
            if done >= 1 and state.rounds >= len(state.starts):
                break
            run.round(done)
            now = time.monotonic()
            if progress is not None and now - told > 0.5:
                progress(min(done, 1.0), run.front())
                told = now
            if checkpoint is not None and now - saved > 5:
                arithmetic_checkpoint.save(state, asked, checkpoint)
                saved = time.monotonic()
    front = run.front()
    if checkpoint is not None:
        arithmetic_checkpoint.save(state, asked, checkpoint)
    if progress is not None:
        progress(1.0, front)
    return front


class _Run:
    """A search under way: its state, and evaluators of the scored, training and validation rows."""

    def __init__(self, development: Development, how: Settings, seed: int, state: State) -> None:
        self.development, self.how, self.seed, self.state = development, how, seed, state
        train = development.train
        codes, labels, weights = train.codes, train.labels, np.ones(len(train.labels), np.int64)
        if how.teacher_rows:
            codes, labels, weights = teacher.augment(development, rows=how.teacher_rows, seed=seed, real_weight=4)
            # Rows in a random order, so that the first of them tell what all will say.
            order = np.random.default_rng(seed).permutation(len(labels))
            codes, labels, weights = codes[order], labels[order], weights[order]
        self.scored = self._evaluator(codes, labels, weights)
        self.train = self._evaluator(*_plain(train))
        self.validation = self._evaluator(*_plain(development.validation))
        self.prices = how.price_of_parts()
        self.moves = max(int(how.effort / (len(labels) + 500) / state.shape.neurons), 500)
        self.seen: dict[int, tuple[float, int]] = {}

    def _evaluator(
        self, codes: NDArray[np.uint8], labels: NDArray[np.int64], weights: NDArray[np.int64]
    ) -> Evaluator:
        return Evaluator(self.state.shape, self.development.input_bits, codes, labels, weights)

    def done(self, begun: float, seconds: float | None, moves: int | None) -> float:
        """The fraction of the budget that is spent; the larger of both where both are given."""
        parts = [] if seconds is None else [(time.monotonic() - begun) / seconds]
        parts += [] if moves is None else [self.state.rounds * self.moves / moves]
        return max(parts)

    def round(self, done: float) -> None:
        """One annealing from a start or from the archive, then the choice among what was new in it."""
        state, how = self.state, self.how
        rng = np.random.default_rng([self.seed, state.rounds])
        low, high = np.log(how.prices)
        price = float(np.exp(rng.uniform(low, high)))
        temperature = float(np.exp(rng.uniform(*np.log(how.temperatures))))
        if state.rounds < 2 * len(state.starts):
            # Every start twice: little by little, and at a price that soon makes it small.
            start = state.starts[state.rounds % len(state.starts)]
            price = how.prices[0]
            if state.rounds >= len(state.starts):
                price = float(np.sqrt(price * how.prices[1]))
        else:
            start = self._from_archive(rng, price)
        plan = Anneal(price, temperature, self.moves, int(rng.integers(2**63)), how.levels)
        counters = self.scored.anneal(start, plan, self.prices, state.archive)
        state.evaluated += int(counters.evaluated)
        state.rounds += 1
        self._choose()

    def _from_archive(self, rng: np.random.Generator, price: float) -> Genome:
        """The archived candidate of the least cost at a price, with some noise."""
        archive = self.state.archive
        have = np.flatnonzero(np.isfinite(archive.areas))
        cost = archive.errors[have] / self.scored.total + price * archive.areas[have]
        noise = rng.exponential(rng.choice([0.0, 0.01, 0.03]), len(have))
        found: Genome = archive.genomes[have[int(np.argmin(cost + noise))]]
        return found

    def _choose(self) -> None:
        """Put what is new on the archive's front among the candidates that validation has chosen."""
        archive, state = self.state.archive, self.state
        least = np.minimum.accumulate(archive.areas)
        for step in np.flatnonzero(np.isfinite(archive.areas) & (archive.areas <= 1.1 * least)):
            area, errors = float(archive.areas[step]), int(archive.errors[step])
            if self.seen.get(int(step)) == (area, errors):
                continue
            self.seen[int(step)] = (area, errors)
            genome = archive.genomes[step].copy()
            scored = 1 - errors / self.scored.total
            train = 1 - self.train.errors(genome) / self.train.total
            validation = 1 - self.validation.errors(genome) / self.validation.total
            selection = self.how.selection * validation + (1 - self.how.selection) * 0.5 * (train + scored)
            place = int(np.floor(np.log(max(area, 1e-6)) / AREA_RATIO))
            if place not in state.chosen or selection > state.chosen[place].selection:
                state.chosen[place] = Entry(genome, area, scored, train, validation, selection)

    def front(self) -> tuple[Candidate, ...]:
        """The chosen candidates that no smaller one matches."""
        found = []
        best = -1.0
        for place in sorted(self.state.chosen):
            entry = self.state.chosen[place]
            if entry.selection <= best:
                continue
            best = entry.selection
            counts, _ = self.scored.features(entry.genome)
            found.append(
                Candidate(
                    to_network(entry.genome, self.state.shape, self.development),
                    float(counts @ np.array(self.how.area_prices)),
                    float(counts @ np.array(self.how.power_prices)),
                    entry.scored,
                    entry.train,
                    entry.validation,
                )
            )
        return tuple(found)


def _plain(rows: Rows) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    return rows.codes, rows.labels, np.ones(len(rows.labels), np.int64)

"""The arithmetic search: from a table to a front of approximate integer networks, area against accuracy.

Annealing in rounds over terms, masks, biases, activations, comparators and inputs at once, scored on training rows
and on nearby rows that a teacher labels; changes and their evaluation live in `kernel.cpp`, prices in
`inkling.approx.arithmetic.cost`. Validation rows choose among candidates and are never scored; test rows are never
seen.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.approx.arithmetic import measure as arithmetic_measure
from inkling.approx.arithmetic import starts as arithmetic_seeds
from inkling.approx.arithmetic.genome import to_network
from inkling.approx.arithmetic.kernel import Anneal, Archive, Evaluator, Genome
from inkling.approx.arithmetic.measure import Measure, Measured, Point
from inkling.approx.arithmetic.state import Candidate as Candidate
from inkling.approx.arithmetic.state import Entry, State
from inkling.approx.arithmetic.state import Settings as Settings
from inkling.approx.quantise import teacher
from inkling.approx.reference.network import IntegerNetwork
from inkling.train.tables.dataset import Development, Rows

SAVE_EVERY_S = 5.0  # between checkpoints
STEPS = 400  # of the archive's error axis
CORRECTION = 3.0  # weight of the default prices against one measured area that corrects them
AREA_RATIO = 0.02  # two chosen candidates' areas differ by more


Progress: TypeAlias = Callable[[float, Sequence[Candidate]], None]


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
    measure: Measure | None = None,
) -> tuple[Candidate, ...]:
    """The front of approximate networks, the smallest first.

    seconds: time limit, training included (how far the search comes then depends on the machine); moves: changes that
    are tried, which makes the result a function of the seed; at least one is given. starts: instead of training.
    progress: called at most twice a second with the fraction done and the front so far. checkpoint: file to continue
    from and to write to. measure: tells a network's real area and power (each is asked about once); the front is then
    of measured candidates alone, unless none could be measured. Ctrl-C ends the search and returns the front so far,
    of estimates where nothing was measured yet. Raises InputError for a checkpoint of
    another search and where there is no C++ compiler.
    """
    if seconds is None and moves is None:
        raise ValueError("give seconds or moves")
    from inkling.approx.arithmetic import checkpoint as arithmetic_checkpoint

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
    run = _Run(development, how, seed, state, measure)
    told = saved = time.monotonic()
    share = how.measure_share if measure is not None else 0.0
    searching = None if seconds is None else seconds * (1 - share)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            done = run.done(begun, searching, moves)
            # Every start is looked at once, however little time is left.
            if done >= 1 and state.rounds >= len(state.starts):
                break
            run.round(done)
            now = time.monotonic()
            if progress is not None and now - told > 0.5:
                progress(min(done, 1.0), run.front())
                told = now
            if checkpoint is not None and now - saved > SAVE_EVERY_S:
                arithmetic_checkpoint.save(state, asked, checkpoint)
                saved = time.monotonic()
        # What the circuits of the front really are.
        run.measure_some(how.measurements, last=True, deadline=None if seconds is None else begun + seconds)
    front = run.front(last=True)
    if checkpoint is not None:
        arithmetic_checkpoint.save(state, asked, checkpoint)
    if progress is not None:
        progress(1.0, front)
    return front


class _Run:
    """A search under way: its state, and evaluators of the scored, training and validation rows."""

    def __init__(
        self, development: Development, how: Settings, seed: int, state: State, measure: Measure | None
    ) -> None:
        self.development, self.how, self.seed, self.state, self.measure = development, how, seed, state, measure
        self.names: dict[bytes, str] = {}
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
        self.prices = how.price_of_parts(state.area_prices)
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
        if how.correct_every and self.measure is not None and state.rounds % how.correct_every == 0:
            self.measure_some(max(how.measurements // 4, 1))
            self.correct()

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
        archive = self.state.archive
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
            self._place(Entry(genome, area, scored, train, validation, selection))

    def _place(self, entry: Entry) -> None:
        """Keep a candidate if it is the best of about its price."""
        place = int(np.floor(np.log(max(entry.price, 1e-6)) / AREA_RATIO))
        if place not in self.state.chosen or entry.selection > self.state.chosen[place].selection:
            self.state.chosen[place] = entry

    def network(self, entry: Entry) -> IntegerNetwork:
        return to_network(entry.genome, self.state.shape, self.development)

    def points(self) -> list[Point]:
        """The chosen candidates, with their measured prices where there are any."""
        found = []
        for place, entry in sorted(self.state.chosen.items()):
            point = Point(place, entry.price, entry.selection)
            if (known := self.state.measured.get(self.names.get(entry.genome.tobytes(), ""))) is not None:
                price = known.area_cm2 + self.how.power_weight * known.power_mw
                point = Point(place, entry.price, entry.selection, price if known.there else None, not known.there)
            found.append(point)
        return found

    def measure_some(self, budget: int, *, last: bool = False, deadline: float | None = None) -> None:
        """Measure up to `budget` chosen candidates, those that matter most to the front."""
        if self.measure is None:
            return
        for entry in self.state.chosen.values():
            self.names.setdefault(entry.genome.tobytes(), arithmetic_measure.fingerprint(self.network(entry)))
        already = sum(p.price is not None or p.failed for p in self.points()) if last else 0
        for number in range(already, budget):
            point = arithmetic_measure.next_to_measure(self.points(), number, budget, self.how.goals)
            if point is None or (deadline is not None and time.monotonic() > deadline):
                return
            genome = self.state.chosen[point.place].genome
            area, power = self.measure(self.network(self.state.chosen[point.place])) or (np.nan, np.nan)
            self.state.measured[self.names[genome.tobytes()]] = Measured(genome, area, power)

    def correct(self) -> None:
        """Fit the prices of parts to what was measured, and price what is held anew."""
        state, how = self.state, self.how
        held = [state.measured[name] for name in sorted(state.measured) if state.measured[name].area_cm2 > 0]
        if not held:
            return
        self.seen.clear()
        counts = np.array([self.scored.features(item.genome)[0] for item in held])
        areas = np.array([item.area_cm2 for item in held])
        state.area_prices = tuple(
            arithmetic_measure.corrected(counts, areas, how.area_prices, CORRECTION / len(held) ** 0.5).tolist()
        )
        self.prices = how.price_of_parts(state.area_prices)
        archive = state.archive
        for step in np.flatnonzero(np.isfinite(archive.areas)):
            archive.areas[step] = self.scored.features(archive.genomes[step])[0] @ self.prices
        entries, state.chosen = state.chosen, {}
        for _, entry in sorted(entries.items()):
            self._place(replace(entry, price=float(self.scored.features(entry.genome)[0] @ self.prices)))

    def front(self, *, last: bool = False) -> tuple[Candidate, ...]:
        """The chosen candidates that no smaller one matches; the last front is of measured ones if there are any."""
        points = self.points()
        if last and (known := [point for point in points if point.price is not None]):
            points = known
        found = []
        for point in arithmetic_measure.front(points):
            entry = self.state.chosen[point.place]
            counts, _ = self.scored.features(entry.genome)
            area = float(counts @ np.array(self.state.area_prices or self.how.area_prices))
            power = float(counts @ np.array(self.how.power_prices))
            if point.price is not None:
                _, area, power = self.state.measured[self.names[entry.genome.tobytes()]]
            accuracies = entry.scored, entry.train, entry.validation
            found.append(Candidate(self.network(entry), area, power, *accuracies, point.price is not None))
        return tuple(found)


def _plain(rows: Rows) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    return rows.codes, rows.labels, np.ones(len(rows.labels), np.int64)

"""The gate-level search: from circuits and labelled rows to a front of smaller circuits, area against accuracy.

Local search with annealing, scored bit-parallel; changes and their evaluation live in `gate_kernel.cpp`, the scored
rows come from `approx.teacher`. Validation rows choose among circuits and are never scored.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from approx.gate_packing import (
    Gates,
    Library,
    PackedRows,
    accuracy,
    from_netlist,
    input_bits,
    library,
    pack,
    to_netlist,
)
from approx.netlist import Netlist
from train.dataset import Rows

STEPS, STEP_RATIO = 400, 0.03
COOLING = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.06, 0.03, 0.0)
SHARES = {
    "function": 10, "rewire": 25, "replace": 15, "similar": 10, "constant": 3, "insert": 12, "output": 3,
    "rebuild": 12, "swap": 5, "phase": 5,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Candidate:
    """One point of the front. area: of the cells, in the unit of the areas given; accuracies: shares in 0..1.

    scored: weighted accuracy on the rows that the search scored; train: on the plain training rows.
    """

    netlist: Netlist
    area: float
    scored: float
    train: float
    validation: float


@dataclass(frozen=True)
class Settings:
    """How the search moves. prices and temperatures are in shares of the rows' total weight.

    prices: from and to, in error share per 1e8 units of area (1 cm2 where areas are in um2); sweep: prices tried from
    every start; temperatures: every round draws one log-uniformly from this range and cools from it to 0; certainty:
    standard deviations at which a candidate is dropped on a sample of the rows; effort: gates times words of rows
    times moves in a tenth of a round; selection: the weight of validation accuracy in choosing (see `Pool.score`).
    """

    prices: tuple[float, float] = (0.01, 10.0)
    sweep: int = 10
    temperatures: tuple[float, float] = (1e-5, 6e-4)
    certainty: float = 3.0
    shares: dict[str, int] = field(default_factory=lambda: dict(SHARES))
    effort: float = 4e8
    selection: float = 0.5


@dataclass(frozen=True, eq=False)
class Entry:
    """An archived circuit."""

    gates: Gates
    area: float
    errors: int
    train: float
    validation: float


@dataclass(eq=False)
class Problem:
    cells: Library
    scored: PackedRows
    train: PackedRows
    validation: PackedRows
    functions: list[int]
    weight: int
    settings: Settings


def search(
    starts: Netlist | Sequence[Netlist],
    rows: Rows,
    validation: Rows,
    *,
    areas: Mapping[str, float],
    seconds: float | None = None,
    moves: int | None = None,
    rounds: int | None = None,
    seed: int = 0,
    weights: NDArray[np.int64] | None = None,
    train: Rows | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
    checkpoint: Path | None = None,
    clean_up: Callable[[Netlist], Netlist] | None = None,
) -> tuple[Candidate, ...]:
    """The front found, smallest area first.

    starts: circuits with the same ports; rows, weights: what is scored, codes with one column per input port ("values
    that enter"), weights int64 [rows] or None; train: rows whose accuracy is reported, by default `rows`; validation:
    rows that choose. areas: cell area by name, for cells of the starts' cell_types. Give `moves` (candidates drawn;
    the result is then the same for the same seed), or `rounds` (likewise; a round takes about the same time
    whatever the circuit), or `seconds` (as many whole rounds as fit).
    checkpoint: a file that is written now and then and continued from where it fits the problem. clean_up: an exact
    minimiser that is applied to the front at the end. Ctrl-C ends the search and returns what was found.
    """
    given = (starts,) if isinstance(starts, Netlist) else tuple(starts)
    if not given or sum(budget is not None for budget in (seconds, moves, rounds)) != 1:
        raise ValueError("give at least one start, and one of seconds, moves and rounds")
    problem = _problem(given, rows, validation, areas, weights, train, settings or Settings())
    pool = Pool(problem, [from_netlist(start) for start in given], seed)
    if checkpoint is not None:
        from approx import gate_checkpoint

        gate_checkpoint.load(pool, checkpoint)
    began, saved = time.monotonic(), time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):
        while (
            time.monotonic() - began < seconds
            if seconds is not None
            else pool.rounds < rounds
            if rounds is not None
            else pool.moves < (moves or 0)
        ):
            pool.round()
            if progress is not None:
                progress(pool.describe())
            if checkpoint is not None and time.monotonic() - saved > 10:
                gate_checkpoint.save(pool, checkpoint)
                saved = time.monotonic()
    if checkpoint is not None:
        gate_checkpoint.save(pool, checkpoint)
    return pool.front(given[0], clean_up)


def _problem(
    starts: Sequence[Netlist],
    rows: Rows,
    validation: Rows,
    areas: Mapping[str, float],
    weights: NDArray[np.int64] | None,
    train: Rows | None,
    settings: Settings,
) -> Problem:
    first = starts[0]
    if any(start.inputs != first.inputs or start.outputs != first.outputs for start in starts):
        raise ValueError("the starts of a gate search must have the same ports")
    if any(start.cell_types != first.cell_types for start in starts):
        raise ValueError("the starts of a gate search must have the same cell types")
    width = sum(port.width for port in first.outputs)
    cells = library(first.cell_types, areas)
    packed = [
        pack(input_bits(part.codes, first.inputs), part.labels, width, part_weights)
        for part, part_weights in ((rows, weights), (train or rows, None), (validation, None))
    ]
    functions = [table for table in (7, 1, 8, 14, 6, 9, 2, 4, 11, 13) if np.isfinite(cells.area[table])]
    total = len(rows.labels) if weights is None else int(weights.sum())
    return Problem(cells, packed[0], packed[1], packed[2], functions, total, settings)


class Pool:
    """The archive over rounds. A round depends on archive, seed and its number alone, so a search can be resumed."""

    def __init__(self, problem: Problem, starts: list[Gates], seed: int) -> None:
        from approx.gate_state import Archive

        self.problem, self.starts, self.seed = problem, starts, seed
        self.rounds, self.moves, self.evaluated = 0, 0, 0
        self.best: dict[int, Entry] = {}  # by step, the fewest errors: what the search continues from
        self.chosen: dict[int, Entry] = {}  # by step, the best by the selection score: what is handed out
        self.smallest = float(np.min(problem.cells.area))
        self.archive = Archive(STEPS, self.smallest, STEP_RATIO)
        self.tried = np.zeros(10, np.int64)
        self.kept = np.zeros(10, np.int64)
        self.carried: Gates | None = None

    def round(self) -> None:
        """One round: the next price from the next start while there are any, then from a point of the front."""
        from approx.gate_state import State, plan, reorder

        p, s = self.problem, self.problem.settings
        rng = np.random.default_rng((self.seed, self.rounds))
        low, high = np.log(s.temperatures[0]), np.log(s.temperatures[1])
        temperature = float(np.exp(rng.uniform(low, high))) * p.weight
        start, index = divmod(self.rounds, s.sweep)
        if start < len(self.starts):
            gates = self.starts[start] if index == 0 or self.carried is None else self.carried
            price = s.prices[0] * (s.prices[1] / s.prices[0]) ** (index / max(1, s.sweep - 1))
        else:
            gates, price = self._continue(rng)
        first = 2 + len(p.scored.inputs)
        state = State(reorder(gates, first, rng), p.scored, p.cells.area, rng)
        moves = int(np.clip(s.effort / ((state.live + 20) * len(p.scored.valid)), 500, 100_000))
        made = plan(int(rng.integers(2**63)), dict(s.shares), p.functions, s.certainty)
        before = self.archive.errors.copy(), self.archive.area.copy()
        for part in COOLING:
            self.evaluated += state.anneal(
                self.archive, made, moves=moves, price=price * p.weight / 1e8, temperature=temperature * part
            )
            self.moves += moves
        self.tried += np.array(made.tried)
        self.kept += np.array(made.kept)
        self.carried = state.gates()
        for step in np.flatnonzero((self.archive.errors != before[0]) | (self.archive.area != before[1])):
            self._enter(int(step), self.archive.circuit(int(step)))
        self.rounds += 1

    def _continue(self, rng: np.random.Generator) -> tuple[Gates, float]:
        """A point of the front and a price near the front's slope there."""
        steps = self._pareto()
        i = int(rng.integers(len(steps)))
        here, below, above = (self.best[steps[min(max(k, 0), len(steps) - 1)]] for k in (i, i - 2, i + 2))
        if above.area > below.area:
            slope = (below.errors - above.errors) / self.problem.weight / (above.area - below.area) * 1e8
        else:
            slope = 1.0
        low, high = self.problem.settings.prices
        return here.gates, float(np.clip(slope, low, high) * np.exp(rng.uniform(-0.7, 0.7)))

    def _pareto(self) -> list[int]:
        """Steps in which fewer rows are wrong than in any smaller one."""
        found: list[int] = []
        for step in sorted(self.best):
            if not found or self.best[step].errors < self.best[found[-1]].errors:
                found.append(step)
        return found

    def _enter(self, step: int, gates: Gates) -> None:
        p = self.problem
        area = float(p.cells.area[gates.op].sum())
        train, validation = accuracy(gates, p.train), accuracy(gates, p.validation)
        entry = Entry(gates, area, int(self.archive.errors[step]), train, validation)
        self.best[step] = entry
        if step not in self.chosen or self.score(entry) >= self.score(self.chosen[step]):
            self.chosen[step] = entry

    def score(self, entry: Entry) -> float:
        """What circuits are chosen by: validation accuracy and, as that is noisy, accuracy on the scored rows."""
        share = self.problem.settings.selection
        return share * entry.validation + (1 - share) * (1 - entry.errors / self.problem.weight)

    def describe(self) -> str:
        """One line of progress."""
        front = [self.best[step] for step in self._pareto()]
        picks = [front[int(i)] for i in np.linspace(0, len(front) - 1, min(5, len(front)))]
        points = ", ".join(f"{100 * e.validation:.1f} % @ {e.area / 1e8:.3f}" for e in picks)
        return f"round {self.rounds}, {self.evaluated} candidates: {points}"

    def front(self, like: Netlist, clean_up: Callable[[Netlist], Netlist] | None) -> tuple[Candidate, ...]:
        """The chosen circuits of which none is both larger and worse than another."""
        p = self.problem
        found: list[Candidate] = []
        best = -1.0
        for step in sorted(self.chosen):
            entry = self.chosen[step]
            if self.score(entry) <= best:
                continue
            best = self.score(entry)
            netlist = to_netlist(entry.gates, like.inputs, like.outputs, p.cells)
            area = entry.area
            if clean_up is not None:
                cleaned = from_netlist(smaller := clean_up(netlist))
                if (lower := float(p.cells.area[cleaned.op].sum())) < area:
                    netlist, area = smaller, lower
            found.append(Candidate(netlist, area, 1 - entry.errors / p.weight, entry.train, entry.validation))
        return tuple(found)


def with_settings(**changes: Any) -> Settings:
    """The default settings with some changed."""
    return replace(Settings(), **changes)

"""`Pool`: the archive of one gate-level search over its rounds, what a round does, and how circuits are chosen.

Running rounds until a budget is spent is in `inkling.approx.gates.search`, several pools at once in
`inkling.approx.gates.islands`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from inkling.approx.gates.inputs import InputPrices, InputSizes, read_bits
from inkling.approx.gates.kernel import MOVE_NAMES
from inkling.approx.gates.packing import Gates, Library, PackedRows, accuracies, from_netlist, to_netlist
from inkling.approx.gates.physics import Tables, drain, slowest
from inkling.approx.gates.state import Archive, State, plan, reorder
from inkling.approx.reference.netlist import Netlist, Port

STEPS, STEP_RATIO = 400, 0.03
COOLING = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.06, 0.03, 0.0)
SHARES = {
    "function": 10, "rewire": 25, "replace": 15, "similar": 10, "constant": 3, "insert": 12, "output": 3,
    "rebuild": 12, "swap": 5, "phase": 5,
    "level": 12,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Candidate:
    """One point of the front. area: of the cells, in the unit of the areas given; accuracies: shares in 0..1.

    scored: weighted accuracy on the rows that the search scored; train: on the plain training rows; power: nW on the
    scored rows, each counted once, 0 where the search was given no `Physics.leakage`; inputs_area, inputs_power: of
    the inputs that are read, where `InputPrices` were given; size: what the search weighed, all of it together.
    """

    netlist: Netlist
    area: float
    scored: float
    train: float
    validation: float
    power: float = 0.0
    inputs_area: float = 0.0
    inputs_power: float = 0.0
    size: float = 0.0


@dataclass(frozen=True)
class Settings:
    """How the search moves. prices and temperatures are in shares of the rows' total weight.

    prices: from and to, in error share per 1e8 units of size (1 cm2 where areas are in um2 and area alone counts);
    sweep: prices tried from every start; temperatures: every round draws one log-uniformly from this range and cools
    from it to 0; certainty: standard deviations at which a candidate is dropped on a sample of the rows; effort:
    gates times words of rows times moves in a tenth of a round; selection: the weight of validation accuracy in
    choosing (see `Pool.score`); clean_every: rounds between two clean-ups of circuits of the front, 0 for none before
    the end.
    """

    prices: tuple[float, float] = (0.01, 10.0)
    sweep: int = 10
    temperatures: tuple[float, float] = (1e-5, 6e-4)
    certainty: float = 3.0
    shares: dict[str, int] = field(default_factory=lambda: dict(SHARES))
    effort: float = 4e8
    selection: float = 0.5
    clean_every: int = 0


@dataclass(frozen=True, eq=False)
class Entry:
    """An archived circuit; area: of the gates; choice: accuracy on validation rows as it counts in choosing."""

    gates: Gates
    area: float
    size: float
    errors: int
    train: float
    validation: float
    choice: float


@dataclass(frozen=True, eq=False)
class Problem:
    """What a search works on. weight: of all scored rows; inputs, outputs: the ports of every circuit."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    cells: Library
    physics: Tables | None
    scored: PackedRows
    train: PackedRows
    validation: PackedRows
    functions: list[int]
    weight: int
    settings: Settings
    prices: InputPrices | None = None

    def netlist(self, gates: Gates) -> Netlist:
        """A circuit in the technology's cells."""
        return to_netlist(gates, self.inputs, self.outputs, self.cells)


Cleaner = Callable[[Netlist], Netlist]


class Pool:
    """The archive over rounds. A round depends on archive, seed and its number alone, so a search can be resumed."""

    def __init__(
        self, problem: Problem, starts: list[Gates], seed: tuple[int, ...], clean_up: Cleaner | None = None
    ) -> None:
        self.problem, self.starts, self.seed, self.clean_up = problem, starts, seed, clean_up
        self.rounds, self.moves, self.evaluated = 0, 0, 0
        self.best: dict[int, Entry] = {}  # by step, the fewest errors: what the search continues from
        self.chosen: dict[int, Entry] = {}  # by step, the best by the selection score: what is handed out
        self.weights = problem.cells.area * (problem.physics.area_weight if problem.physics else 1.0)
        self.sizes: InputSizes | None = None
        if problem.prices is not None:
            physics = problem.physics
            weights = (physics.area_weight, physics.power_weight) if physics else (1.0, 0.0)
            self.sizes = problem.prices.sizes(*weights)
        self.archive = Archive(STEPS, self._smallest(), STEP_RATIO)
        self.tried = np.zeros(len(MOVE_NAMES), np.int64)
        self.kept = np.zeros(len(MOVE_NAMES), np.int64)
        self.carried: Gates | None = None

    def _smallest(self) -> float:
        """The size of the smallest gate, the unit of the archive's scale."""
        p = self.problem
        smallest = float(np.min(p.cells.area))
        if p.physics is None:
            return smallest
        size = smallest * p.physics.area_weight
        if p.physics.leak is not None:
            leak = p.physics.leak[np.isfinite(p.cells.area)]
            size += float(leak[leak > 0].min(initial=2**40)) * p.physics.power_weight / 1000
        return size if size > 0 else smallest

    def round(self) -> None:
        """One round: the next price from the next start while there are any, then from a point of the front."""
        p, s = self.problem, self.problem.settings
        rng = np.random.default_rng((*self.seed, self.rounds))
        low, high = np.log(s.temperatures[0]), np.log(s.temperatures[1])
        temperature = float(np.exp(rng.uniform(low, high))) * p.weight
        start, index = divmod(self.rounds, s.sweep)
        if start < len(self.starts) or not self.best:
            gates = self.starts[start % len(self.starts)] if index == 0 or self.carried is None else self.carried
            price = s.prices[0] * (s.prices[1] / s.prices[0]) ** (index / max(1, s.sweep - 1))
        else:
            gates, price = self._continue(rng)
        first = 2 + len(p.scored.inputs)
        state = State(reorder(gates, first, rng), p.scored, self.weights, rng, p.physics, self.sizes)
        moves = int(np.clip(s.effort / ((state.live + 20) * len(p.scored.valid)), 500, 1_000_000))
        shares = dict(s.shares) if self.sizes is not None else {**s.shares, "level": 0}
        made = plan(int(rng.integers(2**63)), shares, p.functions, s.certainty)
        before = self.archive.errors.copy(), self.archive.size.copy()
        for part in COOLING:
            self.evaluated += state.anneal(
                self.archive, made, moves=moves, price=price * p.weight / 1e8, temperature=temperature * part
            )
            self.moves += moves
        self.tried += np.array(made.tried)
        self.kept += np.array(made.kept)
        self.carried = state.gates()
        for step in np.flatnonzero((self.archive.errors != before[0]) | (self.archive.size != before[1])):
            errors, size = int(self.archive.errors[step]), float(self.archive.size[step])
            self.enter(int(step), self.entry(self.archive.circuit(int(step)), errors, size))
        self.rounds += 1
        if self.clean_up is not None and s.clean_every and self.rounds % s.clean_every == 0:
            self.clean(rng, self.clean_up)

    def _continue(self, rng: np.random.Generator) -> tuple[Gates, float]:
        """A point of the front and a price near the front's slope there."""
        steps = self.pareto()
        i = int(rng.integers(len(steps)))
        here, below, above = (self.best[steps[min(max(k, 0), len(steps) - 1)]] for k in (i, i - 2, i + 2))
        if above.size > below.size:
            slope = (below.errors - above.errors) / self.problem.weight / (above.size - below.size) * 1e8
        else:
            slope = 1.0
        low, high = self.problem.settings.prices
        return here.gates, float(np.clip(slope, low, high) * np.exp(rng.uniform(-0.7, 0.7)))

    def clean(self, rng: np.random.Generator, clean_up: Cleaner, most: int = 4) -> None:
        """Clean some circuits of the front; a smaller one of the same function takes the place at its size."""
        steps = self.pareto()
        for step in sorted(rng.permutation(steps)[:most].tolist()):
            old = self.best[step]
            entry = self.entry(from_netlist(clean_up(self.problem.netlist(old.gates))), old.errors)
            if entry.size < old.size * 0.9999 and self._in_time(entry):
                self.admit(entry)

    def _in_time(self, entry: Entry) -> bool:
        physics = self.problem.physics
        if physics is None or physics.delay is None:
            return True
        return slowest(entry.gates, 2 + len(self.problem.scored.inputs), physics.delay) <= physics.delay_limit

    def pareto(self) -> list[int]:
        """Steps in which fewer rows are wrong than in any smaller one."""
        found: list[int] = []
        for step in sorted(self.best):
            if not found or self.best[step].errors < self.best[found[-1]].errors:
                found.append(step)
        return found

    def entry(self, gates: Gates, errors: int, size: float | None = None) -> Entry:
        """Measure a circuit; size: where the kernel has summed it up already."""
        p = self.problem
        area = float(p.cells.area[gates.op].sum())
        train, _ = accuracies(gates, p.train)
        size = self._size(gates) if size is None else size
        return Entry(gates, area, size, errors, train, *accuracies(gates, p.validation))

    def _power(self, gates: Gates) -> float:
        """nW, the mean over the scored rows, each counted once; 0 where power does not count."""
        p = self.problem
        if p.physics is None or p.physics.leak is None:
            return 0.0
        return p.physics.power(drain(gates, p.scored, p.physics.leak), p.scored)

    def _size(self, gates: Gates) -> float:
        """What the search weighs, by a whole evaluation."""
        p = self.problem
        size = float(self.weights[gates.op].sum())
        if p.physics is not None:
            size += p.physics.power_weight * self._power(gates)
        if self.sizes is not None:
            read = read_bits(gates, len(p.scored.inputs))
            size += float(self.sizes.size[read].sum())
            size += float(self.sizes.group_size[np.unique(self.sizes.group[read])].sum())
        return size

    def enter(self, step: int, entry: Entry) -> None:
        """Take a circuit as the best of its step."""
        self.best[step] = entry
        if step not in self.chosen or self.score(entry) >= self.score(self.chosen[step]):
            self.chosen[step] = entry

    def admit(self, entry: Entry) -> None:
        """Take a circuit that was not found here, where it is better than what its step holds."""
        step = self.archive.step(entry.size)
        errors, size = self.archive.errors[step], self.archive.size[step]
        if entry.errors < errors or (entry.errors == errors and entry.size < size * 0.9999):
            self.archive.errors[step], self.archive.size[step] = entry.errors, entry.size
            self.enter(step, entry)

    def merge(self, others: Iterable[Entry]) -> None:
        """Take what other pools would hand out, in order, where it is better."""
        for entry in others:
            step = self.archive.step(entry.size)
            old = self.chosen.get(step)
            if old is None or (self.score(entry), -entry.size) > (self.score(old), -old.size):
                self.chosen[step] = entry

    def score(self, entry: Entry) -> float:
        """What circuits are chosen by: validation accuracy and, as that is noisy, accuracy on the scored rows."""
        share = self.problem.settings.selection
        return share * entry.choice + (1 - share) * (1 - entry.errors / self.problem.weight)

    def describe(self) -> str:
        """One line of progress."""
        front = [self.best[step] for step in self.pareto()]
        picks = [front[int(i)] for i in np.linspace(0, len(front) - 1, min(5, len(front)))]
        points = ", ".join(f"{100 * e.validation:.1f} % @ {e.area / 1e8:.3f}" for e in picks)
        return f"round {self.rounds}, {self.evaluated} candidates: {points}"

    def front(self) -> tuple[Candidate, ...]:
        """The chosen circuits of which none is both larger and worse than another."""
        p = self.problem
        found: list[Candidate] = []
        best = -1.0
        for step in sorted(self.chosen):
            entry = self.chosen[step]
            if self.score(entry) <= best:
                continue
            best = self.score(entry)
            netlist = p.netlist(entry.gates)
            if self.clean_up is not None:
                cleaned = self.clean_up(netlist)
                smaller = self.entry(from_netlist(cleaned), entry.errors)
                if smaller.size < entry.size and self._in_time(smaller):
                    netlist, entry = cleaned, smaller
            scored = 1 - entry.errors / p.weight
            power = self._power(entry.gates)
            inputs = (0.0, 0.0)
            if p.prices is not None:
                inputs = p.prices.cost(read_bits(entry.gates, len(p.scored.inputs)))
            found.append(
                Candidate(netlist, entry.area, scored, entry.train, entry.validation, power, *inputs, entry.size)
            )
        return tuple(found)

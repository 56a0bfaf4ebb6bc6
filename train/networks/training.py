"""Training of hundreds of tiny multilayer perceptrons at once, as one batched tensor program on CPU or GPU.

Here live the population, its schedule and the choice of each member's best weights; the arithmetic of one step
lives in `inkling.train.networks.population`, and turning networks to integers in `inkling.approx.quantise.networks`.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from inkling.train.networks.float_network import FloatNetwork
from inkling.train.networks.population import Member
from inkling.train.tables.dataset import Development

if TYPE_CHECKING:
    from inkling.train.networks.population import Population

Progress: TypeAlias = Callable[[float, float], None]

BATCH = 512
STEPS = 4000
LEAST_STEPS = 400  # however wide a table is
# Members of one program on a CPU: enough to drown the overhead of an operation, few enough for its caches.
CPU_MEMBERS = 48
# Cycled over the members, so that one population holds sparse and dense, fast and slow learners.
L1 = (1e-4, 3e-4, 1e-3)
LEARNING_RATES = (0.01, 0.02, 0.04)
ACTIVATION_BITS = (8, 6, 5, 4)


@dataclass(frozen=True)
class Published:
    """A table of the printed-classifier literature: rows, feature columns, classes, and its one hidden layer."""

    rows: int
    columns: int
    classes: int
    hidden: int

    def is_table(self, development: Development) -> bool:
        """Whether the rows can be this table's: a name alone may be anybody's."""
        rows = len(development.train.labels) + len(development.validation.labels)
        # Test rows are elsewhere, and columns that are constant were dropped.
        return (
            len(development.classes) == self.classes
            and 0.9 * self.columns <= len(development.columns) <= self.columns
            and 0.5 * self.rows <= rows <= self.rows
        )


PUBLISHED = {
    "arrhythmia": Published(420, 278, 12, 5),
    "balance_scale": Published(625, 4, 3, 3),
    "breast_cancer": Published(683, 9, 2, 3),
    "cardio": Published(2126, 21, 3, 3),
    "pendigits": Published(10992, 16, 10, 5),
    "redwine": Published(1599, 11, 6, 2),
    "seeds": Published(210, 7, 3, 3),
    "vertebral_3c": Published(310, 6, 3, 3),
    "whitewine": Published(4898, 11, 7, 4),
}


def default_hidden(development: Development) -> tuple[int, ...]:
    """Hidden widths to try: the literature's for its tables, otherwise three that grow with the classes."""
    known = PUBLISHED.get(development.name)
    if known is not None and known.is_table(development):
        return (known.hidden,)
    classes = len(development.classes)
    widest = min(10, max(4, classes))
    return tuple(sorted({2, max(3, widest // 2), widest}))


@dataclass(frozen=True)
class Schedule:
    """Steps of a training: warm-up, then cosine decay; plain floats before step `quantise_from`."""

    epochs: int
    batch: int
    steps: int
    quantise_from: int
    check_every: int

    def rate(self, step: int) -> float:
        """Factor on every member's learning rate."""
        warm = max(1, self.steps // 20)
        if step < warm:
            return (step + 1) / warm
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))


def schedule(rows: int, epochs: int | None, steps: int = STEPS) -> Schedule:
    """The schedule for a number of training rows; `epochs` None takes about `steps` steps."""
    batch = min(rows, BATCH)
    per_epoch = rows // batch
    epochs = epochs if epochs is not None else max(1, math.ceil(steps / per_epoch))
    steps = per_epoch * epochs
    return Schedule(epochs, batch, steps, steps // 3, max(1, min(per_epoch, 20) if per_epoch > 1 else 10))


def train(
    development: Development,
    *,
    hidden: Sequence[int],
    restarts: int,
    seed: int,
    power_of_two: bool,
    l1: Sequence[float] | float = L1,
    epochs: int | None = None,
    steps: int = STEPS,
    patience: int | None = None,
    device: str | None = None,
    time_limit_s: float | None = None,
    progress: Progress | None = None,
) -> list[FloatNetwork]:
    """Train `restarts` networks of each width in `hidden`, and return them, the best first.

    Order: validation accuracy, then fewer weights that are not zero. Each is the member's state of best validation
    accuracy. l1: weights of the L1 penalty, cycled over the restarts; steps: about so many, without epochs;
    patience: end a program when no member got better for that many epochs; device: a torch device, None takes a GPU
    where there is one; time_limit_s: return what there is after that many seconds (the result then depends on the
    machine's speed; without it the seed fixes the result); progress: called with the fraction done and the best
    validation accuracy so far. Ctrl-C ends the training and returns the best so far.
    """
    import torch

    from inkling.train.networks.population import Population

    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    penalties = [l1] if isinstance(l1, int | float) else list(l1)
    members = _members(hidden, restarts, penalties)
    plan = schedule(len(development.train.labels), epochs, steps)
    chunk = len(members) if where.type == "cuda" else CPU_MEMBERS
    populations = [
        Population.new(development, members[first : first + chunk], power_of_two, seed + 7919 * first, where)
        for first in range(0, len(members), chunk)
    ]
    run = _Run(plan, seed, time_limit_s, patience, len(populations), progress)
    threads_before = torch.get_num_threads()
    try:
        if where.type == "cuda":
            _single(run, populations)
        else:
            _threaded(run, populations)
    finally:
        torch.set_num_threads(threads_before)
    networks = [network for population in populations for network in population.networks(development)]
    return sorted(networks, key=lambda network: (-network.validation_accuracy, network.size))


def _members(hidden: Sequence[int], restarts: int, penalties: Sequence[float]) -> list[Member]:
    """Every combination of penalty, rate and bits in turn, for each width."""
    combinations = [
        (penalty, rate, bits) for bits in ACTIVATION_BITS for rate in LEARNING_RATES for penalty in penalties
    ]
    return [
        Member(width, *combinations[number % len(combinations)]) for width in hidden for number in range(restarts)
    ]


def affordable_steps(development: Development, hidden: Sequence[int], restarts: int, steps: int, work: float) -> int:
    """Steps of `train`: as many as are wanted, or as `work` multiply-accumulates pay for.

    A budget that is counted: a slow or frozen machine takes longer for the same networks.
    """
    batch = min(len(development.train.labels), BATCH)
    width = len(development.columns) + len(development.classes)
    # Forward, and backward by weights and by activations.
    each = 3.0 * batch * width * sum(hidden) * restarts
    return int(min(max(work / each, LEAST_STEPS), steps))


class _Run:
    """Shared state of the programs of one training: when to stop, and how far all of them are."""

    def __init__(
        self,
        plan: Schedule,
        seed: int,
        time_limit_s: float | None,
        patience: int | None,
        programs: int,
        progress: Progress | None,
    ) -> None:
        self.plan, self.seed, self.patience, self.programs, self.progress = plan, seed, patience, programs, progress
        self.ends = math.inf if time_limit_s is None else time.monotonic() + time_limit_s
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.steps_done = 0
        self.best = 0.0

    def over(self) -> bool:
        return self.stop.is_set() or time.monotonic() > self.ends

    def train(self, population: "Population") -> None:
        """One program from its first to its last step. At least one check is made, so that a result exists."""
        import torch

        torch.set_num_threads(1)  # of this thread: sums then do not depend on the number of cores
        generator = torch.Generator().manual_seed(self.seed)
        plan, step, last_better, told = self.plan, 0, 0, 0
        population.check()
        for epoch in range(plan.epochs):
            x, y = population.shuffled(generator)
            for first in range(0, population.rows - plan.batch + 1, plan.batch):
                batch = slice(first, first + plan.batch)
                population.step(x[:, batch], y[:, batch], plan.rate(step), step >= plan.quantise_from)
                step += 1
                if step % plan.check_every == 0 or step == plan.steps:
                    if self.over():
                        return
                    if step >= plan.quantise_from and population.check():
                        last_better = epoch
                    self.tell(step - told, population.best_accuracy())
                    told = step
            if self.patience is not None and epoch - last_better > self.patience and step >= plan.quantise_from:
                return

    def tell(self, steps: int, best: float) -> None:
        if self.progress is None:
            return
        with self.lock:
            self.steps_done += steps
            self.best = max(self.best, best)
            self.progress(self.steps_done / (self.plan.steps * self.programs), self.best)


def _single(run: _Run, populations: "Sequence[Population]") -> None:
    try:
        for population in populations:
            run.train(population)
    except KeyboardInterrupt:
        return


def _threaded(run: _Run, populations: "Sequence[Population]") -> None:
    """One single-threaded program per core: for arrays this small faster than threads inside each operation."""
    with ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)))) as pool:
        futures = [pool.submit(run.train, population) for population in populations]
        try:
            # In slices: an unlimited wait would not see every way in which an interrupt arrives.
            while wait_for(futures, timeout=0.1).not_done:
                pass
        except KeyboardInterrupt:
            run.stop.set()
            wait_for(futures)
        for future in futures:
            future.result()

"""One call from a table's development rows to a front of gate circuits: teacher, trees as starts, search.

Each part can be used alone: `inkling.approx.quantise.teacher`, `inkling.approx.netlists.tree`,
`inkling.approx.gates.search`.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from inkling.approx.gates.inputs import InputPrices
from inkling.approx.gates.physics import Physics
from inkling.approx.gates.search import Candidate, Settings, search
from inkling.approx.netlists import tree
from inkling.approx.quantise import teacher
from inkling.approx.reference.netlist import CellType, Netlist
from inkling.train.tables.dataset import Development, Rows

LEAVES = (64, 24, 10, 5)


def leaves_for(development: Development) -> tuple[int, ...]:
    """Sizes of the trees to start from: larger ones for larger tables."""
    rows = len(development.train.labels)
    return tuple(size for size in (400, 160) if rows >= 12 * size) + LEAVES


def front(
    development: Development,
    *,
    areas: Mapping[str, float],
    seconds: float | None = None,
    moves: int | None = None,
    rounds: int | None = None,
    seed: int = 0,
    rows: int = 10_000,
    leaves: Sequence[int] | None = None,
    starts: Sequence[Netlist] = (),
    cell_types: Sequence[CellType] = tree.TWO_INPUT_CELLS,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
    checkpoint: Path | None = None,
    clean_up: Callable[[Netlist], Netlist] | None = None,
    refit: bool = False,
    noise: int = 0,
    balance: bool = False,
    physics: Physics | None = None,
    prices: InputPrices | None = None,
    islands: int = 1,
    executor: Executor | None = None,
) -> tuple[Candidate, ...]:
    """The front of circuits with one port per column of the table, smallest area first.

    rows: how many jittered rows a teacher labels; leaves: sizes of the trees to start from, by default `leaves_for`;
    starts: further circuits with the same ports; refit: validation rows choose the teacher and then join the scored
    rows, and scored rows alone choose among circuits (a candidate's validation accuracy is then no estimate of what
    new rows would give); noise: copies of every training row that are scored with its label and with codes moved by
    up to 1; balance: every class weighs the same, among scored rows and among those that choose; other arguments as
    in `inkling.approx.gates.search.search`.
    """
    guide = teacher.choose(development, seed=seed, refit=refit)
    if refit:
        development = teacher.joined(development)
        settings = replace(settings or Settings(), selection=0.0)
    labelled = teacher.augment(development, rows=rows, seed=seed, teacher=guide, noise=noise, balance=balance)
    trees = [
        tree.build(teacher.tree(labelled, development, count, seed=seed), cell_types)
        for count in leaves or leaves_for(development)
    ]
    return search(
        [*trees, *starts],
        Rows(labelled.codes, labelled.labels),
        development.validation,
        areas=areas,
        seconds=seconds,
        moves=moves,
        rounds=rounds,
        seed=seed,
        weights=labelled.weights,
        train=development.train,
        validation_weights=teacher.balanced(development.validation.labels) if balance else None,
        physics=physics,
        prices=prices,
        islands=islands,
        executor=executor,
        settings=settings,
        progress=progress,
        checkpoint=checkpoint,
        clean_up=clean_up,
    )

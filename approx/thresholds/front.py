"""One call from a table's development rows to a front of circuits on thresholds: teacher, priced trees, gate search.

The same for circuits on binary codes is `inkling.approx.gates.front`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

import numpy as np

from inkling.approx.gates.front import leaves_for
from inkling.approx.gates.inputs import InputPrices
from inkling.approx.gates.physics import Physics
from inkling.approx.gates.search import Candidate, Settings, search
from inkling.approx.netlists import tree as tree_netlist
from inkling.approx.quantise import teacher
from inkling.approx.reference.netlist import CellType, Netlist
from inkling.approx.thresholds.levels import Levels
from inkling.approx.thresholds.tree import priced
from inkling.train.tables.dataset import Development, Rows

# Error share that 1 cm2 costs in a tree of so many leaves, at the least and at the most: larger trees are for cheaper
# area, where they end.
START_PRICES = (0.02, 4.0)
COPIES = 2  # of the scored rows, each read by other nodes


def front(
    development: Development,
    levels: Levels,
    prices: InputPrices | None,
    *,
    areas: dict[str, float],
    cell_types: Sequence[CellType],
    rounds: int,
    seed: int = 0,
    rows: int = 10_000,
    leaves: Sequence[int] | None = None,
    starts: Sequence[Netlist] = (),
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
    refit: bool = False,
    balance: bool = False,
    physics: Physics | None = None,
    islands: int = 1,
    executor: Executor | None = None,
    checkpoint: Path | None = None,
    robust: float = 0.0,
) -> tuple[Candidate, ...]:
    """The front of circuits with one port for each threshold of `levels`, smallest first; arguments as in
    `inkling.approx.gates.front.front`, prices: of the thresholds.

    robust: standard deviation of the thresholds' shifts in print, per cent of the range: then rows that are scored
    and those that choose are read by nodes that are off, COPIES times each; their accuracy is the mean over nodes.
    Jittered rows move by as much of a column's range as on a grid of 4 bits, whatever the grid.
    """
    guide = teacher.choose(development, seed=seed, refit=refit)
    if refit:
        development = teacher.joined(development)
        settings = replace(settings or Settings(), selection=0.0)
    jitter = max(1, 2 ** (max(development.input_bits) - 4))
    labelled = teacher.augment(development, rows=rows, seed=seed, teacher=guide, jitter=jitter, balance=balance)
    classes = len(development.classes)
    sizes = tuple(leaves or leaves_for(development))
    weight = physics.power_weight if physics is not None else 0.0
    gate = min(area for area in areas.values())
    scale = np.geomspace(*START_PRICES, len(sizes)) if len(sizes) > 1 else [START_PRICES[0]]
    trees = [
        tree_netlist.build(
            priced(
                levels,
                labelled,
                classes,
                prices,
                leaves=count,
                price=float(price),
                per_split=2 * gate,
                power_weight=weight,
            ),
            cell_types,
        )
        for count, price in zip(sorted(sizes, reverse=True), scale, strict=True)
    ]
    scored, choosing = Rows(levels.read(labelled.codes), labelled.labels), levels.rows(development.validation)
    weights = labelled.weights
    choosing_weights = teacher.balanced(development.validation.labels) if balance else None
    if robust:
        rng = np.random.default_rng((seed, 1))
        scored = _shifted(levels, Rows(labelled.codes, labelled.labels), robust, rng)
        choosing = _shifted(levels, development.validation, robust, rng)
        weights = np.tile(weights, COPIES)
        choosing_weights = None if choosing_weights is None else np.tile(choosing_weights, COPIES)
    return search(
        [*trees, *starts],
        scored,
        choosing,
        areas=areas,
        rounds=rounds,
        seed=seed,
        weights=weights,
        train=levels.rows(development.train),
        validation_weights=choosing_weights,
        physics=physics,
        prices=prices,
        islands=islands,
        executor=executor,
        checkpoint=checkpoint,
        settings=settings,
        progress=progress,
    )


def _shifted(levels: Levels, rows: Rows, sigma: float, rng: np.random.Generator) -> Rows:
    """Bits of the rows as so many nodes that are off give them."""
    bits = [levels.read_shifted(rows.codes, sigma, rng) for _ in range(COPIES)]
    return Rows(np.concatenate(bits), np.tile(rows.labels, COPIES))

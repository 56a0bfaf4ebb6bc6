"""The gate-level search: from circuits and labelled rows to a front of smaller circuits, area against accuracy.

Local search with annealing, scored bit-parallel; changes and their evaluation live in `kernel.cpp`, rounds and
the choice in `inkling.approx.gates.pool`, the scored rows come from `inkling.approx.quantise.teacher`. Validation
rows choose among circuits and are never scored.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.gates.inputs import InputPrices
from inkling.approx.gates.packing import PackedRows, from_netlist, input_bits, library, pack
from inkling.approx.gates.physics import Physics, tables
from inkling.approx.gates.pool import SHARES, Candidate, Cleaner, Pool, Problem, Settings
from inkling.approx.reference.netlist import Netlist
from inkling.train.tables.dataset import Rows

__all__ = ["SHARES", "Candidate", "Physics", "Settings", "search", "with_settings"]

SECONDS_BETWEEN_CHECKPOINTS = 10


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
    validation_weights: NDArray[np.int64] | None = None,
    physics: Physics | None = None,
    prices: InputPrices | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
    checkpoint: Path | None = None,
    clean_up: Cleaner | None = None,
    islands: int = 1,
    executor: Executor | None = None,
) -> tuple[Candidate, ...]:
    """The front found, smallest first.

    starts: circuits with the same ports; rows, weights: what is scored, codes with one column per input port ("values
    that enter"), weights int64 [rows] or None; train: rows whose accuracy is reported, by default `rows`; validation:
    rows that choose, by validation_weights int64 [rows] where given. areas: cell area by name, for cells of the
    starts' cell_types; physics: what counts beside area, by default nothing; prices: of the input
    bits, by default they are free. Give `moves` (candidates drawn; the
    result is then the same for the same seed), or `rounds` (likewise; a round takes about the same time whatever the
    circuit), or `seconds` (as many whole rounds as fit). checkpoint: a file that is written now and then and
    continued from where it fits the problem. clean_up: an exact minimiser that is applied to the front at the end,
    and every `Settings.clean_every` rounds; it returns what it was given where it fails. islands: searches that
    run at once and exchange their fronts (`inkling.approx.gates.islands`); `rounds` is then of all together, and
    clean_up must be importable by name; executor: what runs them, on other machines for one, else processes here,
    with the same result. Ctrl-C ends the search and returns what was found. Where there is a delay limit and no
    circuit within it is found, the front is empty.
    """
    given = (starts,) if isinstance(starts, Netlist) else tuple(starts)
    if not given or sum(budget is not None for budget in (seconds, moves, rounds)) != 1:
        raise ValueError("give at least one start, and one of seconds, moves and rounds")
    made = problem(given, rows, validation, areas, weights, train, validation_weights, physics, settings, prices)
    gates = [from_netlist(start) for start in given]
    if islands > 1:
        from inkling.approx.gates import islands as gate_islands

        if moves is not None:
            raise ValueError("islands take rounds or seconds")
        return gate_islands.search(
            made,
            gates,
            seed,
            islands=islands,
            seconds=seconds,
            rounds=rounds,
            executor=executor,
            progress=progress,
            checkpoint=checkpoint,
            clean_up=clean_up,
        ).front()
    pool = Pool(made, gates, (seed,), clean_up)
    if checkpoint is not None:
        from inkling.approx.gates import checkpoint as gate_checkpoint

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
            if checkpoint is not None and time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                gate_checkpoint.save(pool, checkpoint)
                saved = time.monotonic()
    if checkpoint is not None:
        gate_checkpoint.save(pool, checkpoint)
    return pool.front()


def problem(
    starts: Sequence[Netlist],
    rows: Rows,
    validation: Rows,
    areas: Mapping[str, float],
    weights: NDArray[np.int64] | None = None,
    train: Rows | None = None,
    validation_weights: NDArray[np.int64] | None = None,
    physics: Physics | None = None,
    settings: Settings | None = None,
    prices: InputPrices | None = None,
) -> Problem:
    """What a search from these starts works on; arguments as in `search`."""
    first = starts[0]
    if any(start.inputs != first.inputs or start.outputs != first.outputs for start in starts):
        raise ValueError("the starts of a gate search must have the same ports")
    if any(start.cell_types != first.cell_types for start in starts):
        raise ValueError("the starts of a gate search must have the same cell types")
    width = sum(port.width for port in first.outputs)
    cells = library(first.cell_types, areas)

    def packed(part: Rows, part_weights: NDArray[np.int64] | None) -> PackedRows:
        return pack(input_bits(part.codes, first.inputs), part.labels, width, part_weights)

    functions = [table for table in (7, 1, 8, 14, 6, 9, 2, 4, 11, 13) if np.isfinite(cells.area[table])]
    total = len(rows.labels) if weights is None else int(weights.sum())
    return Problem(
        first.inputs,
        first.outputs,
        cells,
        None if physics is None else tables(physics, cells),
        packed(rows, weights),
        packed(train or rows, None),
        packed(validation, validation_weights),
        functions,
        total,
        settings or Settings(),
        prices,
    )


def with_settings(**changes: Any) -> Settings:
    """The default settings with some changed."""
    return replace(Settings(), **changes)

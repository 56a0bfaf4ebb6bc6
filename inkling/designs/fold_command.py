"""`inkling fold`: a folder of the smallest folded circuit of a design folder's network, stopped and gone on with.

What is mapped, checked and described is `inkling.designs.fold`'s.
"""

import contextlib
import hashlib
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.network import IntegerNetwork
from inkling.designs.fold import CANDIDATES, TIME_LIMIT_S, Attempt, Tried, check, describe, smallest
from inkling.hdl.cells.choice import technology_of
from inkling.hdl.cells.technology import Technology
from inkling.runs.checkpoint import Checkpoint
from inkling.runs.folder import run_folder
from inkling.runs.scratch import check_ready, scratch
from inkling.runs.stop import Stop, ending_in, stopping
from inkling.runs.workers import run_each
from inkling.sim.verdicts import files as verdict_files
from inkling.sim.verdicts.verdict import Outcome, Verdict, overall

WORDS = "the circuits that are mapped are kept, and the smallest is checked and written"


@dataclass(frozen=True)
class FoldRequest:
    """What `inkling fold` was asked for; rows: a table or a named set, vectors: random ones beside its rows."""

    folder: Path
    clocks: int
    out: Path | None
    rows: str | None
    data: Path | None
    effort: str
    seed: int
    vectors: int
    liberty: tuple[Path, ...]
    as_json: bool


def execute(asked: FoldRequest) -> bool:
    """Fold a design folder's network, check it, write the folder `out`; whether no check failed.

    Ends the program with status 130 or 143 where it was stopped. A stop leaves the smallest circuit of those
    that were mapped, where there is one, and the same command goes on. Raises InputError,
    inkling.approx.programs.process.ToolError.
    """
    from inkling.approx.reference import network_files

    network = network_files.load(asked.folder)
    place = asked.out or asked.folder / "folded"
    technology = technology_of(asked.liberty)
    values = _vectors(asked, network)
    check_ready(place)
    with scratch(), stopping(WORDS) as stop, ending_in(stop, place):
        summary, verdicts, left = _fold(asked, place, network, technology, values, stop)
    if asked.as_json:
        print(json.dumps(summary, indent=1))
    else:
        _show(summary, verdicts, place)
    if left:
        print(f"inkling: stopped before {left} more circuits were mapped; the same command goes on", file=sys.stderr)
        sys.exit(stop.status)
    return overall(verdicts) is not Outcome.FAILED


def _fold(
    asked: FoldRequest,
    place: Path,
    network: IntegerNetwork,
    technology: Technology,
    values: NDArray[np.uint8],
    stop: Stop,
) -> tuple[dict[str, Any], list[Verdict], int]:
    """Write the folder; what folded.json holds, the verdicts, and how many circuits a stop left unmapped."""
    from inkling.approx.folding import search
    from inkling.approx.reference import network_files
    from inkling.approx.reference.netlist_files import to_json
    from inkling.hdl.folded.texts import component
    from inkling.hdl.mapping.sequential import emit

    smaller = search.without_constant_neurons(network)
    schedules = search.search(smaller, most_clocks=asked.clocks)[:CANDIDATES]
    effort: Any = asked.effort
    key = _key(asked, network, technology, values)
    with run_folder(place, "folded.json", "inkling.folded/", key=key) as folder:
        kept = Checkpoint(folder, key)
        attempt = Attempt(smaller, technology, effort, asked.seed, TIME_LIMIT_S, kept.mappings)
        tried: dict[int, Tried] = {}
        try:
            with stop.interrupting():
                for number, one in run_each(attempt, schedules):
                    tried[number] = one
        except KeyboardInterrupt:
            if not tried:
                raise
        made = smallest([tried[number] for number in sorted(tried)])
        left = len(schedules) - len(tried)
        # A stop while circuits were mapped is what brought us here; only one that comes now ends the checks.
        with contextlib.nullcontext() if left else stop.interrupting():
            ((_, verdicts),) = run_each(_Check(network, values), [made.best], workers=1)
        outcome = overall(verdicts)
        summary = describe(made, technology, network)
        summary |= {"verified": outcome is Outcome.PASSED, "outcome": str(outcome)}
        summary |= {"unmapped": left} if left else {}
        texts = {
            "top.v": made.best.verilog,
            "mapped.v": emit(made.best.mapped),
            "component.py": component(made.best.plan, class_names=_classes(asked.folder)),
            "verdict.json": verdict_files.text(verdicts),
            "netlist.json": to_json(made.best.mapped.logic),
            "folded.json": json.dumps(summary, indent=1) + "\n",
        }
        described = asked.folder / "design.json"
        if described.is_file():
            texts = {"design.json": described.read_text("utf-8"), **texts}
        network_files.save(network, folder)
        for name, text in texts.items():
            (folder / name).write_bytes(text.encode())
        if not left:
            kept.remove()
    return summary, verdicts, left


@dataclass(frozen=True, eq=False)
class _Check:
    """`check` of a circuit, for a process of its own, whose tools end with it."""

    network: IntegerNetwork
    values: NDArray[np.uint8]

    def __call__(self, made: Tried) -> list[Verdict]:
        return check(made, self.network, self.values)


def _key(asked: FoldRequest, network: IntegerNetwork, technology: Technology, values: NDArray[np.uint8]) -> str:
    """SHA-256 of all that decides the folder's files."""
    from inkling.approx.reference import network_files
    from inkling.version import __version__

    found = hashlib.sha256("\0".join((__version__, repr(technology), str(asked.clocks), asked.effort)).encode())
    found.update(str(asked.seed).encode())
    with tempfile.TemporaryDirectory(prefix="inkling-") as name:
        network_files.save(network, Path(name))
        for path in sorted(Path(name).iterdir()):
            found.update(path.read_bytes())
    found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def _vectors(asked: FoldRequest, network: IntegerNetwork) -> NDArray[np.uint8]:
    """Rows of a table, where one is given, and then random values."""
    top = np.array([2**item.bits - 1 for item in network.inputs], np.uint8)
    drawn = np.random.default_rng(asked.seed).integers(0, 256, (asked.vectors, len(top)), dtype=np.uint8) & top
    if asked.rows is None:
        return drawn
    from inkling.designs.rows import design_rows
    from inkling.sim.designs.folder import read

    values, _ = design_rows(read(asked.folder), asked.rows, data_folder=asked.data)
    return np.concatenate([values, drawn])


def _classes(folder: Path) -> tuple[str, ...]:
    try:
        described = json.loads((folder / "design.json").read_text("utf-8"))
        return tuple(str(name) for name in described["output"]["classes"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _show(summary: dict[str, Any], verdicts: list[Verdict], place: Path) -> None:
    from inkling.reports.terminal.console import Terminal

    console = Terminal()
    console.print(
        f"{summary['area_cm2']:.3f} cm2: {summary['gates']} gates and {summary['flip_flops']} flip-flops, "
        f"{summary['clocks']} clocks"
    )
    for verdict in verdicts:
        console.print(verdict.line(), highlight=False, markup=False, soft_wrap=True)
    console.print(f"written to {place}", highlight=False)

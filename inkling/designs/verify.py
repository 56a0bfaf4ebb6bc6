"""`inkling verify`: designs checked again from their files alone; the checks themselves are
`inkling.sim.designs.recheck`'s.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.designs import verify_folded
from inkling.designs.rows import design_rows, readings_of
from inkling.fields.verify import is_field, verify_field
from inkling.hdl.operations.amaranth.table import SHARING
from inkling.reports.page.escape import plain
from inkling.reports.terminal.console import Terminal
from inkling.reports.terminal.table import Column, show
from inkling.runs.effort import EFFORTS
from inkling.sim.blame.trace import Blame, blame
from inkling.sim.blame.waveform import vcd
from inkling.sim.designs import costs, manifest, meaning
from inkling.sim.designs.folder import DesignFolder, emission, read
from inkling.sim.designs.recheck import ABOUT, Budget, recheck
from inkling.sim.verdicts import files as verdict_files
from inkling.sim.verdicts.verdict import Outcome, Verdict, overall
from inkling.train.errors import InputError
from inkling.train.files import atomic
from inkling.train.files.checked_json import document, load


def verify(
    folder: Path,
    *,
    rows: str | None,
    target: str | None,
    data: Path | None,
    budget: Budget,
    trust: bool,
    as_json: bool,
    waveform: Path | None,
) -> Outcome:
    """Check a run folder or one design folder, write verdict.json into every design, and print what came out.

    Returns the outcome of all designs together. Raises InputError where a folder is missing or malformed.
    """
    if is_field(folder):
        if rows is not None:
            raise InputError(f"{folder} holds a field, which has queries and no rows; leave --rows out")
        return verify_field(folder, vectors=budget.vectors, proof_s=budget.proof_s, trust=trust, as_json=as_json)
    console = Terminal(stderr=as_json)
    documents = []
    if verify_folded.is_folded(folder):
        documents.append(_folded(folder, folder.name, budget, console))
    else:
        designs = [(place, read(place)) for place in design_folders(folder)]
        sharing = sharing_of(folder)
        for place, design in designs:
            if any(item.threshold is not None for item in design.network.inputs):
                readings_of(design)  # levels of comparators that network.json does not have are refused
            codes = design_rows(design, rows, target=target, data_folder=data)[0] if rows else None
            documents.append(_design(place, design, sharing, codes, budget, trust, waveform, console))
            if verify_folded.is_folded(place / "folded"):
                documents.append(_folded(place / "folded", f"{design.name}/folded", budget, console))
    of_run = [manifest.verdict(folder)] if (folder / "designs" / documents[0]["name"]).is_dir() else []
    if of_run and not (folder / manifest.MANIFEST).is_file():
        of_run = []  # of an earlier version
    for verdict in of_run:
        console.print(f"{plain(folder.name)}\n{verdict.line()}", highlight=False, soft_wrap=True, markup=False)
    outcomes = {item["outcome"] for item in documents} | {verdict.outcome for verdict in of_run}
    outcome = next(kind for kind in (Outcome.FAILED, Outcome.UNDECIDED, Outcome.PASSED) if kind in outcomes)
    if as_json:
        told: dict[str, Any] = {"passed": outcome is not Outcome.FAILED, "outcome": outcome, "designs": documents}
        if of_run:
            told["run"] = _described(folder.name, of_run)
        print(json.dumps(told, indent=1))
    else:
        _summarise(documents, console)
    bad = [_described(folder.name, of_run)] if any(verdict.failed for verdict in of_run) else []
    for kind, words in (
        (Outcome.FAILED, "verification failed for {}; see verdict.json there"),
        (Outcome.UNDECIDED, "undecided: {}; nothing differed, but a check came to no result; see verdict.json there"),
    ):
        if names := [plain(item["name"]) for item in (*documents, *bad) if item["outcome"] == kind]:
            print(f"inkling: {words.format(', '.join(names))}", file=sys.stderr)
    return outcome


def _design(
    place: Path,
    design: DesignFolder,
    sharing: int,
    codes: NDArray[np.uint8] | None,
    budget: Budget,
    trust: bool,
    waveform: Path | None,
    console: Terminal,
) -> dict[str, Any]:
    """Check one design, write its verdict.json and print a line for every check."""

    def show(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    console.print(plain(design.name), style="bold", highlight=False, markup=False)
    emitted = emission(design, (sharing,))
    whole = check_whole(place, design, emitted, trust=trust)
    for verdict in whole:
        show(verdict.line())
    checked = recheck(
        design,
        sharings=(sharing,),
        emitted=emitted,
        rows=codes,
        budget=budget,
        trust=trust,
        done=lambda verdict: show(verdict.line()),
    )
    usual = None if codes is None else np.array([np.bincount(column).argmax() for column in codes.T], np.uint8)
    blamed = [found for verdict in checked.verdicts if (found := blame(design, checked, verdict, usual))]
    for found in blamed:
        show(_blamed(found))
    shown = next((found for found in blamed if found.scopes), None)
    if waveform is not None and shown is not None:
        atomic.write(waveform, vcd(shown.scopes).encode())
        show(f"  {waveform} shows it")
    for name, what in checked.differs.items():
        show(f"  {name}: {what}")
    verdicts = verdict_files.bound([*whole, *checked.verdicts], place, ABOUT)
    verdict_files.write(place, verdicts)
    return _document(design, verdicts, checked.differs, blamed)


def _folded(place: Path, name: str, budget: Budget, console: Terminal) -> dict[str, Any]:
    """Check one folded design, write its verdict.json and print a line for every check."""
    console.print(plain(name), style="bold", highlight=False, markup=False)
    verdicts = verify_folded.recheck(
        place,
        vectors=budget.vectors,
        proof_s=budget.proof_s,
        done=lambda verdict: console.print(verdict.line(), highlight=False, soft_wrap=True, markup=False),
    )
    verdicts = verdict_files.bound(verdicts, place, {})
    verdict_files.write(place, verdicts)
    proven = any(verdict.proven for verdict in verdicts if verdict.route == "proof")
    return _described(name, verdicts) | {"proven": proven, "differs": {}, "faults": []}


def design_folders(folder: Path) -> list[Path]:
    """The folder itself where it is a design, else its designs in order of their names. Raises InputError."""
    if (folder / "network.json").is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError(f"there is no folder {str(folder)!r}; give a run folder or a design folder")
    inside = folder / "designs"
    found = sorted(path for path in inside.iterdir() if path.is_dir()) if inside.is_dir() else []
    if not found:
        raise InputError(f"{folder} holds neither network.json nor designs; give a run folder or a design folder")
    return found


def sharing_of(folder: Path) -> int:
    """The work on shared sums that the run's effort stands for; what is usual where no run.json tells."""
    for place in (folder, folder.parent.parent):
        if (place / "run.json").is_file():
            effort = EFFORTS.get(str(document(place / "run.json").get("effort")))
            return effort.sharing if effort else SHARING
    return SHARING


def check_whole(place: Path, design: DesignFolder, emitted: Mapping[str, str], *, trust: bool) -> list[Verdict]:
    """What a design is besides its function: its files, its meaning and its cost. Raises InputError."""
    required = design.described.get("schema") == meaning.DESIGN_SCHEMAS[-1]
    return [
        manifest.verdict(place, required=required, trusted=trust),
        *meaning.verdicts(design, place, emitted),
        costs.verdict(design.netlist, design.texts["mapped.v"], place, _point(place), required=required),
    ]


def _point(place: Path) -> dict[str, Any] | None:
    """What report.json of the run says of a design's cost, None where there is no run or it does not name it."""
    path = place.parent.parent / "report.json"
    if place.parent.name != "designs" or not path.is_file():
        return None
    fields = load(path)
    if fields.has("cost") and fields.data.get("name") == place.name:
        return dict(fields.inner("cost").data)
    points = fields.objects("points", optional=True)
    return next((dict(item.data) for item in points if item.data.get("name") == place.name), None)


def _document(
    design: DesignFolder, verdicts: list[Verdict], differs: dict[str, str], blamed: list[Blame]
) -> dict[str, Any]:
    return {
        **_described(design.name, verdicts),
        "proven": any(verdict.proven for verdict in verdicts if verdict.route == "proof"),
        "differs": differs,
        "faults": [asdict(replace(found, scopes=())) for found in blamed],
    }


def _described(name: str, verdicts: list[Verdict]) -> dict[str, Any]:
    return {
        "name": name,
        "passed": not any(verdict.failed for verdict in verdicts),
        "outcome": overall(verdicts),
        "proven": False,
        "verdicts": [
            {**verdict.to_json(), "outcome": verdict.outcome, "seconds": round(verdict.seconds, 3)}
            for verdict in verdicts
        ],
    }


def _blamed(found: Blame) -> str:
    values = ", ".join(f"{name}={value}" for name, value in found.vector.items() if value) or "every input 0"
    place = f"{found.subject}: {found.node or 'no node'}"
    if found.expected != found.found:
        place += f" is {found.found}, should be {found.expected}"
    return f"  {found.route}: {place} ({found.told}); vector: {values}"


def _summarise(documents: list[dict[str, Any]], console: Terminal) -> None:
    rows = []
    for item in documents:
        of = {
            kind: [verdict["route"] for verdict in item["verdicts"] if verdict["outcome"] == kind] for kind in Outcome
        }
        proven = "proven equal" if item["proven"] else "not proven"
        bulk = [verdict["vectors"] for verdict in item["verdicts"] if verdict["route"] == "bulk"]
        if bulk:
            proven += f"; {bulk[0]:,} vectors"
        routes = (", ".join(of[kind]) or "none" for kind in (Outcome.FAILED, Outcome.UNDECIDED))
        rows.append((item["name"], item["outcome"], str(len(item["verdicts"])), *routes, proven))
    columns = (
        Column("design", text=True),
        Column("outcome", text=True),
        Column("routes"),
        Column("failed", text=True),
        Column("undecided", text=True),
        Column("source to cells", text=True),
    )
    show(columns, rows, console)

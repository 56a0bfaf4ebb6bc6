"""`inkling verify` of a field's run folder: every route again, verdict.json, and a line for each.

The checks are `inkling.sim.fields.recheck`'s; folders of classifiers are `inkling.designs.verify`'s business.
"""

import json
import sys
from pathlib import Path

from inkling.fields.world_check import check_world
from inkling.reports.page.escape import plain
from inkling.reports.terminal.console import Terminal
from inkling.sim.fields.recheck import FieldBudget, recheck
from inkling.sim.verdicts import files
from inkling.sim.verdicts.verdict import Outcome, Verdict, overall


def is_field(folder: Path) -> bool:
    """Whether a folder holds an integer field."""
    return (folder / "field.json").is_file()


def verify_field(folder: Path, *, vectors: int, proof_s: float, trust: bool, as_json: bool) -> Outcome:
    """Check a field's folder, write verdict.json into it and print what came out.

    Raises InputError where a file is missing or malformed, or verdict.json cannot be written.
    """
    console = Terminal(stderr=as_json)
    name = plain(folder.name)
    console.print(name, style="bold", highlight=False, markup=False)

    def say(verdict: Verdict) -> None:
        console.print(verdict.line(), highlight=False, soft_wrap=True, markup=False)

    worlds = check_world(folder)
    for verdict in worlds:
        say(verdict)
    budget = FieldBudget(queries=vectors, clocks=20 * vectors, proof_s=proof_s)
    verdicts = (*worlds, *recheck(folder, budget=budget, trust=trust, done=say))
    for point in (point for verdict in verdicts for point in (verdict.coverage or {}).get("never_exercised", [])):
        console.print(f"  never exercised: {point}", highlight=False, markup=False)
    files.write(folder, verdicts)
    outcome = overall(verdicts)
    if as_json:
        recorded = [{**verdict.to_json(), "seconds": round(verdict.seconds, 3)} for verdict in verdicts]
        passed = outcome is not Outcome.FAILED
        print(
            json.dumps({"passed": passed, "outcome": outcome, "field": folder.name, "verdicts": recorded}, indent=1)
        )
    if outcome is Outcome.FAILED:
        print(f"inkling: verification failed for {name}; see verdict.json there", file=sys.stderr)
    elif outcome is Outcome.UNDECIDED:
        print(f"inkling: undecided: {name}; nothing differed, but a check came to no result", file=sys.stderr)
    return outcome

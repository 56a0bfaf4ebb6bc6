"""`inkling verify` of a field's run folder: every route again, verdict.json, and a line for each.

The checks are `inkling.sim.fields.recheck`'s; folders of classifiers are `inkling.designs.verify`'s business.
"""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from inkling.sim.fields.recheck import FieldBudget, recheck
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.errors import InputError
from inkling.train.files import atomic


def is_field(folder: Path) -> bool:
    """Whether a folder holds an integer field."""
    return (folder / "field.json").is_file()


def verify_field(folder: Path, *, vectors: int, proof_s: float, trust: bool, as_json: bool) -> bool:
    """Check a field's folder, write verdict.json into it and print what came out; True where every route passed.

    Raises InputError where a file is missing or malformed, or verdict.json cannot be written.
    """
    console = Console(stderr=as_json)
    console.print(folder.name, style="bold", highlight=False)
    checked = recheck(
        folder,
        budget=FieldBudget(queries=vectors, clocks=20 * vectors, proof_s=proof_s),
        trust=trust,
        done=lambda verdict: console.print(line(verdict), highlight=False, soft_wrap=True, markup=False),
    )
    for name in checked.coverage.get("never_exercised", []):
        console.print(f"  never exercised: {name}", highlight=False, markup=False)
    recorded = [record(verdict, checked.certificate, checked.coverage) for verdict in checked.verdicts]
    try:
        atomic.write(folder / "verdict.json", (json.dumps(recorded, indent=1) + "\n").encode())
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); give a folder of your own") from error
    passed = all(verdict.passed for verdict in checked.verdicts)
    if as_json:
        print(json.dumps({"passed": passed, "field": folder.name, "verdicts": recorded}, indent=1))
    if not passed:
        print(f"inkling: verification failed for {folder.name}; see verdict.json there", file=sys.stderr)
    return passed


def line(verdict: Verdict) -> str:
    """One verdict as a line."""
    word = "failed" if not verdict.passed else "proven" if verdict.proven else "passed"
    count = f"{verdict.vectors:,} queries" if verdict.vectors else ""
    wrong = f", {verdict.mismatches:,} wrong" if not verdict.passed and verdict.vectors else ""
    detail = f"  {verdict.detail}" if verdict.detail else ""
    example = f"  {verdict.counter_example}" if verdict.counter_example else ""
    return f"  {word}  {verdict.route:<23}{verdict.subject:<12} {count}{wrong}{detail}{example}"


def record(verdict: Verdict, certificate: dict[str, Any], coverage: dict[str, Any]) -> dict[str, Any]:
    """A verdict for verdict.json, with its seconds, its certificate, and what was never exercised."""
    data = {**verdict.to_json(), "seconds": round(verdict.seconds, 3)}
    if verdict.route == "control-proof" and certificate:
        data["certificate"] = certificate
    if verdict.route == "cocotb-field" and coverage:
        data["coverage"] = coverage
    return data

"""`inkling explore`: a campaign from its file into its store; every finished point is stored at once.

How points are spread over processes is in `inkling.campaigns.cluster`, what is made of them in
`inkling.campaigns.report`.
"""

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from inkling.campaigns.file import Loaded, load
from inkling.campaigns.store import Store, open_store
from inkling.reports.terminal.console import Terminal
from inkling.runs.progress import Stages
from inkling.runs.stop import stopping
from inkling.runs.workers import cores
from inkling.train.errors import InputError
from inkling.train.extras import advice

WORDS = "what was found is stored, and --resume goes on with the rest"


@dataclass(frozen=True)
class Exploration:
    """What the user asked for; see `inkling explore --help`."""

    campaign: Path
    store: str | None = None
    scheduler: str | None = None
    resume: bool = False
    jobs: int | None = None
    adaptive: bool = False
    dashboard: str | None = None
    wait_s: float = 60.0
    data: Path | None = None
    as_json: bool = False


def default_store(name: str) -> str:
    """Where a campaign is stored when nothing is said."""
    return str(Path("runs") / f"{name}.sqlite")


def explore(asked: Exploration) -> bool:
    """Compute what is missing of a campaign; whether every point ended well.

    Raises InputError for wrong input, and where points are stored already without --resume;
    inkling.campaigns.cluster.SchedulerLost. A stop ends the program with status 130 or 143; what was found is stored.
    """
    _needs_cluster()
    loaded = load(asked.campaign, asked.data)
    name = loaded.campaign.name
    with open_store(asked.store or default_store(name)) as store:
        done = store.keys()
        there = sum(bytes.fromhex(point.key) in done for point in loaded.campaign.points())
        if there and not asked.resume:
            raise InputError(
                f"{store}: holds {there} of the {len(loaded.campaign)} points of {name}: "
                "add --resume to compute the others, or name another --store"
            )
        store.keep(loaded.campaign)
        failed = _compute(asked, loaded, store, done, there)
        stored = len(loaded.campaign) - failed
        if asked.as_json:
            counts = {"points_stored": stored, "points_failed": failed}
            print(json.dumps({"campaign": name, "store": str(store), **counts}))
        else:
            Terminal().print(
                f"{name}: {stored} points stored, {failed} failed\nreport: inkling report {store}",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
    return not failed


def _compute(asked: Exploration, loaded: Loaded, store: Store, done: set[bytes], there: int) -> int:
    """Compute and store; how many points failed."""
    from inkling.campaigns.cluster import Engine, outcomes

    engine = Engine(asked.scheduler, asked.jobs or cores(), asked.adaptive, asked.dashboard, asked.wait_s)
    total, failed = len(loaded.campaign), 0
    if there == total:
        return 0
    missing = (point for point in loaded.campaign.points() if bytes.fromhex(point.key) not in done)
    with (
        Stages(Terminal(stderr=asked.as_json)) as stages,
        stages.running("explore", total=total) as progress,
        stopping(WORDS) as stop,
    ):
        progress(there, total)
        try:
            with contextlib.closing(outcomes(loaded, missing, engine)) as coming, stop.interrupting():
                for found in coming:
                    store.add(found)
                    stop.check()  # Python drops what is raised while an object is ended
                    there += len(found)
                    for outcome in found:
                        if outcome.error is not None:
                            failed += 1
                            stages.say(f"point {outcome.key[:12]} failed: {outcome.error}")
                    progress(there, total)
        except KeyboardInterrupt:
            print("inkling: stopped; what was found is stored, go on with --resume", file=sys.stderr)
            sys.exit(stop.status or 130)
    return failed


def _needs_cluster() -> None:
    try:
        import distributed  # noqa: F401
        import sqlalchemy  # noqa: F401
    except ImportError as error:
        raise InputError(f"campaigns need the package {error.name}: {advice('cluster')}") from error

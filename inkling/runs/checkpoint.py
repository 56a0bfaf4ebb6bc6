"""What a run has finished so far, in its folder: candidates of whole stages, designs, and the searches' own files.

Everything is JSON and npz; a file that cannot be read is work to be done again, never an error.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from inkling.approx.reference import netlist_files, network_files
from inkling.approx.reference.network import IntegerNetwork, without_unused_inputs
from inkling.hdl.cost.circuit import Cost
from inkling.hdl.mapping.kept import MOST_NETLIST
from inkling.reports.results import circuit as circuits
from inkling.reports.results.report import read_verdict
from inkling.runs.candidates import Candidate
from inkling.runs.design import Built, Job
from inkling.runs.folder import KEY, UNFINISHED
from inkling.sim.verdicts.verdict import Outcome
from inkling.train.errors import InputError
from inkling.train.files import atomic
from inkling.train.files.checked_json import Fields, load

STAGE = "stage.json"


class Checkpoint:
    """The unfinished part of a run folder; `key` says of which run."""

    def __init__(self, run: Path, key: str) -> None:
        self.folder = run / UNFINISHED
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic.write(self.folder / KEY, key.encode())

    def search(self, name: str) -> Path:
        """The file of a search that keeps its own state."""
        return self.folder / f"{name}.npz"

    def forget(self, name: str) -> None:
        """Remove a search's file, which is of another search or broken."""
        self.search(name).unlink(missing_ok=True)

    @property
    def mappings(self) -> Path:
        """The folder of mappings that are finished, of designs that are not."""
        return self.folder / "mappings"

    def stage(self, name: str, make: Callable[[], Sequence[Candidate]]) -> tuple[Candidate, ...]:
        """The candidates of a stage: those that were kept, else what `make` gives, which is kept.

        Where `make` is interrupted, or ends with what it had when a stop came, nothing may be kept: it then raises.
        """
        found = self._read(self.folder / name)
        if found is None:
            found = tuple(make())
            self._write(self.folder / name, found)
        return found

    def has(self, name: str) -> bool:
        """Whether a stage was kept."""
        return (self.folder / name / STAGE).is_file()

    def limit(self, sentence: str) -> None:
        """Note a time limit that was reached in a stage; each is noted once."""
        if sentence not in self.limits():
            atomic.write(self.folder / "limits.json", json.dumps({"limits": [*self.limits(), sentence]}).encode())

    def limits(self) -> tuple[str, ...]:
        """The time limits that were reached in the stages so far."""
        try:
            return load(self.folder / "limits.json").texts("limits")
        except InputError:
            return ()

    def remove(self) -> None:
        """Nothing is unfinished any more."""
        shutil.rmtree(self.folder)

    def built(self, job: Job, design: Path | None) -> Built | None:
        """A design or rival that was finished before; design: its folder, where it has one."""
        try:
            fields = load(self.folder / "designs" / f"{job.name}.json")
            if fields.text("job") != digest(job) or (design is not None and not (design / "verdict.json").is_file()):
                return None
            return _built(job, fields)
        except (InputError, ValueError, TypeError):
            return None

    def keep(self, built: Built) -> None:
        """Keep what came of a design whose folder is whole."""
        (self.folder / "designs").mkdir(exist_ok=True)
        data = {
            "job": digest(built.job),
            "cost": asdict(built.cost),
            "areas_cm2": list(built.areas_cm2),
            "verdicts": list(built.verdicts),
            "outcome": built.outcome.value,
            "seconds": built.seconds,
            "limits": list(built.limits),
            "circuit": built.circuit.to_json(),
            "netlist": netlist_files.to_json(built.netlist),
        }
        atomic.write(self.folder / "designs" / f"{built.job.name}.json", json.dumps(data).encode())

    def _read(self, folder: Path) -> tuple[Candidate, ...] | None:
        try:
            return tuple(
                Candidate(
                    item.text("name"),
                    item.text("method"),
                    tuple(int(level) for level in item.items("levels")),
                    network_files.load(folder / str(number)),
                    item.flag("rival"),
                )
                for number, item in enumerate(load(folder / STAGE).objects("candidates"))
            )
        except (InputError, ValueError, TypeError):
            return None

    def _write(self, folder: Path, candidates: Sequence[Candidate]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        about = []
        for number, item in enumerate(candidates):
            (folder / str(number)).mkdir(parents=True)
            network_files.save(item.network, folder / str(number))
            about.append({"name": item.name, "method": item.method, "levels": list(item.levels), "rival": item.rival})
        folder.mkdir(exist_ok=True)
        atomic.write(folder / STAGE, json.dumps({"candidates": about}).encode())


def digest(job: Job) -> str:
    """SHA-256 of the network of a job and of how it is built; the rest of a job is the run's own, and its key's."""
    found = hashlib.sha256(repr((job.name, job.method, job.levels, job.verified)).encode())
    with tempfile.TemporaryDirectory(prefix="inkling-") as name:
        network_files.save(job.network, Path(name))
        for path in sorted(Path(name).iterdir()):
            found.update(path.read_bytes())
    return found.hexdigest()


def _built(job: Job, fields: Fields) -> Built:
    costs = fields.inner("cost")
    by_voltage = {
        key: {volts: item.number(volts) for volts in item.data}
        for key in ("static_power_mw", "delay_ms")
        for item in (costs.inner(key),)
    }
    cells, seconds = costs.inner("cells"), fields.inner("seconds")
    verdicts = tuple(dict(item.data) for item in fields.objects("verdicts"))
    for item in fields.objects("verdicts"):
        read_verdict(item)  # the fields of one, and perhaps a certificate
    network: IntegerNetwork = without_unused_inputs(job.network)
    return Built(
        job,
        network,
        Cost(
            costs.number("area_cm2"),
            by_voltage["static_power_mw"],
            by_voltage["delay_ms"],
            costs.integer("gates"),
            {name: cells.integer(name) for name in cells.data},
        ),
        tuple(float(area) for area in fields.items("areas_cm2")),
        verdicts,
        Outcome(fields.choice("outcome", tuple(Outcome))),
        {stage: seconds.number(stage) for stage in seconds.data},
        circuits.from_fields(fields.inner("circuit")),
        netlist_files.from_json(fields.text("netlist", most=MOST_NETLIST), "the netlist"),
        fields.texts("limits"),
    )

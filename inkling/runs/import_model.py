"""`inkling import`: a model file and a table become a run folder with the emitted, verified, costed circuit.

How files are read and models turned to integers lives in `inkling.approx.quantise.from_onnx` and
`inkling.approx.quantise.models`.
"""

import hashlib
import json
import shlex
import shutil
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.from_onnx import OnnxModel
from inkling.approx.quantise.models import Conversion, convert, explained
from inkling.hdl.cells.choice import technology_of
from inkling.hdl.cells.technology import Technology
from inkling.reports.page.regression import write as write_regression
from inkling.reports.terminal.console import Terminal
from inkling.runs import regression
from inkling.runs.archive import archives
from inkling.runs.checkpoint import Checkpoint
from inkling.runs.design import Built, Job, build
from inkling.runs.effort import Effort
from inkling.runs.folder import run_folder
from inkling.runs.model_table import ModelTable, model_table
from inkling.runs.outcome import PACKAGES, report_on, write_run
from inkling.runs.request import Request
from inkling.runs.scratch import check_ready, scratch
from inkling.runs.stop import Stop, ending_in, stopping
from inkling.runs.workers import run_each
from inkling.sim.verdicts.verdict import MARKS
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import AffineModel, Task
from inkling.train.tables.dataset import Dataset, Development, Rows
from inkling.train.tables.reading import Reading

NAME = "imported"
WORDS = "the same command goes on with what is finished"
# Where --agreement is not given: the least share of rows on which the circuit and the file must give one class.
AGREEMENT = 0.9


@dataclass(frozen=True)
class Import:
    """What the user asked for; see `inkling import --help`."""

    model: Path
    reading: Reading
    out: Path | None
    task: Task
    effort: Effort
    bits: int | None
    weight_bits: int
    hidden_bits: int | None
    technology: tuple[Path, ...]
    agreement: float = AGREEMENT

    def command(self) -> str:
        """The command that repeats this anywhere: without the folders of this machine."""
        words = ["inkling", "import", self.model.name, "--data", *self.reading.words(("bits", "ranges"))]
        words += ["--effort", self.effort.name, "--weight-bits", str(self.weight_bits)]
        words += ["--bits", str(self.bits)] if self.bits is not None else []
        words += ["--hidden-bits", str(self.hidden_bits)] if self.hidden_bits is not None else []
        words += ["--agreement", f"{self.agreement:g}"] if self.agreement != AGREEMENT else []
        words += ["--regression"] * (self.task == "regression")
        return shlex.join([*words, *(word for path in self.technology for word in ("--technology", path.name))])


def execute(asked: Import, *, as_json: bool = False) -> None:
    """Convert, build and report. Raises InputError.

    Ends the program with status 1 where a verification failed, or where the circuit and the file itself, run on the
    table's rows, agree on a smaller share than was asked for; 130 or 143 where it was stopped: the same command then
    goes on with what was finished.
    """
    if not 0 <= asked.agreement <= 1:
        raise InputError(f"an agreement of {asked.agreement:g}: give a share of rows from 0 to 1")
    out = asked.out or Path("runs") / asked.model.stem
    check_ready(out)
    with scratch(), stopping(WORDS) as stop, ending_in(stop, out):
        document, failed = _import(asked, out, stop, Terminal(stderr=as_json))
    if as_json:
        print(json.dumps(document, indent=1))
    if failed:
        print(f"inkling: {failed}", file=sys.stderr)
        sys.exit(1)


def _import(asked: Import, out: Path, stop: Stop, console: Terminal) -> tuple[dict[str, Any], str]:
    """What conversion.json holds, and why the command fails, "" where it does not."""
    from inkling.approx.quantise.from_onnx import load
    from inkling.train.tables.sources import find_table, tests_of

    read = load(asked.model, task=asked.task)
    model = read.model
    table, note = find_table(asked.reading)
    readings = model_table(table, read, asked.model, asked.reading, note, tests_of(asked.reading))
    file = _run_file(read, asked, readings)
    train = readings.split.train
    with stop.interrupting():
        conversion = convert(
            model,
            readings.values[train],
            names=readings.columns,
            labels=readings.targets[train],
            input_bits=asked.bits,
            weight_bits=asked.weight_bits,
            hidden_bits=asked.hidden_bits,
        )
    comparison = _compared(model, conversion, readings, file)
    said = comparison.words(file.evaluator, model.task)
    _say(console, "convert", f"{_words(model, conversion)}; {said}")
    technology = technology_of(asked.technology)
    key = _key(asked, readings, technology)
    with run_folder(out, key=key) as folder:
        kept = Checkpoint(folder, key)
        codes = conversion.codes(readings.values)
        rows = [Rows(codes[part], readings.targets[part]) for part in readings.split]
        job = Job(
            NAME,
            "imported network",
            (1,),
            conversion.network,
            readings.columns,
            readings.classes,
            conversion.quantisers,
            np.concatenate([rows[0].codes, rows[1].codes]),
            len(train),
            technology,
            asked.effort,
            asked.reading.seed,
            _fingerprint(readings, codes),
            verified=True,
            outputs=conversion.outputs,
        )
        design = folder / "designs" / NAME
        built = kept.built(job, design) or _built(job, design, kept, stop)
        _say(console, "design", f"{built.cost.area_cm2:.3g} cm2, {built.cost.gates} gates, "
             + MARKS[built.outcome])  # fmt: skip
        document = conversion.to_json() | {"source": model.source, "task": model.task}
        document["file"] = comparison.to_json() | {"evaluator": file.evaluator, "decision": read.decision.words(),
                                                   "limit": asked.agreement}  # fmt: skip
        if model.task == "classification":
            development = Development(
                readings.name, readings.columns, readings.classes, tuple(q.bits for q in conversion.quantisers),
                rows[0], rows[1],
            )  # fmt: skip
            dataset = Dataset(
                readings.columns, readings.classes, conversion.quantisers, development, rows[2], asked.reading.seed,
                job.fingerprint, (*readings.notes, *conversion.notes, _words(model, conversion), said),
            )  # fmt: skip
            request = Request(
                replace(asked.reading, bits=conversion.bits.inputs, ranges="span"), asked.out, asked.effort,
                technology=asked.technology, delay_limit_ms=0.0,
            )  # fmt: skip
            report = report_on(request, dataset, technology, (built,), ())
            report = replace(report, command=asked.command())
            write_run(request, dataset, report, folder)
            for name, part in zip(("train", "validation", "test"), readings.split, strict=True):
                right = file.of[part] == readings.targets[part]
                same = file.of[part] == conversion.network.predict(codes[part])
                figures = {"file": right.mean(), "agreement": same.mean()}
                document[name] = {key: round(float(value), 6) for key, value in figures.items()}
        else:
            document["cost"] = {"area_cm2": built.cost.area_cm2, "static_power_mw": dict(built.cost.static_power_mw)}
            _report_values(asked, built, readings, file, conversion, (*conversion.notes, said), folder)
        _write_asked(asked, job.fingerprint, folder)
        (folder / "conversion.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        kept.remove()
    console.print(f"report: {out / 'report.html'}", highlight=False, soft_wrap=True)
    failed = "verification failed; see verdict.json of the design" if built.failed else ""
    if not failed and comparison.agreement < asked.agreement:
        failed = (
            f"circuit and file agree to {100 * comparison.agreement:.1f} %, less than --agreement "
            f"{asked.agreement:g}: give more bits (--bits, --weight-bits, --hidden-bits) or a lower --agreement"
        )
    return document, failed


def _built(job: Job, design: Path, kept: Checkpoint, stop: Stop) -> Built:
    """Build what was not finished before; a stop keeps its mapping, where that was found."""
    shutil.rmtree(design, ignore_errors=True)  # half of one
    with stop.interrupting():
        # In a process of its own, whose tools end with it however this one ends.
        ((_, built),) = run_each(partial(_build, design, kept.mappings), [job], workers=1)
    kept.keep(built)
    return built


def _build(design: Path, mappings: Path, job: Job) -> Built:
    return build(job, design, mappings)


def _key(asked: Import, readings: ModelTable, technology: Technology) -> str:
    """SHA-256 of all that decides the folder's files: what was asked, the model, rows, cells, and this version."""
    from inkling.version import __version__

    found = hashlib.sha256("\0".join((__version__, asked.command(), repr(technology))).encode())
    found.update(asked.model.read_bytes())
    found.update(repr((readings.columns, readings.classes, readings.notes)).encode())
    for array in (readings.values, np.asarray(readings.targets), *readings.split):
        found.update(
            np.ascontiguousarray(array).tobytes() if array.dtype != object else repr(array.tolist()).encode()
        )
    return found.hexdigest()


@dataclass(frozen=True, eq=False)
class _File:
    """What the file itself answers on all rows: classes, int64 [rows], or values, float64 [rows, outputs]."""

    of: NDArray[Any]
    evaluator: str


@dataclass(frozen=True)
class _Comparison:
    """With the file itself on all rows of the table: of the circuit, and of the layers as they were read from it.

    Shares of rows with one class, or of the file's variance that is explained.
    """

    agreement: float
    reading: float
    rows: int

    def words(self, evaluator: str, task: Task) -> str:
        share = f"{100 * self.agreement:.2f} %"
        if task == "regression":
            return f"explains {share} of the variance of the file as {evaluator} runs it on {self.rows} rows"
        return f"agrees with the file as {evaluator} runs it on {share} of {self.rows} rows"

    def to_json(self) -> dict[str, float]:
        return {"agreement": round(self.agreement, 6), "reading": round(self.reading, 6), "rows": self.rows}


def _run_file(read: OnnxModel, asked: Import, readings: ModelTable) -> _File:
    try:
        answers = read.answers()
        return _File(answers.evaluate(readings.values), answers.evaluator)
    except InputError as error:
        raise InputError(f"{asked.model}: {error}") from error


def _compared(model: AffineModel, conversion: Conversion, readings: ModelTable, file: _File) -> _Comparison:
    if model.task == "classification":
        answers = conversion.network.predict(conversion.codes(readings.values)), model.predict(readings.values)
        circuit, reading = (float((given == file.of).mean()) for given in answers)
    else:
        values = conversion.outputs_of(readings.values), model.evaluate(readings.values)
        circuit, reading = (explained(file.of, given) for given in values)
    return _Comparison(circuit, reading, len(file.of))


def _report_values(
    asked: Import,
    built: Built,
    readings: ModelTable,
    file: _File,
    conversion: Conversion,
    notes: tuple[str, ...],
    folder: Path,
) -> None:
    """The report of a regression, which reads the test rows, after all is chosen."""
    parts = dict(zip(("train", "validation", "test"), readings.split, strict=True))
    values = {name: readings.values[part] for name, part in parts.items()}
    truth = {name: np.asarray(readings.targets[part], np.float64) for name, part in parts.items()}
    answers = {name: conversion.outputs_of(of)[:, 0] for name, of in values.items()}
    floats = {name: np.asarray(file.of[part], np.float64)[:, 0] for name, part in parts.items()}
    report = regression.describe(
        built,
        readings.name,
        {name: regression.errors(truth[name], floats[name], answers[name]) for name in parts},
        list(zip(truth["test"].tolist(), answers["test"].tolist(), strict=True)),
        rows={name: len(of) for name, of in truth.items()},
        command=asked.command(),
        seed=asked.reading.seed,
        notes=(*readings.notes, *notes),
    )
    write_regression(report, folder, archives(folder / "designs"))


def _words(model: AffineModel, conversion: Conversion) -> str:
    bits, found = conversion.bits, conversion.found
    kind = "agrees with the float model on" if model.task == "classification" else "explains of the float model"
    return (
        f"{model.source}, {'-'.join(map(str, model.shape))}: {bits.inputs}-bit inputs, "
        + ("the file's own fixed point, " if conversion.exact else f"{bits.weights}-bit weights, ")
        + (f"{bits.hidden}-bit hidden values, " if model.activations and not conversion.exact else "")
        + f"{kind} {100 * found.same:.2f} % of {conversion.rows} calibration rows"
    )


def _fingerprint(readings: ModelTable, codes: NDArray[np.uint8]) -> str:
    from inkling.train.tables.assemble import fingerprint

    labels = np.ascontiguousarray(readings.targets, np.float64).view(np.int64)
    if readings.classes:
        labels = readings.targets.astype(np.int64)
    return fingerprint(readings.columns, readings.classes, codes, labels, readings.split)


def _write_asked(asked: Import, fingerprint: str, folder: Path) -> None:
    from importlib.metadata import version

    document = {
        "schema": "inkling.run/1",
        "command": asked.command(),
        "versions": {name: version(name) for name in PACKAGES},
        "seed": asked.reading.seed,
        "effort": asked.effort.name,
        "data_fingerprint": fingerprint,
    }
    (folder / "run.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _say(console: Terminal, stage: str, text: str) -> None:
    console.print(f"{stage:<8}{text}", highlight=False, markup=False, soft_wrap=True)

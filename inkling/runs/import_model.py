"""`inkling import`: a model file and a table become a run folder with the emitted, verified, costed circuit.

How files are read and models turned to integers lives in `inkling.approx.quantise.from_onnx` and
`inkling.approx.quantise.models`.
"""

import json
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.models import Conversion, convert
from inkling.reports.page.regression import write as write_regression
from inkling.reports.terminal.console import Terminal
from inkling.runs import regression
from inkling.runs.archive import archives
from inkling.runs.design import Built, Job, build
from inkling.runs.effort import Effort
from inkling.runs.folder import run_folder
from inkling.runs.outcome import PACKAGES, report_on, write_run
from inkling.runs.request import Request, technology_of
from inkling.sim.verdicts.verdict import MARKS
from inkling.train.errors import InputError
from inkling.train.networks.affine_model import AffineModel, Task
from inkling.train.tables.dataset import Dataset, Development, Rows
from inkling.train.tables.reading import Reading
from inkling.train.tables.split import VALIDATION_PART, Split, stratified
from inkling.train.tables.table import Table, check_finite, classes_of, not_numeric, target_position, without_missing

NAME = "imported"
TEST_PART = 0.3


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

    def command(self) -> str:
        """The command that repeats this anywhere: without the folders of this machine."""
        words = ["inkling", "import", self.model.name, "--data", *self.reading.words(("bits", "ranges"))]
        words += ["--effort", self.effort.name, "--weight-bits", str(self.weight_bits)]
        words += ["--bits", str(self.bits)] if self.bits is not None else []
        words += ["--hidden-bits", str(self.hidden_bits)] if self.hidden_bits is not None else []
        words += ["--regression"] * (self.task == "regression")
        return shlex.join([*words, *(word for path in self.technology for word in ("--technology", path.name))])


@dataclass(frozen=True, eq=False)
class _Readings:
    """A table as the model takes it: features, float64 [rows, columns], and class indices or targets [rows]."""

    name: str
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    classes: tuple[str, ...]
    targets: NDArray[Any]
    split: Split
    notes: tuple[str, ...]


def execute(asked: Import, *, as_json: bool = False) -> None:
    """Convert, build and report. Ends the program with status 1 where a verification failed. Raises InputError."""
    from inkling.approx.quantise.from_onnx import read
    from inkling.train.tables.sources import find_table

    console = Terminal(stderr=as_json)
    model = read(asked.model, task=asked.task)
    table, note = find_table(asked.reading.source)
    readings = _readings(table, asked, model, note)
    train = readings.split.train
    conversion = convert(
        model,
        readings.values[train],
        names=readings.columns,
        labels=readings.targets[train],
        input_bits=asked.bits,
        weight_bits=asked.weight_bits,
        hidden_bits=asked.hidden_bits,
    )
    _say(console, "convert", _words(model, conversion))
    technology = technology_of(asked.technology)
    with run_folder(asked.out or Path("runs") / asked.model.stem) as folder:
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
        built = build(job, folder / "designs" / NAME)
        _say(console, "design", f"{built.cost.area_cm2:.3g} cm2, {built.cost.gates} gates, "
             + MARKS[built.outcome])  # fmt: skip
        document = conversion.to_json() | {"source": model.source, "task": model.task}
        if model.task == "classification":
            development = Development(
                readings.name, readings.columns, readings.classes, tuple(q.bits for q in conversion.quantisers),
                rows[0], rows[1],
            )  # fmt: skip
            dataset = Dataset(
                readings.columns, readings.classes, conversion.quantisers, development, rows[2], asked.reading.seed,
                job.fingerprint, (*readings.notes, *conversion.notes, _words(model, conversion)),
            )  # fmt: skip
            request = Request(
                replace(asked.reading, bits=conversion.bits.inputs, ranges="span"), asked.out, asked.effort,
                technology=asked.technology, delay_limit_ms=0.0,
            )  # fmt: skip
            report = report_on(request, dataset, technology, (built,), ())
            report = replace(report, command=asked.command())
            write_run(request, dataset, report, folder)
            for name, part in zip(("train", "validation", "test"), readings.split, strict=True):
                right = model.predict(readings.values[part]) == readings.targets[part]
                same = model.predict(readings.values[part]) == conversion.network.predict(codes[part])
                figures = {"float": right.mean(), "agreement": same.mean()}
                document[name] = {key: round(float(value), 6) for key, value in figures.items()}
        else:
            document["cost"] = {"area_cm2": built.cost.area_cm2, "static_power_mw": dict(built.cost.static_power_mw)}
            _report_values(asked, built, readings, model, conversion, folder)
        _write_asked(asked, job.fingerprint, folder)
        (folder / "conversion.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    out = asked.out or Path("runs") / asked.model.stem
    console.print(f"report: {out / 'report.html'}", highlight=False, soft_wrap=True)
    if as_json:
        print(json.dumps(document, indent=1))
    if built.failed:
        print("inkling: verification failed; see verdict.json of the design", file=sys.stderr)
        sys.exit(1)


def _report_values(
    asked: Import,
    built: Built,
    readings: _Readings,
    model: AffineModel,
    conversion: Conversion,
    folder: Path,
) -> None:
    """The report of a regression, which reads the test rows, after all is chosen."""
    parts = dict(zip(("train", "validation", "test"), readings.split, strict=True))
    values = {name: readings.values[part] for name, part in parts.items()}
    truth = {name: np.asarray(readings.targets[part], np.float64) for name, part in parts.items()}
    answers = {name: conversion.outputs_of(of)[:, 0] for name, of in values.items()}
    floats = {name: np.asarray(model.evaluate(of), np.float64)[:, 0] for name, of in values.items()}
    report = regression.describe(
        built,
        readings.name,
        {name: regression.errors(truth[name], floats[name], answers[name]) for name in parts},
        list(zip(truth["test"].tolist(), answers["test"].tolist(), strict=True)),
        rows={name: len(of) for name, of in truth.items()},
        command=asked.command(),
        seed=asked.reading.seed,
        notes=(*readings.notes, *conversion.notes),
    )
    write_regression(report, folder, archives(folder / "designs"))


def _readings(table: Table, asked: Import, model: AffineModel, note: str | None) -> _Readings:
    """The features in the table's order, the target, and the split of `inkling run`."""
    position = target_position(table, asked.reading.target)
    table, dropped = without_missing(table, asked.reading.drop_missing)
    features = [k for k in range(len(table.columns)) if k != position]
    texts = [k for k in range(len(table.columns)) if not isinstance(table.cells[k], np.ndarray)]
    if wrong := [k for k in texts if k != position]:
        raise not_numeric(table, wrong)
    for k in features:
        check_finite(table, k)
    values = np.stack([np.asarray(table.cells[k], np.float64) for k in features], axis=1)
    if values.shape[1] != model.shape[0]:
        raise InputError(
            f"{asked.model} takes {model.shape[0]} inputs, {table.name} has {values.shape[1]} features: give the "
            "table that it was trained on, with its columns in their order"
        )
    columns = tuple(table.columns[k] for k in features)
    notes = tuple(text for text in (note, dropped) if text)
    if model.task == "regression":
        if position in texts:
            raise not_numeric(table, [position])
        check_finite(table, position)
        if model.shape[-1] != 1:
            raise InputError(
                f"{asked.model} has {model.shape[-1]} outputs, the table one target: convert it in Python"
            )
        targets: NDArray[Any] = np.asarray(table.cells[position], np.float64)
        split = _plain_split(len(values), asked.reading.seed)
        return _Readings(table.name, columns, values, (), targets, split, notes)
    classes, labels = classes_of(table, position)
    named = model.classes or classes
    if len(named) != model.shape[-1] or not set(classes) <= set(named):
        raise InputError(
            f"{asked.model} has {model.shape[-1]} classes, the target of {table.name} has {len(classes)}: "
            "name the right column with --target"
        )
    order = np.array([named.index(text) for text in classes], np.int64)
    split, rare = stratified(labels, classes, seed=asked.reading.seed, test_part=TEST_PART)
    return _Readings(table.name, columns, values, named, order[labels], split, (*notes, *rare))


def _plain_split(rows: int, seed: int) -> Split:
    if rows < 10:
        raise InputError(f"{rows} rows are too few to calibrate and to measure: give at least 10")
    order = np.random.default_rng(seed).permutation(rows)
    tests, chosen = int(TEST_PART * rows), int(VALIDATION_PART * rows)
    return Split(np.sort(order[tests + chosen :]), np.sort(order[tests : tests + chosen]), np.sort(order[:tests]))


def _words(model: AffineModel, conversion: Conversion) -> str:
    bits, found = conversion.bits, conversion.found
    kind = "agrees with the float model on" if model.task == "classification" else "explains of the float model"
    return (
        f"{model.source}, {'-'.join(map(str, model.shape))}: {bits.inputs}-bit inputs, "
        + ("the file's own fixed point, " if conversion.exact else f"{bits.weights}-bit weights, ")
        + (f"{bits.hidden}-bit hidden values, " if model.activations and not conversion.exact else "")
        + f"{kind} {100 * found.same:.2f} % of {conversion.rows} calibration rows"
    )


def _fingerprint(readings: _Readings, codes: NDArray[np.uint8]) -> str:
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

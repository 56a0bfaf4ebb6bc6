"""`inkling mcu`: a design as a library for microcontrollers, run in emulators and compared with the reference.

The kernel is written in `inkling.hdl.microcontrollers`, the emulators are in `inkling.sim.microcontrollers`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inkling.approx.reference.network import IntegerNetwork
from inkling.hdl.kernels.readings import of_described
from inkling.hdl.microcontrollers import packages
from inkling.hdl.microcontrollers.kernel import Reading, columns_of, emit, forms
from inkling.hdl.microcontrollers.readings import Scale, check
from inkling.sim.designs.folder import DesignFolder, read
from inkling.sim.microcontrollers.route import verify_mcu
from inkling.sim.microcontrollers.targets import TARGETS, Target, target_of
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.errors import InputError
from inkling.train.files import atomic
from inkling.train.tables.quantiser import Quantiser

SCHEMA = "inkling.microcontroller/1"


@dataclass(frozen=True)
class McuRequest:
    """What `inkling mcu` was asked for.

    targets: by name, () for all whose tools are there; scales: column -> (reading at no count, at full count), the
    others span their quantiser's range; bits: of the converters; objective: what the form is chosen by; design: which
    model of a table, by name, None: the smallest that is about as good as the best.
    """

    folder: Path
    out: Path
    targets: tuple[str, ...] = ()
    name: str = "inkling"
    bits: int = 10
    scales: tuple[tuple[str, float, float], ...] = ()
    objective: str = "size"
    vectors: int = 10_000
    seed: int = 42
    as_json: bool = False
    design: str | None = None


@dataclass(frozen=True)
class Row:
    """One target: bytes, and what an answer takes, of both entries of the form that was chosen."""

    target: Target
    codes: Verdict
    counts: Verdict


def scale_of(text: str) -> tuple[str, float, float]:
    """`COLUMN=ZERO..FULL` as its parts. Raises InputError."""
    column, equals, span = text.rpartition("=")
    low, dots, high = span.partition("..")
    try:
        if not (column and equals and dots):
            raise ValueError
        return column, float(low), float(high)
    except ValueError:
        raise InputError(
            f"--scale {text!r:.80}: give COLUMN=ZERO..FULL, the readings at no and at full count"
        ) from None


def execute(request: McuRequest) -> bool:
    """Emit, compile, run, compare, write the library and print the table; whether every comparison passed.

    Raises InputError for a design that no microcontroller takes, and where no target's tools are there.
    """
    design = read(request.folder)
    targets = targets_of(request.targets)
    readings = _readings(design, request)
    form, rows = smallest(design.network, design.classes, readings, targets, request)
    document = describe(design.name, form, rows, request)
    write_library(design.network, design.classes, readings, form, document, request)
    if request.as_json:
        print(json.dumps(document, indent=1))
    else:
        print("\n".join(lines(form, rows, request.out)))
    return passed(rows)


def passed(rows: Sequence[Row]) -> bool:
    """Whether both entries agreed with the reference on every target."""
    return all(verdict.passed for row in rows for verdict in (row.codes, row.counts))


def smallest(
    network: IntegerNetwork,
    classes: Sequence[str],
    readings: Sequence[Reading],
    targets: Sequence[Target],
    request: McuRequest,
) -> tuple[str, list[Row]]:
    """The form that the request's objective prefers, and its figures on every target."""
    tried = {form: _rows(network, classes, readings, form, targets, request) for form in forms(network)}
    chosen = min(tried, key=lambda form: _price(tried[form], request.objective))
    return chosen, tried[chosen]


def write_library(
    network: IntegerNetwork,
    classes: Sequence[str],
    readings: Sequence[Reading],
    form: str,
    document: dict[str, Any],
    request: McuRequest,
    further: dict[str, str] | None = None,
) -> None:
    """The library's folder, with the document as mcu.json, and further texts by name."""
    source, header = emit(network, name=request.name, labels=classes, form=form, readings=readings)
    columns = [next(r.column for r, i in zip(readings, network.inputs, strict=True) if i.column == column)
               for column in columns_of(network)]  # fmt: skip
    texts = packages.files(request.name, source, header, columns, classes, request.bits)
    texts["mcu.json"] = json.dumps(document, indent=1) + "\n"
    _write(request.out, {**texts, **(further or {})})


def lines(form: str, rows: Sequence[Row], out: Path) -> list[str]:
    """The table for a terminal of 80 columns."""
    shown = [f"{'target':<12}{'flash':>7}{'ram':>5}{'stack':>7}{'an answer':>22}   from counts"]
    for row in rows:
        extra, own = row.codes.extra, row.counts.extra
        word = "verified" if row.codes.passed and row.counts.passed else "FAILED"
        if not (extra and own):
            shown.append(f"{row.target.title:<12}  {row.codes.detail or row.counts.detail}")
            continue
        each = f"{extra['each']:.0f} {row.target.counts}"
        flash = f"{own['flash']:.0f} B, {own['each']:.0f}"
        shown.append(
            f"{row.target.title:<12}{extra['flash']:>7.0f}{extra['ram']:>5.0f}{extra['stack']:>7.0f}{each:>22}   "
            f"{flash:<13}{word}"
        )
    return [*shown, f"bytes, of the form `{form}`; {rows[0].codes.vectors:,} rows each. Library: {out}"]


def targets_of(names: Sequence[str]) -> list[Target]:
    """The targets of these names, or all whose tools are there. Raises InputError where that is none."""
    if names:
        return [target_of(name) for name in dict.fromkeys(names)]
    present = [target for target in TARGETS.values() if not target.missing()]
    if not present:
        raise InputError(f"no cross compiler with an emulator was found; {next(iter(TARGETS.values())).missing()}")
    return present


def _readings(design: DesignFolder, request: McuRequest) -> list[Reading]:
    described = of_described(design.described.get("inputs"))
    if len(described) != len(design.network.inputs):
        raise InputError(f"design.json of {design.name} does not describe every input; make the run again")
    bits = [
        item.bits + item.drop if item.threshold is None else item.threshold.bits for item in design.network.inputs
    ]
    quantisers = [
        (item.column, Quantiser(item.low, item.high, own)) for item, own in zip(described, bits, strict=True)
    ]
    return readings_of(quantisers, request)


def readings_of(quantisers: Sequence[tuple[str, Quantiser]], request: McuRequest) -> list[Reading]:
    """What every input reads, by the column's name and its quantiser. Raises InputError for an impossible scale."""
    scales = {column: (low, high) for column, low, high in request.scales}
    if unknown := sorted(set(scales) - {column for column, _ in quantisers}):
        raise InputError(f"--scale {unknown[0]}: no such column is read")
    made = []
    for column, quantiser in quantisers:
        scale = Scale(request.bits, *scales.get(column, (quantiser.low, quantiser.high)))
        check(scale, column)
        made.append(Reading(column, quantiser, scale))
    return made


def _rows(
    network: IntegerNetwork,
    classes: Sequence[str],
    readings: Sequence[Reading],
    form: str,
    targets: Sequence[Target],
    request: McuRequest,
) -> list[Row]:
    source, header = emit(network, name=request.name, labels=classes, form=form, readings=readings)
    generator = np.random.default_rng(request.seed)
    columns = columns_of(network)
    vectors = np.stack([generator.integers(0, 2**item.bits, request.vectors) for item in network.inputs], axis=1)
    counts = generator.integers(0, 2**request.bits, (request.vectors, len(columns)))
    entering = np.stack(
        [
            item.values(reading.scale.codes(reading.quantiser)[counts[:, columns.index(item.column)]])
            for item, reading in zip(network.inputs, readings, strict=True)
        ],
        axis=1,
    )
    rows = []
    for target in targets:
        codes, _ = verify_mcu(network, source, header, target, vectors.astype(np.uint8), name=request.name)
        read_counts, _ = verify_mcu(
            network,
            source,
            header,
            target,
            entering.astype(np.uint8),
            name=request.name,
            counts=counts.astype(np.uint16),
        )
        rows.append(Row(target, codes, read_counts))
    return rows


def _price(rows: Sequence[Row], objective: str) -> tuple[float, float]:
    """Of the entry that takes counts, which a device calls; a form that failed costs more than any other."""
    key, other = ("flash", "each") if objective == "size" else ("each", "flash")
    first, second = (sum(row.counts.extra.get(name, 1e9) for row in rows) for name in (key, other))
    return first, second


def describe(design: str, form: str, rows: Sequence[Row], request: McuRequest) -> dict[str, Any]:
    """What mcu.json holds."""

    def figures(verdict: Verdict) -> dict[str, Any]:
        return {**{name: round(value, 2) for name, value in verdict.extra.items()}, "passed": verdict.passed}

    return {
        "schema": SCHEMA,
        "design": design,
        "form": form,
        "objective": request.objective,
        "converter_bits": request.bits,
        "rows": request.vectors,
        "targets": [
            {
                "target": row.target.name,
                "unit": row.target.counts,
                "classify": figures(row.codes),
                "read": figures(row.counts),
                "verdicts": [row.codes.to_json(), row.counts.to_json()],
            }
            for row in rows
        ],
    }


def _write(out: Path, texts: dict[str, str]) -> None:
    """The library's files, beside and then renamed."""
    for path, text in texts.items():
        place = out / path
        place.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(place, text.encode("utf-8"))

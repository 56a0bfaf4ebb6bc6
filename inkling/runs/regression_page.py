"""The report of an imported regression: errors on every split, what the circuit is, and answers beside the truth.

`report.json` of such a run has the schema inkling.regression/1; classifiers' reports are
`inkling.reports.results.report`'s.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.reports.page.circuit import circuit_cards
from inkling.reports.page.escape import escape
from inkling.reports.page.shell import document
from inkling.reports.results.circuit import from_fields as circuit_from_fields
from inkling.reports.results.conclusion import area, figures, power_source
from inkling.reports.results.point import SPLITS, Point, significant
from inkling.reports.results.report import Report, read_verdict
from inkling.runs.archive import archives
from inkling.runs.design import Built
from inkling.train.errors import InputError
from inkling.train.files import atomic
from inkling.train.files.checked_json import Fields, load

SCHEMA = "inkling.regression/1"
# Pairs of the test rows that the picture shows.
MOST_PAIRS = 500

Floats = NDArray[np.float64]


def errors(truth: Floats, floats: Floats, integers: Floats) -> dict[str, float]:
    """Root of the mean squared error and R2, of the float model and of its integers, on rows, float64 [rows] each."""
    spread = float(((truth - truth.mean()) ** 2).mean())
    found = {}
    for name, values in (("float", floats), ("integer", integers)):
        squared = float(((values - truth) ** 2).mean())
        found[f"rmse_{name}"] = float(f"{squared**0.5:.6g}")
        found[f"r2_{name}"] = round(1 - squared / spread, 6) if spread else 0.0
    return found


def describe(
    built: Built,
    dataset: str,
    errors_of: Mapping[str, Any],
    pairs: Sequence[tuple[float, float]],
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """report.json. pairs: (truth, answer of the integers) of test rows; more: what else is told, such as rows."""
    cost = built.cost
    return {
        "schema": SCHEMA,
        "dataset": dataset,
        **more,
        "errors": {split: dict(errors_of[split]) for split in SPLITS},
        "cost": {
            "area_cm2": significant(cost.area_cm2),
            "static_power_mw": {v: significant(mw) for v, mw in cost.static_power_mw.items()},
            "delay_ms": {v: significant(ms) for v, ms in cost.delay_ms.items()},
            "gates": cost.gates,
            "inputs_used": len(built.network.inputs),
            "input_bits_used": sum(item.bits for item in built.network.inputs),
        },
        "verified": built.passed,
        "name": built.job.name,
        "circuit": built.circuit.to_json(),
        "verdicts": list(built.verdicts),
        "test_pairs": [[float(f"{a:.6g}"), float(f"{b:.6g}")] for a, b in list(pairs)[:MOST_PAIRS]],
    }


def page(report: Mapping[str, Any], zips: Mapping[str, bytes], where: str = "report.json") -> str:
    """The page of a report that `describe` made or `rebuild_page` read. Raises InputError for other data."""
    fields = Fields(report, where)
    cost, errors_of = fields.inner("cost"), fields.inner("errors")
    power, delay = cost.inner("static_power_mw"), cost.inner("delay_ms")
    test = {key: errors_of.inner("test").number(key, -1e300) for key in ("rmse_float", "rmse_integer", "r2_integer")}
    verdicts = tuple(read_verdict(item) for item in fields.objects("verdicts"))
    name = fields.text("name")
    point = Point(
        name, "imported network", (1,), dict.fromkeys(SPLITS, 0.0), 0.0, cost.number("area_cm2"), 0.0,
        {v: power.optional_number(v) for v in power.data}, {v: delay.optional_number(v) for v in delay.data},
        cost.integer("gates"), cost.integer("inputs_used"), cost.integer("input_bits_used"), fields.flag("verified"),
    )  # fmt: skip
    frame = Report(fields.text("dataset"), dict.fromkeys(SPLITS, 0), 0.0, (), (point,), verdicts={name: verdicts})
    circuit = circuit_from_fields(fields.inner("circuit"))
    volts = "0.6" if "0.6" in power.data else next(iter(power.data), "")
    shown = [
        ("R², test rows", f"{test['r2_integer']:.4f}", "of the integers"),
        ("error, test rows", f"{test['rmse_integer']:.4g}", f"floats {test['rmse_float']:.4g} (root mean square)"),
        ("area", area(point.area_cm2), f"{point.gates:,} gates"),
        (f"static power, {volts} V", f"{figures(point.static_power_mw.get(volts))} mW",
         power_source(point.static_power_mw.get(volts))),
        ("verified", "yes" if point.verified else "no", f"{len(verdicts)} checks"),
    ]  # fmt: skip
    key = "".join(f"<div><dt>{n}</dt><dd>{value}<small>{escape(more)}</small></dd></div>" for n, value, more in shown)
    rows = "".join(
        f'<tr><th scope="row" class="name">{split}</th>'
        + "".join(
            f"<td>{errors_of.inner(split).number(key, -1e300):.5g}</td>"
            for key in ("rmse_float", "rmse_integer", "r2_float", "r2_integer")
        )
        + "</tr>"
        for split in SPLITS
    )
    body = [
        f'<header><p class="eyebrow">Inkling, imported regression</p><h1>{escape(frame.dataset)}</h1>'
        f'<dl class="key small">{key}</dl></header>',
        '<section aria-labelledby="answers"><h2 id="answers">Answers beside the truth</h2><figure>'
        f"{_scatter(_pairs(fields))}<figcaption>Test rows, which were read once, for this report. On the line the "
        "integers answer what was measured.</figcaption></figure>"
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="answers"><table><thead><tr>'
        '<th class="text">rows</th><th>error, floats</th><th>error, integers</th><th>R², floats</th>'
        f"<th>R², integers</th></tr></thead><tbody>{rows}</tbody></table></div></section>",
        f'<section aria-labelledby="circuit"><h2 id="circuit">The circuit</h2><article class="circuit">'
        f'<div class="cards">{"".join(circuit_cards(circuit, point, "p0", frame, zips))}</div></article></section>',
        '<footer><p><button type="button" class="download" data-blob="report" data-type="application/json" '
        'data-name="report.json">Download report.json</button></p></footer>',
    ]
    packed = {"zip-p0": base64.b64encode(zips[name]).decode()} if name in zips else {}
    return document(f"{frame.dataset}: Inkling report", "\n".join(body), data={"report": report}, blobs=packed)


def write(report: Mapping[str, Any], folder: Path) -> None:
    """report.json and report.html into a run folder."""
    text = page(report, archives(folder / "designs"))
    atomic.write(folder / "report.json", (json.dumps(report, indent=1) + "\n").encode())
    atomic.write(folder / "report.html", text.encode())


def rebuild_page(folder: Path) -> dict[str, Any]:
    """Write report.html again; returns the report. Raises InputError."""
    fields = load(folder / "report.json")
    atomic.write(
        folder / "report.html", page(fields.data, archives(folder / "designs"), str(folder / "report.json")).encode()
    )
    return dict(fields.data)


def _pairs(fields: Fields) -> list[tuple[float, float]]:
    found = []
    for pair in fields.items("test_pairs")[:MOST_PAIRS]:
        fine = isinstance(pair, list) and len(pair) == 2 and all(type(v) in (int, float) for v in pair)
        if not fine or not all(abs(v) < 1e300 for v in pair):
            raise InputError(f"{fields.where}: 'test_pairs' must be pairs of numbers; import the model again")
        found.append((float(pair[0]), float(pair[1])))
    return found


def _scatter(pairs: Sequence[tuple[float, float]]) -> str:
    """Truth to the right, answers upwards, on one scale."""
    if not pairs:
        return ""
    low, high = min(map(min, pairs)), max(map(max, pairs))
    span = (high - low) or 1.0
    size, edge = 440, 60

    def at(value: float) -> float:
        return edge + (value - low) / span * (size - 2 * edge)

    out = [f'<svg class="chart" viewBox="0 0 {size} {size}" role="img"><title>answers against the truth</title>']
    out.append(f'<line class="limit" x1="{edge}" y1="{size - edge}" x2="{size - edge}" y2="{edge}"/>')
    for value in (low, (low + high) / 2, high):
        out.append(f'<text x="{at(value):.1f}" y="{size - edge + 24}" text-anchor="middle">{value:.3g}</text>')
        out.append(f'<text x="{edge - 8}" y="{size - at(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    out.append(
        f'<line class="axis" x1="{edge - 4}" x2="{size - edge}" y1="{size - edge + 6}" y2="{size - edge + 6}"/>'
    )
    for truth, answer in pairs:
        out.append(f'<circle class="power" cx="{at(truth):.1f}" cy="{size - at(answer):.1f}" r="2.6"/>')
    out.append(f'<text x="{size - edge}" y="{size - 4}" text-anchor="end">truth →</text>')
    out.append('<text x="4" y="16">↑ answer of the integers</text></svg>')
    return "".join(out)

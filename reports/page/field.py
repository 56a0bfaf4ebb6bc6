"""The report page of one field: pictures beside the truth, figures, how it was verified.

One file that loads nothing; the page of classifier runs is `inkling.reports.page.classifier`.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inkling.reports.page.escape import escape
from inkling.reports.page.shell import document
from inkling.train.errors import InputError
from inkling.train.files import atomic
from inkling.train.files.checked_json import Fields, load

SCHEMA = "inkling.field/1"
PICTURES = "pictures"  # the folder of a run that keeps the page's pictures
MOST_BYTES = 32 * 2**20
# What stands at the top of the page: key, name, unit.
_KEY = (
    ("psnr_integer_db", "PSNR, integers", "dB"),
    ("psnr_float_db", "PSNR, floats", "dB"),
    ("correct_integer_percent", "right answers, integers", "%"),
    ("correct_float_percent", "right answers, floats", "%"),
    ("error_integer_m", "error, integers", "m"),
    ("error_float_m", "error, floats", "m"),
    ("bytes", "size", "bytes"),
    ("bits_per_pixel", "bits per pixel", ""),
    ("bytes_per_entry", "bytes per entry", ""),
    ("ns_per_query", "time per query", "ns"),
)


def page(report: Mapping[str, Any], pictures: Sequence[tuple[str, bytes]]) -> str:
    """HTML text; pictures are labels with PNG files. Names may hold anything."""
    key = "".join(
        f"<div><dt>{name}</dt><dd>{_rounded(report[field])}{unit and chr(0xA0) + unit}</dd></div>"
        for field, name, unit in _KEY
        if report.get(field) is not None
    )
    told = {"verdicts", "schema", "name", *(field for field, _, _ in _KEY)}
    facts = "".join(
        f"<dt>{escape(field.replace('_', ' '))}</dt><dd>{escape(_text(value))}</dd>"
        for field, value in report.items()
        if field not in told
    )
    checks = "".join(
        f'<tr><th scope="row" class="name">{escape(v["route"])}</th><td class="text">{escape(v["detail"])}</td>'
        f"<td>{v['vectors']:,}</td><td>{_mismatches(v['mismatches'])}</td></tr>"
        for v in report["verdicts"]
    )
    images = "".join(
        f'<figure><img alt="{escape(label)}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'
        f"<figcaption>{escape(label)}</figcaption></figure>"
        for label, content in pictures
    )
    equal = all(v["mismatches"] == 0 for v in report["verdicts"])
    lead = "Every route agrees with the integer reference." if equal else "Some route differs from the reference."
    body = [
        f'<header><p class="eyebrow">Inkling, neural field</p><h1>{escape(report["name"])}</h1>'
        f'<p class="lead">{lead}</p><dl class="key">{key}</dl></header>',
        '<section aria-labelledby="seen"><h2 id="seen">Beside the truth</h2>'
        f'<div class="pictures">{images}</div></section>'
        if images
        else "",
        '<section aria-labelledby="checks"><h2 id="checks">Verification against the integer reference</h2>'
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="checks"><table><thead><tr>'
        '<th class="text">route</th><th class="text">of it</th><th>queries</th><th>mismatches</th></tr></thead>'
        f"<tbody>{checks}</tbody></table></div></section>",
        f'<section aria-labelledby="how"><h2 id="how">How it was made</h2><dl class="facts">{facts}</dl></section>',
        '<footer><p><button type="button" class="download" data-blob="report" data-type="application/json" '
        'data-name="report.json">Download report.json</button></p></footer>',
    ]
    return document(
        f"{report['name']}: Inkling field", "\n".join(part for part in body if part), data={"report": report}
    )


def keep(pictures: Sequence[tuple[str, bytes]], folder: Path) -> None:
    """Write the pictures into a run folder, so that its page can be made again."""
    (folder / PICTURES).mkdir(exist_ok=True)
    for number, (label, content) in enumerate(pictures):
        (folder / PICTURES / f"{number} {label.replace('/', ' ')[:80]}.png").write_bytes(content)


def rebuild_page(folder: Path) -> dict[str, Any]:
    """Write report.html of a field's run folder again; returns its report. Raises InputError."""
    fields = load(folder / "report.json")
    if fields.text("schema") != SCHEMA:
        raise InputError(f"{folder / 'report.json'}: schema {fields.text('schema')!r:.60} is none that has a page")
    fields.text("name")
    checked: list[Fields] = fields.objects("verdicts")
    for verdict in checked:
        verdict.text("route"), verdict.text("detail"), verdict.integer("vectors"), verdict.integer("mismatches")
    for field, _, _ in _KEY:
        if fields.has(field):
            fields.number(field, -1e12)
    pictures = []
    for path in sorted((folder / PICTURES).glob("*.png")):
        if path.is_file() and path.stat().st_size <= MOST_BYTES:
            pictures.append((path.stem.partition(" ")[2] or path.stem, path.read_bytes()))
    atomic.write(folder / "report.html", page(fields.data, pictures).encode())
    return json.loads(json.dumps(dict(fields.data)))  # type: ignore[no-any-return]


def _rounded(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}" if value >= 0.1 else f"{value:.3g}"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) >= 0.001 or value == 0 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _mismatches(count: int) -> str:
    return '<span class="good">✓ none</span>' if count == 0 else f'<span class="bad">{count:,}</span>'

"""The report page of one field: its figures, its verdicts, and a picture beside the truth.

One file that loads nothing; the page of classifier runs is `reports.html`.
"""

import base64
from pathlib import Path
from typing import Any

import reports
from reports.escape import escape


def page(report: dict[str, Any], pictures: list[tuple[str, bytes]]) -> str:
    """HTML text; pictures are labels with PNG files. Names may hold anything."""
    style = (Path(reports.__file__).parent / "page.css").read_text(encoding="utf-8")
    shown = {key: value for key, value in report.items() if key not in ("verdicts", "schema", "name")}
    rows = [
        f"<tr><th>{escape(key.replace('_', ' '))}</th><td>{escape(_text(v))}</td></tr>" for key, v in shown.items()
    ]
    checks = [
        f"<tr><td>{escape(v['route'])}</td><td>{escape(v['detail'])}</td><td>{v['vectors']:,}</td>"
        f"<td>{v['mismatches']:,}</td></tr>"
        for v in report["verdicts"]
    ]
    images = [
        f'<figure><img alt="{escape(label)}" style="max-width:100%" src="data:image/png;base64,'
        f'{base64.b64encode(content).decode()}"><figcaption>{escape(label)}</figcaption></figure>'
        for label, content in pictures
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
        f"<title>{escape(report['name'])}: Inkling field</title><style>{style}</style></head>\n<body><main>"
        f'<header><p class="eyebrow">Inkling, neural field</p><h1>{escape(report["name"])}</h1></header>\n'
        f"{''.join(images)}\n<h2>Figures</h2><table>{''.join(rows)}</table>\n"
        "<h2>Verification against the integer reference</h2><table><tr><th>route</th><th>of it</th>"
        f"<th>queries</th><th>mismatches</th></tr>{''.join(checks)}</table></main></body></html>\n"
    )


def _text(value: object) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else str(value)

"""The tables of the report's page: designs and rivals with their figures, and what each design was checked by.

Each function returns HTML text with every name escaped. The page around them is `inkling.reports.page.classifier`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from inkling.reports.page.escape import escape
from inkling.reports.results.conclusion import beaten, figures, power_source, times_smaller
from inkling.reports.results.pareto import front
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report

LEVELS = {1: "training", 2: "multiplication", 3: "accumulation", 4: "activation", 5: "logic", 6: "physics"}

_HEAD = """<thead><tr class="group"><th class="text" rowspan="2">name</th><th rowspan="2">area<br>cm²</th>
<th rowspan="2">smallest<br>rival</th><th colspan="4">accuracy, %</th>
<th colspan="2">static power, mW</th><th colspan="2">delay, ms</th><th rowspan="2">gates</th>
<th rowspan="2">inputs<br>(bits)</th><th rowspan="2">verified</th></tr>
<tr><th>test</th><th>balanced</th><th>valid.</th><th>train</th><th>0.6 V</th><th>1.0 V</th><th>0.6 V</th>
<th>1.0 V</th></tr></thead>"""


def points_table(report: Report) -> str:
    """Designs and rivals, each by area; rows carry the ids that the picture's marks link to."""
    edge = {p.name for p in front(report.points)}
    rival_edge = {p.name for p in front(report.rivals)}
    rows = ["<table>", _HEAD, "<tbody>"]
    for title, points, letter, names in (
        ("Inkling designs", report.points, "p", edge),
        ("Rivals", report.rivals, "r", rival_edge),
    ):
        if points:
            rows.append(f'<tr class="head"><th colspan="14" scope="rowgroup">{title}</th></tr>')
        order = sorted(range(len(points)), key=lambda i: (points[i].area_cm2, points[i].name))
        for i in order:
            rows.append(_row(points[i], f"{letter}{i}", points[i].name in names, letter == "p", report))
    return "".join([*rows, "</tbody></table>"])


def _row(p: Point, row: str, on_front: bool, is_design: bool, report: Report) -> str:
    dot = ' <span class="dot" title="on its front">●</span>' if on_front else ""
    levels = f"; level{'s' * (len(p.levels) > 1)} {', '.join(map(str, p.levels))}" if p.levels else ""
    spread = f'<small class="below">+{figures(p.area_spread_cm2, 2)}</small>' if _told(p) else ""
    cells = [
        f'<tr id="{row}" data-row="{row}"><th scope="row" class="name">'
        f'<a class="open" href="#c-{row}" data-row="{row}">{escape(p.name)}</a>{dot}'
        f"<small>{escape(p.method)}{levels}</small></th>",
        f"<td>{figures(p.area_cm2)}{spread}</td>",
        f"<td>{_against(p, is_design, report)}</td>",
        f'<td class="strong">{100 * p.accuracy["test"]:.2f}</td>',
        f"<td>{100 * p.balanced_accuracy:.2f}</td>",
        f"<td>{100 * p.accuracy['validation']:.2f}</td>",
        f"<td>{100 * p.accuracy['train']:.2f}</td>",
    ]
    for voltage in ("0.6", "1.0"):
        power = p.static_power_mw.get(voltage)
        source = ""
        if power is not None:
            source = f'<small class="below">{power_source(power).removesuffix(" battery")}</small>'
        cells.append(f"<td>{figures(power)}{source}</td>")
    cells += [f"<td>{figures(p.delay_ms.get(voltage))}</td>" for voltage in ("0.6", "1.0")]
    cells.append(f"<td>{p.gates:,}</td>")
    cells.append(f'<td>{p.inputs_used}<small class="below">({p.input_bits_used})</small></td>')
    cells.append(f"<td>{_tick(p.verified)}</td></tr>")
    return "".join(cells)


def _told(p: Point) -> bool:
    """Whether the spread of the mapping runs shows in the figures; equal areas differ in their last bits."""
    return p.area_spread_cm2 > 5e-4 * p.area_cm2


def _against(p: Point, is_design: bool, report: Report) -> str:
    """For a design how many times larger the rival is; for a rival whether a design beats it."""
    if not is_design:
        return '<small title="a verified design is smaller and no less accurate">beaten</small>' * beaten(
            p, report.points
        )
    ratio = times_smaller(p, report.rivals)
    if ratio is None:
        return "<small>none</small>" if report.rivals else "\N{EN DASH}"
    return "∞" if ratio == float("inf") else f"{figures(ratio, 2)}\N{MULTIPLICATION SIGN}"


def _tick(good: bool) -> str:
    return '<span class="good">✓ yes</span>' if good else '<span class="bad">no</span>'


def verdict_matrix(report: Report) -> str:
    """One row per design, one column per route: vectors compared, and mismatches where there are any."""
    routes = list(dict.fromkeys(v["route"] for _, verdicts in _verdicts(report) for v in verdicts))
    head = "".join(f"<th>{escape(route)}</th>" for route in routes)
    rows = [f'<table><thead><tr><th class="text">design</th>{head}</tr></thead><tbody>']
    for name, verdicts in _verdicts(report):
        by_route: dict[str, list[Mapping[str, Any]]] = {}
        for verdict in verdicts:
            by_route.setdefault(verdict["route"], []).append(verdict)
        cells = "".join(f"<td>{_cell(by_route.get(route, []))}</td>" for route in routes)
        rows.append(f'<tr><th scope="row" class="name">{escape(name)}</th>{cells}</tr>')
    return "".join([*rows, "</tbody></table>"])


def _cell(verdicts: list[Mapping[str, Any]]) -> str:
    if not verdicts:
        return "\N{EN DASH}"
    wrong, vectors = sum(v["mismatches"] for v in verdicts), sum(v["vectors"] for v in verdicts)
    if wrong:
        return f'<span class="bad">{wrong:,} wrong of {vectors:,}</span>'
    proven = '<small class="below good">proven</small>' if any(v.get("proven") for v in verdicts) else ""
    if not vectors and not proven:
        # A proof that ran out of time has found nothing, neither for nor against.
        return "<small>not proven</small>"
    count = f"{vectors:,}" if vectors else ""
    return f'<span class="good">✓</span> {count}{proven}'


def verdict_details(report: Report) -> str:
    """Every verdict in full, folded away per design; counter-examples stay in sight."""
    parts = []
    for name, verdicts in _verdicts(report):
        lines = []
        for v in verdicts:
            outcome = f"{v['mismatches']:,} mismatches on {v['vectors']:,} vectors"
            proven = ", proven for every input" if v.get("proven") else ", not a proof"
            detail = f" {escape(v['detail'])}" if v.get("detail") else ""
            lines.append(
                f"<li><strong>{escape(v['route'])}</strong>: {escape(v['subject'])} against "
                f"{escape(v['reference'])}: {outcome}{proven}.{detail}{_example(v)}</li>"
            )
        opened = " open" if any(v["mismatches"] for v in verdicts) else ""
        parts.append(
            f"<details{opened}><summary>{escape(name)}: {len(verdicts)} checks in full</summary>"
            f'<ul class="plain">{"".join(lines)}</ul></details>'
        )
    return "".join(parts)


def _example(verdict: Mapping[str, Any]) -> str:
    example = verdict.get("counter_example")
    if not example:
        return ""
    shown = ", ".join(f"{escape(port)} = {value}" for port, value in list(example.items())[:64])
    return f' <span class="bad">First counter-example: {shown}</span>'


def _verdicts(report: Report) -> Iterator[tuple[str, tuple[Mapping[str, Any], ...]]]:
    """Verdicts by name in the order of the points, then those of names that are no point."""
    names = [p.name for p in (*report.points, *report.rivals)]
    for name in [*names, *sorted(set(report.verdicts) - set(names))]:
        if report.verdicts.get(name):
            yield name, report.verdicts[name]

"""The part of a page that shows one circuit: figures, classes, inputs, area, power, faults, proofs, files to take.

Returns HTML text with every name escaped; which circuit is in sight is `page.js`' business, and without scripts all
of them are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from inkling.reports.page.charts import bar, bits, power_chart, shares
from inkling.reports.page.escape import escape, shorten
from inkling.reports.page.schematic import draw
from inkling.reports.page.tables import LEVELS
from inkling.reports.results.circuit import Circuit, Faults, Share
from inkling.reports.results.conclusion import area, figures, percent, power_source
from inkling.reports.results.point import Point
from inkling.reports.results.report import Report

# Matrices of more classes than this get cells too small to read.
MOST_CLASSES = 40


def circuits(report: Report, chosen: Point | None, archives: Mapping[str, bytes]) -> str:
    """The section: a chooser and one article for every design and rival; the chosen design's is in sight first."""
    groups = (("Inkling designs", "p", report.points), ("Rivals", "r", report.rivals))
    options, articles = [], []
    first = f"p{report.points.index(chosen)}" if chosen else "p0" if report.points else "r0"
    for title, letter, points in groups:
        order = sorted(range(len(points)), key=lambda i: (points[i].area_cm2, points[i].name))
        lines = []
        for i in order:
            point, key = points[i], f"{letter}{i}"
            text = f"{shorten(point.name, 40)}: {percent(point.accuracy['test'])}, {area(point.area_cm2)}"
            mark = " selected" if key == first else ""
            lines.append(f'<option value="{key}"{mark}>{escape(text)}</option>')
            articles.append(_article(point, key, report, archives, is_first=key == first))
        if lines:
            options.append(f'<optgroup label="{title}">{"".join(lines)}</optgroup>')
    if not articles:
        return ""
    return (
        '<section aria-labelledby="circuit" class="circuits"><h2 id="circuit">The circuit</h2>'
        '<div class="chooser" hidden><label for="pick">Design or rival</label>'
        f'<select id="pick">{"".join(options)}</select>'
        '<button type="button" id="smaller">← smaller</button>'
        '<button type="button" id="larger">larger →</button></div>'
        f"{''.join(articles)}</section>"
    )


def _article(point: Point, key: str, report: Report, archives: Mapping[str, bytes], *, is_first: bool) -> str:
    circuit = report.circuits.get(point.name, Circuit())
    cards = circuit_cards(circuit, point, key, report, archives)
    first = " first" if is_first else ""
    return (
        f'<article class="circuit{first}" id="c-{key}" data-circuit="{key}" aria-labelledby="t-{key}">'
        f'<header><h3 id="t-{key}">{escape(point.name)}</h3><p>{escape(point.method)}</p>{_ladder(point)}</header>'
        f"{_figures(point)}"
        f'<div class="cards">{"".join(cards)}</div>{_schematic(circuit)}</article>'
    )


def circuit_cards(
    circuit: Circuit, point: Point, key: str, report: Report, archives: Mapping[str, bytes]
) -> list[str]:
    """What is told of a circuit, each as a card; key: p and a number for designs, r for rivals."""
    is_design = key.startswith("p")
    cards = (
        _classes(circuit, report.classes),
        _inputs(circuit, point, report),
        _area(circuit, point),
        _power(circuit, point),
        _faults(circuit.faults, point, is_design) if report.classes else "",
        _proven(report.verdicts.get(point.name, ()), point),
        _files(point, key, archives) if is_design else "",
    )
    return [card for card in cards if card]


def _ladder(point: Point) -> str:
    if not point.levels:
        return ""
    steps = "".join(
        f'<li class="{"used" if level in point.levels else "unused"}">'
        f"<b>{level}</b> {name}{'' if level in point.levels else ' <span>(not used)</span>'}</li>"
        for level, name in LEVELS.items()
    )
    return f'<ol class="ladder" aria-label="levels of approximation">{steps}</ol>'


def _figures(point: Point) -> str:
    power, delay = point.static_power_mw, point.delay_ms
    volts = "0.6" if power.get("0.6") is not None else "1.0"
    shown = [
        ("test accuracy", percent(point.accuracy["test"]), f"balanced {percent(point.balanced_accuracy)}"),
        ("area", area(point.area_cm2), f"{point.gates:,} gates"),
        (f"static power, {volts} V", f"{figures(power.get(volts))} mW", power_source(power.get(volts))),
        (f"delay, {volts} V", f"{figures(delay.get(volts))} ms", f"{figures(delay.get('1.0'))} ms at 1.0 V"),
        ("inputs", str(point.inputs_used), f"{point.input_bits_used} bits"),
    ]
    items = "".join(f"<div><dt>{name}</dt><dd>{value}<small>{more}</small></dd></div>" for name, value, more in shown)
    return f'<dl class="key small">{items}</dl>'


def _card(title: str, body: str, style: str = "") -> str:
    return f'<section class="card{style}"><h4>{title}</h4>{body}</section>'


def _classes(circuit: Circuit, classes: Sequence[str]) -> str:
    matrix, recalls = circuit.confusion, circuit.recalls()
    if not classes or not matrix or len(matrix) != len(classes) or len(matrix) > MOST_CLASSES:
        return ""
    strange = len(matrix[0]) > len(matrix)
    names = [*classes, *(["no class"] if strange else [])]
    head = "".join(f'<th scope="col" title="{escape(name)}">{escape(shorten(name, 10))}</th>' for name in names)
    lines = []
    for t, (row, recall) in enumerate(zip(matrix, recalls, strict=True)):
        whole = max(sum(row), 1)
        cells = "".join(
            f'<td class="{"right" if t == a else "wrong"} h{_heat(count / whole)}">{count or "·"}</td>'
            for a, count in enumerate(row)
        )
        share = (
            f'<td class="wide">{bar(recall)}</td><td>{percent(recall)}</td>'
            if recall is not None
            else '<td class="wide"></td><td>\N{EN DASH}</td>'
        )
        name = f'<th scope="row" title="{escape(classes[t])}">{escape(shorten(classes[t], 14))}</th>'
        lines.append(f"<tr>{name}{cells}{share}</tr>")
    return _card(
        "Classes: what was answered, and recall",
        '<div class="scroll" tabindex="0" role="region" aria-label="confusion matrix">'
        '<table class="confusion"><thead>'
        f'<tr><th>true \\ answered</th>{head}<th colspan="2">recall</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
        f'<p class="note">Counts of the {sum(map(sum, matrix)):,} test rows, which '
        "were read once, for this report. A darker cell is a larger share of its class.</p>",
        " full" if len(matrix) > 6 else "",
    )


def _heat(fraction: float) -> int:
    """0..8; anything that is there at all is seen."""
    return 0 if fraction <= 0 else max(1, round(8 * fraction))


def _inputs(circuit: Circuit, point: Point, report: Report) -> str:
    if not circuit.inputs:
        return ""
    lines = "".join(
        f'<tr><th scope="row">{escape(shorten(item.column, 40))}</th>'
        f'<td class="text">{bits(item.bits, item.read)}</td>'
        f"<td>{len(item.read)} of {item.bits}</td><td>{_number(item.low)} to {_number(item.high)}</td></tr>"
        for item in circuit.inputs
    )
    spare = len(report.bits) - len(circuit.inputs)
    left = f" The other {spare} need neither." if spare > 1 else ""
    left = " The other one needs neither." if spare == 1 else left
    count = len(circuit.inputs)
    note = f"{count} sensor{'s' * (count != 1)} and converter{'s' * (count != 1)} must be printed.{left} "
    note += "Filled squares are bits that some gate reads, the most significant on the left."
    if point.converters_area_cm2 is not None:
        whole = point.converters_area_cm2 + point.area_cm2
        part = percent(point.converters_area_cm2 / whole) if whole else "none"
        note += (
            f" <strong>Converters: {area(point.converters_area_cm2)}, "
            f"{figures(point.converters_power_mw)} mW</strong>, {part} of the area of both "
            f"together ({escape(report.converters)})."
        )
    else:
        note += " What converters cost is told with <code>inkling report RUN --converters TABLE.json</code>."
    return _card(
        "Inputs: sensors and converters to print",
        '<div class="scroll" tabindex="0" role="region" aria-label="inputs"><table class="inputs"><thead><tr>'
        '<th class="text">column</th><th class="text">bits</th><th>read</th><th title="of the converter">range</th>'
        "</tr></thead>"
        f'<tbody>{lines}</tbody></table></div><p class="note">{note}</p>',
    )


def _number(value: float) -> str:
    return f"{value:.4g}"


def _area(circuit: Circuit, point: Point) -> str:
    if not circuit.cells and not circuit.parts:
        return ""
    body = ""
    if circuit.parts:
        body += (
            f'{_bars(circuit.parts)}<p class="note">By part: the mapped area shared out by '
            "the operators of the emitted Verilog, an estimate.</p>"
        )
    if circuit.cells:
        body += f'{_bars(circuit.cells)}<p class="note">By cell of the technology, exact.</p>'
    if point.converters_area_cm2 is not None:
        both = [Share("classifier", 0, point.area_cm2), Share("converters", 0, point.converters_area_cm2)]
        body += f'{_bars(both)}<p class="note">With the converters of the inputs.</p>'
    return _card("Area by part", body)


def _bars(items: Sequence[Share]) -> str:
    whole = sum(item.area_cm2 for item in items) or 1.0
    return shares(
        [
            (
                item.name,
                f"{item.count:,}" if item.count else "",
                f"{figures(item.area_cm2)} cm²",
                item.area_cm2 / whole,
            )
            for item in items
        ]
    )


def _power(circuit: Circuit, point: Point) -> str:
    known = dict(circuit.power_mw) or {v: mw for v, mw in point.static_power_mw.items() if mw is not None}
    chart = power_chart(known)
    if not chart:
        return ""
    told = "; ".join(f"at {escape(v)} V {power_source(known[v])}" for v in sorted(known, reverse=True))
    return _card(
        "Power against supply",
        f'{chart}<p class="note">The smallest printed source that feeds it: {told}. Static power is the mean over '
        "the states that the training rows put the cells in.</p>",
    )


def _faults(faults: Faults | None, point: Point, is_design: bool) -> str:
    if faults is None:
        if not is_design:
            return ""
        return _card(
            "Fault sensitivity",
            '<p class="note">Not simulated yet: <code>inkling faults</code> on this design, then '
            "<code>inkling report</code> on the run.</p>",
        )
    rows = [
        ("sound", "", percent(faults.sound), faults.sound),
        ("mean under one fault", "", percent(faults.mean_under_one_fault), faults.mean_under_one_fault),
        ("worst fault", "", percent(faults.worst_under_one_fault), faults.worst_under_one_fault),
        ("coverage of the rows", "", percent(faults.coverage), faults.coverage),
    ]
    return _card(
        "Fault sensitivity",
        f'{shares(rows)}<p class="note">{escape(faults.measure).capitalize()} over {faults.rows:,} rows with each of '
        f"{faults.faults:,} stuck-at faults in turn; coverage is the share of faults that some row reveals.</p>",
    )


def _proven(verdicts: Sequence[Mapping[str, Any]], point: Point) -> str:
    if not verdicts:
        said = "Its mapped cells agree with the reference on the table's rows." if point.verified else "Not verified."
        return _card("What was checked", f'<p class="note">{said}</p>')
    lines = []
    for v in verdicts:
        if v["mismatches"]:
            outcome = f'<span class="bad">{v["mismatches"]:,} wrong of {v["vectors"]:,}</span>'
        elif v.get("proven"):
            outcome = '<span class="good">✓ proven for every input</span>'
        elif not v["vectors"]:
            outcome = "not proven in time"
        else:
            outcome = f'<span class="good">✓</span> {v["vectors"]:,} vectors'
        lines.append(f"<li><strong>{escape(v['route'])}</strong> {outcome}</li>")
    return _card(
        "What was proven",
        f'<ul class="checks">{"".join(lines)}</ul><p class="note">Against the integer reference.</p>',
    )


def _files(point: Point, key: str, archives: Mapping[str, bytes]) -> str:
    place = f"<code>designs/{escape(point.name)}</code>"
    if point.name not in archives:
        return _card("Files", f'<p class="note">In the run folder: {place}.</p>')
    size = len(archives[point.name]) / 1024
    return _card(
        "Files",
        f'<p><button type="button" class="download" data-blob="zip-{key}" data-type="application/zip" '
        f'data-name="{escape(shorten(point.name, 80))}.zip">Download the design ({size:.0f} kB)</button></p>'
        f'<p class="note">Verilog, mapped Verilog, Amaranth, C, numba, network and verdicts, as in {place}.</p>',
    )


def _schematic(circuit: Circuit) -> str:
    if circuit.schematic is None:
        return ""
    drawing = f'<div class="scroll" tabindex="0" role="region" aria-label="schematic">{draw(circuit.schematic)}</div>'
    return _card("Schematic", drawing, " full")

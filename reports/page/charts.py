"""Small drawings of one circuit as inline SVG: bars, the bits that are read, static power against supply voltage.

Colours are the page's style; a schematic is drawn in `inkling.reports.page.schematic`.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from inkling.reports.page.escape import escape, shorten
from inkling.reports.results.conclusion import POWER_SOURCES_MW, figures


def bar(fraction: float, style: str = "") -> str:
    """A horizontal bar that fills this fraction, 0..1, of its cell."""
    width = 100 * min(max(fraction, 0.0), 1.0)
    return (
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8"/>'
        f'<rect class="fill {style}" width="{width:.2f}" height="8"/></svg>'
    )


def bits(width: int, read: Sequence[int]) -> str:
    """The bits of a converter's code as squares, the most significant first; those that are read are filled."""
    squares = "".join(
        f'<rect class="{"read" if bit in read else "unread"}" x="{14 * k + 1}" y="1" width="10" height="10" rx="2"/>'
        for k, bit in enumerate(reversed(range(width)))
    )
    told = ", ".join(str(bit) for bit in sorted(read, reverse=True)) or "none"
    return (
        f'<svg class="bits" viewBox="0 0 {14 * width} 12" width="{14 * width}" height="12" role="img">'
        f"<title>bits that are read: {told} (of {width - 1} to 0)</title>{squares}</svg>"
    )


def power_chart(power_mw: Mapping[str, float]) -> str:
    """Static power in mW at every supply voltage, on a log axis with the printed sources that feed it."""
    points = sorted((float(volts), milliwatts) for volts, milliwatts in power_mw.items() if milliwatts > 0)
    if not points:
        return ""
    width, height, left, right, top, base = 420, 210, 44, 74, 12, 174
    sources = [limit for limit, _ in POWER_SOURCES_MW]
    low = math.floor(math.log10(min(min(mw for _, mw in points), sources[0])) - 0.15)
    high = math.log10(max(max(mw for _, mw in points), sources[-1])) + 0.25
    volts = [v for v, _ in points]
    first, last = (min(volts) - 0.1, max(volts) + 0.1) if len(set(volts)) > 1 else (volts[0] - 0.2, volts[0] + 0.2)

    def x(v: float) -> float:
        return left + (v - first) / (last - first) * (width - left - right)

    def y(mw: float) -> float:
        return base - (math.log10(mw) - low) / (high - low) * (base - top)

    out = [f'<svg class="chart" viewBox="0 0 {width} {height}" role="img"><title>static power against supply</title>']
    lowest = float(height)
    for limit, name in POWER_SOURCES_MW:
        end = width - right
        lowest = min(y(limit) + 4, lowest - 14)  # names keep apart where their lines are close
        out.append(f'<line class="limit" x1="{left}" x2="{end}" y1="{y(limit):.1f}" y2="{y(limit):.1f}"/>')
        out.append(f'<text x="{end + 7}" y="{lowest:.1f}">{name.removesuffix(" battery")}</text>')
    for power in range(low, math.floor(high) + 1):
        out.append(f'<text x="{left - 6}" y="{y(10.0**power) + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    out.append(f'<line class="axis" x1="{left}" x2="{width - right}" y1="{base}" y2="{base}"/>')
    for (v, mw), (w, more) in pairwise(points):
        out.append(f'<line class="power" x1="{x(v):.1f}" y1="{y(mw):.1f}" x2="{x(w):.1f}" y2="{y(more):.1f}"/>')
    for v, mw in points:
        out.append(f'<circle class="power" cx="{x(v):.1f}" cy="{y(mw):.1f}" r="4.5"/>')
        out.append(
            f'<text class="value" x="{x(v):.1f}" y="{y(mw) - 10:.1f}" text-anchor="middle">{figures(mw)}</text>'
        )
        out.append(f'<text x="{x(v):.1f}" y="{base + 17}" text-anchor="middle">{v:.1f} V</text>')
    out.append(f'<text x="{left}" y="{height - 4}">static mW against supply voltage</text></svg>')
    return "".join(out)


def shares(rows: Sequence[tuple[str, str, str, float]]) -> str:
    """A table of bars: (name, count or "", figure, fraction of the whole); names are escaped here."""
    lines = "".join(
        f'<tr><th scope="row">{escape(shorten(name, 32))}</th><td>{count}</td><td class="wide">{bar(fraction)}</td>'
        f"<td>{figure}</td></tr>"
        for name, count, figure, fraction in rows
    )
    return f'<table class="bars"><tbody>{lines}</tbody></table>'

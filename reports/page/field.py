"""The page of one field: pictures beside the truth, figures, how it was verified.

Its words are `field.html`; the page of classifier runs is `inkling.reports.page.classifier`.
"""

from collections.abc import Sequence
from pathlib import Path

from inkling.reports.page.checks import FAILED, UNDECIDED, check
from inkling.reports.page.render import render
from inkling.reports.results.field import FIGURES, FieldReport, Scalar
from inkling.train.files import atomic

PICTURES = "pictures"  # the folder of a run that keeps the page's pictures
MOST_BYTES = 32 * 2**20


def page(report: FieldReport, pictures: Sequence[tuple[str, bytes]]) -> str:
    """HTML text; pictures are labels with PNG files. Names may hold anything."""
    units = {key: (name, unit) for key, name, unit in FIGURES}
    measured = [
        (name, _rounded(report.figures[key]) + (f"\N{NO-BREAK SPACE}{unit}" if unit else ""), "")
        for key, (name, unit) in units.items()
        if key in report.figures
    ]
    sizes = [
        ("size", f"{report.bytes:,}\N{NO-BREAK SPACE}bytes", ""),
        *(
            [("in memory", f"{report.bytes_in_memory:,}\N{NO-BREAK SPACE}bytes", "")]
            if report.bytes_in_memory != report.bytes
            else []
        ),
        ("bytes per entry", _text(report.bytes_per_entry), ""),
    ]
    facts: list[tuple[str, Scalar]] = [
        ("meaning", report.meaning),
        ("model", report.model),
        ("steps", report.steps),
        ("stopped", report.stopped),
        *([("path", report.path)] if report.path else []),
        *report.facts.items(),
        *((key, value) for key, value in report.figures.items() if key not in units),
        *((f"engine, {key}", value) for key, value in report.engine.items()),
    ]
    outcomes = [check([verdict]).outcome for verdict in report.verdicts]
    return render(
        "field.html",
        title=f"{report.name}: Inkling field",
        data={"report": report.to_json()},
        report=report,
        key_figures=measured + sizes,
        facts=[(key.replace("_", " "), _text(value)) for key, value in facts],
        pictures=pictures,
        world=report.world.to_json() if report.world is not None else None,
        outcome=next((word for word in (FAILED, UNDECIDED) if word in outcomes), "passed"),
        checks=[(verdict, check([verdict])) for verdict in report.verdicts],
    )


def keep(pictures: Sequence[tuple[str, bytes]], folder: Path) -> None:
    """Write the pictures into a run folder, so that its page can be made again."""
    (folder / PICTURES).mkdir(exist_ok=True)
    for number, (label, content) in enumerate(pictures):
        (folder / PICTURES / f"{number} {label.replace('/', ' ')[:80]}.png").write_bytes(content)


def write_again(report: FieldReport, folder: Path) -> None:
    """Write report.html of a field's run folder again, with the pictures that are kept there."""
    pictures = []
    for path in sorted((folder / PICTURES).glob("*.png")):
        if path.is_file() and path.stat().st_size <= MOST_BYTES:
            pictures.append((path.stem.partition(" ")[2] or path.stem, path.read_bytes()))
    atomic.write(folder / "report.html", page(report, pictures).encode())


def _rounded(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3g}"


def _text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) >= 0.001 or value == 0 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else value

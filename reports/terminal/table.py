"""Tables that fit: on a narrow terminal columns are left out and names folded; in a pipe each row is a whole line.

Figures are never cut. What stands in a table is whose business it is to print one.
"""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from inkling.reports.page.escape import plain

_GAP = 2
# No text is folded to less than this.
_NARROWEST = 8


@dataclass(frozen=True)
class Column:
    """head: a line break begins a second line on a terminal; text: stands on the left and may be folded.

    drop: where a terminal is too narrow, columns with the highest number go first; 0 stays.
    """

    head: str
    text: bool = False
    drop: int = 0


def show(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    console: Console,
    *,
    styles: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> None:
    """Print a table with notes below it. rows: of cells, any text; styles: of rich, one for each row, or none."""
    cells = [[plain(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        for line in _lines(columns, cells, [_width(columns, cells, k, 1) for k in range(len(columns))], 1):
            _say(console, "\n".join(line), "")
        for note in notes:
            _say(console, note, "")
        return
    shown, widths = fit(columns, cells, console.width)
    kept = [columns[k] for k in shown]
    lines = _lines(kept, [[row[k] for k in shown] for row in cells], widths, 2)
    _say(console, "\n".join(lines[0]), "bold")
    _say(console, "-" * min(sum(widths) + _GAP * (len(widths) - 1), console.width), "dim")
    for k, line in enumerate(lines[1:]):
        _say(console, "\n".join(line), styles[k] if styles else "")
    left = [column.head.replace("\n", " ") for column in columns if column not in kept]
    more = [f"Left out for lack of room: {', '.join(left)}."] if left else []
    for note in (*notes, *more):
        _say(console, textwrap.fill(note, console.width), "dim")


def fit(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> tuple[list[int], list[int]]:
    """Which columns are shown in so many cells, and how wide each is."""
    shown = list(range(len(columns)))
    widths = {k: _width(columns, rows, k, 2) for k in shown}

    def excess() -> int:
        return sum(widths[k] for k in shown) + _GAP * (len(shown) - 1) - width

    while excess() > 0 and any(columns[k].drop for k in shown):
        shown.remove(max(shown, key=lambda k: columns[k].drop))
    while excess() > 0:
        able = [k for k in shown if columns[k].text and widths[k] > _NARROWEST]
        if not able:
            break
        widest = max(able, key=lambda k: widths[k])
        widths[widest] -= 1
    return shown, [widths[k] for k in shown]


def _width(columns: Sequence[Column], rows: Sequence[Sequence[str]], k: int, head_lines: int) -> int:
    heads = columns[k].head.split("\n") if head_lines > 1 else [columns[k].head.replace("\n", " ")]
    return max(cell_len(text) for text in (*heads, *(row[k] for row in rows)))


def _lines(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], widths: Sequence[int], head_lines: int
) -> list[list[str]]:
    """The head and every row, each as one or more lines."""
    heads = [c.head.split("\n") if head_lines > 1 else [c.head.replace("\n", " ")] for c in columns]
    tall = max(map(len, heads))
    # Heads stand on their last line.
    found = [_joined(columns, [[""] * (tall - len(head)) + head for head in heads], widths)]
    for row in rows:
        folded = [
            _folded(cell, width) if column.text else [cell]
            for column, cell, width in zip(columns, row, widths, strict=True)
        ]
        found.append(_joined(columns, folded, widths))
    return found


def _joined(columns: Sequence[Column], cells: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    lines = []
    for k in range(max(map(len, cells), default=0)):
        parts = []
        for column, texts, width in zip(columns, cells, widths, strict=True):
            text = texts[k] if k < len(texts) else ""
            space = " " * max(width - cell_len(text), 0)
            parts.append(text + space if column.text else space + text)
        lines.append((" " * _GAP).join(parts).rstrip())
    return lines


def _folded(text: str, width: int) -> list[str]:
    if cell_len(text) <= width:
        return [text]
    if text.isascii():
        return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    return [str(part) for part in chop_cells(text, width)]


def _say(console: Console, text: str, style: str) -> None:
    """Letters are text, not markup, for names come from outside; rich leaves lines as they are."""
    console.print(Text(text, style=style), soft_wrap=True)

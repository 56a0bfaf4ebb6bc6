"""Direct labels beside the marks of a picture: each takes the first free place around its mark, or is left out.

Greedy and deterministic. What is labelled is decided in `inkling.reports.page.figure`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

_FONT = 12.0


class Box(NamedTuple):
    """A rectangle in the picture's units, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def within(self, other: "Box") -> bool:
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


@dataclass(frozen=True)
class Label:
    """A text for the mark at x, y; a smaller rank is placed earlier; above: tries the side above and left first."""

    x: float
    y: float
    text: str
    style: str
    rank: tuple[Any, ...]
    above: bool


def text_width(text: str) -> float:
    """An upper estimate of the width of a text at the picture's font size: no font is at hand to ask."""
    return sum(0.95 if ord(c) > 0x2E80 else 0.78 if c in "mwMW@%" else 0.6 for c in text) * _FONT


def place(
    labels: Sequence[Label], taken: Sequence[Box], lines: Sequence[Box], bounds: Box
) -> list[tuple[Label, float, float, str]]:
    """Places (label, x, y of the base line, text-anchor) that overlap neither `taken` nor each other.

    Of those the first that crosses fewest of the `lines` is taken. A label that finds no place
    within `bounds` is left out: its mark still has a tooltip and a row in the table.
    """
    occupied = list(taken)
    placed = []
    for label in sorted(labels, key=lambda item: (item.rank, item.x, item.y, item.text)):
        free: list[tuple[int, int, Box, tuple[Label, float, float, str]]] = []
        for x, y, anchor in _candidates(label):
            box = _box(label.text, x, y, anchor)
            if box.within(bounds) and not any(box.overlaps(other) for other in occupied):
                crossed = sum(box.overlaps(line) for line in lines)
                free.append((crossed, len(free), box, (label, x, y, anchor)))
        if free:
            _, _, box, chosen = min(free, key=lambda item: item[:2])
            occupied.append(box)
            placed.append(chosen)
    return placed


def _box(text: str, x: float, y: float, anchor: str) -> Box:
    """The rectangle of a text with a little air at its sides."""
    width = text_width(text)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return Box(left - 2, y - 10, left + width + 2, y + 3)


def _candidates(label: Label) -> list[tuple[float, float, str]]:
    """Places around a mark, the preferred first; left above is where a front leaves room, right below the other."""
    x, y = label.x, label.y
    above = [(x - 8, y - 7, "end"), (x, y - 12, "middle"), (x - 11, y + 4, "end")]
    below = [(x + 8, y + 15, "start"), (x + 11, y + 4, "start"), (x, y + 21, "middle")]
    rest = [(x + 8, y - 7, "start"), (x - 8, y + 15, "end")]
    return [*above, *rest, *below] if label.above else [*below, *rest, *above]

"""A console for sentences that hold names from outside: they neither style nor steer the terminal, nor are they cut.

Tables are `inkling.reports.terminal.table`'s.
"""

from typing import Any

from rich.console import Console
from rich.text import Text

from inkling.reports.page.escape import visible


class Terminal(Console):
    """As rich's console; texts are taken as they are (no markup), bare of control characters, and never wrapped.

    A terminal breaks long lines by itself; a pipe gets them whole.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich's, for plain text."""
        settings = {"markup": False, "highlight": False, "emoji": False, "soft_wrap": True, **options}
        super().print(*objects, **settings)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)

"""Progress of a run in the terminal; plain lines, one a stage, where the output is not a terminal."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inkling.reports.terminal.console import Terminal


class _Patient(Terminal):
    """A console whose reader may go away (`| head`): the work is worth more than the words about it."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, self.file.fileno())
        os.close(silent)


def console_of(as_json: bool) -> Console:
    """Where a run's lines go: standard output, or standard error beside a JSON document."""
    return _Patient(stderr=as_json)


class Stages:
    """A context in which stages are shown as bars with an estimate; silent but for results without a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "Stages":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    @contextmanager
    def running(self, name: str, total: float | None = None) -> Iterator[Callable[[float, float], None]]:
        """Show a stage; the function given is called with (done, total) as it advances."""
        task = self._progress.add_task(name, total=total)
        try:
            yield lambda done, whole: self._progress.update(task, completed=done, total=whole)
        finally:
            self._progress.remove_task(task)

    def done(self, name: str, text: str) -> None:
        """Print the outcome of a stage."""
        self._console.print(f"{name:<8}{text}", highlight=False, markup=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a line under the running stage."""
        self._console.print(f"{'':<8}{text}", highlight=False, markup=False, soft_wrap=True)

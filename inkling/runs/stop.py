"""Stopping a run: the first Ctrl-C or SIGTERM asks each stage to end with what it has, a second ends the program.

What a stage does about it is written where the stage is; nothing is decided here.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from inkling.runs.folder import unfinished

SIGNALS = (signal.SIGINT, signal.SIGTERM)
HEARD = "what was found so far goes into the report"


class Stop:
    """Whether a stop was asked for, and by which signal; made by `stopping`. words: what becomes of the work."""

    def __init__(self, words: str = HEARD) -> None:
        self.number = 0
        self._words = f"inkling: stopping; {words} (once more: stop at once)\n".encode()
        self._interruptible = 0

    @property
    def requested(self) -> bool:
        return self.number != 0

    @property
    def status(self) -> int:
        """The exit status of a program that was stopped; 0 for one that was not."""
        return 128 + self.number if self.number else 0

    def check(self) -> None:
        """Raise KeyboardInterrupt where a stop was asked for: for work in threads, which no signal reaches."""
        if self.requested:
            raise KeyboardInterrupt

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Within it a stop raises KeyboardInterrupt in the main thread, also one that came before.

        Elsewhere it only leaves a mark: an import or a file that is being written is not cut in two.
        """
        self.check()
        self._interruptible += 1
        try:
            self.check()  # between the two lines above
            yield
        finally:
            self._interruptible -= 1

    def heard(self, number: int, frame: FrameType | None) -> None:
        """The handler of the signals."""
        if self.requested:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            raise SystemExit(128 + number)
        self.number = number
        with contextlib.suppress(OSError):  # nobody may listen any more
            os.write(2, self._words)  # not print, which a signal may find in the middle of a line
        if self._interruptible:
            raise KeyboardInterrupt


@contextmanager
def stopping(words: str = HEARD) -> Iterator[Stop]:
    """Handle the signals within this context; in another thread than the main one, which gets none, just a `Stop`."""
    stop = Stop(words)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    # A shell has what it runs in the background ignore interrupts; that is left as it is.
    caught = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in caught:
        signal.signal(number, stop.heard)
    try:
        yield stop
    finally:
        for number in caught:
            signal.signal(number, before[number])


@contextmanager
def ending_in(stop: Stop, out: Path) -> Iterator[None]:
    """End the program with the stop's status where the work is cut short, and say what is left for `out`."""
    try:
        yield
    except KeyboardInterrupt:
        left = unfinished(out)
        told = f"; {left} holds what is finished, and the same command goes on from there" if left else ""
        print(f"inkling: stopped{told}", file=sys.stderr)
        sys.exit(stop.status or 130)

"""The console script. Commands live in the modules that are imported here; nothing heavy is, before one needs it."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import cast

import typer

import inkling.cli.campaigns
import inkling.cli.circuits
import inkling.cli.runs
import inkling.cli.steps
import inkling.cli.views  # noqa: F401
from inkling.cli.app import app
from inkling.reports.terminal.streams import tolerate
from inkling.train.errors import InputError

# Typer carries its own copy of click inside and gives the base of its errors no name.
Usage = cast("type[typer.BadParameter]", typer.BadParameter.__bases__[0])


def main() -> None:
    """The console script: wrong input is one line and exit code 2, Ctrl-C is 130."""
    tolerate()
    # A user's own train.py or sim/ in the working folder must never shadow our packages, also in worker processes;
    # where the working folder is that of our packages (a checkout), there is nothing to shadow.
    working = {"", _working_folder()} - {str(Path(__file__).resolve().parents[2])}
    sys.path[:] = [entry for entry in sys.path if entry not in working]
    # To end by unwinding: workers and tools are ended, and nothing half-written is left.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        code = app(standalone_mode=False)
    except InputError as error:
        print(f"inkling: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:  # where no command had begun
        print("inkling: stopped", file=sys.stderr)
        sys.exit(130)
    except Usage as error:
        if len(sys.argv) < 2:
            error.show()  # nothing was asked: the help
        else:
            command = f"{sys.argv[1]} " if error.ctx is not None and error.ctx.parent is not None else ""
            told = InputError(f"{error.format_message()} See `inkling {command}--help`")
            print(f"inkling: {told}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # a path that no look at it before could tell from a good one
        told = InputError(f"{error.filename or 'a file'}: {error.strerror or error}; give another path")
        print(f"inkling: {told}", file=sys.stderr)
        sys.exit(2)
    if code:
        sys.exit(code)


def _working_folder() -> str:
    """The working folder, "" where it was removed."""
    try:
        return str(Path.cwd())
    except OSError:
        return ""


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)

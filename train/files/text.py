"""Small texts and JSON documents from outside, read with a bound on their size.

What the fields of a document may hold is checked by `inkling.train.files.checked_json`.
"""

import json
from pathlib import Path
from typing import Any

from inkling.train.errors import InputError

MOST_BYTES = 64 * 2**20


def text(path: Path) -> str:
    """A UTF-8 text of bounded size. Raises InputError."""
    try:
        if not path.is_file():
            raise InputError(f"{path} is missing; make the run again or give another folder")
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise InputError(f"{path} is larger than {MOST_BYTES >> 20} MiB; give a folder that `inkling run` made")
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as UTF-8 text ({type(error).__name__}); make the run again"
        ) from error


def document(path: Path) -> dict[str, Any]:
    """A JSON object. Raises InputError."""
    try:
        found = json.loads(text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON text; make the run again") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} is no JSON object; make the run again")
    return found

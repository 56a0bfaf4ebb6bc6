"""Small texts from outside, read with a bound on their size.

What a JSON document may hold is checked by `inkling.train.files.checked_json`.
"""

from pathlib import Path

from inkling.train.errors import InputError

MOST_BYTES = 64 * 2**20


def text(path: Path, remedy: str = "make the run again", most_bytes: int = MOST_BYTES) -> str:
    """A UTF-8 text of bounded size; remedy: what to do about a file that is none. Raises InputError."""
    try:
        if not path.is_file():
            raise InputError(f"{path} is missing; {remedy}, or give another folder")
        with path.open("rb") as stream:
            content = stream.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise InputError(f"{path} is larger than {most_bytes} bytes; {remedy}")
        return content.decode("utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {remedy}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8; {remedy}") from error

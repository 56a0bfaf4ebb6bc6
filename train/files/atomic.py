"""Writing a file beside its place and renaming it, so that whoever is killed leaves the old file or the new one."""

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whose folder exists.

    Raises
    ------
    OSError
        With the path as its file name, also where the disk is full; nothing half-written is left.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        # A full disk is reported without a name, and the name beside would tell a user nothing.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        beside.unlink(missing_ok=True)

"""Writing a file beside its place and renaming it, so that whoever is killed leaves the old file or the new one."""

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whose folder exists. Raises OSError; nothing half-written is left."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)

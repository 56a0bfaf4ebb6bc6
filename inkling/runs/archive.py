"""Design folders as ZIP files, to be carried by a report's page. Equal folders give equal bytes."""

import io
import zipfile
from pathlib import Path

# A design of ten thousand gates packs to some hundred kilobytes; the page should still be mailed.
MOST_BYTES = 400_000
MOST_TOGETHER = 3_000_000
MOST_UNPACKED = 16_000_000
_MIDNIGHT = (1980, 1, 1, 0, 0, 0)


def archives(designs: Path) -> dict[str, bytes]:
    """A ZIP file for each folder of `designs`, by its name; those too large for a page are left out."""
    found: dict[str, bytes] = {}
    if not designs.is_dir():
        return found
    for folder in sorted(path for path in designs.iterdir() if path.is_dir()):
        packed = _pack(folder)
        if packed is not None and len(packed) + sum(map(len, found.values())) <= MOST_TOGETHER:
            found[folder.name] = packed
    return found


def _pack(folder: Path) -> bytes | None:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    if sum(path.stat().st_size for path in files) > MOST_UNPACKED:
        return None
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files:
            entry = zipfile.ZipInfo(f"{folder.name}/{path.name}", _MIDNIGHT)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    packed = stream.getvalue()
    return packed if len(packed) <= MOST_BYTES else None

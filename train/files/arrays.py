"""Arrays in npz files: written so that equal arrays give equal bytes, read with every size and type known beforehand.

Nothing is unpacked, parsed as Python or believed: a member is stored, its header is one that we write, and its shape
fits what is expected. What the arrays mean is their reader's business.
"""

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError

Arrays: TypeAlias = dict[str, NDArray[Any]]
Shape: TypeAlias = tuple[int | None, ...]
Expected: TypeAlias = Mapping[str, tuple[str, Shape]]
"""By name: the type as numpy writes it ("<i8", "|i1") and the shape; None stands for any length."""

# A member's npy header, and its entry and name in the archive's two lists, are far below this.
OVERHEAD = 4096
_HEADER = re.compile(rb"\{'descr': '([<|][a-z]\d)', 'fortran_order': False, 'shape': \(([\d, ]{0,200})\), \} *\n")
_MIDNIGHT = (1980, 1, 1, 0, 0, 0)
# What zipfile and numpy raise for archives that are cut, altered or made by hand.
_UNSOUND = (
    zipfile.BadZipFile, zlib.error, struct.error, ValueError, NotImplementedError, RuntimeError, EOFError, OSError,
    IndexError, KeyError, OverflowError,
)  # fmt: skip


def write(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An npz archive, not packed, in the order given; big-endian arrays are written little-endian."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            kind = array.dtype.newbyteorder("<")
            content = _header(kind.str, array.shape) + np.ascontiguousarray(array, kind).tobytes()
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _MIDNIGHT), content)
    return buffer.getvalue()


def read(source: Path | bytes, expected: Expected, *, most_bytes: int, name: str | Path | None = None) -> Arrays:
    """Exactly the expected arrays of an archive that `write` wrote, in the machine's byte order.

    Parameters
    ----------
    source : Path or bytes
        The file, or its content.
    expected : mapping of str to (str, tuple of int or None)
        Type and shape of each array by name; there must be no others.
    most_bytes : int
        A larger archive is refused before it is read.
    name : str or Path, optional
        What messages call the archive; by default the path.

    Raises
    ------
    InputError
        Naming the file and the array, for everything else.
    """
    called = source if name is None and isinstance(source, Path) else name or "archive"
    exact = sum(_bytes_of(kind, shape) for kind, shape in expected.values()) + OVERHEAD * (len(expected) + 1)
    free = any(None in shape for _, shape in expected.values())
    content = _content(source, called, most_bytes if free else min(most_bytes, exact))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if sorted(member.filename for member in members) != sorted(f"{name}.npy" for name in expected):
                raise InputError(f"{called}: members must be exactly {', '.join(expected) or 'none'}")
            found = {}
            for member in members:
                if member.file_size != member.compress_size or member.flag_bits & 1:
                    raise InputError(f"{called}: {member.filename} must be stored, not packed")
                array = member.filename.removesuffix(".npy")
                found[array] = _array(f"{called}: {array}", archive.read(member), *expected[array])
            return found
    except InputError:
        raise
    except _UNSOUND as error:
        raise InputError(f"{called}: is not a sound npz archive ({error})") from error


def _content(source: Path | bytes, called: str | Path, most_bytes: int) -> bytes:
    if isinstance(source, bytes):
        content = source
    else:
        try:
            if not source.is_file():
                raise InputError(f"{called}: there is no such file")
            with source.open("rb") as stream:
                content = stream.read(most_bytes + 1)
        except OSError as error:
            raise InputError(f"{called}: cannot be read ({error.strerror})") from error
    if len(content) > most_bytes:
        raise InputError(f"{called}: is larger than {most_bytes} bytes")
    return content


def _array(where: str, raw: bytes, kind: str, shape: Shape) -> NDArray[Any]:
    """The array of a member's content."""
    wanted = f"{np.dtype(kind).newbyteorder('=')} of shape {str(shape).replace('None', 'any')}"
    match = _HEADER.match(raw, 10)
    actual = tuple(int(part) for part in match[2].split(b",") if part.strip()) if match else ()
    fits = len(actual) == len(shape) and all(
        want in (None, length) for want, length in zip(shape, actual, strict=True)
    )
    header = _header(kind, actual)
    if not fits or not raw.startswith(header) or len(raw) != len(header) + _bytes_of(kind, actual):
        raise InputError(f"{where} must be little-endian {wanted}")
    return np.frombuffer(raw, kind, offset=len(header)).astype(np.dtype(kind).newbyteorder("=")).reshape(actual)


def _bytes_of(kind: str, shape: Shape) -> int:
    return np.dtype(kind).itemsize * math.prod(length or 0 for length in shape)


def _header(kind: str, shape: tuple[int, ...]) -> bytes:
    """The npy header that `write` writes; nothing else is read."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    return stream.getvalue()

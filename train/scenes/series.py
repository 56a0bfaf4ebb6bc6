"""Reading one-dimensional signals: WAV files, NumPy arrays, and text of numbers.

What a series is as a signal is `inkling.train.scenes.signals.one_dimensional`; what is learnt of it is decided above.
"""

import codecs
import io
import math
import re
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.scenes.signals import MAX_FILE_BYTES, Signal, one_dimensional

MAX_TEXT_BYTES = 2**25
FORMATS = (".wav", ".npy", ".txt", ".dat", ".csv", ".tsv")
_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_NUMERIC = re.compile(r"[\s\d.,;eE+-]+")


@dataclass(frozen=True, eq=False)
class Series:
    """A signal in 0..1, and what 0 and 1 stand for."""

    signal: Signal
    low: float
    high: float


def load(source: str | Path) -> Series:
    """A series of one or more channels. Raises InputError, naming the file and what is wrong."""
    path = Path(source)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InputError(f"{path}: is larger than {MAX_FILE_BYTES} bytes")
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise InputError(f"{path}: a series is one of {', '.join(FORMATS)}")
    try:
        if kind == ".wav":
            values = _wave(path)
        elif kind == ".npy":
            values = _array(path)
        else:
            values = _text(path)
    except Exception as error:  # the readers raise anything at all on hostile bytes
        raise InputError(f"{path}: cannot be read as a series ({str(error) or type(error).__name__})") from error
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        raise InputError(f"{path}: holds no numbers")
    signal = one_dimensional(str(path), values.astype(np.float64))
    return Series(signal, float(values.min()), float(values.max()))


def _array(path: Path) -> NDArray[np.generic]:
    """A .npy file, after its size is known to be what its header claims."""
    with path.open("rb") as stream:
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"a .npy file of version {version}")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(stream)
        if kind.hasobject or kind.itemsize * math.prod(shape) != path.stat().st_size - stream.tell():
            raise ValueError("its header claims another size than it has")
    values: NDArray[np.generic] = np.load(path, allow_pickle=False)
    return values


def _wave(path: Path) -> NDArray[np.generic]:
    # From memory, because a file's reader sets aside as much as the header claims.
    with wave.open(io.BytesIO(path.read_bytes()), "rb") as stream:
        width, channels = stream.getsampwidth(), stream.getnchannels()
        content = stream.readframes(stream.getnframes())
    if width not in (1, 2, 4):
        raise ValueError(f"samples of {8 * width} bits; 8, 16 and 32 are read")
    kind = {1: "u1", 2: "<i2", 4: "<i4"}[width]
    whole = len(content) - len(content) % (width * channels)
    return np.frombuffer(content[:whole], kind).reshape(-1, channels)


def _decimal_comma(lines: Sequence[str]) -> str:
    """The first field of a text that reads as one number with a comma or as two, or nothing.

    So it is where every comma stands between the digits of a field, other marks (or nothing) separate fields, and no
    field has a point. A heading with as many commas as the lines below tells that they separate.
    """
    if not lines:
        return ""
    heading = [] if _NUMERIC.fullmatch(lines[0]) else lines[:1]
    body = lines[len(heading) :]
    if heading and ";" not in lines[0] and lines[0].count(",") == (body[0].count(",") if body else 0) > 0:
        return ""
    fields = [field for line in body for field in line.replace(";", " ").split()]
    with_comma = [field for field in fields if "," in field]
    if with_comma and not any("." in field for field in fields) and all(map(_COMMA.fullmatch, with_comma)):
        return with_comma[0]
    return ""


def _text(path: Path) -> NDArray[np.generic]:
    """Numbers between commas, semicolons or spaces, a row a line; a first line that is no numbers is a heading.

    A comma that may stand before a fraction is refused: as a separator it would silently make two channels of one.
    """
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise ValueError(f"a text of more than {MAX_TEXT_BYTES >> 20} MiB; give a .npy file")
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    lines = [line for line in content.decode(encoding).splitlines() if line.strip() and line.lstrip()[0] != "#"]
    if comma := _decimal_comma(lines):
        raise ValueError(
            f"{comma!r} may be a number with a decimal comma or two channels; write decimal points, and blanks or "
            "semicolons between channels"
        )
    rows = [line.replace(",", " ").replace(";", " ").split() for line in lines]
    try:
        [float(item) for item in rows[0]] if rows else []
    except ValueError:
        rows = rows[1:]
    if rows and any(len(row) != len(rows[0]) for row in rows):
        raise ValueError("lines differ in how many numbers they have")
    return np.array([[float(item) for item in row] for row in rows], np.float64)

"""The one reader of npz archives: what was written comes back, and whatever else a file holds is one line."""

import io
import math
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.files import arrays

KINDS = ("|i1", "|u1", "<i2", "<i4", "<i8", "<u8", "<f4", "<f8")
MOST = 1 << 20
WRITTEN = {"a": np.arange(6, dtype=np.int64).reshape(2, 3), "b": np.zeros((0, 2), np.float32)}
EXPECTED = {"a": ("<i8", (2, None)), "b": ("<f4", (None, 2))}


@st.composite
def written(draw: st.DrawFn) -> dict[str, NDArray[Any]]:
    names = draw(st.lists(st.from_regex(r"[a-z][a-z0-9._]{0,8}", fullmatch=True), unique=True, max_size=4))
    made = {}
    for name in names:
        kind = np.dtype(draw(st.sampled_from(KINDS)))
        shape = draw(st.lists(st.integers(0, 3), max_size=3))
        size = kind.itemsize * math.prod(shape)
        made[name] = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), kind).reshape(shape)
    return made


@given(written(), st.data())
def test_what_was_written_comes_back(held: dict[str, NDArray[Any]], data: st.DataObject) -> None:
    expected = {}
    for name, array in held.items():
        loose = data.draw(st.lists(st.booleans(), min_size=array.ndim, max_size=array.ndim))
        shape = tuple(None if free else length for free, length in zip(loose, array.shape, strict=True))
        expected[name] = (array.dtype.str, shape)
    content = arrays.write(held)
    assert arrays.write(held) == content
    found = arrays.read(content, expected, most_bytes=MOST)
    assert {name: (a.dtype, a.shape, a.tobytes()) for name, a in found.items()} == {
        name: (a.dtype, a.shape, a.tobytes()) for name, a in held.items()
    }
    with np.load(io.BytesIO(content), allow_pickle=False) as loaded:  # an ordinary npz, for others
        assert sorted(loaded) == sorted(held)


@given(st.data())
@settings(max_examples=300)
def test_altered_archives_are_one_line(data: st.DataObject) -> None:
    content = bytearray(arrays.write(WRITTEN))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = arrays.read(bytes(content[: data.draw(st.integers(0, len(content)))]), EXPECTED, most_bytes=MOST)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert found["a"].shape[0] == 2 and found["b"].shape[1] == 2


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive({"a.npy": npy(WRITTEN["a"])}), "members must be exactly a, b"),
        (archive({"a.npy": b"", "b.npy": b"", "c.npy": b""}), "members must be exactly a, b"),
        (archive({"a.npy": npy(WRITTEN["a"]), "b.npy": bytes(4000)}, zipfile.ZIP_DEFLATED), "stored, not packed"),
        (archive({"a.npy": npy(WRITTEN["a"].astype(">i8")), "b.npy": npy(WRITTEN["b"])}), "a must be little-endian"),
        (archive({"a.npy": npy(WRITTEN["a"].T), "b.npy": npy(WRITTEN["b"])}), r"int64 of shape \(2, any\)"),
        (archive({"a.npy": npy(WRITTEN["a"]) + b"x", "b.npy": npy(WRITTEN["b"])}), "a must be"),
        (archive({"a.npy": npy(WRITTEN["a"]), "b.npy": npy(np.array([None]))}), "b must be"),
        (b"no archive", "no sound npz|not a sound npz"),
    ],
)
def test_archives_made_by_hand_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        arrays.read(content, EXPECTED, most_bytes=MOST)


def test_a_shape_that_promises_more_than_is_there_is_refused(tmp_path: Path) -> None:
    member = bytearray(npy(np.zeros((2, 3), np.int64)))
    at = member.index(b"(2, 3), }          ")
    member[at : at + 19] = b"(2, 300000000), }  "
    content = archive({"a.npy": bytes(member), "b.npy": npy(WRITTEN["b"])})
    with pytest.raises(InputError, match="a must be"):
        arrays.read(content, EXPECTED, most_bytes=MOST)
    # An entry of the zip's list that promises four gigabytes is not read either.
    at = content.index(b"PK\x01\x02")
    size = len(member)
    for field in (20, 24):
        assert struct.unpack_from("<I", content, at + field)[0] == size
        content = content[: at + field] + struct.pack("<I", 0xFFFFFFF0) + content[at + field + 4 :]
    with pytest.raises(InputError):
        arrays.read(content, EXPECTED, most_bytes=MOST)


def test_files_are_named_and_bounded(tmp_path: Path) -> None:
    path = tmp_path / "held.npz"
    with pytest.raises(InputError, match=r"held\.npz: there is no such file"):
        arrays.read(path, EXPECTED, most_bytes=MOST)
    path.write_bytes(arrays.write(WRITTEN))
    assert arrays.read(path, EXPECTED, most_bytes=MOST)["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(InputError, match="larger than 100 bytes"):
        arrays.read(path, EXPECTED, most_bytes=100)
    exact = {"a": ("<i8", (2, 3)), "b": ("<f4", (0, 2))}
    path.write_bytes(arrays.write(WRITTEN) + bytes(20_000))
    with pytest.raises(InputError, match="larger than"):  # sizes that are known bound the file as well
        arrays.read(path, exact, most_bytes=MOST)

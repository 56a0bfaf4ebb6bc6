"""Series from files: what is read, and what is said of files that hold none."""

import wave
from pathlib import Path

import numpy as np
import pytest

from inkling.train.errors import InputError
from inkling.train.scenes import series


def test_text_with_a_heading_an_array_and_a_wave_file_are_read(tmp_path: Path) -> None:
    values = np.array([[0.0, 5.0], [10.0, 2.5], [-10.0, 0.0]])
    (tmp_path / "a.csv").write_text("left,right\n# remark\n" + "\n".join(f"{a},{b}" for a, b in values) + "\n")
    np.save(tmp_path / "a.npy", values)
    for name in ("a.csv", "a.npy"):
        found = series.load(tmp_path / name)
        assert (found.low, found.high) == (-10, 10)
        np.testing.assert_allclose(found.signal.values * 20 - 10, values, atol=1e-5)
    with wave.open(str(tmp_path / "a.wav"), "wb") as stream:
        stream.setnchannels(2)
        stream.setsampwidth(2)
        stream.setframerate(8000)
        stream.writeframes((values * 100).astype("<i2").tobytes())
    found = series.load(tmp_path / "a.wav")
    np.testing.assert_allclose(found.signal.values * 2000 - 1000, values * 100, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"1;2\n3\n", "differ"),
        ("a.csv", b"1\ntwo\n", "two"),
        ("a.csv", b"", "2 to"),
        ("a.csv", b"1\nnan\n2\n", "not finite"),
        ("a.csv", b"0,000\n0,143\n", "'0,000' may be a number with a decimal comma or two channels"),
        ("a.txt", b"1 0,5\n2 0,75\n", "'0,5' may be"),
        ("a.csv", b"left;right\n0,5;-1,25e3\n1;2\n", "'0,5' may be"),
        ("a.tsv", "t\n0,5\n1,5\n".encode("utf-16"), "'0,5' may be"),
        ("a.npy", b"no array", "series"),
        ("a.wav", b"RIFF", "series"),
        ("a.mp3", b"", ".wav"),
    ],
)
def test_other_files_are_told_in_a_line(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        series.load(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_arrays_of_objects_are_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}, None]), allow_pickle=True)
    with pytest.raises(InputError, match="series"):
        series.load(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "content",
    ["left,right\n1,5\n2,7\n", "1, 5\n2, 7\n", "1;5\n2;7\n", "1.0,5\n2,7\n", "\ufeff1 5\n2 7\n"],
)
def test_commas_that_can_only_separate_do(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(content, "utf-8")
    assert series.load(tmp_path / "a.csv").signal.values.shape == (2, 2)

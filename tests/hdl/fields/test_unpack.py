"""The emitted unpack.c against the packing that defines it, and on bytes that are wrong."""

from pathlib import Path

import numpy as np
import pytest

from inkling.approx.fields.random_field import random_field
from inkling.hdl.fields.plan import plan, tables
from inkling.hdl.fields.unpack import build, source
from inkling.train.errors import InputError

LEVELS = ((40, 33, 1, 4), (21, 17, 3, 4), (9, 11, 5, 8), (9, 7, 9, 4), (5, 4, 3, 8))


@pytest.mark.parametrize(("entries", "shared"), [(1, ()), (3, (1, 3))])
def test_the_table_file_comes_back_from_the_packed_one(entries: int, shared: tuple[int, ...], tmp_path: Path) -> None:
    field = random_field(1, levels=LEVELS, hidden=(8,), entries=entries, shared=shared, meaning="sdf")
    field.reads[4].table[:] = field.reads[4].table >> 2 << 2  # a shift of two
    how = plan(field)
    unpacker = build(how, tmp_path)
    content = (tmp_path / "packed.bin").read_bytes()
    np.testing.assert_array_equal(unpacker.unpack(content), tables(how))
    changed = bytearray(content)
    changed[100] ^= 1
    assert not np.array_equal(unpacker.unpack(bytes(changed)), tables(how))


def test_wrong_bytes_are_refused_and_others_are_harmless(tmp_path: Path) -> None:
    how = plan(random_field(2, levels=LEVELS[:3], hidden=(8,), entries=1, meaning="sdf"))
    unpacker = build(how, tmp_path)
    content = (tmp_path / "packed.bin").read_bytes()
    with pytest.raises(InputError, match="gave -1"):
        unpacker.unpack(content[:10])
    with pytest.raises(InputError, match="gave -2"):
        unpacker.unpack(content[:8] + bytes(8) + content[16:])
    rng = np.random.default_rng(3)
    for size in (0, 1, 50, 5000):
        noise = content[:19] + rng.integers(0, 256, size, dtype=np.uint8).tobytes()
        assert len(unpacker.unpack(noise)) == how.total


def test_the_text_is_the_same_every_time() -> None:
    how = plan(random_field(4, levels=LEVELS[:2], hidden=(8,), entries=1, meaning="sdf"))
    assert source(how) == source(how)

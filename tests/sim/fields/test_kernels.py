"""The routes of a field agree on sound kernels; faults, crashes and endless loops of a text are failing verdicts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from inkling.approx.fields.random_field import random_field
from inkling.hdl.fields import call, numba_kernel, unpack
from inkling.hdl.fields.plan import FieldPlan, plan
from inkling.sim.fields.kernels import check, check_unpacked, measure
from inkling.sim.verdicts.verdict import Outcome, Verdict

COUNT = 3000


@pytest.fixture(scope="module")
def planned() -> FieldPlan:
    return plan(random_field(3, levels=((6, 5, 4, 8),), hidden=(8,), entries=3))


def folder_of(planned: FieldPlan, folder: Path) -> Path:
    call.write(planned, folder)
    (folder / "kernel.py").write_text(numba_kernel.emit(planned))
    return folder


def checked(
    planned: FieldPlan, folder: Path, name: str, change: Callable[[str], str], time_limit_s: float = 60
) -> list[Verdict]:
    """The verdicts on a folder with one text changed."""
    path = folder_of(planned, folder) / name
    text = path.read_text()
    changed = change(text)
    assert changed != text
    path.write_text(changed)
    return check(planned, folder, COUNT, 1, time_limit_s, ("numba",) if name == "kernel.py" else ("c",))


def test_sound_kernels_pass_and_leave_no_library(planned: FieldPlan, tmp_path: Path) -> None:
    folder = folder_of(planned, tmp_path)
    before = sorted(path.name for path in folder.iterdir())
    verdicts = check(planned, folder, COUNT, 1)  # numba takes longest to compile: here alone
    assert {verdict.route for verdict in verdicts} == {"numba", "c"}
    assert all(verdict.passed and verdict.vectors == COUNT for verdict in verdicts)
    found = measure(planned.field, folder, 0, count=1000)
    assert found.ns_per_query > 0 and found.path in [verdict.detail.split()[-1] for verdict in verdicts[1:]]
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_wrong_texel_and_a_wrong_answer_are_seen(planned: FieldPlan, tmp_path: Path) -> None:
    planted = "\ndef evaluate(content, entry, u, v):\n    return np.full((len(entry), 1), 7, np.int32)\n"
    (numba,) = checked(planned, tmp_path, "kernel.py", lambda text: text + planted)
    assert numba.mismatches > COUNT / 2
    tables = bytearray((tmp_path / "tables.bin").read_bytes())
    tables[64 + 9] ^= 64
    (tmp_path / "tables.bin").write_bytes(tables)
    faulty = [numba, *check(planned, tmp_path, COUNT, 1, routes=("c",))]
    assert len(faulty) > 1 and not any(verdict.passed for verdict in faulty)
    for example in (verdict.counter_example for verdict in faulty):
        assert example is not None and example["expected"] != example["found"]


CRASH = "    *(volatile int *)0 = 1;\n"
LOOP = "    for (volatile int k = 0;; k++) { }\n"


def in_portable(planted: str) -> Callable[[str], str]:
    """A statement at the start of the portable path, which every processor has."""

    def change(text: str) -> str:
        head, _, tail = text.partition("field_evaluate_batch(")
        opening = tail.index("{\n") + 2
        return head + "field_evaluate_batch(" + tail[:opening] + planted + tail[opening:]

    return change


@pytest.mark.parametrize(("planted", "word"), [(CRASH, "status -11"), (LOOP, "limit")], ids=["crash", "endless loop"])
def test_a_c_kernel_that_crashes_or_hangs_is_reported(
    planned: FieldPlan, tmp_path: Path, planted: str, word: str
) -> None:
    compiled = checked(planned, tmp_path, "kernel.c", in_portable(planted), time_limit_s=20)
    assert compiled and all(verdict.failed and word in verdict.detail for verdict in compiled), compiled


def test_a_path_that_crashes_leaves_the_others_their_verdicts(planned: FieldPlan, tmp_path: Path) -> None:
    only = "    if (f->path == 0) *(volatile int *)0 = 1;\n"
    compiled = checked(planned, tmp_path, "kernel.c", in_portable(only.replace("f->", _handle(planned) + "->")))
    outcomes = [verdict.outcome for verdict in compiled]
    assert outcomes[0] is Outcome.FAILED and set(outcomes[1:]) <= {Outcome.PASSED}


def _handle(planned: FieldPlan) -> str:
    """What the batch entry calls its field."""
    from inkling.hdl.fields.c_kernel import emit

    head = emit(planned).source.partition("field_evaluate_batch(")[2]
    return head.split(",")[0].split("*")[-1].strip()


@pytest.mark.parametrize(
    ("planted", "word"),
    [("import os\nos.abort()\n", "status -6"), ("while True:\n    pass\n", "limit"), ("1 / 0\n", "ZeroDivision")],
    ids=["crash", "endless loop", "error"],
)
def test_a_numba_kernel_that_crashes_or_hangs_is_reported(
    planned: FieldPlan, tmp_path: Path, planted: str, word: str
) -> None:
    (numba,) = checked(planned, tmp_path, "kernel.py", lambda text: planted + text, time_limit_s=15)
    assert numba.failed and word in numba.detail


def test_a_picture_s_packed_file_is_checked_byte_for_byte(tmp_path: Path) -> None:
    planned = plan(random_field(4, levels=((6, 5, 4, 8),), hidden=(8,), entries=1, meaning="picture", outputs=1))
    unpack.write(planned, tmp_path)
    assert check_unpacked(planned, tmp_path).passed
    packed, source = (tmp_path / "packed.bin").read_bytes(), (tmp_path / "unpack.c").read_text()
    for damaged in (b"", packed[:40], packed[:-1] + bytes([packed[-1] ^ 1])):
        (tmp_path / "packed.bin").write_bytes(damaged)
        assert check_unpacked(planned, tmp_path).failed, len(damaged)
    (tmp_path / "packed.bin").write_bytes(packed)
    for text in ("", source[: len(source) // 2], source.replace("return 0;", "for (;;) { }")):
        (tmp_path / "unpack.c").write_text(text)
        assert check_unpacked(planned, tmp_path, time_limit_s=10).failed

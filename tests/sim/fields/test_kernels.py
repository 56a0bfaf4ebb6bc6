"""The routes of a field agree on sound kernels, and a planted fault in either text is seen."""

from pathlib import Path

from inkling.approx.fields.random_field import random_field
from inkling.hdl.fields import numba_kernel
from inkling.hdl.fields.call import build
from inkling.hdl.fields.plan import plan
from inkling.sim.fields.kernels import check, nanoseconds


def test_sound_kernels_pass_and_a_planted_fault_fails(tmp_path: Path) -> None:
    field = random_field(3, levels=((6, 5, 4, 8),), hidden=(8,), entries=3)
    how = plan(field)
    compiled = build(how, tmp_path)
    text = numba_kernel.emit(how)
    verdicts = check(how, compiled, text, 20_000, 1)
    assert {verdict.route for verdict in verdicts} == {"numba", "c"}
    assert all(verdict.passed and verdict.vectors == 20_000 for verdict in verdicts)
    assert nanoseconds(compiled, field, 0, 1000) > 0

    # Another texel in the C kernel's memory, and an answer changed behind the numba kernel.
    damaged = compiled.tables.copy()
    damaged[64 + 9] ^= 64
    assert compiled.load(damaged) == 0
    planted = "\n_sound = evaluate\n\ndef evaluate(*query):\n    found = _sound(*query)\n    found[7] ^= 1\n"
    faulty = check(how, compiled, text + planted + "    return found\n", 20_000, 1)
    assert len(faulty) == len(verdicts) and not any(verdict.passed for verdict in faulty)
    assert faulty[0].mismatches == 1
    for example in (verdict.counter_example for verdict in faulty):
        assert example is not None and example["expected"] != example["found"]

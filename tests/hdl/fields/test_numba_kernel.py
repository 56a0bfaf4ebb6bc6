"""The numba kernel of a field gives the reference's bits, and a planted fault is seen."""

from typing import Any

import numpy as np
import pytest

from inkling.approx.fields.random_field import random_field
from inkling.hdl.fields.numba_kernel import emit, load
from inkling.hdl.fields.plan import plan, tables
from inkling.train.errors import InputError

CASES: dict[str, dict[str, Any]] = {
    "town": {"levels": ((8, 8, 4, 8), (9, 7, 5, 4)), "hidden": (9, 4), "entries": 5, "shared": (1,)},
    "waves": {
        "levels": ((8, 9, 2, 4),),
        "hidden": (11, 4),
        "outputs": 3,
        "periodic": True,
        "coordinates": True,
        "meaning": "picture",
    },
}


@pytest.mark.parametrize(("case", "literals"), [("town", 2048), ("waves", 0)])
def test_the_kernel_gives_the_reference(case: str, literals: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inkling.hdl.fields.numba_kernel.MOST_LITERALS", literals)
    field = random_field(4, **CASES[case])
    how = plan(field)
    kernel, content = load(emit(how)), tables(how)
    rng = np.random.default_rng(0)
    n = 100_003
    entry, u, v = rng.integers(0, field.entries, n), rng.integers(0, 2**16, n), rng.integers(0, 2**16, n)
    u[:4], v[:4] = [0, 2**16 - 1] * 2, [0, 0, 2**16 - 1, 2**16 - 1]
    answers = field.evaluate(entry, u, v)
    assert len(np.unique(answers)) > 20
    assert (kernel.evaluate(content, entry, u, v) == answers).all()
    if field.meaning == "visibility":
        code = answers[:, 0] + rng.integers(-1, 12, n)
        code[:3] = [-(2**31), 2**31 - 1, 0]
        assert (kernel.visible(content, entry, u, v, code) == field.visible(entry, u, v, code)).all()
    damaged = content.copy()
    damaged[64 + how.shared_bytes + 33] ^= 64
    assert 0 < (kernel.evaluate(damaged, entry, u, v) != answers).sum() < answers.size
    damaged[16] ^= 1
    with pytest.raises(ValueError, match="belong"):
        kernel.evaluate(damaged, entry, u, v)
    with pytest.raises(ValueError, match="bytes"):
        kernel.evaluate(content[:100], entry, u, v)


def test_text_is_repeatable_and_needs_a_hidden_layer() -> None:
    how = plan(random_field(2, levels=((6, 9, 3, 8),), hidden=(12,)))
    assert emit(how) == emit(how)
    with pytest.raises(InputError, match="hidden layer"):
        emit(plan(random_field(2, hidden=())))

"""A field engine under cocotb: what is exercised and what never was, and a handshake fault that is caught."""

import pytest

from inkling.approx.fields.random_field import random_field
from inkling.approx.reference.field import IntegerField
from inkling.hdl.engine.engine import emit
from inkling.sim.fields import cocotb_route
from inkling.sim.fields.queries import Queries, random_queries
from inkling.sim.fields.wrapper import points, without_start

LANES = 13


@pytest.fixture(scope="module")
def field() -> IntegerField:
    return random_field(5, levels=((4, 4, 4, 8), (5, 3, 3, 4)), hidden=(6, 5))


def test_every_point_is_exercised_from_random_registers(field: IntegerField) -> None:
    found = cocotb_route.verify(emit(field, LANES), field, LANES, random_queries(field, 2000, 1))
    assert found.verdict.passed and found.verdict.extra["resets"] > 10, found.verdict.detail
    assert found.never == () and found.points == len(points(field, LANES)) > 90


def test_a_dropped_ready_is_caught_and_what_was_not_exercised_is_told(field: IntegerField) -> None:
    """The first stage offers to take a query while its own answer waits, and forgets one of both."""
    text = emit(field, LANES)
    assert text.count("assign go = ") == 4
    broken = text.replace("assign ready = go & ", "assign ready = 1'h1 & ", 1)
    assert broken != text
    some = random_queries(field, 300, 1)
    near = Queries(some.entry, some.u, some.v, some.code * 0 - 2**31)
    found = cocotb_route.verify(broken, field, LANES, near, answer_stall=0.4, reset_every=0)
    assert not found.verdict.passed, "a query that is taken and not kept must be noticed"
    assert {"a distance above the codes", "a reset while queries are under way"} <= set(found.never)


def test_registers_lose_their_start_but_memories_keep_their_content(field: IntegerField) -> None:
    text = emit(field, LANES)
    bare = without_start(text)
    assert " = 1'h0;\n" in text and " = 1'h0;\n" not in bare.replace("assign", "").split("module", 1)[0]
    assert text.count("weights[0] = ") == bare.count("weights[0] = ") == 3
    assert "reg active;" in bare and "reg active = " not in bare

"""Proof of an engine's control: it closes for every kind of engine, and planted faults of the control are refuted."""

import re

import pytest

from inkling.approx.fields.random_field import random_field
from inkling.approx.reference.field import IntegerField
from inkling.hdl.engine.engine import emit
from inkling.sim.fields import control_proof

LANES = 3


@pytest.fixture(scope="module")
def field() -> IntegerField:
    return random_field(5, levels=((2, 3, 2, 4),), hidden=(3,))


@pytest.fixture(scope="module")
def text(field: IntegerField) -> str:
    return emit(field, LANES)


def in_stage(text: str, number: int, pattern: str, new: str) -> str:
    """The text with the first match in a stage changed."""
    at = text.index(f"module \\top.stage{number}")
    changed = text[:at] + re.sub(pattern, new, text[at:], count=1)
    assert changed != text
    return changed


def test_the_control_is_proven_and_the_certificate_says_of_what(field: IntegerField, text: str) -> None:
    verdict = control_proof.prove(text, field, LANES)
    certificate = verdict.certificate or {}
    assert (
        verdict.passed
        and verdict.proven
        and [part["part"] for part in certificate["parts"]] == [*("stage 0", "stage 1", "stage 2", "links")]
    )
    again = control_proof.prove(text.replace("\n", "\n\n", 1), field, LANES).certificate
    assert again is not None and again["engine_sha256"] != certificate["engine_sha256"]
    assert len(certificate["engine_sha256"]) == 64
    assert all(part["output"] and part["commands"] for part in certificate["parts"])


def test_a_picture_without_grids_on_all_lanes() -> None:
    shape: dict[str, object] = {"levels": (), "hidden": (3,), "coordinates": True, "entries": 1, "meaning": "picture"}
    field = random_field(6, periodic=True, **shape)  # type: ignore[arg-type]
    assert control_proof.prove(emit(field, 1000), field, 1000).proven


@pytest.mark.parametrize(
    ("pattern", "new"),
    [
        (r"assign ready = go & ", "assign ready = 1'h1 & "),
        ("", None),
        (r"(assign _\d+_ = )take \? side : held", r"\1 1'h1 ? side : held"),
    ],
    ids=["a dropped ready", "an answer that outlives a reset", "a payload that is overwritten"],
)
def test_a_planted_fault_of_the_control_is_refuted(
    field: IntegerField, text: str, pattern: str, new: str | None
) -> None:
    if new is None:
        stage = text.index("module \\top.stage1")
        driven = re.search(r"^    out_valid <= (_\d+_);", text[stage:], re.MULTILINE)
        assert driven
        pattern, new = rf"(assign {driven[1]} = )rst \? 1'h0 : ", r"\1"
    verdict = control_proof.prove(in_stage(text, 1, pattern, new), field, LANES)
    certificate = verdict.certificate or {}
    assert verdict.mismatches == 1 and not verdict.proven and "refuted: stage 1" in verdict.detail
    assert any("out_valid" in line for part in certificate["parts"] for line in part["output"])


def test_crossed_payloads_between_stages_are_refuted(field: IntegerField, text: str) -> None:
    nets = re.findall(r"\.side\((\S+) \)", text)
    crossed = text.replace(f".side({nets[0]} )", f".side({nets[1]} )", 1)
    assert crossed != text
    assert "refuted: links" in control_proof.prove(crossed, field, LANES).detail

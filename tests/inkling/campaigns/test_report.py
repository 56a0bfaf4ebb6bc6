"""The report of a campaign: a function of what is stored, a planted difference is seen, and none is made up."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import inkling.cli.main  # noqa: F401
from inkling.campaigns.campaign import Campaign, Point
from inkling.campaigns.file import load
from inkling.campaigns.report import is_campaign, show_campaign, summary
from inkling.campaigns.store import Circuit, Outcome, open_store
from inkling.cli.app import app
from inkling.train.errors import InputError

TEXT = """
datasets = ["iris", "wine"]
methods = ["gates", "tree"]
splits = 10
budgets = ["quick"]
areas = [0.05, 0.2]
"""


def outcome(point: Point, better: float) -> Outcome:
    """Two circuits; those of gates on iris are better by so much, all others alike but for chance."""
    rng = np.random.default_rng(int(point.key[:8], 16))
    gain = better if (point.method, point.data.name) == ("gates", "iris") else 0.0
    circuits = tuple(
        Circuit(f"c{k}", area, area, None, 9, 2, share, share, share + gain + rng.normal(0, 0.003), share)
        for k, (area, share) in enumerate(((0.04, 0.8), (0.1, 0.9)))
    )
    return Outcome(point.key, point.specification(), circuits, (80, 20, 40), 0.4, "f", 1.0)


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    path = tmp_path / "both.toml"
    path.write_text(TEXT)
    return load(path).campaign


def report(place: Path, campaign: Campaign, outcomes: list[Outcome]) -> dict[str, Any]:
    with open_store(str(place)) as store:
        store.keep(campaign)
        for item in outcomes:
            store.add([item])
        return summary(store, campaign)


def test_a_planted_difference_is_seen_and_no_other(tmp_path: Path, campaign: Campaign) -> None:
    found = report(tmp_path / "s.sqlite", campaign, [outcome(point, 0.05) for point in campaign.points()])
    assert found["points"] == {"asked": 40, "stored": 40, "failed": 0, "missing": 0}
    iris, wine = found["groups"]
    assert [item["measure"] for item in iris["comparisons"]] == [
        "hypervolume", "test accuracy at 0.05 cm2", "test accuracy at 0.2 cm2",
    ]  # fmt: skip
    assert all(item["p_holm"] < 0.01 and item["difference"] > 0 for item in iris["comparisons"])
    assert all(item["p_holm"] > 0.05 for item in wine["comparisons"])
    assert all(item["p_holm"] >= item["p_t"] for group in found["groups"] for item in group["comparisons"])
    gates, tree = iris["contenders"]
    assert (gates["rival"], tree["rival"]) == (False, True)
    assert gates["at"][1]["test"]["mean"] == pytest.approx(0.95, abs=0.005)
    assert gates["at"][1]["area_cm2"] == pytest.approx(0.1)
    assert [item["method"] for item in iris["front"]] == ["gates", "gates"]
    assert found["groups"][0]["majority_rate"] == 0.4


def test_order_and_time_have_no_part_in_it(tmp_path: Path, campaign: Campaign) -> None:
    outcomes = [outcome(point, 0.01) for point in campaign.points()]
    first = report(tmp_path / "a.sqlite", campaign, outcomes)
    random.Random(3).shuffle(outcomes)
    second = report(tmp_path / "b.sqlite", campaign, [replace(item, seconds=7.0) for item in outcomes])
    assert json.dumps(first) == json.dumps(second)


def test_what_is_missing_or_failed_is_counted(tmp_path: Path, campaign: Campaign) -> None:
    outcomes = [outcome(point, 0.0) for point in campaign.points()][:23]
    outcomes[0] = replace(outcomes[0], circuits=(), error="ToolError: no")
    none = outcomes[1] = replace(outcomes[1], circuits=())  # a search may find nothing that is fast enough
    found = report(tmp_path / "s.sqlite", campaign, [*outcomes, replace(none, key="0" * 64)])
    assert found["points"] == {"asked": 40, "stored": 22, "failed": 1, "missing": 17}
    tree = next(item for item in found["groups"][0]["contenders"] if item["method"] == "tree")
    assert tree["points"] == 6 and tree["at"][0]["fitting"] == 5
    # Where nothing fits, the constant answer counts.
    assert tree["at"][0]["test"]["mean"] == pytest.approx((5 * 0.8 + 0.4) / 6, abs=0.005)
    empty = report(tmp_path / "empty.sqlite", campaign, [])
    assert empty["groups"] == [] and empty["points"]["missing"] == 40


def test_the_command_shows_a_store(tmp_path: Path, campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    expected = report(Path("runs/both.sqlite"), campaign, [outcome(point, 0.05) for point in campaign.points()])
    for place in ("runs/both.sqlite", "both.toml", f"sqlite:///{tmp_path / 'runs/both.sqlite'}"):
        found = CliRunner().invoke(app, ["report", place, "--json"])
        assert found.exit_code == 0 and json.loads(found.stdout) == expected
    text = CliRunner().invoke(app, ["report", "both.toml"]).stdout
    assert "both: 40 of 40 points" in text and "(rival)" in text and "front of all: 85" in text
    assert not is_campaign("runs") and not is_campaign("nothing")
    with pytest.raises(InputError, match="no such store"):
        show_campaign("other.sqlite")
    with open_store("void.sqlite"):
        pass
    with pytest.raises(InputError, match="no campaign"):
        show_campaign("void.sqlite")

"""Campaign files: what is asked becomes points with keys that name all they depend on; wrong files are one line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkling.campaigns.campaign import Campaign
from inkling.campaigns.file import load, table_digest
from inkling.campaigns.point import compute
from inkling.train.errors import InputError
from inkling.train.tables.sources import find_table

GOOD = """
name = "printed"
datasets = ["iris", {table = "own.csv", target = "kind"}]
methods = ["gates", "tree"]
splits = 3
seeds = [0, 7]
budgets = ["quick", {name = "long", base = "standard", rounds = 900}, {name = "same", base = "quick", restarts = 5}]
areas = [0.5, 0.1]
"""


def made(folder: Path, text: str = GOOD) -> Campaign:
    (folder / "own.csv").write_text("kind,a,b\n" + "".join(f"{'xy'[k % 2]},{k},{k % 7}\n" for k in range(40)))
    path = folder / "campaign.toml"
    path.write_text(text)
    return load(path).campaign


def test_points_are_a_product_without_equals(tmp_path: Path) -> None:
    campaign = made(tmp_path)
    points = list(campaign.points())
    assert len(points) == len(campaign) == len({point.key for point in points})
    # Of three budgets gates tell two apart and trees two; nobody reads `restarts`.
    assert len(points) == 3 * 2 * 2 * (2 + 2)
    assert [point.split for point in points] == sorted(point.split for point in points)
    assert campaign.areas == (0.1, 0.5) and campaign.rivals == ("tree",)
    assert campaign.datasets[1].reading.target == "kind"


def test_a_key_is_the_hash_of_all_that_matters(tmp_path: Path) -> None:
    first = {point.key for point in made(tmp_path).points()}
    assert first == {point.key for point in made(tmp_path, GOOD.replace('"printed"', '"other"')).points()}
    assert first < {point.key for point in made(tmp_path, GOOD.replace("splits = 3", "splits = 4")).points()}
    changed = {point.key for point in made(tmp_path, GOOD + "bits = 5\n").points()}
    assert not first & changed
    longer = {point.key for point in made(tmp_path, GOOD.replace("900", "901")).points()}
    assert 0 < len(first & longer) < len(first)


def test_a_changed_table_is_another_table() -> None:
    table, _ = find_table("iris")
    digest = table_digest(table)
    cells = tuple(column.copy() if hasattr(column, "copy") else column for column in table.cells)
    assert table_digest(replace(table, cells=cells)) == digest
    cells[0][3] += 0.1
    assert table_digest(replace(table, cells=cells)) != digest
    assert table_digest(replace(table, columns=("x", *table.columns[1:]))) != digest


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("datasets = [", "is not TOML"),
        ("splitz = 3", "'splitz' is unknown"),
        ("methods = ['gate']", "'gate'"),
        ("methods = []", "methods must be a list"),
        ("methods = ['tree', 'tree']", "twice"),
        ("splits = 0", "whole number in 1"),
        ("splits = true", "count or a list"),
        ("seeds = [1, 1]", "twice"),
        ("seeds = [-1]", "0..4294967295"),
        ("datasets = []", "1 to 1000"),
        ("datasets = ['iris', 'iris']", "two of one name"),
        ("datasets = [{name = 'x'}]", "'table'"),
        ("datasets = [{table = 'iris', one_hot = 1}]", "true or false"),
        ("datasets = ['irish']", "there is no data set"),
        ("technologies = ['cmos']", "needs liberty"),
        ("technologies = [{name = 'a', liberty = 'b.lib'}]", "list of files"),
        ("budgets = ['slow']", "is not one of"),
        ("budgets = [{name = 'a', base = 'quick', rounds = 0}]", "1..1000000"),
        ("budgets = [{name = 'a', base = 'quick', trees = [1]}]", "2..4096"),
        ("budgets = [{name = 'a b', base = 'quick'}]", "letters"),
        ("areas = [0]", "areas in cm2"),
        ("rivals = ['exact']", "'exact'"),
        ("ranges = 'wide'", "fitted or span"),
        ("bits = 9", "1..8"),
        ("name = '../x'", "letters"),
        ("splits = 1000000\nseeds = 1000000", "more than"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, line: str, message: str) -> None:
    parts = {"datasets": '["iris"]', "methods": '["tree"]'}
    for part in line.split("\n"):
        parts[part.partition("=")[0].strip()] = part.partition("=")[2].strip()
    path = tmp_path / "campaign.toml"
    path.write_text("\n".join(f"{key} = {value}" for key, value in parts.items()))
    with pytest.raises(InputError) as error:
        load(path)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.toml"):
        with pytest.raises(InputError, match="cannot be read"):
            load(path)
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(InputError, match="larger"):
        load(large)


def test_a_point_that_cannot_be_computed_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "campaign.toml"
    budget = 'budgets = [{name = "few", base = "quick", trees = [3]}]'
    path.write_text(f'datasets = ["iris"]\nmethods = ["tree"]\nsplits = 1\n{budget}\n')
    loaded = load(path)
    (point,) = loaded.campaign.points()
    (data,), (cells,) = loaded.tables.values(), loaded.technologies.values()
    good = compute(point, data, cells)
    assert good.error is None and good.rows == (84, 21, 45) and good.circuits[0].test > 0.8
    assert good.specification == point.specification()
    # A planted fault: a mapping that ties the label to the first class.
    from inkling.approx.reference.netlist import Netlist
    from inkling.campaigns import point as campaign_point

    mapped = campaign_point._mapped

    def faulty(*arguments: object) -> Netlist:
        netlist = mapped(*arguments)  # type: ignore[arg-type]
        return replace(netlist, output_nodes=np.zeros_like(netlist.output_nodes))

    monkeypatch.setattr(campaign_point, "_mapped", faulty)
    bad = compute(point, data, cells)
    assert bad.error is not None and "differ from the network" in bad.error and bad.circuits == ()

"""The store: repeated inserts, older schemas, clients that open it at once, a server that dies, on both databases."""

import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from inkling.campaigns.campaign import Campaign
from inkling.campaigns.file import load
from inkling.campaigns.store import Circuit, Outcome, Store, migrate, open_store
from inkling.train.errors import InputError


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    return str(request.getfixturevalue("postgres_url"))


def outcome(number: int, error: str | None = None) -> Outcome:
    gates = zlib.compress(f'{{"number": {number}}}'.encode())
    circuits = tuple(Circuit(f"c{k}", 0.1 * k, 0.2, None, 5, 2, 0.9, 0.8, 0.7, 0.6, gates) for k in (1, 2))
    key = f"{number:064x}"
    return Outcome(key, "{}", () if error else circuits, (5, 2, 3), 0.5, "f", 1.0, error)


def test_what_is_stored_stays(place: str) -> None:
    with open_store(place) as store:
        store.add([outcome(1), outcome(2)])
        before = store.dump()
        store.add([replace(outcome(1), seconds=9.0, circuits=()), outcome(2), outcome(2)])
        assert store.dump() == before and len(before) == 2 + 4
        assert store.keys() == {bytes.fromhex(f"{number:064x}") for number in (1, 2)}
        assert store.netlist(f"{1:064x}", 1) == '{"number": 1}'
        assert store.netlist(f"{1:064x}", 7) is None
        assert len(list(store.points())) == 2 and len(list(store.circuits())) == 4
    with open_store(place, create=False) as store:
        assert store.dump() == before


def test_a_point_that_failed_may_be_stored_again(place: str) -> None:
    with open_store(place) as store:
        store.add([outcome(1, "ToolError: no")])
        assert store.keys() == set() and len(store.keys(failed=True)) == 1
        store.add([outcome(1)])
        assert len(store.keys()) == 1 and store.keys(failed=True) == set()
        store.add([outcome(1, "ToolError: no")])
        assert len(store.keys()) == 1 and len(store.dump()) == 3


def test_an_older_store_keeps_its_points(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("inkling.campaigns.store.migrate", lambda store: migrate(store, "0001"))
        with open_store(place) as store, store.engine.begin() as connection:
            figures = "1, 2, 3, 0.5, 'f', 1.0"
            connection.execute(sa.text(f"INSERT INTO points VALUES ('{1:064x}', '{{}}', NULL, {figures})"))
            values = f"('{1:064x}', 0, 'c', 0.1, 0.2, NULL, 5, 2, 0.9, 0.8, 0.7, 0.6)"
            connection.execute(sa.text(f"INSERT INTO circuits VALUES {values}"))
    with open_store(place) as store:
        assert len(store.keys()) == 1 and store.netlist(f"{1:064x}", 0) is None
        store.add([outcome(1), outcome(2)])
        assert len(store.dump()) == 2 + 1 + 2


def test_a_newer_store_is_refused(place: str) -> None:
    with open_store(place) as store, store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InputError, match="newer version"):
        open_store(place)


def together(work: Callable[[int], Any], count: int = 4) -> None:
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_clients_that_come_at_once_share_it(place: str) -> None:
    def work(number: int) -> None:
        with open_store(place) as store:
            for k in range(10):
                store.add([outcome(k), outcome(100 * number + k)])

    together(work)
    with open_store(place) as store:
        assert len(store.keys()) == 40 and len(store.dump()) == 40 + 80


def test_campaigns_come_back_as_they_were(place: str, tmp_path: Path, campaign_file: Any) -> None:
    campaign = load(campaign_file(tmp_path / "a.toml", splits=3)).campaign
    with open_store(place) as store:
        store.keep(replace(campaign, splits=(1,)))
        store.keep(campaign)
        assert store.campaigns() == [campaign]
        assert Campaign.from_json(campaign.to_json()) == campaign
        with store.engine.begin() as connection:
            connection.execute(sa.text("UPDATE campaigns SET document = '{}'"))
        with pytest.raises(InputError, match="cannot be read"):
            store.campaigns()


def test_a_server_that_dies_loses_nothing_that_was_stored(postgres: Any, postgres_url: str) -> None:
    with open_store(postgres_url) as store:
        store.add([outcome(1)])
        postgres.kill()
        starter = threading.Thread(target=lambda: (time.sleep(0.7), postgres.start()))
        starter.start()
        store.add([outcome(2)])  # waits for the server
        starter.join()
        assert len(store.keys()) == 2


def test_what_is_no_store_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but longer than sixteen bytes")
    with pytest.raises(InputError, match="not an SQLite store"):
        open_store(str(text))
    with pytest.raises(InputError, match="no such store"):
        open_store(str(tmp_path / "missing.sqlite"), create=False)
    with pytest.raises(InputError, match="neither"):
        open_store("mysql://somewhere/db")
    with pytest.raises(InputError, match="no file and no URL"):
        open_store("postgresql://host:notaport/db")
    with pytest.raises(InputError, match="cannot be opened") as error:
        open_store("postgresql://someone:secret@127.0.0.1:1/db")
    assert "secret" not in str(error.value)
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"SQLite format 3\0" + bytes(2000))
    with pytest.raises(InputError, match="cannot be opened"):
        open_store(str(broken))


def test_gates_that_are_broken_are_refused(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "store.sqlite")) as store:
        item = outcome(1)
        store.add([replace(item, circuits=(replace(item.circuits[0], netlist=zlib.compress(b"x" * 99)[:-6]),))])
        with pytest.raises(InputError, match="broken"):
            store.netlist(item.key, 0)
    assert isinstance(store, Store)

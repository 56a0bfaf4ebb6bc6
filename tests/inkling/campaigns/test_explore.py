"""Campaigns on clusters: the same table however many workers there are, and whoever is killed or cut off."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from inkling.campaigns.file import load
from inkling.campaigns.point import compute
from inkling.campaigns.store import open_store

INKLING = [
    sys.executable,
    "-P",
    "-c",
    "import sys; from inkling.cli.main import main; sys.argv[0] = 'inkling'; main()",
]
SILENT_S = 6  # after which the scheduler gives up a worker that it does not hear from


def start(command: Sequence[str], log: Path, within: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{SILENT_S}s"}
    with log.open("ab") as out:
        return subprocess.Popen([*within, *command], stdout=out, stderr=out, env=environment, start_new_session=True)


def dask(what: str, *arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", f"distributed.cli.dask_{what}", *arguments]


def scheduler(port: int, host: str = "127.0.0.1") -> list[str]:
    return dask("scheduler", "--host", host, "--port", str(port), "--no-dashboard", "--no-show")


def worker(port: int, host: str = "127.0.0.1") -> list[str]:
    return dask("worker", f"tcp://{host}:{port}", "--nthreads", "1", "--no-nanny", "--no-dashboard")


def explore(campaign: Path, store: Path, *arguments: str) -> list[str]:
    return [*INKLING, "explore", str(campaign), "--store", str(store), "--data", str(campaign.parent), *arguments]


def stored(store: Path) -> dict[str, float]:
    """What a store holds while others write to it: seconds by key."""
    with contextlib.suppress(sqlite3.OperationalError):
        connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)
        with contextlib.closing(connection):
            return dict(connection.execute("SELECT key, seconds FROM points"))
    return {}


def wait(
    condition: Callable[[], bool], processes: Sequence[subprocess.Popen[bytes]] = (), limit_s: float = 120
) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        assert all(process.poll() is None for process in processes), "a process ended"
        time.sleep(0.02)


def kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def answers(port: int) -> bool:
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


def expected(campaign: Path) -> list[Any]:
    """The table that one process without a cluster gives."""
    loaded = load(campaign)
    store = campaign.with_suffix(".alone.sqlite")
    with open_store(str(store)) as alone:
        alone.add([compute(point, None, None) for point in loaded.campaign.points()])
        return alone.dump()


def dump(store: Path) -> list[Any]:
    with open_store(str(store), create=False) as opened:
        return opened.dump()


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[bytes]]]:
    found: list[subprocess.Popen[bytes]] = []
    try:
        yield found
    finally:
        for process in found:
            kill(process)


def test_client_scheduler_and_worker_are_killed(
    tmp_path: Path, campaign_file: Any, port: int, running: list[subprocess.Popen[bytes]]
) -> None:
    campaign = campaign_file(tmp_path / "killed.toml", splits=150, milliseconds=20)
    store, log = tmp_path / "store.sqlite", tmp_path / "log"
    at = random.Random()  # any moment will do

    def begin(command: list[str]) -> subprocess.Popen[bytes]:
        running.append(start(command, log))
        return running[-1]

    def reached(count: int) -> Callable[[], bool]:
        return lambda: len(stored(store)) >= count

    address = f"tcp://127.0.0.1:{port}"
    ask = explore(campaign, store, "--scheduler", address, "--wait-s", "60", "--resume")
    engine = begin(scheduler(port))
    wait(lambda: answers(port), [engine])
    first, second, client = begin(worker(port)), begin(worker(port)), begin(ask)
    wait(reached(at.randint(2, 20)), [client, engine])
    kill(first)
    wait(reached(at.randint(30, 45)), [client, engine])
    kill(engine)
    kill(second)  # without its scheduler it ends by itself, sooner or later
    there = stored(store)
    engine = begin(scheduler(port))
    wait(lambda: answers(port), [engine, client])
    begin(worker(port))
    wait(reached(len(there) + at.randint(5, 25)), [client, engine])
    kill(client)
    there = stored(store)
    assert 35 <= len(there) < 150
    client = begin(ask)
    assert client.wait(120) == 0, log.read_text()
    assert dump(store) == expected(campaign)
    assert {key: stored(store)[key] for key in there} == there  # none of these was computed again


def test_ctrl_c_leaves_a_store_that_can_go_on(
    tmp_path: Path, campaign_file: Any, running: list[subprocess.Popen[bytes]]
) -> None:
    campaign = campaign_file(tmp_path / "stopped.toml", splits=100, milliseconds=20)
    store, log = tmp_path / "store.sqlite", tmp_path / "log"
    client = start(explore(campaign, store, "--jobs", "2"), log)
    running.append(client)
    wait(lambda: len(stored(store)) > 5, [client])
    os.killpg(client.pid, signal.SIGINT)  # as a terminal does: the workers get it too
    assert client.wait(60) == 130
    assert "go on with --resume" in log.read_text() and "Traceback" not in log.read_text(), log.read_text()
    wait(lambda: not members(client.pid))
    there = stored(store)
    assert 5 < len(there) < 100
    again = subprocess.run(explore(campaign, store, "--jobs", "1"), capture_output=True, text=True)
    assert again.returncode == 2 and "add --resume" in again.stderr and again.stderr.count("\n") == 1
    client = start(explore(campaign, store, "--jobs", "1", "--resume", "--adaptive"), log)
    running.append(client)
    assert client.wait(120) == 0, log.read_text()
    assert dump(store) == expected(campaign)


def members(group: int) -> list[int]:
    """Processes of a group that still run."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            text = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(text[2]) == group and text[0] != "Z":
                found.append(int(folder.name))
    return found


@pytest.fixture
def hosts() -> Iterator[tuple[list[str], list[str], Callable[[str], None]]]:
    """Two network namespaces with a link: how to run something in each, and how to set the link up or down."""
    names = [f"inkling{os.getpid()}{side}" for side in "ab"]
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip` (Debian: apt-get install iproute2)")

    def ip(*words: str, check: bool = True) -> int:
        return subprocess.run(["ip", *words], check=check, stderr=subprocess.DEVNULL).returncode

    if ip("netns", "add", names[0], check=False):
        pytest.skip("network namespaces are not permitted here")
    try:
        ip("netns", "add", names[1])
        if ip(
            "link", "add", "ink0", "netns", names[0], "type", "veth", "peer", "ink1", "netns", names[1], check=False
        ):
            pytest.skip("links between network namespaces are not permitted here")
        for k, name in enumerate(names):
            ip("-n", name, "address", "add", f"10.211.7.{k + 1}/24", "dev", f"ink{k}")
            ip("-n", name, "link", "set", f"ink{k}", "up")
            ip("-n", name, "link", "set", "lo", "up")

        def link(state: str) -> None:
            ip("-n", names[0], "link", "set", "ink0", state)

        inside = [["ip", "netns", "exec", name] for name in names]
        yield inside[0], inside[1], link
    finally:
        for name in names:
            ip("netns", "delete", name, check=False)


def test_two_hosts_whose_link_is_cut(
    tmp_path: Path,
    campaign_file: Any,
    hosts: tuple[list[str], list[str], Callable[[str], None]],
    running: list[subprocess.Popen[bytes]],
) -> None:
    here, there, link = hosts
    campaign = campaign_file(tmp_path / "cut.toml", splits=120, milliseconds=30)
    store, log = tmp_path / "store.sqlite", tmp_path / "log"
    running.append(start(scheduler(8786, "10.211.7.1"), log, here))
    wait(lambda: "Scheduler at" in log.read_text())
    # What a service manager does: a worker that ends is started again.
    forever = f"while true; do {' '.join(worker(8786, '10.211.7.1'))}; sleep 0.2; done"
    running.append(start(["sh", "-c", forever], log, there))
    ask = explore(campaign, store, "--scheduler", "tcp://10.211.7.1:8786", "--wait-s", "60")
    client = start(ask, log, here)
    running.append(client)
    wait(lambda: len(stored(store)) >= 5, [client])
    link("down")
    cut, begun = len(stored(store)), time.monotonic()
    wait(lambda: time.monotonic() - begun > 2 * SILENT_S, [client])
    assert len(stored(store)) <= cut + 1 < 120
    link("up")
    assert client.wait(120) == 0, log.read_text()
    assert dump(store) == expected(campaign)


def test_a_campaign_of_trees_into_postgresql(
    tmp_path: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from inkling.campaigns.explore import Exploration
    from inkling.campaigns.explore import explore as run

    campaign = tmp_path / "trees.toml"
    campaign.write_text(
        'datasets = ["iris"]\nmethods = ["tree"]\nsplits = 2\n'
        'budgets = [{name = "few", base = "quick", trees = [3, 4]}]\nareas = [0.02, 0.05]\n'
    )
    assert run(Exploration(campaign, postgres_url, jobs=1, as_json=True))
    told = json.loads(capsys.readouterr().out)
    assert told["points_stored"] == 2 and told["points_failed"] == 0
    loaded = load(campaign)
    (data,), (cells,) = loaded.tables.values(), loaded.technologies.values()
    alone = [compute(point, data, cells) for point in loaded.campaign.points()]
    assert all(outcome.error is None and outcome.circuits for outcome in alone)
    with open_store(postgres_url) as store, open_store(str(tmp_path / "alone.sqlite")) as other:
        other.add(alone)
        assert store.dump() == other.dump()


def test_a_scheduler_that_is_not_there_is_one_line(tmp_path: Path, campaign_file: Any, port: int) -> None:
    campaign = campaign_file(tmp_path / "lost.toml", splits=2)
    found = subprocess.run(
        explore(campaign, tmp_path / "s.sqlite", "--scheduler", f"tcp://127.0.0.1:{port}"),
        capture_output=True,
        text=True,
    )
    assert found.returncode == 2 and found.stderr.startswith("inkling: --scheduler"), found.stderr
    assert found.stderr.count("\n") == 1

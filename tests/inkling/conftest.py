"""A PostgreSQL server of the tests' own, and campaigns of points that cost nothing."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

PROGRAMS = [Path("/usr/lib/postgresql") / str(version) / "bin" for version in range(20, 10, -1)]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """PostgreSQL on a port of its own; as another user where the tests run as root, which it refuses."""

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self.programs, self.folder, self.user, self.port = programs, folder, user, free_port()
        self.url = f"postgresql://inkling@127.0.0.1:{self.port}/postgres"
        self._call("initdb", "-D", str(folder / "data"), "-U", "inkling", "-A", "trust", "--no-sync")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def _as_user(self, *command: str) -> list[str]:
        return ["runuser", "-u", self.user, "--", *command] if self.user else list(command)

    def _call(self, program: str, *arguments: str) -> None:
        command = self._as_user(str(self.programs / program), *arguments)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120, cwd="/")

    def start(self) -> None:
        command = (str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port))
        settings = ("-c", f"unix_socket_directories={self.folder}", "-c", "fsync=off", "-h", "127.0.0.1")
        self.process = subprocess.Popen(
            self._as_user(*command, *settings), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/"
        )
        end = time.monotonic() + 60
        while True:
            found = subprocess.run(
                [str(self.programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)],
                stdout=subprocess.DEVNULL,
            )
            if found.returncode == 0:
                return
            assert self.process.poll() is None and time.monotonic() < end
            time.sleep(0.1)

    def kill(self) -> None:
        """End the server at once, as kill -9 and a power cut do."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
            os.kill(pid, signal.SIGQUIT)
            self.process.wait(30)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    programs = next((folder for folder in PROGRAMS if (folder / "initdb").exists()), None)
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    user = None
    if os.getuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = next((name for name in ("postgres", "nobody") if name in names), None)
        if user is None or shutil.which("runuser") is None:
            pytest.skip("the tests run as root, and PostgreSQL needs another user and runuser")
    # Not pytest's folder, which only root can enter where the tests run as root.
    with TemporaryDirectory(prefix="inkling-postgres-", ignore_cleanup_errors=True) as folder:
        if user is not None:
            shutil.chown(folder, user)
        server = Server(programs, Path(folder), user)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def postgres_url(postgres: Server) -> str:
    """An empty database of its own."""
    import psycopg

    name = f"store{time.monotonic_ns()}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.url.replace("/postgres", f"/{name}")


def simulated(path: Path, *, splits: int, milliseconds: int = 1, name: str = "simulated") -> Path:
    """A campaign's file of simulated points; returns its path."""
    path.write_text(
        f'name = "{name}"\ndatasets = ["iris"]\nmethods = ["simulated"]\nsplits = {splits}\n'
        f'budgets = [{{name = "made-up", base = "quick", rounds = {milliseconds}, circuits = 2}}]\n'
    )
    return path


@pytest.fixture
def campaign_file():  # type: ignore[no-untyped-def]
    return simulated


@pytest.fixture
def port() -> int:
    return free_port()

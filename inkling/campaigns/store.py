"""The store of campaigns: every finished point at once, in SQLite or PostgreSQL, through SQLAlchemy.

The schema's history is in `inkling/migrations`; what is computed lives in `inkling.campaigns.point`. Inserts
may be repeated: a point that is stored stays as it is, only one that failed is replaced.
"""

import contextlib
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inkling.campaigns.campaign import Campaign
from inkling.train.errors import InputError
from inkling.train.extras import advice

if TYPE_CHECKING:
    import sqlalchemy as sa

BUSY_S = 60.0
ATTEMPTS, PAUSE_S = 6, 0.5  # of a write whose connection broke; each pause is twice the one before
LARGEST_NETLIST = 1 << 28


@dataclass(frozen=True)
class Circuit:
    """One circuit of a point's front: figures at the lowest supply voltage, accuracies as shares, gates deflated."""

    name: str
    area_cm2: float
    power_mw: float
    delay_ms: float | None
    gates: int
    inputs_used: int
    train: float
    validation: float
    test: float
    balanced: float
    netlist: bytes | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a point: its circuits, or why it has none. seconds: of the worker, the one figure that varies."""

    key: str
    specification: str
    circuits: tuple[Circuit, ...]
    rows: tuple[int, int, int]
    majority_rate: float
    fingerprint: str
    seconds: float
    error: str | None = None


class Store:
    """An open store. Use it as a context, or call `close`."""

    def __init__(self, engine: "sa.Engine") -> None:
        self.engine = engine

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *how: object) -> None:
        self.close()

    def close(self) -> None:
        self.engine.dispose()

    def campaigns(self) -> list[Campaign]:
        """Every campaign, by name. Raises InputError where one cannot be read."""
        import sqlalchemy as sa

        with self.engine.connect() as connection:
            found = connection.execute(sa.text("SELECT name, document FROM campaigns ORDER BY name")).all()
        try:
            return [Campaign.from_json(document) for _, document in found]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self}: holds a campaign that cannot be read ({error})") from error

    def keep(self, campaign: Campaign) -> None:
        """Take down a campaign; one of its name is replaced, its points stay."""
        import sqlalchemy as sa

        with self._writing() as connection:
            connection.execute(sa.text("DELETE FROM campaigns WHERE name = :name"), {"name": campaign.name})
            connection.execute(
                sa.text("INSERT INTO campaigns (name, document) VALUES (:name, :document)"),
                {"name": campaign.name, "document": campaign.to_json()},
            )

    def keys(self, failed: bool = False) -> set[bytes]:
        """Keys of the points that are stored, 32 bytes each: those that ended well, or those that failed."""
        import sqlalchemy as sa

        condition = "IS NOT NULL" if failed else "IS NULL"
        with self.engine.connect() as connection:
            rows = connection.execute(sa.text(f"SELECT key FROM points WHERE error {condition}"))
            return {bytes.fromhex(key) for (key,) in rows}

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Store outcomes in one transaction; what is there already is left. A broken connection is tried again."""
        import sqlalchemy as sa

        for attempt in range(ATTEMPTS):
            try:
                self._add(outcomes)
                return
            except sa.exc.OperationalError:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(PAUSE_S * 2**attempt)

    def _add(self, outcomes: Sequence[Outcome]) -> None:
        import sqlalchemy as sa

        points, circuits = _tables()
        insert = _insert(self.engine)
        by_key = {outcome.key: outcome for outcome in outcomes}
        with self._writing() as connection:
            found = connection.execute(sa.select(points.c.key, points.c.error).where(points.c.key.in_(by_key))).all()
            whole = {key for key, error in found if error is None}
            failed = sorted({key for key, error in found if error is not None})
            if failed:
                connection.execute(sa.delete(points).where(points.c.key.in_(failed)))
            fresh = [outcome for key, outcome in by_key.items() if key not in whole]
            if not fresh:
                return
            rows = [
                {
                    "key": item.key,
                    "specification": item.specification,
                    "error": item.error,
                    "train_rows": item.rows[0],
                    "validation_rows": item.rows[1],
                    "test_rows": item.rows[2],
                    "majority_rate": item.majority_rate,
                    "fingerprint": item.fingerprint,
                    "seconds": item.seconds,
                }
                for item in fresh
            ]
            connection.execute(insert(points).on_conflict_do_nothing(), rows)
            parts = [
                {"point": item.key, "number": number, **vars(circuit)}
                for item in fresh
                for number, circuit in enumerate(item.circuits)
            ]
            if parts:
                connection.execute(insert(circuits).on_conflict_do_nothing(), parts)

    def points(self) -> Iterator[tuple[Any, ...]]:
        """(key, error, train rows, test rows, majority rate) of every point, in no order."""
        import sqlalchemy as sa

        points, _ = _tables()
        c = points.c
        wanted = sa.select(c.key, c.error, c.train_rows, c.validation_rows, c.test_rows, c.majority_rate)
        yield from self._stream(wanted)

    def circuits(self) -> Iterator[tuple[Any, ...]]:
        """(point, number, area cm2, power mW, train, validation, test accuracy) of every circuit, in no order."""
        import sqlalchemy as sa

        _, circuits = _tables()
        c = circuits.c
        wanted = sa.select(c.point, c.number, c.area_cm2, c.power_mw, c.train, c.validation, c["test"])
        yield from self._stream(wanted)

    def netlist(self, key: str, number: int) -> str | None:
        """A circuit's gates as JSON (`inkling.approx.reference.netlist_files.from_json`), or None where there are
        none.
        """
        import sqlalchemy as sa

        _, circuits = _tables()
        where = (circuits.c.point == key) & (circuits.c.number == number)
        with self.engine.connect() as connection:
            packed = connection.execute(sa.select(circuits.c.netlist).where(where)).scalar()
        if packed is None:
            return None
        reader = zlib.decompressobj()
        text = reader.decompress(packed, LARGEST_NETLIST)
        if not reader.eof:
            raise InputError(f"{self}: the gates of circuit {number} of point {key[:12]} are broken or too large")
        return text.decode()

    def dump(self) -> list[tuple[Any, ...]]:
        """Every figure of every point but the seconds, in a canonical order: two equal campaigns have equal dumps."""
        import sqlalchemy as sa

        points, circuits = _tables()
        with self.engine.connect() as connection:
            first = [column for column in points.c if column.name != "seconds"]
            rows: list[Any] = list(connection.execute(sa.select(*first).order_by(points.c.key)))
            rows += connection.execute(sa.select(*circuits.c).order_by(circuits.c.point, circuits.c.number))
        return [tuple(bytes(cell) if isinstance(cell, memoryview) else cell for cell in row) for row in rows]

    def _stream(self, wanted: Any) -> Iterator[tuple[Any, ...]]:
        with self.engine.connect().execution_options(yield_per=10_000) as connection:
            for part in connection.execute(wanted).partitions():
                yield from part

    @contextlib.contextmanager
    def _writing(self) -> Iterator["sa.Connection"]:
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def __str__(self) -> str:
        return _shown(self.engine.url)


def is_url(place: str) -> bool:
    """Whether a text names a store by URL rather than by file."""
    return "://" in place


def open_store(place: str, *, create: bool = True) -> Store:
    """Open a store by URL (postgresql://user@host/name, sqlite:///file) or file, and bring its schema up to date.

    Raises InputError where it cannot be opened, or was written by a newer version; where the packages are missing.
    """
    try:
        import alembic.util
        import sqlalchemy as sa
    except ImportError as error:
        raise InputError(f"campaigns need the package {error.name}: {advice('cluster')}") from error
    if not is_url(place):
        path = Path(place)
        if not path.exists() and not create:
            raise InputError(f"{place}: there is no such store; `inkling explore` makes it")
        if path.exists() and path.stat().st_size and not _is_sqlite(path):
            raise InputError(f"{place}: is not an SQLite store; name another file")
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        url = sa.engine.make_url(place) if is_url(place) else sa.URL.create("sqlite", database=place)
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise InputError(f"--store {_shown(url)} is neither sqlite: nor postgresql:")
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        store = Store(_engine(url))
    except (sa.exc.ArgumentError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"--store is no file and no URL such as postgresql://user@host/name ({error})") from error
    try:
        migrate(store)
    except alembic.util.CommandError as error:
        raise InputError(f"{store}: was written by a newer version of Inkling ({error}): use that one") from error
    except sa.exc.DBAPIError as error:
        raise InputError(f"{store}: cannot be opened ({error.orig}): check the address and the server") from error
    return store


def migrate(store: Store, revision: str = "head") -> None:
    """Bring the schema to a revision, under a lock: clients that open a new store at once wait for each other."""
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with store._writing() as connection:
        if store.engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(73128)"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _engine(url: "sa.URL") -> "sa.Engine":
    import sqlalchemy as sa

    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_S})

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so, changes of the schema too
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    @sa.event.listens_for(engine, "begin")
    def _began(connection: "sa.Connection") -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


_metadata: list[Any] = []


def _tables() -> tuple["sa.Table", "sa.Table"]:
    """The tables that points and circuits are written to, as of the newest revision."""
    import sqlalchemy as sa

    if not _metadata:
        metadata = sa.MetaData()
        points = sa.Table(
            "points",
            metadata,
            sa.Column("key", sa.String(64), primary_key=True),
            sa.Column("specification", sa.Text),
            sa.Column("error", sa.Text),
            *(sa.Column(name, sa.Integer) for name in ("train_rows", "validation_rows", "test_rows")),
            sa.Column("majority_rate", sa.Float),
            sa.Column("fingerprint", sa.String(64)),
            sa.Column("seconds", sa.Float),
        )
        circuits = sa.Table(
            "circuits",
            metadata,
            sa.Column("point", sa.String(64), primary_key=True),
            sa.Column("number", sa.Integer, primary_key=True),
            sa.Column("name", sa.String(60)),
            *(sa.Column(name, sa.Float) for name in ("area_cm2", "power_mw", "delay_ms")),
            *(sa.Column(name, sa.Integer) for name in ("gates", "inputs_used")),
            *(sa.Column(name, sa.Float) for name in ("train", "validation", "test", "balanced")),
            sa.Column("netlist", sa.LargeBinary),
        )
        _metadata.extend((points, circuits))
    return _metadata[0], _metadata[1]


def _insert(engine: "sa.Engine") -> Any:
    if engine.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert

        return insert
    from sqlalchemy.dialects.sqlite import insert as insert_sqlite

    return insert_sqlite


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _shown(url: "sa.URL") -> str:
    """A URL without its password; of SQLite only the file."""
    if url.get_backend_name() == "sqlite":
        return url.database or "memory"
    return url.render_as_string(hide_password=True)

"""Where runs are kept: an SQLite file or a PostgreSQL server, with the same tables and promises."""

import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.pool import NullPool, Pool, QueuePool

from benchmark.errors import CallError, StoreError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 60
GONE_SECONDS = 120
"""How long a server is waited for that was there: more than its restart takes."""
GLANCE_SECONDS = 0.5
PRAGMAS = ("foreign_keys = ON", "journal_mode = WAL")
SQLITE, POSTGRESQL = "sqlite", "postgresql"
DRIVERS = {SQLITE: SQLITE, POSTGRESQL: "postgresql+psycopg"}
UPGRADE_LOCK = 0x53515A42
"""Names our upgrades among the advisory locks of a PostgreSQL server."""
UPGRADE_LOCKS = {
    SQLITE: "BEGIN IMMEDIATE",
    POSTGRESQL: f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})",
}


class Database:
    """The database at `url`: an SQLAlchemy URL, or the path of an SQLite file.

    `name` stands for it in sentences; it holds no password.
    """

    def __init__(self, url: str, *, create: bool = False) -> None:
        """Open it and bring its schema up to date; `create` the tables if they are not there."""
        parsed = _parsed(url)
        self.backend = parsed.get_backend_name()
        self.url = parsed.render_as_string(hide_password=False)
        if self.backend == SQLITE:
            path = Path(parsed.database or ":memory:")
            self.name = str(path)
            _check_file(path, create=create)
        else:
            self.name = parsed.render_as_string(hide_password=True)
        self._engine = _engine(parsed, self.backend, writes=create)
        weakref.finalize(self, self._engine.dispose)  # nobody has to close what is open
        self._patience = 0
        with self.transaction() as connection:
            _upgrade(connection, self.name, self.backend, create=create)
        self._patience = GONE_SECONDS

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """One transaction; a database's complaint becomes one sentence.

        With `snapshot` all of its queries see the same moment, as those of SQLite always do.
        """
        try:
            with self._connected() as connection, connection.begin():
                if snapshot and self.backend == POSTGRESQL:
                    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                yield connection
        except DBAPIError as problem:
            raise StoreError(
                f"database {self.name}: {_complaint(problem, self.backend)}"
            ) from problem
        except SQLAlchemyError as problem:
            raise StoreError(f"database {self.name}: {problem}") from problem
        except CommandError as problem:
            raise StoreError(
                f"database {self.name}: {problem}; a newer squeezebench made it, use that one"
            ) from problem

    def _connected(self) -> Connection:
        """A connection. A server that was there and is gone is waited for.

        Only here, before anything was written: whether a commit that was broken off counts is known
        to the server alone, so that run stops, and asks when it goes on.
        """
        until = time.monotonic() + self._patience
        while True:
            try:
                return self._engine.connect()
            except OperationalError:
                if self.backend == SQLITE or time.monotonic() >= until:
                    raise
                time.sleep(GLANCE_SECONDS)

    def close(self) -> None:
        """Give up what is open; the next transaction opens it again."""
        self._engine.dispose()

    def revision(self) -> str:
        """The revision of its schema."""
        with self.transaction() as connection:
            return str(MigrationContext.configure(connection).get_current_revision())


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url if "://" in url else f"sqlite:///{url}")
    except ArgumentError as problem:
        raise CallError(f"--db {url}: expected a path or a database URL") from problem
    backend = parsed.get_backend_name()
    if backend not in DRIVERS:
        raise CallError(
            f"--db {url}: runs are kept in SQLite or PostgreSQL; give a file's path or "
            "postgresql://USER@HOST/NAME"
        )
    return parsed.set(drivername=DRIVERS[backend])


def _check_file(path: Path, *, create: bool) -> None:
    if not create and not path.exists():
        raise StoreError(f"{path} is no database yet; `squeezebench evaluate` makes one")
    if create and not path.parent.is_dir():
        raise StoreError(f"{path.parent} is no folder; make it, or choose another --db")


def _engine(url: URL, backend: str, *, writes: bool) -> Engine:
    waiting = {"timeout" if backend == SQLITE else "connect_timeout": BUSY_SECONDS}
    try:
        # The last connection to a file that closes copies its log back, and a server starts a
        # process for each, both of which are slow: one that writes again and again stays open.
        pool: type[Pool] = QueuePool if writes else NullPool
        engine = create_engine(
            url, poolclass=pool, connect_args=waiting, pool_pre_ping=backend != SQLITE
        )
    except (ImportError, NoSuchModuleError) as problem:
        raise StoreError(
            f"{backend} needs a package that is not installed ({problem}); "
            'pip install "squeezebench[postgres]"'
        ) from problem
    if backend == SQLITE:
        event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        _patiently(partial(cursor.execute, f"PRAGMA {pragma}"))
    cursor.close()


def _patiently(work: Callable[[], object]) -> None:
    """Do it; where the file is locked, again and again: changing its mode waits for nobody."""
    for _ in range(10 * BUSY_SECONDS):
        try:
            work()
        except sqlite3.OperationalError as problem:
            if "locked" not in str(problem):
                raise
            time.sleep(0.1)
        else:
            return
    work()


def _upgrade(connection: Connection, name: str, backend: str, *, create: bool) -> None:
    """Bring the schema up to date, whole or not at all; a second process waits for the first."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    head = ScriptDirectory.from_config(config).get_current_head()
    found = MigrationContext.configure(connection).get_current_revision()
    if found == head:
        return
    if found is None and backend != SQLITE and not create:
        raise StoreError(f"{name} holds no runs yet; `squeezebench evaluate` makes its tables")
    connection.exec_driver_sql(UPGRADE_LOCKS[backend])
    command.upgrade(config, "head")


def _complaint(problem: DBAPIError, backend: str) -> str:
    said = " ".join(str(problem.orig).split())
    if backend == SQLITE:
        return (
            f"{said}; check that the file is writable, is a squeezebench database, and that the "
            "disk has room"
        )
    return f"{said}; check that the server runs, that the database exists and that you may write"

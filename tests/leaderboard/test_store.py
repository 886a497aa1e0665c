"""The store on SQLite files and PostgreSQL servers: append-only, whole shards, clear complaints."""

import dataclasses
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from benchmark.errors import CallError, StoreError
from benchmark.records import CLEAN, OUTPUT, SOURCE, Cell, Challenge, Picture, Shard
from benchmark.score import score
from benchmark.threat import Access, Norm, ThreatModel
from leaderboard.store import Store, database
from leaderboard.store.schema import metadata
from tests.benchmark.test_score import run as example_run
from tests.leaderboard.postgres import Server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, path: Path) -> str:
    """Where a store may be made, on either backend."""
    if request.param == "sqlite":
        return str(path)
    made: str = request.getfixturevalue("postgres").database()
    return made


@pytest.fixture
def store(url: str) -> Store:
    return Store(url, create=True)


def connected(store: Store) -> Engine:
    """An engine of the test's own on the store's database."""
    return create_engine(store.url, poolclass=NullPool)


RUN = example_run()
HEADER = RUN.header
RESULT = dataclasses.replace(
    RUN.results[0],
    diagnostics={"decode_failures": 0, "slope": 0.25},
    pictures=(Picture(CLEAN, "0", SOURCE, b"PNG 1"), Picture(CLEAN, "0", OUTPUT, b"PNG\x00 2")),
)
CHALLENGE = Challenge(
    at="2026-11-20T12:00:00+00:00",
    by="A. Tester",
    classifier="c",
    threat=ThreatModel(Norm.LINF, 4),
    sha256="s" * 64,
    outcomes=RESULT.outcomes[:2],
    outside={"2": 9.0},
    unchanged=("3",),
    environment={"threads": 1},
)


def test_what_goes_in_comes_out(store: Store) -> None:
    run_id = store.begin(HEADER)
    assert store.run(run_id).status == "running"
    store.add(run_id, RESULT)
    store.note(run_id, "completed")
    stored = store.run(run_id)
    assert stored.header == HEADER
    assert stored.results == (RESULT,)
    assert (stored.status, stored.detail) == ("completed", "")
    assert store.done(run_id) == {RESULT.shard}


def test_results_come_in_the_order_of_the_plan(store: Store) -> None:
    run_id = store.begin(HEADER)
    late = dataclasses.replace(
        RESULT,
        shard=Shard("c", 5, 10),
        outcomes=tuple(o._replace(image=f"1{o.image}") for o in RESULT.outcomes),
        pictures=(),
    )
    store.add(run_id, late)
    store.add(run_id, RESULT)
    assert [result.shard.start for result in store.run(run_id).results] == [0, 5]


def test_find_gives_the_newest_run_of_a_key(store: Store) -> None:
    assert store.find("k") is None
    store.begin(HEADER)
    second = store.begin(HEADER)
    store.begin(dataclasses.replace(HEADER, key="other"))
    found = store.find("k")
    assert found is not None
    assert found.id == second


def test_a_shard_is_stored_whole_or_not_at_all(store: Store) -> None:
    run_id = store.begin(HEADER)
    twice = dataclasses.replace(RESULT, outcomes=(*RESULT.outcomes, RESULT.outcomes[0]))
    with pytest.raises(StoreError, match=r"(?i)unique constraint"):
        store.add(run_id, twice)
    assert store.done(run_id) == set()
    store.add(run_id, RESULT)
    with pytest.raises(StoreError, match=r"(?i)unique constraint"):
        store.add(run_id, RESULT)
    assert len(store.run(run_id).outcomes) == len(RESULT.outcomes)


@pytest.mark.parametrize(
    "table", ["runs", "cells", "shards", "outcomes", "pictures", "events", "challenges"]
)
def test_nothing_is_changed_or_deleted(store: Store, table: str) -> None:
    run_id = store.begin(HEADER)
    store.add(run_id, RESULT)
    store.challenge(run_id, [CHALLENGE])
    assert_append_only(store, table)


def assert_append_only(store: Store, table: str) -> None:
    engine = connected(store)
    column = metadata.tables[table].columns.keys()[0]
    statements = [f"DELETE FROM {table}", f"UPDATE {table} SET {column} = {column}"]
    if engine.dialect.name == "postgresql":
        statements.append(f"TRUNCATE {table} CASCADE")
    for statement in statements:
        with engine.begin() as connection, pytest.raises(DBAPIError, match="is append-only"):
            connection.exec_driver_sql(statement)


def test_readers_of_a_file_do_not_wait_for_writers(path: Path) -> None:
    Store(str(path), create=True)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_challenges_come_out_as_they_went_in(store: Store) -> None:
    run_id, other = store.begin(HEADER), store.begin(HEADER)
    at_l2 = dataclasses.replace(CHALLENGE, threat=ThreatModel(Norm.L2, 0.5))
    store.challenge(run_id, [CHALLENGE, at_l2])
    assert store.run(run_id).challenges == (CHALLENGE, at_l2)
    assert store.run(other).challenges == ()
    assert store.runs()[0].challenges == ()


def test_challenges_are_stored_all_or_none(store: Store) -> None:
    run_id = store.begin(HEADER)
    new = dataclasses.replace(CHALLENGE, sha256="t" * 64)
    store.challenge(run_id, [CHALLENGE])
    with pytest.raises(StoreError, match=r"(?i)unique constraint"):
        store.challenge(run_id, [new, CHALLENGE])
    assert store.run(run_id).challenges == (CHALLENGE,)


def test_cells_and_outcomes_keep_what_they_say(store: Store) -> None:
    """A cell with every field, over the first two of five images, before a randomized defense."""
    cell = Cell(
        "q",
        Access.QUERY,
        "square",
        "none",
        "linf",
        4,
        steps=1,
        restarts=1,
        queries=500,
        draws=24,
        images=2,
        options="p=0.1",
        check=True,
    )
    drawn = tuple(
        outcome._replace(cell="q", draws=20, draws_correct=7) for outcome in RESULT.outcomes[:2]
    )
    header = dataclasses.replace(HEADER, cells=(*HEADER.cells, cell))
    result = dataclasses.replace(RESULT, outcomes=RESULT.outcomes + drawn)
    run_id = store.begin(header)
    store.add(run_id, result)
    assert store.run(run_id).header == header
    assert store.run(run_id).results == (result,)


def test_foreign_keys_hold(store: Store) -> None:
    with pytest.raises(StoreError, match=r"(?i)foreign key constraint"):
        store.note(99, "completed")


def test_migrations_make_the_schema(store: Store) -> None:
    with connected(store).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


OLD = {
    "runs": """(1, 'k', 's', 'v', 'S', 'codec', '{}', 'h', 'p', 'h', '{}', 'd', 'f', 2, NULL,
        '[{"name": "c", "identity": "i", "height": 10, "width": 20, "classes": 3}]', '{}', 't')""",
    "cells": """(1, 1, 0, 'clean', 'none', NULL, NULL, NULL, NULL, NULL, NULL),
        (2, 1, 1, 'w', 'white-box', 'pgd', 'exact', 'linf', 4.0, 10, 2)""",
    "shards": "(1, 1, 'c', 0, 2, 2.0, 0.5)",
    "outcomes": """(1, 1, 'a', 0, true, 3, 0.5, 0, 0.0, 800, 0, 0, 'x'),
        (1, 1, 'b', 1, false, 4, -0.5, 0, 0.0, 800, 0, 0, 'x'),
        (1, 2, 'a', 0, false, 4, -0.5, 4, 0.9, NULL, 20, 20, 'y'),
        (1, 2, 'b', 1, false, 4, -1.5, 4, 0.9, NULL, 20, 20, 'y')""",
    "events": "(1, 1, 't', 'running', ''), (2, 1, 't', 'completed', '')",
}
"""Rows as revision 0001 has them."""


def first_revision(url: str) -> None:
    """A database as the first version left it."""
    address = (
        url.replace("postgresql:", "postgresql+psycopg:") if "://" in url else f"sqlite:///{url}"
    )
    engine = create_engine(address, poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for table, rows in OLD.items():
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES {rows}")


def test_a_database_of_the_first_revision_is_brought_up(url: str) -> None:
    first_revision(url)
    store = Store(url)
    run = store.run(1)
    assert run.status == "completed"
    assert run.header.cells == (
        Cell(CLEAN, Access.NONE),
        Cell("w", Access.WHITE_BOX, "pgd", "exact", "linf", 4, 10, 2),
    )
    (result,) = run.results
    assert result.diagnostics == {}
    assert [(o.draws, o.draws_correct, o.correct) for o in run.outcomes] == [
        (1, 1, True),
        (1, 0, False),
        (1, 0, False),
        (1, 0, False),
    ]
    assert [(o.image, o.margin, o.gradient_steps) for o in run.outcomes][:3] == [
        ("a", 0.5, 0),
        ("b", -0.5, 0),
        ("a", -0.5, 20),
    ]
    found = score(run, "c")
    assert found.clean.estimate == 1 / 2
    assert found.robustness[0].worst.estimate == 0
    store.challenge(1, [CHALLENGE])
    assert store.run(1).challenges == (CHALLENGE,)
    for table in [*OLD, "challenges"]:
        assert_append_only(store, table)


def test_a_migration_happens_whole_or_not_at_all(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails at its last step; what it did before is undone, and the next call does all of it."""
    first_revision(url)
    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_table", fail)
        with pytest.raises(RuntimeError, match="no more"):
            Store(url)
    with monkeypatch.context() as patch:
        patch.setattr(database, "_upgrade", lambda *_, **__: None)
        old = Store(url)
    with connected(old).connect() as connection:
        columns = {column["name"] for column in inspect(connection).get_columns("cells")}
    assert "queries" not in columns
    assert_append_only(old, "outcomes")
    assert Store(url).run(1).header.cells[1].queries is None


def fail(*_: object, **__: object) -> None:
    raise RuntimeError("no more")


def test_two_processes_migrate_at_once(url: str) -> None:
    first_revision(url)
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: Store(url), range(4)))
    assert all(store.run(1).status == "completed" for store in stores)


def test_a_database_of_a_later_version(store: Store, url: str) -> None:
    with connected(store).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="a newer squeezebench made it"):
        Store(url)


def test_two_processes_write_at_once(store: Store, url: str) -> None:
    """A writer waits for the other's transaction instead of failing."""
    other = Store(url)
    first, second = store.begin(HEADER), other.begin(HEADER)
    store.add(first, RESULT)
    other.add(second, RESULT)
    assert [run.id for run in store.runs()] == [first, second]


def test_a_missing_database(path: Path) -> None:
    with pytest.raises(StoreError, match="is no database yet; `squeezebench evaluate` makes one"):
        Store(str(path))
    assert not path.exists()
    with pytest.raises(StoreError, match="is no folder; make it"):
        Store(str(path.parent / "none" / "runs.db"), create=True)


def test_what_is_no_database(path: Path) -> None:
    path.write_text("hello " * 1000)
    with pytest.raises(StoreError, match="file is not a database; check that"):
        Store(str(path))
    with pytest.raises(CallError, match="expected a path or a database URL"):
        Store("a b://c")
    with pytest.raises(CallError, match="runs are kept in SQLite or PostgreSQL"):
        Store("mysql://host/name")


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    url = f"postgresql://me:secret@/runs?host={tmp_path}"
    with pytest.raises(StoreError, match=r"check that the server runs") as caught:
        Store(url, create=True)
    assert "secret" not in str(caught.value)


def test_a_server_without_the_tables(postgres: Server) -> None:
    empty = postgres.database()
    with pytest.raises(StoreError, match="holds no runs yet; `squeezebench evaluate` makes"):
        Store(empty)
    with pytest.raises(StoreError, match='database "none" does not exist'):
        Store(postgres.url("none"), create=True)


def test_a_missing_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r'pip install "squeezebench\[postgres\]"'):
        Store("postgresql:///runs", create=True)


def test_an_unknown_run(store: Store) -> None:
    store.begin(HEADER)
    with pytest.raises(CallError, match=r"run 7 is not in .*; stored: 1"):
        store.run(7)


def test_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own limit on pages stands for the disk's."""
    store = Store(str(path), create=True)
    run_id = store.begin(HEADER)
    pages = path.stat().st_size // 4096
    monkeypatch.setattr(database, "PRAGMAS", (f"max_page_count = {pages + 20}",))
    small = Store(str(path))
    images = range(400)
    big = dataclasses.replace(
        RESULT,
        outcomes=tuple(o._replace(image=f"{i}-{o.image}") for i in images for o in RESULT.outcomes),
        pictures=(),
    )
    with pytest.raises(StoreError, match=r"database or disk is full; check .* the disk has room"):
        small.add(run_id, big)
    assert store.done(run_id) == set()


def test_cells_keep_their_order(store: Store) -> None:
    assert store.run(store.begin(HEADER)).header.cells[0] == Cell(CLEAN, Access.NONE)

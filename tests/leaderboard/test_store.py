"""The store on a real SQLite file: append-only, whole shards, clear complaints."""

import dataclasses
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from benchmark.errors import CallError, StoreError
from benchmark.records import CLEAN, Cell, Shard
from benchmark.threat import Access
from leaderboard.store import Store
from leaderboard.store import store as store_module
from leaderboard.store.schema import metadata
from tests.benchmark.test_score import run as example_run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Store:
    return Store(str(path), create=True)


RUN = example_run()
HEADER = RUN.header
RESULT = RUN.results[0]


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
        outcomes=tuple(dataclasses.replace(o, image=f"1{o.image}") for o in RESULT.outcomes),
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
    with pytest.raises(StoreError, match="UNIQUE constraint failed"):
        store.add(run_id, twice)
    assert store.done(run_id) == set()
    store.add(run_id, RESULT)
    with pytest.raises(StoreError, match="UNIQUE constraint failed"):
        store.add(run_id, RESULT)
    assert len(store.run(run_id).outcomes) == len(RESULT.outcomes)


@pytest.mark.parametrize("table", ["runs", "cells", "shards", "outcomes", "events"])
def test_nothing_is_changed_or_deleted(store: Store, path: Path, table: str) -> None:
    store.add(store.begin(HEADER), RESULT)
    with sqlite3.connect(path) as connection:
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET rowid = rowid"):
            with pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"):
                connection.execute(statement)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_foreign_keys_hold(store: Store) -> None:
    with pytest.raises(StoreError, match="FOREIGN KEY constraint failed"):
        store.note(99, "completed")


def test_migrations_make_the_schema(store: Store, path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_two_processes_write_at_once(store: Store, path: Path) -> None:
    """A writer waits for the other's transaction instead of failing."""
    other = Store(str(path))
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
    with pytest.raises(CallError, match="keeps runs in SQLite"):
        Store("postgresql://host/name")


def test_an_unknown_run(store: Store) -> None:
    store.begin(HEADER)
    with pytest.raises(CallError, match=r"run 7 is not in .*; stored: 1"):
        store.run(7)


def test_a_full_disk(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own limit on pages stands for the disk's."""
    run_id = store.begin(HEADER)
    pages = path.stat().st_size // 4096
    monkeypatch.setattr(store_module, "PRAGMAS", (f"max_page_count = {pages + 20}",))
    small = Store(str(path))
    images = range(400)
    big = dataclasses.replace(
        RESULT,
        outcomes=tuple(
            dataclasses.replace(o, image=f"{i}-{o.image}") for i in images for o in RESULT.outcomes
        ),
    )
    with pytest.raises(StoreError, match=r"database or disk is full; check .* the disk has room"):
        small.add(run_id, big)
    assert store.done(run_id) == set()


def test_cells_keep_their_order(store: Store) -> None:
    assert store.run(store.begin(HEADER)).header.cells[0] == Cell(CLEAN, Access.NONE)

"""Backups and moves: every row arrives, on either backend, or nothing does."""

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from benchmark.errors import StoreError
from benchmark.records import Shard
from leaderboard.store import Store, copying
from leaderboard.store.copying import back_up, copy, damage, digests
from leaderboard.store.database import Database
from tests.leaderboard.commands import squeezebench
from tests.leaderboard.postgres import Server
from tests.leaderboard.test_store import CHALLENGE, HEADER, RESULT


def filled(url: str) -> Store:
    """A store with a completed run, a broken-off one and a challenge; texts that sort oddly."""
    store = Store(url, create=True)
    first, second = store.begin(HEADER), store.begin(HEADER)
    odd = tuple(
        o._replace(image=f"{'äB_a'[i % 4]}{o.image}") for i, o in enumerate(RESULT.outcomes)
    )
    store.add(first, RESULT)
    store.note(first, "completed")
    renamed = tuple(dataclasses.replace(p, image=odd[0].image) for p in RESULT.pictures)
    store.add(
        second,
        dataclasses.replace(RESULT, shard=Shard("c", 0, 5), outcomes=odd, pictures=renamed),
    )
    store.note(second, "interrupted", "by “somebody”")
    store.challenge(first, [CHALLENGE])
    return store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(str(tmp_path / "runs.db"))


def runs(store: Store) -> list[object]:
    return [store.run(run.id) for run in store.runs()]


def test_there_and_back_again(store: Store, postgres: Server, tmp_path: Path) -> None:
    url, back = postgres.database(), tmp_path / "back.db"
    there = copy(Database(store.url), Database(url, create=True))
    assert there == digests(Database(store.url))
    assert copy(Database(url), Database(str(back), create=True)) == there
    assert runs(Store(url)) == runs(Store(str(back))) == runs(store)
    # What comes next gets the next number.
    assert Store(url).begin(HEADER) == store.begin(HEADER)


def test_a_backup_is_a_database_in_one_file(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    back_up(Database(store.url), file)
    assert runs(Store(str(file))) == runs(store)
    with pytest.raises(StoreError, match="is there already; name another file"):
        back_up(Database(store.url), file)
    with pytest.raises(StoreError, match="is no folder"):
        back_up(Database(store.url), tmp_path / "none" / "backup.db")
    assert sorted(p.name for p in tmp_path.iterdir() if "backup" in p.name) == ["backup.db"]


def test_a_server_is_backed_up_into_a_file(postgres: Server, tmp_path: Path) -> None:
    store, file = filled(postgres.database()), tmp_path / "backup.db"
    back_up(Database(store.url), file)
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (2,)
    assert runs(Store(str(file))) == runs(store)


def test_nothing_is_left_of_a_copy_that_fails(
    store: Store, postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.database()
    monkeypatch.setattr(copying, "_go_on_after", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        copy(Database(store.url), Database(url, create=True))
    assert Store(url).runs() == []
    monkeypatch.undo()
    copy(Database(store.url), Database(url))
    with pytest.raises(StoreError, match="holds runs already; copy into an empty database"):
        copy(Database(store.url), Database(url))


def test_a_lost_shard_is_found(store: Store) -> None:
    assert damage(Database(store.url)) == []
    engine = create_engine(store.url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER shards_no_update")
        connection.exec_driver_sql("UPDATE shards SET stop = stop - 1 WHERE run_id = 1")
    (problem,) = damage(Database(store.url))
    assert problem == "run 1: it is completed, but pictures are missing or doubled"
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE shards SET stop = stop + 1 WHERE run_id = 1")
        connection.exec_driver_sql(
            "INSERT INTO shards (run_id, classifier, start, stop, seconds, defense_seconds, "
            "diagnostics) VALUES (2, 'c', 1, 3, 1, 1, '{}')"
        )
    assert damage(Database(store.url)) == ["run 2: two of its shards overlap"]


def test_one_changed_value_is_found(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    back_up(Database(store.url), file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DROP TRIGGER outcomes_no_update")
        connection.execute("UPDATE outcomes SET margin = margin + 1e-9 WHERE rowid = 3")
    found, other = digests(Database(store.url)), digests(Database(str(file)))
    assert [name for name in found if found[name] != other[name]] == ["outcomes"]


def test_the_commands(store: Store, postgres: Server, tmp_path: Path) -> None:
    db, file, url = str(tmp_path / "runs.db"), tmp_path / "backup.db", postgres.database()
    made = squeezebench("db", "backup", str(file), "--db", db)
    assert (made.returncode, "2 runs" in made.stdout) == (0, True)
    assert squeezebench("db", "verify", "--db", db, "--against", str(file)).returncode == 0
    moved = squeezebench("db", "migrate", "--db", str(file), "--to", url)
    assert moved.returncode == 0, moved.stderr
    assert "1 challenges" in moved.stdout
    store.begin(HEADER)
    differing = squeezebench("db", "verify", "--db", url, "--against", db)
    assert differing.returncode == 1
    assert "table runs: 2 rows here, 3 in" in differing.stderr
    said = squeezebench("db", "migrate", "--db", url)
    assert "has the schema's revision 00" in said.stdout

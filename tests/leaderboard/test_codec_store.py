"""Runs of the codec track in the store: as they went in, append-only, after every migration."""

import csv
import dataclasses
import io
import json
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from benchmark.codec_track.score import codec_score
from leaderboard.export import outcomes_csv, write
from leaderboard.render.render import render
from leaderboard.store import Store, database
from tests.benchmark.codec_track.runs import run as example_run
from tests.leaderboard.test_store import OLD

RUN = example_run()
RESULT = dataclasses.replace(RUN.results[0], diagnostics={"lpips_absent": 1.0})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Store:
    store = Store(str(path), create=True)
    run_id = store.begin(RUN.header)
    store.add(run_id, RESULT)
    store.note(run_id, "completed")
    return store


def test_what_goes_in_comes_out(store: Store) -> None:
    stored = store.run(1)
    assert stored.header == RUN.header
    assert stored.results == (dataclasses.replace(RESULT, codec_outcomes=in_order()),)
    assert codec_score(stored) == codec_score(RUN)
    assert stored.outcomes == ()


def in_order() -> tuple[object, ...]:
    """The example's outcomes by cell, as a shard gives them."""
    return RESULT.codec_outcomes


def test_nothing_is_changed_or_deleted(store: Store, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        for statement in ("DELETE FROM codec_outcomes", "UPDATE codec_outcomes SET bits = 1"):
            with pytest.raises(sqlite3.IntegrityError, match="codec_outcomes is append-only"):
                connection.execute(statement)
    connection.close()


SECOND = {
    **OLD,
    "cells": """(1, 1, 0, 'clean', 'none', NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, '', 0, 0)""",
    "shards": "(1, 1, 'c', 0, 2, 2.0, 0.5, '{}')",
    "outcomes": "(1, 1, 'a', 0, 1, 3, 0.5, 0, 0.0, 800, 0, 0, 'x', 1, 1)",
}
"""Rows as revision 0002 has them."""


@pytest.mark.parametrize(("revision", "rows"), [("0001", OLD), ("0002", SECOND)])
def test_an_earlier_database_is_brought_up(path: Path, revision: str, rows: dict[str, str]) -> None:
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for table, values in rows.items():
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES {values}")
    engine.dispose()
    store = Store(str(path))
    old = store.run(1)
    assert old.header.track == "classifier"
    assert old.codec_outcomes == ()
    assert old.outcomes[0].bits == 800
    assert (old.header.cells[0].objective, old.header.cells[0].source) == (None, None)
    run_id = store.begin(RUN.header)
    store.add(run_id, RESULT)
    assert store.run(run_id).codec_outcomes == RESULT.codec_outcomes
    assert [run.header.track for run in store.runs()] == ["classifier", "codec"]


def test_exports(store: Store, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(outcomes_csv(store.run(1)))))
    assert len(rows) == 12
    assert (rows[0]["cell"], rows[0]["image"], rows[0]["bits"]) == ("clean", "a", "100.0")
    assert rows[0]["likelihood_bits"] == "100.0"
    assert rows[0]["lpips"] == ""
    assert not any(name.endswith("seconds") for name in rows[0])
    write(store, 1, tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_text())["run"]["track"] == "codec"


def test_the_site_is_rendered_beside_them(store: Store, tmp_path: Path) -> None:
    site = render(store, tmp_path / "site")
    assert (site / "index.html").exists()

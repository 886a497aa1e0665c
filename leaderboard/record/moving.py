"""Runs out of a store into files, and out of files into a store."""

from pathlib import Path
from typing import NamedTuple

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, select

from benchmark.errors import DataError, StoreError
from leaderboard.record.checking import checked
from leaderboard.record.files import RecordFiles, outcomes_path, pack
from leaderboard.record.rows import OF_RUN, OF_SHARD, RunRows, add_missing, add_rows, read_rows
from leaderboard.store import Store
from leaderboard.store.schema import runs


class Merged(NamedTuple):
    """The run that a record became, and how many rows that added; 0 if all was there."""

    run_id: int
    added: int


def record_of(store: Store, run_id: int) -> RecordFiles:
    """The record of a stored run."""
    with store.transaction() as connection:
        revision = MigrationContext.configure(connection).get_current_revision() or ""
        return pack(read_rows(connection, run_id), revision)


def write(files: RecordFiles, path: Path) -> None:
    """Write the record to `path` and its outcomes beside it; the record last, each whole."""
    for target, content in ((outcomes_path(path), files.outcomes), (path, files.text)):
        partial = target.with_name(target.name + ".partial")
        try:
            partial.write_bytes(content)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def read(path: Path) -> RecordFiles:
    """The files of the record at `path`, as they are."""
    beside = outcomes_path(path)
    for expected in (path, beside):
        if not expected.is_file():
            raise DataError(
                f"{expected} is missing; a record is two files, {path.name} and {beside.name}"
            )
    return RecordFiles(path.read_bytes(), beside.read_bytes())


def merge(store: Store, files: RecordFiles, source: object) -> Merged:
    """Add a record to the store, whole or not at all. What is there already is not added again.

    A run that was stored when it was not finished, or that was challenged since, gets what it
    lacks. A record that contradicts what is stored is refused.
    """
    rows = checked(files, source)
    with store.transaction() as connection:
        known = _same_run(connection, rows)
        if known is None:
            added = 1 + sum(len(table) for table in rows.tables.values())
            return Merged(add_rows(connection, rows), added)
        before = read_rows(connection, known)
        if _begins_with(before, rows):
            return Merged(known, 0)
        if not _begins_with(rows, before):
            raise StoreError(
                f"{source} contradicts run {known} of {store.url}, which has the same key and "
                "beginning; a correction is a record of its own that supersedes the old one"
            )
        return Merged(known, add_missing(connection, known, before, rows))


def _same_run(connection: Connection, rows: RunRows) -> int | None:
    same = (runs.c.key == rows.run["key"]) & (runs.c.started == rows.run["started"])
    return connection.scalar(select(runs.c.id).where(same).order_by(runs.c.id))


def _begins_with(longer: RunRows, shorter: RunRows) -> bool:
    """Whether `longer` holds all that `shorter` does, in the same order, before what is new."""
    if longer.run != shorter.run:
        return False
    known = len(shorter.tables["shards"])
    for table in OF_RUN:
        begun = shorter.tables[table.name]
        if list(longer.tables[table.name][: len(begun)]) != list(begun):
            return False
    return all(
        [row for row in longer.tables[table.name] if row["shard_id"] < known]
        == list(shorter.tables[table.name])
        for table in OF_SHARD
    )

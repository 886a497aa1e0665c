"""All of a database, row for row: copied into another one, and told apart from another."""

import hashlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, func, select

from benchmark.errors import StoreError
from leaderboard.store.bulk import insert_many
from leaderboard.store.database import POSTGRESQL, SQLITE, Database
from leaderboard.store.schema import metadata

CHUNK = 1000
"""Rows in memory at once."""


class Digest(NamedTuple):
    """How many rows a table has, and the sum of their sha256, whatever their order.

    It is the same on either backend, and after a copy: databases sort text each in their own way.
    """

    rows: int
    sum: str


def copy(source: Database, target: Database) -> Mapping[str, Digest]:
    """Every row of `source`, of one moment, into the empty `target`; all or nothing."""
    with source.transaction(snapshot=True) as reading, target.transaction() as writing:
        for table in metadata.sorted_tables:
            if writing.execute(select(func.count()).select_from(table)).scalar_one():
                raise StoreError(f"{target.name} holds runs already; copy into an empty database")
        for table in metadata.sorted_tables:
            for rows in _chunks(reading, table):
                insert_many(writing, table, rows)
            if target.backend == POSTGRESQL and "id" in table.c:
                _go_on_after(writing, table)
        copied, found = _digests(reading), _digests(writing)
        if copied != found:
            raise StoreError(
                f"{target.name} holds other rows than {source.name} after the copy; nothing was "
                "kept"
            )
    return found


def back_up(source: Database, file: Path) -> Mapping[str, Digest]:
    """The whole database as one SQLite file, which appears once it is complete."""
    if file.exists():
        raise StoreError(f"{file} is there already; name another file, no backup is overwritten")
    if not file.parent.is_dir():
        raise StoreError(f"{file.parent} is no folder; make it, or choose another place")
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".backup") as made:
        partial = Path(made) / file.name
        target = Database(str(partial), create=True)
        copied = copy(source, target)
        target.close()
        # One file without a log beside it, which may lie on a read-only disk.
        with closing(sqlite3.connect(partial)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(file)
    return copied


def digests(database: Database) -> Mapping[str, Digest]:
    """The digest of every table, of one moment."""
    with database.transaction(snapshot=True) as connection:
        return _digests(connection)


def damage(database: Database) -> list[str]:
    """What is wrong with the database, each in a sentence; nothing for one that is whole."""
    found = []
    with database.transaction(snapshot=True) as connection:
        if database.backend == SQLITE:
            for check in ("integrity_check", "foreign_key_check"):
                rows = connection.exec_driver_sql(f"PRAGMA {check}").all()
                found += [f"{check}: {' '.join(map(str, row))}" for row in rows if row != ("ok",)]
        for name, wrong in CHECKS.items():
            found += [f"run {run}: {name}" for (run,) in connection.exec_driver_sql(wrong)]
    return found


CHECKS = {
    "it has no cells": "SELECT id FROM runs WHERE id NOT IN (SELECT run_id FROM cells)",
    "it has no events": "SELECT id FROM runs WHERE id NOT IN (SELECT run_id FROM events)",
    "it is completed, but pictures are missing or doubled": (
        "SELECT DISTINCT s.run_id FROM shards s JOIN runs r ON r.id = s.run_id WHERE s.run_id IN "
        "(SELECT run_id FROM events WHERE status = 'completed') "
        "GROUP BY s.run_id, s.classifier, r.images HAVING SUM(s.stop - s.start) <> r.images"
    ),
    "two of its shards overlap": (
        "SELECT DISTINCT a.run_id FROM shards a JOIN shards b ON a.run_id = b.run_id "
        "AND a.classifier = b.classifier AND a.id < b.id "
        "AND a.start < b.stop AND b.start < a.stop"
    ),
}
"""Queries for the numbers of runs that are not what the store writes."""


def _chunks(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    ordered = select(table).order_by(*table.primary_key.columns)
    result = connection.execution_options(yield_per=CHUNK).execute(ordered)
    for rows in result.partitions():
        yield [dict(row._mapping) for row in rows]


def _digests(connection: Connection) -> Mapping[str, Digest]:
    return {table.name: _digest(connection, table) for table in metadata.sorted_tables}


def _digest(connection: Connection, table: Table) -> Digest:
    count, total = 0, 0
    for rows in _chunks(connection, table):
        count += len(rows)
        for row in rows:
            line = json.dumps(row, sort_keys=True, default=bytes.hex).encode()
            total += int.from_bytes(hashlib.sha256(line).digest(), "big")
    return Digest(count, f"{total % 2**256:064x}")


def _go_on_after(connection: Connection, table: Table) -> None:
    """Let the next row's number follow the largest that was copied."""
    last = connection.execute(select(func.max(table.c.id))).scalar()
    if last is not None:
        sequence = func.pg_get_serial_sequence(table.name, "id")
        connection.execute(select(func.setval(sequence, last)))

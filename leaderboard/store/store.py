"""The store: runs are begun, shards are added, events are noted; nothing is changed or deleted."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, CursorResult, func, insert, select, true

from benchmark.errors import CallError, StoreError
from benchmark.records import Cell, Challenge, Run, RunHeader, Shard, ShardResult
from leaderboard.store.bulk import insert_many
from leaderboard.store.database import Database
from leaderboard.store.rows import (
    cell_of,
    challenge_of,
    challenge_to,
    codec_rows_of,
    picture_rows_of,
    result_of,
    rows_of,
    run_of,
)
from leaderboard.store.schema import (
    cells,
    challenges,
    codec_outcomes,
    events,
    outcomes,
    pictures,
    runs,
    shards,
)

LISTED = 20
"""Numbers of runs that a sentence names one by one."""
RUNNING, COMPLETED, INTERRUPTED, FAILED = "running", "completed", "interrupted", "failed"


class Listed(NamedTuple):
    """A run by name, without its cells: there may be ten thousand of them."""

    id: int
    submission: str
    variant: str
    track: str
    protocol: str
    protocol_hash: str
    images: int
    started: str
    unofficial_reason: str | None
    status: str
    detail: str

    @property
    def entry(self) -> str:
        """The submission with its variant."""
        return f"{self.submission}/{self.variant}"


LISTED_COLUMNS = Listed._fields[:-2]


class Store:
    """Runs in the database at `url`: an SQLAlchemy URL, or the path of an SQLite file."""

    def __init__(self, url: str, *, create: bool = False) -> None:
        """Open the database and bring its schema up to date; `create` it if it is not there."""
        self._database = Database(url, create=create)
        self.url = self._database.url

    def close(self) -> None:
        """Let go of the file or server; the next call opens it again."""
        self._database.close()

    def transaction(self) -> AbstractContextManager[Connection]:
        """One transaction on the tables as they are, for records that leave or enter the store."""
        return self._database.transaction()

    def begin(self, header: RunHeader) -> int:
        """A new run; returns its number."""
        # `asdict` of the whole would copy every cell, and the protocol's content, to throw it away.
        row = {name: value for name, value in vars(header).items() if name != "cells"}
        row["classifiers"] = [vars(record) for record in header.classifiers]
        with self._database.transaction() as connection:
            inserted = connection.execute(insert(runs).values(**row, started=_now()))
            run_id = _key(inserted)
            insert_many(
                connection,
                cells,
                [
                    {"run_id": run_id, "position": position, **vars(cell)}
                    for position, cell in enumerate(header.cells)
                ],
            )
            _note(connection, run_id, RUNNING, "")
        return run_id

    def add(self, run_id: int, result: ShardResult) -> None:
        """The outcomes and pictures of one shard, all or none."""
        with self._database.transaction() as connection:
            cell_ids = {
                row.name: row.id
                for row in connection.execute(
                    select(cells.c.name, cells.c.id).where(cells.c.run_id == run_id)
                )
            }
            inserted = connection.execute(
                insert(shards).values(
                    run_id=run_id,
                    **asdict(result.shard),
                    seconds=result.seconds,
                    defense_seconds=result.defense_seconds,
                    diagnostics=result.diagnostics,
                )
            )
            shard_id = _key(inserted)
            judged = rows_of(result, shard_id, cell_ids)
            coded = codec_rows_of(result, shard_id, cell_ids)
            kept = picture_rows_of(result, judged or coded, cell_ids)
            for table, rows in ((outcomes, judged), (codec_outcomes, coded), (pictures, kept)):
                insert_many(connection, table, rows)

    def challenge(self, run_id: int, given: Sequence[Challenge]) -> None:
        """Challenges of the run, all or none."""
        rows = [{"run_id": run_id, **challenge_to(one)} for one in given]
        with self._database.transaction() as connection:
            connection.execute(insert(challenges), rows)

    def note(self, run_id: int, status: str, detail: str = "") -> None:
        """What became of the run: `completed`, `interrupted` or `failed`, and why."""
        with self._database.transaction() as connection:
            _note(connection, run_id, status, detail)

    def find(self, key: str) -> Run | None:
        """The newest run with this key, without its results; None if there is none."""
        found = self.runs(key)
        return found[-1] if found else None

    def done(self, run_id: int) -> set[Shard]:
        """The shards of the run that are stored."""
        columns = select(shards.c.classifier, shards.c.start, shards.c.stop)
        with self._database.transaction() as connection:
            rows = connection.execute(columns.where(shards.c.run_id == run_id))
            return {Shard(*row) for row in rows}

    def listed(self, protocol: str | None = None) -> list[Listed]:
        """Every run (of the protocol) in the order they began, as a list or a board names it."""
        newest = select(func.max(events.c.id)).where(events.c.run_id == runs.c.id)
        query = (
            select(*(runs.c[name] for name in LISTED_COLUMNS), events.c.status, events.c.detail)
            .join(events, events.c.id == newest.correlate(runs).scalar_subquery())
            .where(true() if protocol is None else runs.c.protocol == protocol)
            .order_by(runs.c.id)
        )
        with self._database.transaction() as connection:
            return [Listed(*row) for row in connection.execute(query)]

    def runs(self, key: str | None = None) -> list[Run]:
        """Every run (with this key) in the order they began, without results."""
        return self._runs(true() if key is None else runs.c.key == key)

    def _runs(self, wanted: ColumnElement[bool]) -> list[Run]:
        newest = select(func.max(events.c.id)).group_by(events.c.run_id)
        query = (
            select(runs, events.c.status, events.c.detail)
            .join(events, events.c.run_id == runs.c.id)
            .where(events.c.id.in_(newest), wanted)
            .order_by(runs.c.id)
        )
        of_runs = select(cells).join(runs, runs.c.id == cells.c.run_id).where(wanted)
        with self._database.transaction() as connection:
            by_run: dict[int, list[Cell]] = {}
            for row in connection.execute(of_runs.order_by(cells.c.run_id, cells.c.position)):
                by_run.setdefault(row.run_id, []).append(cell_of(row))
            return [run_of(row, tuple(by_run[row.id])) for row in connection.execute(query)]

    def run(self, run_id: int) -> Run:
        """The run with every stored result, in the order of its plan, and its challenges."""
        known = self._runs(runs.c.id == run_id)
        if not known:
            raise CallError(self._unknown(run_id))
        (found,) = known
        order = {record.name: i for i, record in enumerate(found.header.classifiers)}
        with self._database.transaction() as connection:
            stored = connection.execute(select(shards).where(shards.c.run_id == run_id)).all()
            results = tuple(
                result_of(connection, row)
                for row in sorted(stored, key=lambda row: (order.get(row.classifier, 0), row.start))
            )
            against = select(challenges).where(challenges.c.run_id == run_id)
            rows = connection.execute(against.order_by(challenges.c.id))
            return replace(found, results=results, challenges=tuple(map(challenge_of, rows)))

    def _unknown(self, run_id: int) -> str:
        with self._database.transaction() as connection:
            known = connection.execute(select(runs.c.id).order_by(runs.c.id)).scalars().all()
        listed = ", ".join(map(str, known)) or "none"
        if len(known) > LISTED:
            listed = f"{known[0]} to {known[-1]}"
        return f"run {run_id} is not in {self._database.name}; stored: {listed}"


def _key(inserted: CursorResult[Any]) -> int:
    row = inserted.inserted_primary_key
    if row is None:
        raise StoreError("the database gave an inserted row no number")
    return int(row[0])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _note(connection: Connection, run_id: int, status: str, detail: str) -> None:
    connection.execute(
        insert(events).values(run_id=run_id, at=_now(), status=status, detail=detail)
    )

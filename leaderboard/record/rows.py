"""The rows of one run in the tables of the store, with positions in the place of row numbers.

Which tables hold outcomes is read off the schema: those whose rows belong to a shard.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, insert, select

from benchmark.errors import CallError
from leaderboard.store.schema import cells, challenges, events, metadata, runs, shards

Row = dict[str, Any]

OF_RUN = (cells, shards, events, challenges)
OF_SHARD = tuple(
    table
    for table in metadata.sorted_tables
    if any(key.column.table is shards for key in table.foreign_keys)
)


@dataclass(frozen=True)
class RunRows:
    """A run's own row, and those of each table in the order that they were added.

    Rows of a shard name it, and their cell, by the position among the run's shards and cells.
    """

    run: Row
    tables: Mapping[str, Sequence[Row]]


def own_columns(table: Table) -> list[Column[Any]]:
    """The columns that hold content: no row number, no reference to the run."""
    return [c for c in table.columns if c.name not in {"id", "run_id"}]


def read_rows(connection: Connection, run_id: int) -> RunRows:
    """Every row of the run."""
    found = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    if found is None:
        known = ", ".join(str(row.id) for row in connection.execute(select(runs.c.id))) or "none"
        raise CallError(f"run {run_id} is not in the database; stored: {known}")
    tables: dict[str, Sequence[Row]] = {}
    numbers: dict[str, dict[int, int]] = {}
    for table in OF_RUN:
        chosen = select(table).where(table.c.run_id == run_id).order_by(table.c.id)
        rows = connection.execute(chosen).all()
        numbers[table.name] = {row.id: position for position, row in enumerate(rows)}
        tables[table.name] = [_content(row._mapping, table) for row in rows]
    for table in OF_SHARD:
        tables[table.name] = list(_rows_of_shards(connection, table, numbers))
    return RunRows(_content(found._mapping, runs), tables)


def _rows_of_shards(
    connection: Connection, table: Table, numbers: Mapping[str, Mapping[int, int]]
) -> Iterator[Row]:
    of_run = table.c.shard_id.in_(list(numbers[shards.name]))
    order = [table.c.shard_id, table.c.cell_id, table.c.position, *table.primary_key.columns]
    for row in connection.execute(select(table).where(of_run).order_by(*order)):
        content = _content(row._mapping, table)
        content["shard_id"] = numbers[shards.name][content["shard_id"]]
        content["cell_id"] = numbers[cells.name][content["cell_id"]]
        yield content


def _content(row: Mapping[Any, Any], table: Table) -> Row:
    return {column.name: row[column.name] for column in own_columns(table)}


def add_rows(connection: Connection, given: RunRows) -> int:
    """Add a run that is not there yet; returns its number."""
    run_id = _number(connection.execute(insert(runs).values(**given.run)))
    numbers = {
        table.name: [
            _number(connection.execute(insert(table).values(run_id=run_id, **row)))
            for row in given.tables[table.name]
        ]
        for table in OF_RUN
    }
    for table in OF_SHARD:
        _add_of_shards(connection, table, given.tables[table.name], numbers)
    return run_id


def _add_of_shards(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    numbers: Mapping[str, Sequence[int]],
) -> None:
    placed = [
        {
            **row,
            "shard_id": numbers[shards.name][row["shard_id"]],
            "cell_id": numbers[cells.name][row["cell_id"]],
        }
        for row in rows
    ]
    if placed:
        connection.execute(insert(table), placed)


def add_missing(connection: Connection, run_id: int, before: RunRows, given: RunRows) -> int:
    """Add to a stored run the rows of `given` that come after those of `before`; their number."""
    numbers = {
        table.name: list(
            connection.scalars(
                select(table.c.id).where(table.c.run_id == run_id).order_by(table.c.id)
            )
        )
        for table in OF_RUN
    }
    added = 0
    for table in OF_RUN:
        for row in given.tables[table.name][len(before.tables[table.name]) :]:
            inserted = connection.execute(insert(table).values(run_id=run_id, **row))
            numbers[table.name].append(_number(inserted))
            added += 1
    known = len(before.tables[shards.name])
    for table in OF_SHARD:
        rows = [row for row in given.tables[table.name] if row["shard_id"] >= known]
        _add_of_shards(connection, table, rows, numbers)
        added += len(rows)
    return added


def _number(inserted: Any) -> int:
    return int(inserted.inserted_primary_key[0])

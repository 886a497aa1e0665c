"""What earlier runs of a protocol spent of their budgets, for an estimate of the next one."""

from sqlalchemy import Connection, Table, func, select

from leaderboard.store.schema import cells, codec_outcomes, events, outcomes, runs, shards

Spent = dict[tuple[str, str], tuple[float, float]]
"""By classifier and cell the mean gradient steps and queries a picture."""

NEWEST = 20
"""Runs that are looked at."""
COMPLETED = "completed"


def spent(connection: Connection, protocol_hash: str, submission: str) -> tuple[int, Spent]:
    """The number of runs looked at, and what they spent.

    They are completed runs of the submission, whatever the variant; where there is none, of any.
    """
    completed = select(events.c.run_id).where(events.c.status == COMPLETED)
    same = (runs.c.protocol_hash == protocol_hash) & runs.c.id.in_(completed)
    newest = select(runs.c.id).where(same).order_by(runs.c.id.desc()).limit(NEWEST)
    chosen = connection.scalars(newest.where(runs.c.submission == submission)).all()
    chosen = chosen or connection.scalars(newest).all()
    found: Spent = {}
    for table in (outcomes, codec_outcomes):
        found |= _means(connection, table, list(chosen))
    return len(chosen), found


def _means(connection: Connection, table: Table, chosen: list[int]) -> Spent:
    key = (shards.c.classifier, cells.c.name)
    query = (
        select(*key, func.avg(table.c.gradient_steps), func.avg(table.c.queries))
        .join(cells, cells.c.id == table.c.cell_id)
        .join(shards, shards.c.id == table.c.shard_id)
        .where(cells.c.run_id.in_(chosen))
        .group_by(*key)
    )
    return {
        (classifier, name): (float(steps), float(asked))
        for classifier, name, steps, asked in connection.execute(query)
    }

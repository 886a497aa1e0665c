"""Records to rows of the tables, and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, Row, select

from benchmark.records import (
    Cell,
    Challenge,
    ClassifierRecord,
    Outcome,
    Run,
    RunHeader,
    Shard,
    ShardResult,
)
from benchmark.threat import Access, Norm, ThreatModel
from leaderboard.store.schema import cells, outcomes

# The fields of an outcome behind its classifier and cell, which other tables hold.
MEASURED = tuple(field.name for field in fields(Outcome))[2:]


def cell_of(row: Row[Any]) -> Cell:
    """The cell of a row of `cells`."""
    content = {field.name: row._mapping[field.name] for field in fields(Cell)}
    return Cell(**content | {"access": Access(content["access"])})


def run_of(row: Row[Any], of_run: tuple[Cell, ...]) -> Run:
    """The run, without results, of a row of `runs` with its newest event."""
    content = dict(row._mapping)
    run_id, started = content.pop("id"), content.pop("started")
    status, detail = content.pop("status"), content.pop("detail")
    content["classifiers"] = tuple(ClassifierRecord(**c) for c in content["classifiers"])
    return Run(run_id, RunHeader(**content, cells=of_run), started, status, detail)


def rows_of(
    result: ShardResult, shard_id: int, cell_ids: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The rows of `outcomes` that a shard's result makes; each cell has its images in order."""
    rows = []
    order: dict[str, int] = {}
    for outcome in result.outcomes:
        row = asdict(outcome)
        row.pop("classifier")
        row["cell_id"] = cell_ids[row.pop("cell")]
        position = result.shard.start + order.setdefault(outcome.cell, 0)
        order[outcome.cell] += 1
        rows.append({**row, "shard_id": shard_id, "position": position})
    return rows


def result_of(connection: Connection, shard: Row[Any]) -> ShardResult:
    """The shard's result, with its outcomes in the order of the plan."""
    query = (
        select(cells.c.name, *(outcomes.c[name] for name in MEASURED))
        .join(cells, cells.c.id == outcomes.c.cell_id)
        .where(outcomes.c.shard_id == shard.id)
        .order_by(cells.c.position, outcomes.c.position)
    )
    return ShardResult(
        Shard(shard.classifier, shard.start, shard.stop),
        tuple(Outcome(shard.classifier, *row) for row in connection.execute(query)),
        shard.seconds,
        shard.defense_seconds,
        shard.diagnostics,
    )


def challenge_to(challenge: Challenge) -> dict[str, Any]:
    """The row of `challenges`, without its run."""
    row = asdict(challenge)
    threat: dict[str, Any] = row.pop("threat")
    return row | threat


def challenge_of(row: Row[Any]) -> Challenge:
    """The challenge of a row of `challenges`."""
    content = dict(row._mapping)
    del content["id"], content["run_id"]
    threat = ThreatModel(Norm(content.pop("norm")), content.pop("radius"))
    content["outcomes"] = tuple(Outcome(**outcome) for outcome in content["outcomes"])
    content["unchanged"] = tuple(content["unchanged"])
    return Challenge(threat=threat, **content)

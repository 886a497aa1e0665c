"""Records to rows of the tables, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from benchmark.records import (
    Cell,
    Challenge,
    ClassifierRecord,
    CodecOutcome,
    Outcome,
    Picture,
    Run,
    RunHeader,
    Shard,
    ShardResult,
)
from benchmark.threat import Access, Norm, ThreatModel
from leaderboard.store.schema import cells, codec_outcomes, outcomes, pictures

# The fields of an outcome behind its classifier and cell, which other tables hold.
MEASURED = Outcome._fields[2:]
CODED = tuple(field.name for field in fields(CodecOutcome))[1:]
KEPT = tuple(field.name for field in fields(Picture))[1:]
CELL = tuple(field.name for field in fields(Cell))


def cell_of(row: Row[Any]) -> Cell:
    """The cell of a row of `cells`."""
    values = row._mapping
    content = {name: values[name] for name in CELL}
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
    rows = _numbered([outcome._asdict() for outcome in result.outcomes], result, shard_id, cell_ids)
    for row in rows:
        del row["classifier"]
    return rows


def codec_rows_of(
    result: ShardResult, shard_id: int, cell_ids: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The rows of `codec_outcomes`, likewise."""
    given = [dict(vars(outcome)) for outcome in result.codec_outcomes]
    return _numbered(given, result, shard_id, cell_ids)


def picture_rows_of(
    result: ShardResult, rows: Sequence[Mapping[str, Any]], cell_ids: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The rows of `pictures`, at the positions that the images have in the `rows` of outcomes.

    They are in the order of a record's rows, so that a database made from records is the same.
    """
    numbers = {
        row["image"]: {"shard_id": row["shard_id"], "position": row["position"]} for row in rows
    }
    found = [
        {"cell_id": cell_ids[one.cell], "image": one.image, "role": one.role, "png": one.png}
        | numbers[one.image]
        for one in result.pictures
    ]
    return sorted(found, key=lambda row: (row["cell_id"], row["position"], row["role"]))


def _numbered(
    given: list[dict[str, Any]], result: ShardResult, shard_id: int, cell_ids: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The same with the numbers of shard and cell, and the image's position in the sample."""
    rows = []
    order: dict[str, int] = {}
    for row in given:
        cell = row.pop("cell")
        position = result.shard.start + order.setdefault(cell, 0)
        order[cell] += 1
        numbers = {"cell_id": cell_ids[cell], "shard_id": shard_id, "position": position}
        rows.append({**row, **numbers})
    return rows


def result_of(connection: Connection, shard: Row[Any]) -> ShardResult:
    """The shard's result, with its outcomes in the order of the plan."""
    return ShardResult(
        Shard(shard.classifier, shard.start, shard.stop),
        tuple(
            Outcome(shard.classifier, *row)
            for row in _in_order(connection, shard, outcomes, MEASURED)
        ),
        shard.seconds,
        shard.defense_seconds,
        shard.diagnostics,
        tuple(CodecOutcome(*row) for row in _in_order(connection, shard, codec_outcomes, CODED)),
        tuple(Picture(*row) for row in _in_order(connection, shard, pictures, KEPT)),
    )


def _in_order(
    connection: Connection, shard: Row[Any], table: Table, columns: Sequence[str]
) -> list[tuple[Any, ...]]:
    """The name of the cell and the `columns` of every row of the shard.

    Of one image under one cell a picture that was judged comes before what was made of it.
    """
    query = (
        select(cells.c.name, *(table.c[name] for name in columns))
        .join(cells, cells.c.id == table.c.cell_id)
        .where(table.c.shard_id == shard.id)
        .order_by(
            cells.c.position, table.c.position, *(c.desc() for c in table.c if c.name == "role")
        )
    )
    return [tuple(row) for row in connection.execute(query)]


def challenge_to(challenge: Challenge) -> dict[str, Any]:
    """The row of `challenges`, without its run."""
    row = asdict(challenge)
    row["outcomes"] = [outcome._asdict() for outcome in challenge.outcomes]
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

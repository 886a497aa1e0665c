"""What the store holds, read for the renderer: quickly, and without changing anything."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

from sqlalchemy import make_url

from benchmark.errors import StoreError
from benchmark.records import Challenge, CodecOutcome, Outcome, Picture, Run, Shard, ShardResult
from benchmark.threat import Norm, ThreatModel
from leaderboard.store import Store

FIELDS = ", ".join(f"outcomes.{name}" for name in Outcome._fields[2:])
CODED = ", ".join(f"codec_outcomes.{field.name}" for field in fields(CodecOutcome)[1:])
# Everything of a run but its outcomes, which belong to its shards and never change.
IDENTITY = {
    "runs": "SELECT id, * FROM runs ORDER BY id",
    "events": "SELECT run_id, * FROM events ORDER BY id",
    "shards": "SELECT run_id, * FROM shards ORDER BY id",
    "challenges": "SELECT run_id, * FROM challenges ORDER BY id",
}
CHALLENGES = """
SELECT at, by, classifier, norm, radius, sha256, outcomes, outside, unchanged, environment
FROM challenges WHERE run_id = ? ORDER BY id
"""
OUTCOMES = """
SELECT shards.id, cells.name, {columns} FROM {table}
JOIN shards ON shards.id = {table}.shard_id JOIN cells ON cells.id = {table}.cell_id
WHERE shards.run_id = ? ORDER BY cells.position, {table}.position
"""

PICTURES = """
SELECT shards.id, cells.name, image, role, png FROM pictures
JOIN shards ON shards.id = pictures.shard_id JOIN cells ON cells.id = pictures.cell_id
WHERE shards.run_id = ? ORDER BY cells.position, pictures.position, role DESC
"""


def path_of(store: Store) -> Path:
    """The SQLite file behind the store."""
    return Path(make_url(store.url).database or "")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        yield connection
    except sqlite3.Error as problem:
        raise StoreError(f"database {path}: {problem}; is it whole, and not in use?") from problem
    finally:
        connection.close()


def identities(path: Path) -> dict[int, str]:
    """Of each run a hash that another state of it would not have."""
    digests: dict[int, hashlib._Hash] = {}
    with reading(path) as connection:
        for query in IDENTITY.values():
            for run_id, *row in connection.execute(query):
                digest = digests.setdefault(run_id, hashlib.sha256())
                digest.update(json.dumps(row).encode())
    return {run_id: digest.hexdigest() for run_id, digest in digests.items()}


def with_results(path: Path, run: Run) -> Run:
    """The run with every stored result, as `Store.run` gives it."""
    order = {record.name: i for i, record in enumerate(run.header.classifiers)}
    with reading(path) as connection:
        shards = connection.execute(
            "SELECT id, classifier, start, stop, seconds, defense_seconds, diagnostics "
            "FROM shards WHERE run_id = ?",
            (run.id,),
        ).fetchall()
        classifiers = {row[0]: row[1] for row in shards}
        judged: dict[int, list[Outcome]] = {row[0]: [] for row in shards}
        query = OUTCOMES.format(columns=FIELDS, table="outcomes")
        for shard_id, cell, image, correct, *rest in connection.execute(query, (run.id,)):
            outcome = Outcome(classifiers[shard_id], cell, image, bool(correct), *rest)
            judged[shard_id].append(outcome)
        coded: dict[int, list[CodecOutcome]] = {row[0]: [] for row in shards}
        query = OUTCOMES.format(columns=CODED, table="codec_outcomes")
        for shard_id, *values in connection.execute(query, (run.id,)):
            coded[shard_id].append(CodecOutcome(*values))
        kept: dict[int, list[Picture]] = {row[0]: [] for row in shards}
        for shard_id, *values in connection.execute(PICTURES, (run.id,)):
            kept[shard_id].append(Picture(*values))
        challenges = tuple(_challenges(connection, run.id))
    shards.sort(key=lambda row: (order.get(row[1], 0), row[2]))
    results = tuple(
        ShardResult(
            Shard(classifier, start, stop),
            tuple(judged[shard_id]),
            seconds,
            defense_seconds,
            json.loads(diagnostics),
            tuple(coded[shard_id]),
            tuple(kept[shard_id]),
        )
        for shard_id, classifier, start, stop, seconds, defense_seconds, diagnostics in shards
    )
    return replace(run, results=results, challenges=challenges)


def _challenges(connection: sqlite3.Connection, run_id: int) -> Iterator[Challenge]:
    for (
        *names,
        norm,
        radius,
        sha256,
        outcomes,
        outside,
        unchanged,
        environment,
    ) in connection.execute(CHALLENGES, (run_id,)):
        at, by, classifier = names
        yield Challenge(
            at,
            by,
            classifier,
            ThreatModel(Norm(norm), radius),
            sha256,
            tuple(Outcome(**outcome) for outcome in json.loads(outcomes)),
            json.loads(outside),
            tuple(json.loads(unchanged)),
            json.loads(environment),
        )


def snapshot(path: Path, target: Path) -> None:
    """A copy of the database as one file that needs no journal beside it."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as problem:
        raise StoreError(f"database {path} cannot be copied to {target}: {problem}") from problem
    finally:
        connection.close()
    copy = sqlite3.connect(target)
    copy.execute("PRAGMA journal_mode = DELETE")
    copy.close()

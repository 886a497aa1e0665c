"""What makes a record public: the last checks, a line in the ledger, the store made anew."""

import hashlib
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert

from benchmark import protocol as protocols
from benchmark.errors import DataError
from benchmark.records import Run
from benchmark.score import score
from leaderboard.record.ledger import Entry, append, verified
from leaderboard.record.moving import merge, read
from leaderboard.store import Store
from leaderboard.store.schema import events
from leaderboard.store.store import COMPLETED

SUPERSEDED = "superseded"


@dataclass(frozen=True)
class Expected:
    """What the publisher knows of a record from elsewhere than the record.

    `sha256` came as a job's output, `submission_hash` is that of the folder that was evaluated.
    `unofficial` lets through what no board ranks.
    """

    sha256: str
    submission_hash: str | None = None
    unofficial: bool = False
    supersedes: str | None = None
    reason: str = ""


def publish(record: Path, expected: Expected, results: Path) -> Entry:
    """Add the record at `record` to the published ones, if it is what it should be."""
    files = read(record)
    if files.sha256 != expected.sha256:
        raise DataError(
            f"{record} has sha256 {files.sha256[:12]}…, expected {expected.sha256[:12]}…; it is "
            "not the file that the evaluation made"
        )
    with trial() as store:
        run = store.run(merge(store, files, record).run_id)
        _admissible(run, expected, record)
        for classifier in run.header.classifiers:
            score(run, classifier.name)
    header = run.header
    name = f"{header.protocol}-{header.submission}-{header.variant}"
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return append(results, files, name, at, supersedes=expected.supersedes, reason=expected.reason)


def _admissible(run: Run, expected: Expected, source: Path) -> None:
    header = run.header
    problems = []
    if run.status != COMPLETED:
        problems.append(f"the run is {run.status}, expected {COMPLETED}")
    if expected.submission_hash not in (None, header.submission_hash):
        problems.append("it was made from another folder than the one that was fetched")
    if not expected.unofficial:
        if not header.official:
            problems.append(f"it is unofficial: {header.unofficial_reason}")
        problems += _of_protocol(run)
    if problems:
        raise DataError(f"{source} is not published: {'; '.join(problems)}")


def _of_protocol(run: Run) -> Iterator[str]:
    header = run.header
    if header.protocol not in protocols.built_in():
        yield f"{header.protocol} is no built-in protocol"
        return
    known = protocols.load(header.protocol)
    if header.protocol_hash != known.hash:
        yield f"{header.protocol} has another content here"
    stored = protocols.Protocol.model_validate_json(json.dumps(header.protocol_content))
    if stored.hash != known.hash:
        yield "the content of its protocol is not that of its hash"
    if header.environment.get("sandboxed") is not True:
        yield "it was not made in the sandbox"


@contextmanager
def trial() -> Iterator[Store]:
    """A store for one look at a record."""
    with tempfile.TemporaryDirectory(prefix="squeezebench-") as folder:
        yield Store(str(Path(folder) / "trial.db"), create=True)


def rebuild(results: Path, target: Path) -> str:
    """Make the database at `target` anew from the published records; the sha256 of its dump."""
    known = verified(results)
    partial = target.with_name(target.name + ".partial")
    _remove(partial)
    try:
        store = Store(str(partial), create=True)
        numbers: dict[str, int] = {}
        for entry, files in known:
            numbers[entry.record] = merge(store, files, results / entry.file).run_id
            if entry.supersedes is not None:
                _supersede(store, numbers[entry.supersedes], numbers[entry.record], entry)
        store.close()
        _fold_journal(partial)
        digest = dump_sha256(partial)
        _remove(target)
        partial.replace(target)
    finally:
        _remove(partial)
    return digest


def _supersede(store: Store, old: int, new: int, entry: Entry) -> None:
    detail = f"by run {new}" + (f": {entry.reason}" if entry.reason else "")
    row = {"run_id": old, "at": entry.at, "status": SUPERSEDED, "detail": detail}
    with store.transaction() as connection:
        connection.execute(insert(events).values(**row))


def _fold_journal(path: Path) -> None:
    """Make one file of a database that nobody has open."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")


def dump_sha256(path: Path) -> str:
    """The sha256 of an SQLite file's dump."""
    digest = hashlib.sha256()
    with closing(sqlite3.connect(path)) as connection:
        for line in connection.iterdump():
            digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)

"""A run as a record (see `leaderboard.record`), or its outcomes alone as CSV."""

import csv
import io
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from benchmark.errors import CallError
from benchmark.records import CodecOutcome, Outcome, Run
from leaderboard.record import moving
from leaderboard.store import Store

COLUMNS = {
    "classifier": Outcome._fields,
    "codec": tuple(
        field.name for field in fields(CodecOutcome) if not field.name.endswith("_seconds")
    ),
}
"""Of the CSV, by track: all of an outcome but time."""


def outcomes_csv(run: Run) -> str:
    """One row an outcome, in the order of the plan; holds no time and no machine."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = COLUMNS[run.header.track]
    writer.writerow(columns)
    for row in _outcomes(run):
        writer.writerow(["" if row[name] is None else row[name] for name in columns])
    return text.getvalue()


def _outcomes(run: Run) -> list[dict[str, Any]]:
    """Every outcome of the run's track."""
    return [one._asdict() for one in run.outcomes] + [asdict(one) for one in run.codec_outcomes]


def write(store: Store, run_id: int, path: Path) -> str | None:
    """Write the record (`.json`, with its `.npz`) or the outcomes (`.csv`) whole, or nothing.

    Returns the sha256 that names the record.
    """
    if path.suffix == ".json":
        files = moving.record_of(store, run_id)
        moving.write(files, path)
        return files.sha256
    if path.suffix != ".csv":
        raise CallError(f"-o {path}: expected a name that ends in .json or .csv")
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(outcomes_csv(store.run(run_id)), encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return None

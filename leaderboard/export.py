"""A run as one JSON record, or its outcomes alone as CSV; equal outcomes are equal bytes."""

import csv
import hashlib
import io
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from benchmark.errors import CallError
from benchmark.records import Outcome, Run

COLUMNS = tuple(field.name for field in fields(Outcome))
APART = ("header", "results", "challenges")
"""Fields of a run that its record words in another way."""


def outcomes_csv(run: Run) -> str:
    """One row an outcome, in the order of the plan; holds no time and no machine."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for outcome in run.outcomes:
        row = asdict(outcome)
        writer.writerow(["" if row[name] is None else row[name] for name in COLUMNS])
    return text.getvalue()


def record(run: Run) -> dict[str, Any]:
    """The run with its provenance; `outcomes_sha256` is that of the CSV."""
    return {
        "schema": 1,
        **{name: value for name, value in vars(run).items() if name not in APART},
        **asdict(run.header),
        "challenges": [asdict(challenge) for challenge in run.challenges],
        "costs": [
            {**asdict(r.shard), "seconds": r.seconds, "defense_seconds": r.defense_seconds}
            for r in run.results
        ],
        "diagnostics": [{**asdict(r.shard), "probes": r.diagnostics} for r in run.results],
        "outcomes_sha256": hashlib.sha256(outcomes_csv(run).encode()).hexdigest(),
        "outcomes": [asdict(outcome) for outcome in run.outcomes],
    }


def write(run: Run, path: Path) -> None:
    """Write the record (`.json`) or the outcomes (`.csv`) whole, or nothing."""
    if path.suffix == ".csv":
        text = outcomes_csv(run)
    elif path.suffix == ".json":
        text = json.dumps(record(run), sort_keys=True, indent=1) + "\n"
    else:
        raise CallError(f"-o {path}: expected a name that ends in .json or .csv")
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)

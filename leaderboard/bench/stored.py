"""`python -m leaderboard.bench.stored`: how fast a store with many runs takes one more, and lists.

Every run has as many cells as asked for and one picture's outcome in each; the runs are spread over
ten protocols. What is timed is the store alone, as an evaluation uses it.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from benchmark.protocol import CLEAN_CELL
from benchmark.records import Cell, ClassifierRecord, Outcome, RunHeader, Shard, ShardResult
from benchmark.threat import Access
from leaderboard.store import Store
from leaderboard.store.store import COMPLETED

PROTOCOLS = 10
REPEATS = 5


class Timed(NamedTuple):
    """Runs a second that the store took, and milliseconds of the board's query and of one run."""

    runs: int
    cells: int
    inserts_per_s: float
    board_ms: float
    run_ms: float


def measure(url: str, runs: int, cells: int) -> Timed:
    """Fill the empty database at `url`, then ask it."""
    store = Store(url, create=True)
    header, result = example(cells)
    started = time.perf_counter()
    for number in range(runs):
        one = replace(header, key=f"{number:064x}", protocol=f"protocol-{number % PROTOCOLS}")
        run_id = store.begin(replace(one, variant=f"v{number}"))
        store.add(run_id, result)
        store.note(run_id, COMPLETED)
    inserts = runs / (time.perf_counter() - started)
    board = _fastest(lambda: store.listed("protocol-0"))
    return Timed(runs, cells, inserts, 1000 * board, 1000 * _fastest(lambda: store.run(1)))


def example(cells: int) -> tuple[RunHeader, ShardResult]:
    """A run with so many cells, and the result of its one shard of one picture."""
    attacked = [
        Cell(f"white-box/pgd-{i}/linf-4/exact", Access.WHITE_BOX, "pgd", "exact", "linf", 4, i)
        for i in range(1, cells)
    ]
    header = RunHeader(
        key="",
        submission="bench",
        variant="v",
        title="Bench",
        kind="codec",
        parameters={"quality": 50},
        submission_hash="0" * 64,
        protocol="protocol",
        protocol_hash="0" * 64,
        protocol_content={"cell": [cell.name for cell in attacked]},
        dataset="none",
        dataset_fingerprint="0" * 64,
        images=1,
        unofficial_reason=None,
        classifiers=(ClassifierRecord("c", "0" * 64, 224, 224, 1000),),
        cells=(CLEAN_CELL, *attacked),
        environment={"threads": 1},
    )
    outcomes = tuple(
        Outcome("c", cell.name, "1", True, 7, 0.5, 4, 1.5, 800, 10, 20, "0" * 64, 1, 1)
        for cell in header.cells
    )
    return header, ShardResult(Shard("c", 0, 1), outcomes, 2.0, 0.5)


def _fastest(ask: Callable[[], object]) -> float:
    took = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        ask()
        took.append(time.perf_counter() - started)
    return min(took)


def main(given: Sequence[str] | None = None) -> int:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m leaderboard.bench.stored", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--db", help="an empty database; default: an SQLite file that is deleted")
    arguments = parser.parse_args(given)
    with tempfile.TemporaryDirectory(prefix="squeezebench-") as folder:
        url = arguments.db or str(Path(folder) / "runs.db")
        found = measure(url, arguments.runs, arguments.cells)
    sys.stdout.write(json.dumps(found._asdict()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

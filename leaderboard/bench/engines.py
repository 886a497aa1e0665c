"""`python -m leaderboard.bench.engines`: what Ray adds to a run, what a second worker takes off.

One evaluation, three times: two workers of the local engine, two of Ray, one of Ray, each worker
with one thread. All shards are of the same cost. Nothing is read from a cache of transfer examples,
and the submission is in no box, so that what differs is the engine. The tables must be the same.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark import protocol as protocols
from leaderboard import submission
from leaderboard.bench.processors import seconds as processor_seconds
from leaderboard.engine.local import LocalEngine
from leaderboard.engine.ray import RayEngine
from leaderboard.evaluation import Request, prepare, record
from leaderboard.export import outcomes_csv
from leaderboard.store import Store
from leaderboard.submission import SUBMISSIONS

PROTOCOL = """
schema = 1
name = "engines"
title = "Engines"
seed = 7
batch = {batch}
dataset = {{ name = "shapes", sample = {pictures} }}
classifier = [{{ name = "mini-resnet", source = "bundled", architecture = "mini-resnet" }}]
cell = [
  {{ attack = "pgd", access = "white-box", radii = [4], steps = 100, restarts = 5 }},
]
"""
TWO_LOCAL, TWO_OF_RAY, ONE_OF_RAY = "local, 2 workers", "ray, 2 workers", "ray, 1 worker"

Engines = Mapping[str, Callable[[], AbstractContextManager[LocalEngine | RayEngine]]]

ENGINES: Engines = {
    TWO_LOCAL: lambda: LocalEngine(2, 1),
    TWO_OF_RAY: lambda: RayEngine(2, 1),
    ONE_OF_RAY: lambda: RayEngine(1, 1),
}


@dataclass(frozen=True)
class Took:
    """Seconds of the clock and of the processors, of all processes of the run together.

    `start` is all before the first shard: workers, torch, pictures, classifier; `shards` is what
    comes after, until the last result is stored.
    """

    start_s: float
    shards_s: float
    start_processor_s: float
    shards_processor_s: float


@dataclass(frozen=True)
class Compared:
    """What the three took, and what follows.

    `throughput` is that of two workers over one of Ray, without the start. `overhead` is what Ray
    adds to the local engine's seconds, as a share of these: to the shards alone, and with the
    start; of the clock, and of the processors. `a_shard_ms` is the first in milliseconds a shard.
    """

    shards: int
    took: Mapping[str, Took]
    same_tables: bool
    throughput: float
    overhead: float
    overhead_with_start: float
    overhead_processor: float
    overhead_processor_with_start: float
    a_shard_ms: float


def compare(
    pictures: int, batch: int, rounds: int, folder: Path, engines: Engines = ENGINES
) -> Compared:
    """The least of so many rounds; the engines take turns."""
    file = folder / "engines.toml"
    file.write_text(PROTOCOL.format(pictures=pictures, batch=batch))
    found = submission.load(SUBMISSIONS / "jpeg")
    chosen = protocols.load(str(file))
    request = Request(
        found, found.variant("q50"), chosen, device="cpu", precision="fp32", sandboxed=False
    )
    took: dict[str, list[Took]] = {name: [] for name in engines}
    tables = set()
    for number in range(rounds):
        for name, engine in engines.items():
            one, table = timed(request, engine, folder / f"{name} {number}.db")
            took[name].append(one)
            tables.add(table)
    fastest = {name: least(of) for name, of in took.items()}
    return compared(-(-pictures // batch), fastest, same_tables=len(tables) == 1)


def timed(
    request: Request,
    engine: Callable[[], AbstractContextManager[LocalEngine | RayEngine]],
    database: Path,
) -> tuple[Took, str]:
    """What the evaluation took on a new engine, and its table."""
    store = Store(str(database), create=True)
    began, spent = time.monotonic(), processor_seconds()
    with engine() as running:
        ready = prepare(request, running)
        ready_at, ready_spent = time.monotonic(), processor_seconds()
        run = record(ready, running.run, store, lambda *_: None)
        ended, ended_spent = time.monotonic(), processor_seconds()
    took = Took(ready_at - began, ended - ready_at, ready_spent - spent, ended_spent - ready_spent)
    return took, outcomes_csv(run)


def least(rounds: Sequence[Took]) -> Took:
    """Every figure at its least: what disturbs a round only ever adds."""
    return Took(*(min(asdict(one)[name] for one in rounds) for name in Took.__annotations__))


def compared(shards: int, took: Mapping[str, Took], *, same_tables: bool) -> Compared:
    """The figures that follow."""
    local, two, one = (took[name] for name in (TWO_LOCAL, TWO_OF_RAY, ONE_OF_RAY))
    return Compared(
        shards=shards,
        took=took,
        same_tables=same_tables,
        throughput=one.shards_s / two.shards_s,
        overhead=two.shards_s / local.shards_s - 1,
        overhead_with_start=(two.start_s + two.shards_s) / (local.start_s + local.shards_s) - 1,
        overhead_processor=two.shards_processor_s / local.shards_processor_s - 1,
        overhead_processor_with_start=(two.start_processor_s + two.shards_processor_s)
        / (local.start_processor_s + local.shards_processor_s)
        - 1,
        a_shard_ms=1000 * (two.shards_s - local.shards_s) / shards,
    )


def main(given: Sequence[str] | None = None) -> int:
    """Compare, and print JSON; exit code 1 if two tables differ."""
    parser = argparse.ArgumentParser(
        prog="python -m leaderboard.bench.engines", description=__doc__
    )
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--batch", type=int, default=6, help="pictures a shard")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args(given)
    with tempfile.TemporaryDirectory(prefix="squeezebench-") as folder:
        found = compare(arguments.pictures, arguments.batch, arguments.rounds, Path(folder))
    sys.stdout.write(json.dumps(asdict(found), indent=1) + "\n")
    return int(not found.same_tables)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m leaderboard.bench.faults`: whether faults cost outcomes, or double them.

One small evaluation is run over and over, and disturbed on a schedule that a seed decides. It must
go on, or stop with a sentence and go on when called again; every finished table must be, byte for
byte, that of the undisturbed run.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmark import protocol as protocols
from benchmark.errors import SqueezebenchError
from leaderboard import submission
from leaderboard.bench.disturbances import FAULTS, Stage, mended
from leaderboard.bench.postgres import Server, server
from leaderboard.engine.local import LocalEngine
from leaderboard.evaluation import Request, evaluate
from leaderboard.export import outcomes_csv
from leaderboard.store import Store
from leaderboard.submission import SUBMISSIONS

PROTOCOL = """
schema = 1
name = "faults"
title = "Faults"
seed = 7
batch = 1
dataset = { name = "shapes", sample = 8 }
classifier = [{ name = "mini-resnet", source = "bundled", architecture = "mini-resnet" }]
cell = [
  { attack = "fgsm", access = "transfer", radii = [4] },
  { attack = "fgsm", access = "white-box", radii = [4] },
]
"""


@dataclass
class Report:
    """How many faults of each kind there were, what was said, and how many tables were finished.

    `wrong` counts finished tables that differ from the undisturbed one.
    """

    seed: int
    faults: Counter[str]
    stopped: Counter[str]
    tables: int = 0
    wrong: int = 0
    seconds: float = 0


def rehearse(
    count: int, seed: int, folder: Path, server: Server | None = None, gone_s: float = 2
) -> Report:
    """So many faults, each kind as often as any other, in an order and at moments of the seed.

    Runs are kept in SQLite files, or on `server`, which is gone for `gone_s` seconds at a time.
    """
    draw = random.Random(seed)  # noqa: S311 (no secret)
    names = [
        name for _ in range(0, count, len(FAULTS)) for name in draw.sample([*FAULTS], len(FAULTS))
    ]
    left = names[:count]
    file = folder / "faults.toml"
    file.write_text(PROTOCOL)
    found = submission.load(SUBMISSIONS / "jpeg")
    protocol = protocols.load(str(file))
    request = Request(
        found, found.variant("q50"), protocol, device="cpu", precision="fp32", sandboxed=False
    )
    report = Report(seed, Counter(), Counter())
    started = time.monotonic()
    with LocalEngine(1, 1) as engine:
        made = Store(str(folder / "undisturbed.db"), create=True)
        expected = outcomes_csv(evaluate(request, made, engine, lambda *_: None))
    while left:
        database = server.database() if server else str(folder / f"{report.tables}.db")
        staged = partial(Stage, database, server=server, gone_s=gone_s)
        table = _disturbed(request, staged, left, draw, report)
        report.tables += 1
        report.wrong += table != expected
    report.seconds = time.monotonic() - started
    return report


class Schedule:
    """Progress that lets the next fault happen at a moment of one attempt."""

    def __init__(self, stage: Stage, left: list[str], moment: int, report: Report) -> None:
        """`moment` is how many shards the attempt finishes before; `left` loses its last name."""
        self._stage, self._left, self._report = stage, left, report
        self._moment = moment

    def __call__(self, _done: int, _total: int) -> None:
        """A shard was finished, or none yet."""
        if self._left and self._moment == 0:
            name = self._left.pop()
            self._report.faults[name] += 1
            FAULTS[name](self._stage)
        self._moment -= 1


def _disturbed(
    request: Request,
    staged: Callable[[LocalEngine], Stage],
    left: list[str],
    draw: random.Random,
    report: Report,
) -> str:
    """The table of one run, which is taken up until it is done; uses faults that are `left`."""
    while True:
        with LocalEngine(1, 1) as engine, mended(stage := staged(engine)):
            schedule = Schedule(stage, left, draw.randrange(4), report)
            try:
                run = evaluate(request, Store(stage.database, create=True), engine, schedule)
            except SqueezebenchError as problem:
                report.stopped[_kind(str(problem))] += 1
            except KeyboardInterrupt:
                report.stopped["interrupted"] += 1
            else:
                return outcomes_csv(run)


def _kind(sentence: str) -> str:
    """The sentence without what differs from time to time."""
    return " ".join(word for word in sentence.split()[:14] if "/" not in word)


def main(given: Sequence[str] | None = None) -> int:
    """Rehearse, print one line of JSON; exit code 1 if a table was wrong."""
    parser = argparse.ArgumentParser(prog="python -m leaderboard.bench.faults", description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--postgres", action="store_true", help="on a server made for it")
    parser.add_argument("--gone", type=float, default=2, help="seconds without the server")
    arguments = parser.parse_args(given)
    with (
        tempfile.TemporaryDirectory(prefix="squeezebench-") as folder,
        server() if arguments.postgres else nullcontext() as found,
    ):
        report = rehearse(arguments.faults, arguments.seed, Path(folder), found, arguments.gone)
    sys.stdout.write(json.dumps(vars(report), indent=1) + "\n")
    return int(report.wrong > 0)


if __name__ == "__main__":
    sys.exit(main())

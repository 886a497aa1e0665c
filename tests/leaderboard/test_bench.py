"""The benches of the service, small: faults cost nothing, and a store of many runs stays quick."""

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import pytest

from leaderboard.bench import engines, faults, processors, stored
from leaderboard.bench.disturbances import FAULTS
from leaderboard.engine.local import LocalEngine
from leaderboard.store import Store
from tests.leaderboard.postgres import Server

LOST = "lost-database"


# Python reports an interrupt that falls into a finalizer, and goes on: the run is not stopped.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_faults_cost_no_outcome(tmp_path: Path) -> None:
    """One of each kind; `python -m leaderboard.bench.faults` makes two hundred of them."""
    report = faults.rehearse(len(FAULTS), 3, tmp_path)
    assert report.faults == dict.fromkeys(FAULTS, 1)
    assert report.wrong == 0
    assert report.tables >= 1
    # A worker without memory or life, a full disk, a lost database, and Ctrl-C in two ways.
    assert sum(report.stopped.values()) >= 5


def test_a_run_waits_for_a_server_that_was_there(tmp_path: Path, postgres: Server) -> None:
    """It loses its power while the run writes, and comes back after two seconds."""
    with mock.patch.dict(faults.FAULTS, clear=True, **{LOST: FAULTS[LOST]}):
        report = faults.rehearse(1, 3, tmp_path, postgres)
    assert (report.faults, report.wrong, report.tables) == ({LOST: 1}, 0, 1)
    assert sum(report.stopped.values()) == 0


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_the_store_of_the_bench(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = str(tmp_path / "r.db")
    if backend == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        url = server.database()
    timed = stored.measure(url, runs=20, cells=5)
    assert min(timed.inserts_per_s, timed.board_ms, timed.run_ms) > 0
    store = Store(url)
    listed = store.listed("protocol-3")
    assert [(run.id, run.entry, run.status) for run in listed] == [
        (4, "bench/v3", "completed"),
        (14, "bench/v13", "completed"),
    ]
    assert len(store.listed()) == 20
    assert store.run(4).results == (stored.example(5)[1],)


def test_what_an_engine_adds_and_a_worker_takes_off() -> None:
    took = {
        engines.TWO_LOCAL: engines.Took(10, 200, 20, 400),
        engines.TWO_OF_RAY: engines.Took(20, 203, 30, 420),
        engines.ONE_OF_RAY: engines.Took(15, 406, 20, 410),
    }
    found = engines.compared(100, took, same_tables=True)
    assert found.throughput == 2
    assert found.overhead == pytest.approx(3 / 200)
    assert found.overhead_with_start == pytest.approx(13 / 210)
    assert found.overhead_processor == pytest.approx(20 / 400)
    assert found.overhead_processor_with_start == pytest.approx(30 / 420)
    assert found.a_shard_ms == pytest.approx(30)
    rounds = [engines.Took(1, 9, 4, 2), engines.Took(2, 8, 3, 3)]
    assert engines.least(rounds) == engines.Took(1, 8, 3, 2)


def test_engines_are_timed_on_the_same_table(tmp_path: Path) -> None:
    """With one worker in all places, whose start and shards both take processor time."""
    with LocalEngine(1, 1) as engine:
        places = dict.fromkeys(engines.ENGINES, lambda: nullcontext(engine))
        found = engines.compare(2, 1, 1, tmp_path, places)
    assert (found.shards, found.same_tables) == (2, True)
    for took in found.took.values():
        assert min(vars(took).values()) > 0


def test_processor_time_of_children_living_and_dead() -> None:
    """A process that ends after 0.3 s of work, started by one that lives on."""
    work = "import time\nwhile time.process_time() < 0.3: pass"
    start = f"subprocess.run([sys.executable, '-c', {work!r}])"
    middle = f"import subprocess, sys; {start}; print(); input()"
    before = processors.seconds()
    with subprocess.Popen(
        [sys.executable, "-uc", middle], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        living, alone = processors.seconds(), processors.seconds(process.pid)
        process.communicate(b"\n")
    assert 0.3 <= alone <= living - before + 0.02
    assert processors.seconds() >= living

"""The benches of the service, small: faults cost nothing, and a store of many runs stays quick."""

from pathlib import Path

import pytest

from leaderboard.bench import faults, stored
from leaderboard.bench.disturbances import FAULTS
from leaderboard.store import Store
from tests.leaderboard.postgres import Server


def test_faults_cost_no_outcome(tmp_path: Path) -> None:
    """One of each kind; `python -m leaderboard.bench.faults` makes two hundred of them."""
    report = faults.rehearse(len(FAULTS), 3, tmp_path)
    assert report.faults == dict.fromkeys(FAULTS, 1)
    assert report.wrong == 0
    assert report.tables >= 1
    # A worker without memory or life, a full disk, a lost database, and Ctrl-C in two ways.
    assert sum(report.stopped.values()) >= 5


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

"""The same bytes from every engine, in parts, and from either kind of database."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.device_share import VARIABLE
from benchmark.errors import EngineError
from benchmark.protocol import load
from leaderboard import submission
from leaderboard.cluster import planned
from leaderboard.cluster.merging import merge
from leaderboard.cluster.parts import run_part
from leaderboard.engine import Engine, foreman
from leaderboard.engine.devices import PER_GPU, VISIBLE
from leaderboard.engine.local import LocalEngine
from leaderboard.engine.ray import RayEngine
from leaderboard.evaluation import Progress, Request, evaluate
from leaderboard.export import outcomes_csv
from leaderboard.forecast import Forecast, forecast, taken
from leaderboard.sandbox import watch
from leaderboard.store import Store
from tests.conftest import TINY
from tests.leaderboard.commands import SUBMISSIONS
from tests.leaderboard.postgres import Server

# What Ray itself warns of is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")


def silent(*_: object) -> None:
    """Progress that nobody sees."""


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> Request:
    """A small run; without boxes, which every engine starts alike, to keep this quick."""
    protocol = tmp_path_factory.mktemp("protocol") / "tiny.toml"
    protocol.write_text(TINY)
    found = submission.load(SUBMISSIONS / "jpeg")
    return Request(
        found, found.variant("q50"), load(str(protocol)), (protocol.parent,), sandboxed=False
    )


@pytest.fixture(scope="module")
def reference(
    request_: Request, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Forecast, Path]:
    """The table of a local run; what was forecast; and a folder with the parts of a plan."""
    folder = tmp_path_factory.mktemp("reference")
    store = Store(str(folder / "runs.db"), create=True)
    with LocalEngine(1, 1) as engine:
        before = forecast(request_, None, engine)
        run = evaluate(request_, store, engine, silent)
        after = forecast(request_, store, engine)
        plan = planned.planned(request_, before)
        for number in (1, 2):
            run_part(plan, number, 2, folder / "parts", engine, silent)
        assert run_part(plan, 1, 2, folder / "parts", engine, silent) == 0
    planned.write(plan, folder / "plan.json")
    took = taken(run)
    assert sum(cost.gradient_steps for cost in before.at_most) >= took.gradient_steps
    # What the run itself spent is what is expected of the next one.
    expected = sum(cost.gradient_steps for cost in after.expected)
    assert expected == pytest.approx(took.gradient_steps, rel=1e-6)
    assert (before.earlier, after.earlier) == (0, 1)
    assert took.memory_bytes > 100 * 2**20
    return outcomes_csv(run), before, folder


def table(request_: Request, engine: Engine, db: str, progress: Progress = silent) -> str:
    return outcomes_csv(evaluate(request_, Store(db, create=True), engine, progress))


def test_parts_merge_to_the_same_bytes_on_a_server(
    reference: tuple[str, Forecast, Path], postgres: Server
) -> None:
    expected, _, folder = reference
    plan = planned.read(folder / "plan.json")
    run = merge(plan, [folder / "parts"], Store(postgres.database(), create=True), silent)
    assert outcomes_csv(run) == expected


def workers() -> list[int]:
    """The worker processes below this one."""
    found = [(number, Path(f"/proc/{number}/cmdline")) for number in watch._below(os.getpid())]
    name = b"leaderboard.engine.worker"
    return [number for number, path in found if path.exists() and name in path.read_bytes()]


def test_two_workers_of_a_ray_cluster_made_here(
    request_: Request, reference: tuple[str, Forecast, Path], tmp_path: Path
) -> None:
    """Undisturbed; then one stops for good in its shard, which the other does as well."""
    stopped: list[int] = []

    def stop(done: int, _: int) -> None:
        if done == 1:
            stopped.append(workers()[0])
            os.kill(stopped[0], signal.SIGSTOP)

    with RayEngine(2, 1) as engine:
        assert table(request_, engine, str(tmp_path / "r.db")) == reference[0]
        assert len(workers()) == 2
        assert table(request_, engine, str(tmp_path / "s.db"), stop) == reference[0]
        assert len(stopped) == 1
        assert stopped[0] not in workers()


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two machines of one processor each, as Ray plays them."""
    foreman.library()
    utilities = pytest.importorskip("ray.cluster_utils")
    made = utilities.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.add_node(num_cpus=1)
    try:
        yield made
    finally:
        made.shutdown()


def test_two_machines_of_which_one_is_lost(
    cluster: Any, request_: Request, reference: tuple[str, Forecast, Path], postgres: Server
) -> None:
    """Undisturbed on both; then one is lost in the middle, and the other does what is left."""
    with RayEngine(2, 1, address=cluster.address) as engine:
        assert table(request_, engine, postgres.database()) == reference[0]

        def lose(done: int, _: int) -> None:
            if done == 1:
                (second,) = cluster.worker_nodes
                cluster.remove_node(second, allow_graceful=False)

        assert table(request_, engine, postgres.database(), lose) == reference[0]
    with pytest.raises(EngineError, match=r"9 workers with .* ask for fewer, or add machines"):
        RayEngine(9, 1, address=cluster.address)


def test_two_of_rays_workers_on_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray places them where a GPU is said to be; nothing of it is used."""
    monkeypatch.setenv(VARIABLE, "0.5")
    foreman.library()
    utilities = pytest.importorskip("ray.cluster_utils")
    cluster = utilities.Cluster(initialize_head=True, head_node_args={"num_cpus": 3, "num_gpus": 1})
    try:
        with RayEngine(PER_GPU, 1, address=cluster.address, per_gpu=PER_GPU) as engine:
            engine.ask("machine", {})
            told = [Path(f"/proc/{one}/environ").read_bytes().split(b"\0") for one in workers()]
        assert len(told) == PER_GPU
        for environment in told:
            assert f"{VISIBLE}=0".encode() in environment
            assert f"{VARIABLE}={0.5 / PER_GPU:g}".encode() in environment
        with pytest.raises(EngineError, match=r"3 workers with .*'GPU': 0\.5.* ask for fewer"):
            RayEngine(3, 1, address=cluster.address, per_gpu=PER_GPU)
    finally:
        cluster.shutdown()

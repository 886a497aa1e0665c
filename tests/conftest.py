"""Fixtures that several tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the hub's library is imported

from benchmark import classifiers
from benchmark.classifiers import LoadedClassifier
from benchmark.protocol import ClassifierSpec
from leaderboard.sandbox import machine
from tests.leaderboard.postgres import Server, server
from tests.linear import LinearModel

REAL = Path(
    os.environ.get("SQUEEZEBENCH_REAL", Path(__file__).parents[2] / "shared" / "real")
).resolve()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `gpu` are skipped where torch finds no CUDA device."""
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu") is not None:
                item.add_marker(pytest.mark.skip(reason="torch finds no CUDA device here"))


@pytest.fixture(scope="session")
def sandbox() -> None:
    """For tests that need a box: fails in CI, where there is none; elsewhere skips."""
    lacking = [part for part in machine.examine() if not part.ok and part.part != machine.CUDA]
    if lacking and os.environ.get("CI") == "true":
        pytest.fail(f"CI must have a sandbox: {lacking[0].says}")
    if lacking:
        pytest.skip(f"no sandbox here: {lacking[0].says}")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's cache or data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("SQUEEZEBENCH_DATA", raising=False)
        torch.set_num_threads(1)
        yield


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The folder of real photographs and weights."""
    if not REAL.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{REAL} is missing, and CI must have it")
        pytest.skip(f"{REAL} is missing; set SQUEEZEBENCH_REAL to run this")
    return REAL


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server."""
    with server() as found:
        yield found


@pytest.fixture
def linear() -> LinearModel:
    """A linear two-class model on 3x4x5 pictures."""
    return LinearModel((3, 4, 5), seed=3)


@pytest.fixture(scope="session")
def mini_resnet() -> LoadedClassifier:
    """The bundled residual network."""
    spec = ClassifierSpec(name="mini-resnet", source="bundled", architecture="mini-resnet")
    return classifiers.load(spec)


@pytest.fixture
def tiny_protocol(tmp_path: Path) -> Path:
    """A protocol that runs in seconds: 7 pictures, 3 a shard, three attacks."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


TINY = """
schema = 1
name = "tiny"
title = "Tiny"
seed = 5
batch = 3

[dataset]
name = "shapes"
sample = 7

[[classifier]]
name = "mini-resnet"
source = "bundled"
architecture = "mini-resnet"

[[cell]]
attack = "pgd"
access = "transfer"
radii = [4]
steps = 5

[[cell]]
attack = "fgsm"
access = "white-box"
radii = [4]

[[cell]]
attack = "pgd"
access = "white-box"
radii = [2, 4]
steps = 5
restarts = 2

[[cell]]
attack = "bim"
access = "white-box"
norm = "l2"
radii = [0.5]
steps = 5
"""

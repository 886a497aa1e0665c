"""Which engine a command runs its shards on."""

from contextlib import AbstractContextManager
from typing import Annotated

import typer

from benchmark.errors import CallError
from leaderboard.cli.options import one_of
from leaderboard.engine.devices import PER_GPU
from leaderboard.engine.local import LocalEngine
from leaderboard.engine.ray import RayEngine

EngineName = Annotated[str, typer.Option("--engine", help="local, or ray (several machines)")]
RayAddress = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="a running Ray cluster; default: one made here"),
]


def engine_for(
    name: str, workers: int, threads: int, address: str | None, device: str
) -> AbstractContextManager[LocalEngine | RayEngine]:
    """The engine of that name, with its workers; on CUDA, `PER_GPU` of them on each GPU."""
    one_of("--engine", name, "local", "ray")
    if name == "ray":
        per_gpu = PER_GPU if device == "cuda" else 0
        return RayEngine(workers, threads, address=address, per_gpu=per_gpu)
    if address is not None:
        raise CallError(f"--ray-address {address} belongs to --engine ray")
    return LocalEngine(workers, threads)

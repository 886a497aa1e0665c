"""Which engine a command runs its shards on."""

from contextlib import AbstractContextManager
from typing import Annotated

import typer

from benchmark.errors import CallError
from leaderboard.cli.options import one_of
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
    """The engine of that name, with its workers; a GPU belongs to each worker on CUDA."""
    one_of("--engine", name, "local", "ray")
    if name == "ray":
        return RayEngine(workers, threads, address=address, on_gpu=device == "cuda")
    if address is not None:
        raise CallError(f"--ray-address {address} belongs to --engine ray")
    return LocalEngine(workers, threads)

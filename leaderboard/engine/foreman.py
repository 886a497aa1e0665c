"""What runs on the machines of a Ray cluster: an actor that holds the pipes to a worker process."""

import os
from importlib import import_module
from typing import Any

from benchmark.device_share import shared
from benchmark.errors import EngineError
from leaderboard.engine.process import WorkerProcess

SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Unless the environment says otherwise: tell nobody of this use, and leave devices as they are."""


class Foreman:
    """The actor: one worker process on its machine, asked in bytes."""

    def __init__(self, threads: int, per_gpu: int) -> None:
        """Start the process; `per_gpu` of them share a GPU, if they have one."""
        self._process = WorkerProcess(threads, offline=False, settings=shared(per_gpu))

    def ready(self) -> bool:
        """That the actor has been placed."""
        return True

    def ask(self, request: bytes) -> bytes:
        """The worker's reply; empty, followed by why, if the worker died."""
        try:
            return self._process.exchange(request.decode()).encode()
        except EngineError as problem:
            return b"\0" + str(problem).encode()

    def stop(self) -> None:
        """End the process, in the middle of a shard if need be."""
        self._process.stop()


class LostError(EngineError):
    """A worker, or its machine, is gone."""


def library() -> Any:
    """Ray, which is slow to import and is needed for this engine alone."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        return import_module("ray")
    except ImportError as problem:
        raise EngineError(
            f'--engine ray needs Ray ({problem}); pip install "squeezebench[ray]"'
        ) from problem

"""Who runs the shards."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from benchmark.records import Cell, Shard, ShardResult
from leaderboard.engine.wire import Job, Opened

__all__ = ["Engine"]


class Engine(Protocol):
    """Workers of `threads` CPU threads each that open one job at a time and run its shards."""

    threads: int

    def ask(self, operation: str, content: dict[str, Any]) -> dict[str, Any]:
        """The reply of one worker."""

    def open(self, job: Job) -> Opened:
        """Make every worker ready for `job`, but for its defense, which `admit` makes."""

    def admit(self) -> tuple[Cell, ...]:
        """Make the open job's defense in every worker; the cells that it admits."""

    def run(self, shards: Sequence[Shard]) -> Iterator[ShardResult]:
        """Results as they come, in no fixed order."""

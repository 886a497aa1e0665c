"""The local engine: worker processes on this machine, shards handed to whichever is free."""

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from benchmark.records import Cell, Shard, ShardResult
from leaderboard.engine.devices import settings
from leaderboard.engine.process import WorkerProcess, agreed
from leaderboard.engine.wire import Job, Opened, cells_from, opened_from, result_from


class LocalEngine:
    """`workers` processes of `threads` threads each. Use as a context; it ends its workers.

    `offline` workers fetch nothing: they see what is on this machine. Where there are GPUs, each
    worker is given one, in turns; those that share one share its memory.
    """

    def __init__(self, workers: int, threads: int, *, offline: bool = False) -> None:
        """Start the workers."""
        self.threads = threads
        self._workers = [
            WorkerProcess(threads, offline=offline, settings=one) for one in settings(workers)
        ]
        self._pool = ThreadPoolExecutor(workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.stop()
        self._pool.shutdown()

    def processes(self) -> tuple[int, ...]:
        """The numbers of the workers' processes."""
        return tuple(worker.number for worker in self._workers)

    def ask(self, operation: str, content: dict[str, Any]) -> dict[str, Any]:
        """The reply of the first worker."""
        return self._workers[0].ask(operation, content)

    def open(self, job: Job) -> Opened:
        """Make every worker ready for `job`, but for its defense, which `admit` makes."""
        return opened_from(self._agreed("open", asdict(job)))

    def admit(self) -> tuple[Cell, ...]:
        """Make the open job's defense in every worker; the cells that it admits."""
        return cells_from(self._agreed("admit", {}))

    def _agreed(self, operation: str, content: dict[str, Any]) -> dict[str, Any]:
        """The one reply of all workers."""
        replies = list(self._pool.map(lambda worker: worker.ask(operation, content), self._workers))
        return agreed(operation, replies)

    def run(self, shards: Sequence[Shard]) -> Iterator[ShardResult]:
        """Results as they come, in no fixed order."""
        todo = iter(shards)
        free = list(self._workers)
        busy: dict[Future[dict[str, Any]], WorkerProcess] = {}
        while True:
            while free and (shard := next(todo, None)) is not None:
                worker = free.pop()
                busy[self._pool.submit(worker.ask, "shard", asdict(shard))] = worker
            if not busy:
                return
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                free.append(busy.pop(future))
                yield result_from(future.result())

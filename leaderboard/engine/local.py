"""The local engine: worker processes on this machine, shards handed to whichever is free."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from types import TracebackType
from typing import IO, Any, Self

from benchmark.errors import CallError, EngineError, SqueezebenchError
from benchmark.records import Cell, Shard, ShardResult
from leaderboard.engine.wire import Job, Opened, cells_from, opened_from, result_from

LOG_TAIL = 600


class WorkerProcess:
    """One worker and its two pipes."""

    def __init__(self, threads: int, *, offline: bool) -> None:
        """Start the process; it imports torch while the driver goes on."""
        self._log: IO[str] = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        settings = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        settings["OMP_WAIT_POLICY"] = "passive"  # spinning threads starve other workers
        if offline:
            settings["HF_HUB_OFFLINE"] = "1"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "leaderboard.engine.worker", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **settings},
            start_new_session=True,
        )

    def ask(self, operation: str, content: dict[str, Any]) -> dict[str, Any]:
        """The worker's reply; its error is raised here as the same sentence."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise EngineError("a worker has no pipes; start it again")
        try:
            stdin.write(json.dumps({"operation": operation, "content": content}) + "\n")
            stdin.flush()
            line = stdout.readline()
        except (BrokenPipeError, ValueError):
            line = ""
        if not line:
            raise EngineError(self._epitaph(operation))
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            if reply["exit_code"] == 2:
                raise CallError(reply["error"])
            problem = SqueezebenchError(reply["error"])
            problem.status = reply.get("status", problem.status)
            raise problem
        answer: dict[str, Any] = reply["ok"]
        return answer

    def _epitaph(self, operation: str) -> str:
        code = self._process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        self._log.seek(0)
        said = " ".join(self._log.read()[-LOG_TAIL:].split())
        hint = "; signal 9 is often the system short of memory" if code == -9 else ""
        return f"a worker {how} during {operation!r}{hint}; its last words: {said or 'none'}"

    def stop(self) -> None:
        """End the process, in the middle of a shard if need be."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue


class LocalEngine:
    """`workers` processes of `threads` threads each. Use as a context; it ends its workers.

    `offline` workers fetch nothing: they see what is on this machine.
    """

    def __init__(self, workers: int, threads: int, *, offline: bool = False) -> None:
        """Start the workers."""
        self.threads = threads
        self._workers = [WorkerProcess(threads, offline=offline) for _ in range(workers)]
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
        if any(reply != replies[0] for reply in replies):
            raise EngineError(
                f"two workers were asked the same ({operation}) and found different pictures, "
                "weights or gradients; something is changing the files, or the defense differs "
                "from process to process"
            )
        first: dict[str, Any] = replies[0]
        return first

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
